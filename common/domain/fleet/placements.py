"""The fleet as a whole, and the pure selection that turns it into placements."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from common.domain.fleet.documents import (
    Application,
    ApplicationState,
    Cluster,
    ClusterGroup,
    ClusterState,
    HealthRule,
    Target,
)
from common.domain.fleet.links import Link
from common.domain.fleet.policies import LeavingBounds, OnUnmatch, SyncSettings
from common.domain.fleet.projects import DEFAULT_PROJECT, FleetRole, Project
from common.domain.fleet.rollouts import RolloutStrategy, SyncWindow
from common.domain.fleet.sources import Ref, Source
from common.domain.fleet.values import NOWHERE, ExplainedValue, Layered, ValueLayer, Where, explained
from common.domain.refs import PlacementRef, SourceRef
from common.domain.revisions import RendererVersion, digested

_FOR_PEOPLE = frozenset({"ci", "not_by_self", "links", "badges"})
"""Fields of a project that change nothing on a cluster."""


class Disposition(StrEnum):
    """What may be done about a placement, by the states of its cluster and application."""

    SYNC = "sync"
    """Written and observed."""
    OBSERVE = "observe"
    """Observed, nothing written: a frozen or removed cluster, or a blocked application."""
    HOLD = "hold"
    """Nothing yet: the cluster is joining."""
    REMOVE = "remove"
    """Its objects are to be removed: a draining cluster (after an approval) or a retired application."""
    FORGET = "forget"
    """The cluster is retired: it is not contacted, nothing is deleted."""


@dataclass(frozen=True, slots=True)
class Placement:
    """One application on one cluster, with everything the registry says about it.

    Attributes:
        target: the application's target that matched.
        sources: the application's, the first with the target's pin in place of its ref.
        pin: the target's pin; None when it follows the application's ref.
        layered: the values that apply.
    """

    ref: PlacementRef
    application: Application
    cluster: Cluster
    target: Target
    sources: tuple[Source, ...]
    layered: Layered
    disposition: Disposition

    @property
    def layers(self) -> tuple[ValueLayer, ...]:
        """The value layers that apply, lowest first."""
        return self.layered.layers

    @property
    def values(self) -> Mapping[str, Any]:
        """The layers merged; the cluster's own values are in ``parameters``."""
        return self.layered.values

    @property
    def source(self) -> Source:
        """Its first source, or its only one."""
        return self.sources[0]

    @property
    def to_resolve(self) -> tuple[SourceRef, ...]:
        """What must be resolved for it, each once, in the order of its sources."""
        return tuple(dict.fromkeys(source.to_resolve for source in self.sources))

    @property
    def namespace(self) -> str:
        """Where objects without a namespace go."""
        return self.application.namespace

    @property
    def sync(self) -> SyncSettings:
        """How it is synced, defaults filled in."""
        return self.application.sync

    @property
    def interval(self) -> timedelta:
        """How often it is looked at when nothing changed."""
        return self.application.interval

    @property
    def pin(self) -> Ref | None:
        """The ref that the registry holds it at."""
        return self.target.pin

    @property
    def parameters(self) -> dict[str, Any]:
        """What ``${name}`` stands for: the merged values, and the cluster's own under ``cluster``.

        A value called ``cluster`` is for charts alone.
        """
        return {**self.values, "cluster": self.cluster.parameters}

    def explain(self) -> tuple[ExplainedValue, ...]:
        """Return every value with the document and line that gave it, the cluster's own included.

        A value called ``cluster`` stands beside the cluster's own of that name: only charts see it.
        """
        own = ValueLayer(f"cluster {self.cluster.name}", {"cluster": self.cluster.parameters}, self.cluster.where)
        given = (
            replace(one, origin=f"{one.origin}, for charts") if one.path[0] == "cluster" else one
            for one in explained(self.layers)
        )
        return tuple(sorted((*given, *explained((own,))), key=lambda one: one.path))

    def parameters_digest(self, renderers: Iterable[RendererVersion]) -> str:
        """Return the sha256 (hex) of all that shapes the manifests besides the source.

        Args:
            renderers: of all sources, with their versions, so that an upgrade of one is a revision too.
        """
        rare: dict[str, Any] = {"decrypt": self.application.decrypt} if self.application.decrypt else {}
        if "cluster" in self.values:
            rare["for charts"] = self.values["cluster"]
        return parameters_digest(
            rare
            | {
                "values": self.parameters,
                "render": _render_as_json(self.application),
                "substitute": substitute.as_json() if (substitute := self.application.substitute) else False,
                "namespace": self.namespace,
                "renderer": digested(renderers),
            }
        )

    def settings_digest(self, projects: Mapping[str, Project]) -> str:
        """Return the sha256 (hex) of what the registry says of how it is written, by which way, and of what it may use.

        Args:
            projects: of the fleet, by name.
        """
        application = self.application
        settings = (
            application.sync,
            [_rule(one) for one in application.health],
            application.namespace,
            application.create_namespace,
            application.blocked,
            self.sources,
            _rules(projects.get(application.project)),
            # Only where there is one, so that all others have the digest that earlier versions stored.
            *((self.cluster.proxy,) if self.cluster.proxy is not None else ()),
        )
        return hashlib.sha256(json.dumps(_plain(settings), sort_keys=True).encode()).hexdigest()


def _rules(project: Project | None) -> dict[str, Any] | None:
    """Return what a project says of how its applications are written; what it says to people alone writes nothing."""
    if project is None:
        return None
    return {name: value for name, value in _plain(project).items() if name not in _FOR_PEOPLE}


def _rule(rule: HealthRule) -> dict[str, Any]:
    """Return a rule of health, with a digest for a script; one in CEL is as earlier versions stored it."""
    told: dict[str, Any] = _plain(replace(rule, lua="", of=""))
    del told["lua"], told["of"]
    return told | ({"lua": hashlib.sha256(rule.lua.encode()).hexdigest()} if rule.lua else {})


def _plain(value: Any) -> Any:
    """Return a value of the fleet as JSON knows it, without where it was written."""
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value) if one.name != "where"}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(json.dumps(_plain(each), sort_keys=True) for each in value)
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | None) else str(value)


def parameters_digest(parameters: Mapping[str, Any]) -> str:
    """Return the sha256 (hex) of ``parameters`` as canonical JSON: sorted keys, no spaces, UTF-8.

    Raises:
        ValueError: a number is not finite.
    """
    text = json.dumps(parameters, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _render_as_json(application: Application) -> dict[str, Any] | None:
    render = application.render
    return None if render is None else {"renderer": render.renderer, "options": dict(render.options)}


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything one registry declares, all names resolved.

    Attributes:
        vocabulary: label keys with their allowed values; None for any value.
        prune_budget: objects one revision of one application may remove over the fleet without an approval.
        projects: at least one; ``default`` where the registry declares none.
        links: templates of links for the placements of all projects.
    """

    name: str
    vocabulary: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    leaving: LeavingBounds = field(default_factory=LeavingBounds)
    prune_budget: int = 100
    clusters: Mapping[str, Cluster] = field(default_factory=dict)
    groups: Mapping[str, ClusterGroup] = field(default_factory=dict)
    applications: Mapping[str, Application] = field(default_factory=dict)
    strategies: Mapping[str, RolloutStrategy] = field(default_factory=dict)
    windows: Mapping[str, SyncWindow] = field(default_factory=dict)
    projects: Mapping[str, Project] = field(default_factory=lambda: {DEFAULT_PROJECT.name: DEFAULT_PROJECT})
    roles: tuple[FleetRole, ...] = ()
    links: tuple[Link, ...] = ()
    where: Where = NOWHERE

    def placements(self) -> tuple[Placement, ...]:
        """Return every application on every cluster that one of its targets takes, by application, then cluster.

        Targets choose among the clusters that the application's project allows; a cluster that no target takes has no
        placement. What may be done about each is its ``disposition``.
        """
        clusters = [self.clusters[name] for name in sorted(self.clusters)]
        groups = {cluster.name: self.groups_of(cluster) for cluster in clusters}
        return tuple(
            placement
            for name in sorted(self.applications)
            for placement in _placed(self.applications[name], self._open_to(self.applications[name], clusters), groups)
        )

    def links_of(self, ref: PlacementRef, project: str) -> tuple[Link, ...]:
        """Return the links of a placement, filled in: a project's own replaces the fleet's of the same name.

        Args:
            ref: of the placement.
            project: that it is of. Where its application has moved to another one since, or is gone, there are none:
                what another project says is not for who may read this one.
        """
        application, own = self.applications.get(ref.application), self.projects.get(project)
        if application is None or own is None or application.project != project:
            return ()
        values = {"project": project, "namespace": application.namespace}
        values |= {"cluster": ref.cluster, "application": ref.application}
        templates = {one.name: one for one in (*self.links, *own.links)}
        return tuple(one.filled(values) for one in templates.values())

    def placement(self, ref: PlacementRef) -> Placement | None:
        """Return the placement that ``ref`` names, or None if the fleet has none of that name; cheap."""
        application, cluster = self.applications.get(ref.application), self.clusters.get(ref.cluster)
        if application is None or cluster is None:
            return None
        groups = {cluster.name: self.groups_of(cluster)}
        return next(_placed(application, self._open_to(application, [cluster]), groups), None)

    def _open_to(self, application: Application, clusters: Sequence[Cluster]) -> Sequence[Cluster]:
        project = self.projects.get(application.project)
        return () if project is None else [c for c in clusters if project.allows_cluster(c.labels)]

    def groups_of(self, cluster: Cluster) -> tuple[ClusterGroup, ...]:
        """Return the groups that take ``cluster``, lowest priority first, equal ones by name."""
        found = (group for group in self.groups.values() if group.select.matches(cluster.labels))
        return tuple(sorted(found, key=lambda group: (group.priority, group.name)))

    def account_of(self, application: Application) -> str:
        """Return the service account of an application's project, as API servers call it; empty where it has none."""
        name = self.projects[application.project].service_account
        return f"system:serviceaccount:{application.namespace}:{name}" if name else ""

    def leaving_policy(self, application: str) -> OnUnmatch:
        """Return what becomes of the objects of a placement of ``application`` that ``placements`` lacks.

        Nothing is deleted for an application whose document is gone, is blocked, or whose selection is held.
        """
        found = self.applications.get(application)
        if found is None or found.blocked or found.held is not None:
            return OnUnmatch.RETAIN
        return found.on_unmatch


def target_of(application: Application, cluster: Cluster) -> Target | None:
    """Return the first target that takes ``cluster``, or None; a held selection stands in for the targets."""
    if application.held is not None:
        name = application.held.get(cluster.name)
        return next((target for target in application.targets if target.name == name), None)
    return next((target for target in application.targets if target.matches(cluster)), None)


def disposition_of(application: Application, cluster: Cluster) -> Disposition:
    """Return what may be done about ``application`` on ``cluster``; the more careful state decides."""
    match cluster.state:
        case ClusterState.RETIRED:
            return Disposition.FORGET
        case ClusterState.JOINING:
            return Disposition.HOLD
        case ClusterState.FROZEN:
            return Disposition.OBSERVE
    if cluster.removed or application.blocked:
        return Disposition.OBSERVE
    if cluster.state is ClusterState.DRAINING or application.state is ApplicationState.RETIRED:
        return Disposition.REMOVE
    return Disposition.SYNC


def _placed(
    application: Application, clusters: Sequence[Cluster], groups: Mapping[str, tuple[ClusterGroup, ...]]
) -> Iterator[Placement]:
    shared: dict[tuple[str, tuple[str, ...]], Layered] = {}
    sources = {target.name: application.pinned(target.pin) for target in application.targets}
    for cluster in clusters:
        target = target_of(application, cluster)
        if target is None:
            continue
        key = (target.name, tuple(group.name for group in groups[cluster.name]))
        if key not in shared:
            layers = (application.values, *(group.values for group in groups[cluster.name]), target.values)
            shared[key] = Layered(layers)
        yield Placement(
            ref=PlacementRef(cluster.name, application.name),
            application=application,
            cluster=cluster,
            target=target,
            sources=sources[target.name],
            layered=shared[key],
            disposition=disposition_of(application, cluster),
        )
