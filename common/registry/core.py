"""The core kinds of a commit: Fleet, Cluster, ClusterGroup, Project, HealthRule. A fault in one refuses the commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from common.domain import fleet
from common.registry import build, check, servers
from common.registry.carried_out import not_yet
from common.registry.documents import CORE_KINDS, Documents, Key, Reading, Source
from common.registry.faults import Fault, FaultScope, Suggestions
from common.registry.schema import (
    AnyDocument,
    ClusterDocument,
    ClusterGroupDocument,
    FleetDocument,
    HealthRuleDocument,
    ProjectDocument,
)
from common.registry.schema.core import FleetSpec
from common.registry.translate import dotted, validated

_NOT_HERE = "move it out of the folders of projects"


@dataclass(slots=True)
class Core:
    """The core documents of a commit, and what they say.

    Attributes:
        unsure: core documents that have a fault.
        notices: what is not wrong, but should be known.
    """

    suggestions: Suggestions
    sources: dict[Key, Source] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    notices: list[Fault] = field(default_factory=list)
    unsure: set[Key] = field(default_factory=set)
    name: str = ""
    spec: FleetSpec = field(default_factory=FleetSpec)
    where: fleet.Where = fleet.NOWHERE
    clusters: dict[str, fleet.Cluster] = field(default_factory=dict)
    groups: dict[str, fleet.ClusterGroup] = field(default_factory=dict)
    projects: dict[str, fleet.Project] = field(default_factory=dict)
    health: dict[str, fleet.HealthRule] = field(default_factory=dict)

    @property
    def vocabulary(self) -> dict[str, frozenset[str] | None] | None:
        """Allowed labels; None allows every label."""
        given = self.spec.labels
        if given is None:
            return None
        return {key: None if values == "*" else frozenset(values) for key, values in given.items()}

    def context(self, files: Mapping[Key, str]) -> check.Context:
        """Return what the other documents are checked against, beside each other's files."""
        return check.Context(
            vocabulary=self.vocabulary,
            clusters=self.clusters,
            projects=self.projects or {fleet.DEFAULT_PROJECT.name: fleet.DEFAULT_PROJECT},
            tenancy=bool(self.projects) or any(kind == "Project" for kind, _ in self.unsure),
            files=files,
            unsure=frozenset(self.unsure),
            suggestions=self.suggestions,
        )


def read_core(reading: Reading, last: Documents, suggestions: Suggestions) -> Core:
    """Return the core documents of a commit, with those of the last good one where theirs is gone."""
    core = Core(suggestions)
    candidates = [source for source in reading.sources if source.kind in CORE_KINDS]
    candidates = _without_strays(core, candidates, last)
    for key, group in _by_key(candidates).items():
        first, *others = group
        core.sources[key] = first
        for other in others:
            what = f"{other.kind} {other.name} is given twice, first in {first.at}"
            core.faults.append(other.fault(("metadata", "name"), what, "keep one of the two"))
    _keep_what_left(core, reading, last)
    for source in core.sources.values():
        _add(core, source)
    _check_fleet(core, last)
    _check_labels(core)
    _check_health(core)
    servers.check(core, last)
    return core


def _by_key(sources: Iterable[Source]) -> dict[Key, list[Source]]:
    found: dict[Key, list[Source]] = {}
    for source in sources:
        found.setdefault(source.key, []).append(source)
    return found


def _without_strays(core: Core, candidates: list[Source], last: Documents) -> list[Source]:
    """Set aside core documents in a project's folders.

    One that nobody relies on yet does no harm by being left out, so that a team cannot refuse everybody's commit by
    writing one; one that was in force, or the move of one, refuses the commit.
    """
    paths = list(_project_paths(candidates, last))
    kept: list[Source] = []
    for source in candidates:
        owner = next((project for project, globs in paths if _under(source.file, globs)), None)
        if owner is None:
            kept.append(source)
            continue
        what = f"{source.kind} {source.name} is in a folder of project {owner}"
        fault = source.fault(("kind",), what, _NOT_HERE)
        elsewhere = any(other.key == source.key and other is not source for other in candidates)
        if source.key in last.sources and not elsewhere:
            core.unsure.add(source.key)
            core.faults.append(fault)
            kept.append(source)
        else:
            core.faults.append(replace(fault, scope=FaultScope.KEEPS))
    return kept


def _project_paths(candidates: list[Source], last: Documents) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the folders of each project; once there are projects in force, new ones in their folders do not count."""
    trusted = [
        tuple(document.spec.paths)
        for (kind, _), source in last.sources.items()
        if kind == "Project" and isinstance(document := validated(source)[0], ProjectDocument)
    ]
    for source in candidates:
        if source.kind != "Project":
            continue
        if source.key not in last.sources and any(_under(source.file, globs) for globs in trusted):
            continue
        document, _ = validated(source)
        if isinstance(document, ProjectDocument):
            yield source.name, tuple(document.spec.paths)
    for (kind, name), source in last.sources.items():
        document, _ = validated(source)
        if kind == "Project" and isinstance(document, ProjectDocument):
            yield name, tuple(document.spec.paths)


def _under(file: str, globs: Iterable[str]) -> bool:
    return any(fleet.glob_matches(glob, file) for glob in globs)


def _keep_what_left(core: Core, reading: Reading, last: Documents) -> None:
    for key, source in last.sources.items():
        if source.kind not in CORE_KINDS or key in core.sources:
            continue
        if source.file in reading.opaque:
            what = f"{source.kind} {source.name} was in this file, of which not everything can be read"
            core.unsure.add(key)
            core.faults.append(
                Fault(source.file, 1, what, "correct the file", FaultScope.REFUSES, source.kind, source.name)
            )
        elif source.kind == "Cluster" and not _is_retired(source):
            core.sources[key] = replace(source, removed=True)
            what = f"Cluster {source.name} {reading.departure_of(source)}: it is treated as frozen"
            remedy = "put it back as draining, then retired, to let it go"
            core.notices.append(
                Fault(source.file, source.line, what, remedy, FaultScope.NOTICE, source.kind, source.name)
            )


def _is_retired(source: Source) -> bool:
    document, _ = validated(source)
    return isinstance(document, ClusterDocument) and document.spec.state is fleet.ClusterState.RETIRED


def _add(core: Core, source: Source) -> None:
    document, faults = validated(source, core.suggestions)
    if document is not None:
        faults += [
            source.fault(path, f"{dotted(path)} is not yet carried out", "remove it until a later version does it")
            for path in not_yet(source.kind, source.value)
        ]
    if faults:
        core.unsure.add(source.key)
        core.faults += faults
    if document is not None:
        _build(core, source, document)


def _build(core: Core, source: Source, document: AnyDocument) -> None:
    if isinstance(document, FleetDocument):
        core.name, core.spec, core.where = document.metadata.name, document.spec, source.where()
    elif isinstance(document, ClusterDocument):
        core.clusters[source.name] = build.cluster(source, document)
    elif isinstance(document, ClusterGroupDocument):
        core.groups[source.name] = build.group(source, document)
    elif isinstance(document, ProjectDocument):
        core.projects[source.name] = build.project(source, document)
        core.notices += _unsaid(source, document)
    elif isinstance(document, HealthRuleDocument):
        core.health[source.name] = build.health_rule(document)


def _unsaid(source: Source, document: ProjectDocument) -> Iterator[Fault]:
    """Yield what a project of an earlier version must say by now, or its cluster-scoped objects are refused."""
    if document.spec.cluster_kinds is None:
        what = f"project {source.name} does not say which cluster-scoped kinds it may use: it may use none"
        remedy = "add `clusterKinds: {allow: [GROUP/KIND]}`, or `clusterKinds: {}` if it needs none"
        if document.spec.service_account is None and not document.spec.kinds.allow:
            remedy += "; and `kinds: {allow: [rbac.authorization.k8s.io/*]}` if it writes Roles and bindings"
        line = source.line_of(("spec",))
        yield Fault(source.file, line, what, remedy, FaultScope.NOTICE, source.kind, source.name)


def _check_fleet(core: Core, last: Documents) -> None:
    fleets = sorted((s for s in core.sources.values() if s.kind == "Fleet"), key=lambda s: (s.file, s.line))
    if not fleets and not any(kind == "Fleet" for kind, _ in core.unsure):
        what, remedy = "the registry holds no Fleet document", "add one: kind: Fleet, metadata: {name: …}"
        core.faults.append(Fault(".", 1, what, remedy, FaultScope.REFUSES, "Fleet"))
    former = next((name for kind, name in last.sources if kind == "Fleet"), None)
    if len(fleets) == 1 and former is not None and fleets[0].name != former:
        what = f"the fleet is called {former}: its name is part of every ownership mark and never changes"
        core.faults.append(fleets[0].fault(("metadata", "name"), what, f"call it {former} again"))
    for other in fleets[1:]:
        what = f"a second Fleet, the first is in {fleets[0].at}"
        core.faults.append(other.fault(("kind",), what, "keep one"))


def _check_labels(core: Core) -> None:
    context = core.context({})
    for source in core.sources.values():
        document, _ = validated(source)
        if isinstance(document, ClusterDocument):
            # The labels of a cluster that has left may be gone from the vocabulary: nobody can correct them any more.
            core.faults += [] if source.removed else check.labels(source, document.metadata.labels, context)
        elif isinstance(document, ClusterGroupDocument):
            core.faults += check.selector(source, ("spec", "select"), document.spec.select, context)
        elif isinstance(document, ProjectDocument):
            core.faults += check.selector(source, ("spec", "clusters"), document.spec.clusters, context)


def _check_health(core: Core) -> None:
    """Report rules for the same kinds: which of two counts would hang on their names."""
    first: dict[tuple[str, str], Source] = {}
    for name, rule in core.health.items():
        source = core.sources["HealthRule", name]
        other = first.setdefault((rule.group, rule.kind), source)
        if other is not source:
            what = (
                f"a second HealthRule for {rule.kind} of {rule.group or 'the core group'}, the first is in {other.at}"
            )
            core.faults.append(source.fault(("spec", "kind"), what, "keep one of the two"))
