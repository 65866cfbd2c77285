"""Checks of one document against the rest: names it refers to, the label vocabulary, what its project allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from common.domain import fleet
from common.registry.documents import Key, Source
from common.registry.faults import Fault, Suggestions, printable
from common.registry.schema import ApplicationDocument, RolloutStrategyDocument
from common.registry.schema.base import SelectorSpec
from common.registry.schema.sources import SourceSpec
from common.registry.schema.versions import PinSpec
from common.sources.kinds import SourceKind
from common.yaml import Path

_SPEC = "spec"


class Effect(StrEnum):
    """What a finding does to a document that is in force and has it already."""

    KEEP = "keep"
    """Nothing: it goes on as it is."""
    BLOCK = "block"
    """Nothing is written for it: it may not have what it asks for."""
    HOLD = "hold"
    """Its last good selection stands in for its targets."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault that shows only beside the other documents."""

    fault: Fault
    effect: Effect = Effect.KEEP


@dataclass(frozen=True, slots=True)
class Reference:
    """A name of another document, and where it is written."""

    path: Path
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Context:
    """What documents are checked against.

    Attributes:
        vocabulary: allowed labels; None allows every label.
        projects: with the default one where the registry declares none.
        tenancy: whether the registry declares projects.
        files: of every document in force, by kind and name.
        unsure: documents of the core kinds that have a fault: nothing is said about references to them.
        suggestions: finds nearest names.
    """

    vocabulary: Mapping[str, frozenset[str] | None] | None = None
    clusters: Mapping[str, fleet.Cluster] = field(default_factory=dict)
    projects: Mapping[str, fleet.Project] = field(default_factory=dict)
    tenancy: bool = False
    files: Mapping[Key, str] = field(default_factory=dict)
    unsure: frozenset[Key] = frozenset()
    suggestions: Suggestions = field(default_factory=Suggestions)


def labels(source: Source, given: Mapping[str, str], context: Context) -> Iterator[Fault]:
    """Yield what is wrong with a cluster's labels."""
    for key, value in given.items():
        yield from _label(source, ("metadata", "labels", key), key, [value], context)


def selector(source: Source, path: Path, spec: SelectorSpec | None, context: Context) -> Iterator[Fault]:
    """Yield what is wrong with the labels that a selector names: a typo must not select nothing."""
    if spec is None:
        return
    for key, value in spec.match_labels.items():
        yield from _label(source, (*path, "matchLabels", key), key, [value], context)
    for index, rule in enumerate(spec.match_expressions):
        yield from _label(source, (*path, "matchExpressions", index), rule.key, rule.values, context)


def _label(source: Source, path: Path, key: str, values: Iterable[str], context: Context) -> Iterator[Fault]:
    nearest = context.suggestions.nearest
    if context.vocabulary is None:
        return
    if key not in context.vocabulary:
        what = f"label {key!r} is not in the fleet's vocabulary"
        yield source.fault(path, what, nearest(key, context.vocabulary, "add it to spec.labels of the Fleet"))
        return
    allowed = context.vocabulary[key]
    for value in values:
        if allowed is not None and value not in allowed:
            what = f"label {key}={value} is not in the fleet's vocabulary"
            yield source.fault(path, what, nearest(value, allowed, "add it to spec.labels of the Fleet"))


def references(document: ApplicationDocument | RolloutStrategyDocument) -> Iterator[Reference]:
    """Yield every document that a strategy or an application names, clusters and projects left out."""
    if isinstance(document, RolloutStrategyDocument):
        for index, wave in enumerate(document.spec.waves):
            path: Path = (_SPEC, "waves", index)
            for position, name in enumerate(wave.windows):
                yield Reference((*path, "windows", position), "SyncWindow", name)
            for position, gate in enumerate(wave.after):
                if gate.job is not None:
                    at = (*path, "after", position, "job", "application")
                    yield Reference(at, "Application", gate.job.application)
        return
    spec = document.spec
    if spec.strategy is not None:
        yield Reference((_SPEC, "strategy"), "RolloutStrategy", spec.strategy)
    for index, name in enumerate(spec.sync.windows):
        yield Reference((_SPEC, "sync", "windows", index), "SyncWindow", name)
    for index, dependency in enumerate(spec.depends_on):
        yield Reference((_SPEC, "dependsOn", index, "application"), "Application", dependency.application)


def strategy_findings(source: Source, document: RolloutStrategyDocument, context: Context) -> Iterator[Finding]:
    """Yield what is wrong with a strategy beside the other documents."""
    for index, wave in enumerate(document.spec.waves):
        for fault in selector(source, (_SPEC, "waves", index, "select"), wave.select, context):
            yield Finding(fault)
    for reference in references(document):
        owners = _owners(context, reference)
        if owners and not any(context.projects[owner].allows_file(source.file) for owner in owners):
            yield Finding(_foreign(source, reference, owners[0]))


def _owners(context: Context, reference: Reference) -> list[str]:
    """Return the projects in whose folders a strategy or window is."""
    file = context.files.get((reference.kind, reference.name))
    if reference.kind == "Application" or file is None or not context.tenancy:
        return []
    return [project.name for project in context.projects.values() if project.allows_file(file)]


def _foreign(source: Source, reference: Reference, owner: str) -> Fault:
    what = f"{reference.kind} {reference.name} belongs to project {owner}"
    return source.fault(reference.path, what, "use one of your own project, or one outside every project's folders")


def application_findings(source: Source, document: ApplicationDocument, context: Context) -> Iterator[Finding]:
    """Yield what is wrong with an application beside the other documents; its references are checked elsewhere."""
    yield from (Finding(fault) for fault in _target_faults(source, document, context))
    yield from (Finding(fault) for fault in _lending_faults(source, document, context))
    spec = document.spec
    for index, dependency in enumerate(spec.depends_on):
        path: Path = (_SPEC, "dependsOn", index, "clusters")
        yield from (Finding(fault) for fault in selector(source, path, dependency.clusters, context))
    moved = spec.moved_from
    if moved is not None and ("Application", moved.application) in context.files:
        what = f"movedFrom names {moved.application}, which is still an application"
        yield Finding(source.fault((_SPEC, "movedFrom"), what, "remove its document, or movedFrom"))
    yield from (Finding(fault, Effect.BLOCK) for fault in _project_faults(source, document, context))


def _target_faults(source: Source, document: ApplicationDocument, context: Context) -> Iterator[Fault]:
    spec = document.spec.source or next(iter(document.spec.sources or []), None)
    for index, target in enumerate(document.spec.targets):
        path: Path = (_SPEC, "targets", index)
        if target.pin is not None and spec is not None:
            yield from _pin_faults(source, (*path, "pin"), target.pin, spec.kind)
        yield from selector(source, (*path, "select"), target.select, context)
        for position, name in enumerate(target.clusters or []):
            if name not in context.clusters and ("Cluster", name) not in context.unsure:
                remedy = context.suggestions.nearest(name, context.clusters, "declare the cluster first")
                yield source.fault((*path, "clusters", position), f"cluster {name!r} is not known", remedy)


def _lending_faults(source: Source, document: ApplicationDocument, context: Context) -> Iterator[Fault]:
    spec = document.spec
    names = [item.name for item in spec.sources or []]
    chart = getattr(spec.render, fleet.CHARTS, None)
    files = [] if chart is None else chart.values_files
    lenders = [(index, of[0]) for index, file in enumerate(files) if (of := fleet.lent(file)) is not None]
    for index, name in lenders:
        if name not in names:
            path: Path = (_SPEC, "render", "helm", "valuesFiles", index)
            remedy = context.suggestions.nearest(name, names, "name one of spec.sources")
            yield source.fault(path, f"${name} is no source of the application", remedy)
    if names and {name for _, name in lenders} >= set(names):
        what = "every source lends files, and none is left to be rendered"
        yield source.fault((_SPEC, "sources"), what, "name the chart's repository once more, as a source of its own")


def _pin_faults(source: Source, path: Path, pin: PinSpec, kind: SourceKind) -> Iterator[Fault]:
    for key, value in pin:
        if value is None:
            continue
        known = kind.pins.get(key)
        if known is None:
            what = f"a source of {kind.words} cannot be pinned by {key}"
            yield source.fault(path, what, f"pin it by {' or '.join(kind.pins)}" if kind.pins else "leave the pin out")
        elif not known.fits(value):
            yield source.fault((*path, key), f"{value[:80]!r} is not {known.what}", known.remedy)


def _project_faults(source: Source, document: ApplicationDocument, context: Context) -> Iterator[Fault]:
    named = document.spec.project
    path: Path = (_SPEC, "project")
    if named is None and context.tenancy:
        yield source.fault(path, "the application names no project", "set spec.project")
        return
    name = named or fleet.DEFAULT_PROJECT.name
    if ("Project", name) in context.unsure:
        return
    project = context.projects.get(name)
    if project is None:
        remedy = context.suggestions.nearest(name, context.projects, "declare it")
        yield source.fault(path, f"project {name!r} is not known", remedy)
        return
    if not project.allows_file(source.file):
        what = f"a file at {printable(source.file)} may not name project {name}"
        among = f"move it under one of the project's paths: {', '.join(project.paths)}"
        yield source.fault(path, what, among if project.paths else f"list its folder in spec.paths of project {name}")
    yield from _usage_faults(source, document, project)
    yield from _reach_faults(source, document, project, context)


def _usage_faults(source: Source, document: ApplicationDocument, project: fleet.Project) -> Iterator[Fault]:
    spec = document.spec
    remedy = f"use another, or have project {project.name} allow it"
    several = [((_SPEC, "sources", index), item) for index, item in enumerate(spec.sources or [])]
    places: list[tuple[Path, SourceSpec | None]] = [((_SPEC, "source"), spec.source), *several]
    for where, item in places:
        if item is None:
            continue
        path, url = item.kind.address(item.part)
        if not project.allows_repo(url):
            yield source.fault((*where, *path), f"project {project.name} may not use {url}", remedy)
        reference = item.credentials
        if reference is not None and not project.allows_credentials(reference.secret_ref):
            what = f"project {project.name} may not use credentials {reference.secret_ref}"
            yield source.fault((*where, "credentials", "secretRef"), what, remedy)
    if spec.decrypt is not None and not project.allows_credentials(spec.decrypt.sops.key_ref):
        what = f"project {project.name} may not use credentials {spec.decrypt.sops.key_ref}"
        yield source.fault((_SPEC, "decrypt", "sops", "keyRef"), what, remedy)
    if not project.allows_namespace(spec.namespace):
        yield source.fault(
            (_SPEC, "namespace"), f"project {project.name} may not use namespace {spec.namespace}", remedy
        )
    if spec.create_namespace and not project.create_namespaces:
        yield source.fault(
            (_SPEC, "createNamespace"), f"project {project.name} may not create namespaces", "set it to false"
        )


def _reach_faults(
    source: Source, document: ApplicationDocument, project: fleet.Project, context: Context
) -> Iterator[Fault]:
    for index, target in enumerate(document.spec.targets):
        for position, name in enumerate(target.clusters or []):
            cluster = context.clusters.get(name)
            if cluster is not None and not project.allows_cluster(cluster.labels):
                what = f"project {project.name} may not use cluster {name}"
                yield source.fault(
                    (_SPEC, "targets", index, "clusters", position), what, "remove it, or have the project allow it"
                )
    channels = {channel.name for channel in project.channels}
    for index, rule in enumerate(document.spec.notify):
        if rule.to not in channels:
            what = f"channel {rule.to!r} is not one of project {project.name}"
            remedy = context.suggestions.nearest(rule.to, channels, "declare it there")
            yield source.fault((_SPEC, "notify", index, "to"), what, remedy)
    for reference in references(document):
        owners = _owners(context, reference)
        if owners and project.name not in owners:
            yield _foreign(source, reference, owners[0])


def expect_findings(
    source: Source, application: fleet.Application, clusters: Iterable[fleet.Cluster]
) -> Iterator[Finding]:
    """Yield each target that selects fewer or more clusters than it expects.

    Args:
        source: the application's document.
        application: what it says.
        clusters: those it may use; retired ones do not count.
    """
    bounded = {t.name: (i, t.expect) for i, t in enumerate(application.targets) if t.expect is not None}
    if not bounded:
        return
    counts = dict.fromkeys(bounded, 0)
    for cluster in clusters:
        target = fleet.target_of(application, cluster)
        if target is not None and target.name in counts and cluster.state is not fleet.ClusterState.RETIRED:
            counts[target.name] += 1
    for name, (index, expect) in bounded.items():
        if not expect.admits(counts[name]):
            what = f"target {name} selects {counts[name]} clusters, outside {expect}"
            yield Finding(
                source.fault((_SPEC, "targets", index, "expect"), what, "correct the selection, or the bounds"),
                Effect.HOLD,
            )


def cycles(documents: Mapping[Key, ApplicationDocument]) -> Iterator[tuple[str, ...]]:
    """Yield each cycle of dependsOn once, as names that begin and end with the same one."""
    edges = {
        name: sorted({d.application for d in document.spec.depends_on} & {n for _, n in documents})
        for (_, name), document in documents.items()
        if document.spec.depends_on
    }
    done: set[str] = set()
    for start in sorted(edges):
        trail: list[str] = []
        stack = [(start, iter(edges.get(start, [])))] if start not in done else []
        if stack:
            trail.append(start)
        while stack:
            following = next(stack[-1][1], None)
            if following is None:
                stack.pop()
                done.add(trail.pop())
            elif following in trail:
                yield (*trail[trail.index(following) :], following)
            elif following not in done:
                stack.append((following, iter(edges.get(following, []))))
                trail.append(following)
