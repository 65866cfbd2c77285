"""Clusters, cluster groups and applications as declared, with the fleet's defaults filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from common.domain.fleet.policies import Expect, OnUnmatch, SyncSettings
from common.domain.fleet.selectors import Selector
from common.domain.fleet.sources import CHARTS, Ref, RenderSettings, Source, lent
from common.domain.fleet.substitution import Substitution
from common.domain.fleet.values import NOWHERE, ValueLayer, Where


class ClusterState(StrEnum):
    """Where a cluster stands in its life."""

    JOINING = "joining"
    """Reachable and discovered, nothing written."""
    ACTIVE = "active"
    FROZEN = "frozen"
    """Observed, nothing written."""
    DRAINING = "draining"
    """What we own is removed, after one approval."""
    RETIRED = "retired"
    """Not contacted any more."""


class ApplicationState(StrEnum):
    """Whether an application is wanted; retired, not the removal of its document, is what deletes."""

    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Proxy:
    """What stands on the way to a cluster.

    Attributes:
        url: ``http://``, ``https://`` or ``socks5://`` with host and port.
        credentials: reference of user and password there; empty for none.
    """

    url: str
    credentials: str = ""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One Kubernetes API endpoint.

    Attributes:
        server: https URL of the API server.
        credentials: reference that the worker's provider resolves.
        pool: the worker pool that serves it.
        vars: given to renderers under ``cluster.vars``.
        max_concurrent: syncs at once against it.
        proxy: on the way to it; None for the environment's, if that names one.
        removed: the document is gone from the registry, so the cluster is treated as frozen.
    """

    name: str
    server: str
    credentials: str
    labels: Mapping[str, str] = field(default_factory=dict)
    pool: str = "default"
    vars: Mapping[str, Any] = field(default_factory=dict)
    state: ClusterState = ClusterState.ACTIVE
    max_concurrent: int = 4
    proxy: Proxy | None = None
    removed: bool = False
    where: Where = NOWHERE

    @property
    def parameters(self) -> dict[str, Any]:
        """What renderers see under ``cluster.``."""
        return {"name": self.name, "labels": dict(self.labels), "vars": dict(self.vars)}


@dataclass(frozen=True, slots=True)
class ClusterGroup:
    """Values for a selection of clusters; a higher priority overrides a lower one, names break ties."""

    name: str
    select: Selector
    priority: int = 0
    values: ValueLayer = field(default_factory=ValueLayer)
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class Target:
    """Clusters by name or by selector (exactly one of the two), and what differs there."""

    name: str
    clusters: tuple[str, ...] = ()
    select: Selector | None = None
    values: ValueLayer = field(default_factory=ValueLayer)
    pin: Ref | None = None
    expect: Expect | None = None
    where: Where = NOWHERE

    def matches(self, cluster: Cluster) -> bool:
        """Tell whether it takes ``cluster``."""
        if self.select is not None:
            return self.select.matches(cluster.labels)
        return cluster.name in self.clusters


@dataclass(frozen=True, slots=True)
class HealthRule:
    """What judges the objects of a kind: CEL expressions, or a script in Lua.

    Attributes:
        kind: its name, or a pattern with stars.
        group: alike; empty for the core one.
        of: the HealthRule document that it is from; empty for one of an application's own.
    """

    kind: str
    group: str = ""
    healthy: str = ""
    failed: str = ""
    lua: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True)
class NotifyRule:
    """Which events go to which of the project's channels."""

    on: tuple[str, ...]
    to: str


@dataclass(frozen=True, slots=True)
class Dependency:
    """An application that must be healthy first: on the same cluster unless ``clusters`` selects others."""

    application: str
    clusters: Selector | None = None


@dataclass(frozen=True, slots=True)
class Application:
    """What to run, how to render it, and where.

    Attributes:
        targets: looked through top to bottom; the first that matches a cluster wins.
        interval: how often a no-change placement is looked at.
        decrypt: reference of the SOPS key; empty for none.
        substitute: how variables are filled in after rendering; None leaves them as they are.
        strategy: name of a RolloutStrategy; empty for one wave of all.
        moved_from: former name, whose objects this application keeps; empty for none.
        blocked: why nothing may be written for it although it is placed: a fault that its last good version has
            too; empty for none. Its objects are never deleted while it is.
        held: the last good selection (cluster to target name) that stands in for ``targets`` while the present one
            is outside ``expect``; None where the targets decide.
    """

    name: str
    sources: tuple[Source, ...]
    namespace: str
    targets: tuple[Target, ...]
    project: str = "default"
    labels: Mapping[str, str] = field(default_factory=dict)
    state: ApplicationState = ApplicationState.ACTIVE
    interval: timedelta = timedelta(minutes=5)
    render: RenderSettings | None = None
    decrypt: str = ""
    substitute: Substitution | None = None
    create_namespace: bool = False
    values: ValueLayer = field(default_factory=ValueLayer)
    on_unmatch: OnUnmatch = OnUnmatch.RETAIN
    strategy: str = ""
    depends_on: tuple[Dependency, ...] = ()
    moved_from: str = ""
    sync: SyncSettings = field(default_factory=SyncSettings)
    health: tuple[HealthRule, ...] = ()
    notify: tuple[NotifyRule, ...] = ()
    blocked: str = ""
    held: Mapping[str, str] | None = None
    where: Where = NOWHERE

    @property
    def source(self) -> Source:
        """Its first source, or its only one: what a target's pin holds."""
        return self.sources[0]

    def lends(self, name: str) -> tuple[str, ...]:
        """Return the files of the source ``name`` that charts of the others take values from, each once."""
        files = (lent(file) for file in self.values_files)
        return tuple(dict.fromkeys(file for of, file in filter(None, files) if of == name))

    @property
    def values_files(self) -> tuple[str, ...]:
        """Files that a chart takes values from, lowest first, as the registry has them."""
        if self.render is None or self.render.renderer != CHARTS:
            return ()
        return tuple(self.render.options.get("valuesFiles", ()))

    def pinned(self, pin: Ref | None) -> tuple[Source, ...]:
        """Return its sources, the first of them held at a target's pin."""
        return self.sources if pin is None else (self.source.pinned(pin), *self.sources[1:])
