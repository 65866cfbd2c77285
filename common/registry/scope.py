"""Which version of each application, strategy and window is in force: the new one, the last good one, or none.

A fault within one of them keeps it, and what refers to it, at the last good version; everything else goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from common.domain import fleet
from common.registry import build, check
from common.registry.carried_out import not_yet
from common.registry.check import Effect, Finding
from common.registry.core import Core
from common.registry.documents import CORE_KINDS, Documents, Key, Reading, Source
from common.registry.faults import Fault, FaultScope
from common.registry.schema import AnyDocument, ApplicationDocument, RolloutStrategyDocument
from common.registry.translate import dotted, validated


@dataclass(slots=True)
class Scoped:
    """What is in force besides the core."""

    sources: dict[Key, Source] = field(default_factory=dict)
    applications: dict[str, fleet.Application] = field(default_factory=dict)
    selections: dict[str, dict[str, str]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    notices: list[Fault] = field(default_factory=list)


@dataclass(slots=True)
class _Choice:
    """The state of choosing: ``faulty`` grows until no document in its new version has a fault."""

    core: Core
    last: Documents
    reading: Reading
    candidates: dict[Key, Source] = field(default_factory=dict)
    models: dict[tuple[Key, str], AnyDocument | None] = field(default_factory=dict)
    faulty: set[Key] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)

    def model(self, source: Source) -> AnyDocument | None:
        """Return the document as a model, or None where its form is wrong."""
        at = (source.key, source.text)
        if at not in self.models:
            self.models[at] = validated(source)[0]
        return self.models[at]

    def is_new(self, source: Source) -> bool:
        """Tell whether it is this commit's version, not one that was kept."""
        return self.candidates.get(source.key) is source and source.key not in self.faulty

    def chosen(self) -> dict[Key, Source]:
        """Return the version in force of every document, by what is known to be faulty."""
        found = {key: source for key, source in self.candidates.items() if key not in self.faulty}
        for key, source in self.last.sources.items():
            kept = key in self.faulty or (key not in found and source.file in self.reading.opaque)
            if key[0] not in CORE_KINDS and kept and self.model(source) is not None:
                found[key] = source
        waiting = [source for source in found.values() if not self.is_new(source)]
        while waiting:
            for reference in _references(self.model(waiting.pop())):
                key = (reference.kind, reference.name)
                if key not in found and key in self.last.sources and reference.kind != "Application":
                    found[key] = self.last.sources[key]
                    waiting.append(found[key])
        return found


def choose(core: Core, reading: Reading, last: Documents) -> Scoped:
    """Return the applications, strategies and windows in force beside ``core``, and every fault of the others."""
    choice = _Choice(core, last, reading)
    _take_candidates(choice, [source for source in reading.sources if source.kind not in CORE_KINDS])
    _check_alone(choice)
    _check_faulty_beside_others(choice)
    while True:
        _spread(choice)
        chosen = choice.chosen()
        findings = _findings(choice, chosen)
        wrong = {key for key, found in findings.items() if found and choice.is_new(chosen[key])}
        choice.faults += [finding.fault for found in findings.values() for finding in found]
        if not wrong:
            return _scoped(choice, chosen, findings)
        choice.faulty |= wrong


def _take_candidates(choice: _Choice, sources: list[Source]) -> None:
    grouped: dict[Key, list[Source]] = {}
    for source in sources:
        grouped.setdefault(source.key, []).append(source)
    for key, group in grouped.items():
        known = choice.last.sources.get(key)
        # Whoever had the name keeps it; of two new ones neither gets it, so that order of files decides nothing.
        first = next((source for source in group if known is not None and source.file == known.file), group[0])
        choice.candidates[key] = first
        for other in group:
            if other is not first:
                what = f"{other.kind} {other.name} is given twice, also in {first.at}"
                choice.faults.append(other.fault(("metadata", "name"), what, "rename one of the two"))
        if len(group) > 1 and (known is None or first.file != known.file):
            choice.faulty.add(key)


def _check_alone(choice: _Choice) -> None:
    applications: dict[Key, ApplicationDocument] = {}
    for key, source in choice.candidates.items():
        model, faults = validated(source, choice.core.suggestions)
        choice.models[(key, source.text)] = model
        if model is not None:
            faults += [
                source.fault(path, f"{dotted(path)} is not yet carried out", "remove it until a later version does it")
                for path in not_yet(source.kind, source.value)
            ]
        if isinstance(model, ApplicationDocument):
            applications[key] = model
        if faults:
            choice.faulty.add(key)
            choice.faults += faults
    for cycle in check.cycles(applications):
        for name in cycle[:-1]:
            source = choice.candidates[("Application", name)]
            what = f"dependsOn goes round in a circle: {' -> '.join(cycle)}"
            choice.faults.append(source.fault(("spec", "dependsOn"), what, "remove one of these dependencies"))
            choice.faulty.add(source.key)


def _check_faulty_beside_others(choice: _Choice) -> None:
    """Report what else is wrong with documents that have a fault of their own: all faults come at once."""
    known = {**choice.candidates, **choice.chosen()}
    context = choice.core.context({key: source.file for key, source in known.items()})
    for key in sorted(choice.faulty & set(choice.candidates)):
        source = choice.candidates[key]
        found = [*_unknown_references(choice, known, source), *_findings_of(choice, source, context)]
        choice.faults += [finding.fault for finding in found]


def _findings(choice: _Choice, chosen: Mapping[Key, Source]) -> dict[Key, list[Finding]]:
    context = choice.core.context({key: source.file for key, source in chosen.items()})
    return {
        key: [
            *_unknown_references(choice, chosen, source),
            *_findings_of(choice, source, context),
        ]
        for key, source in chosen.items()
    }


def _findings_of(choice: _Choice, source: Source, context: check.Context) -> Iterator[Finding]:
    model = choice.model(source)
    if isinstance(model, RolloutStrategyDocument):
        yield from check.strategy_findings(source, model, context)
    elif isinstance(model, ApplicationDocument):
        yield from check.application_findings(source, model, context)
        yield from _expect_findings(choice, source, model, context)


def _references(model: AnyDocument | None) -> Iterator[check.Reference]:
    if isinstance(model, (ApplicationDocument, RolloutStrategyDocument)):
        yield from check.references(model)


def _is_faulty(choice: _Choice, key: Key) -> bool:
    return key in choice.faulty and key in choice.candidates


def _spread(choice: _Choice) -> None:
    """Mark what refers to a faulty document, and what refers to that; a document that did not change is not marked."""
    users: dict[Key, list[tuple[Source, check.Reference]]] = {}
    for source in choice.candidates.values():
        if not source.same_as(choice.last.sources.get(source.key)):
            for reference in _references(choice.model(source)):
                users.setdefault((reference.kind, reference.name), []).append((source, reference))
    waiting = sorted(choice.faulty & set(choice.candidates))
    while waiting:
        for source, reference in users.pop(waiting.pop(), []):
            if source.key not in choice.faulty:
                what = f"{reference.kind} {reference.name} has a fault"
                choice.faults.append(source.fault(reference.path, what, "correct that one first"))
                choice.faulty.add(source.key)
                waiting.append(source.key)


def _unknown_references(choice: _Choice, known: Mapping[Key, Source], source: Source) -> Iterator[Finding]:
    for reference in _references(choice.model(source)):
        key = (reference.kind, reference.name)
        if key not in known and not _is_faulty(choice, key):
            names = (name for kind, name in known if kind == reference.kind)
            what = f"{reference.kind} {reference.name!r} is not known"
            yield Finding(
                source.fault(reference.path, what, choice.core.suggestions.nearest(reference.name, names, "declare it"))
            )


def _open_clusters(application: fleet.Application, context: check.Context) -> Iterable[fleet.Cluster]:
    project = context.projects.get(application.project)
    return [] if project is None else [c for c in context.clusters.values() if project.allows_cluster(c.labels)]


def _expect_findings(
    choice: _Choice, source: Source, model: ApplicationDocument, context: check.Context
) -> Iterator[Finding]:
    if all(target.expect is None for target in model.spec.targets) or choice.core.unsure:
        return
    application = build.application(source, model, choice.core.spec.defaults)
    yield from check.expect_findings(source, application, _open_clusters(application, context))


def _scoped(choice: _Choice, chosen: dict[Key, Source], findings: Mapping[Key, list[Finding]]) -> Scoped:
    scoped = Scoped(sources=chosen, faults=choice.faults)
    context = choice.core.context({})
    for key, source in chosen.items():
        model = choice.model(source)
        if not isinstance(model, ApplicationDocument):
            continue
        application = build.application(source, model, choice.core.spec.defaults)
        blocks = [finding.fault.what for finding in findings[key] if finding.effect is Effect.BLOCK]
        held = any(finding.effect is Effect.HOLD for finding in findings[key])
        if held:
            application = replace(application, held=choice.last.selections.get(source.name, {}))
        if blocks:
            application = replace(application, blocked="; ".join(blocks))
        scoped.applications[source.name] = application
        if any(target.expect is not None for target in application.targets):
            scoped.selections[source.name] = _selection(application, _open_clusters(application, context))
    scoped.notices = list(_notices(choice, chosen))
    return scoped


def _selection(application: fleet.Application, clusters: Iterable[fleet.Cluster]) -> dict[str, str]:
    taken = ((cluster.name, fleet.target_of(application, cluster)) for cluster in clusters)
    return {name: target.name for name, target in taken if target is not None}


def _notices(choice: _Choice, chosen: Mapping[Key, Source]) -> Iterator[Fault]:
    for key, source in choice.last.sources.items():
        if source.kind != "Application" or key in chosen or key in choice.faulty:
            continue
        model = cast("ApplicationDocument | None", choice.model(source))
        if model is not None and model.spec.state is fleet.ApplicationState.RETIRED:
            continue
        what = f"Application {source.name} {choice.reading.departure_of(source)}: its objects stay where they are"
        remedy = "put it back with state: retired to remove them"
        yield Fault(source.file, source.line, what, remedy, FaultScope.NOTICE, source.kind, source.name)
