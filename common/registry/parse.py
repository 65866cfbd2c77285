"""From the files of a commit to the fleet that is in force after it, and every fault on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from common.domain.fleet import Application, Fleet, FleetRole, HealthRule, LeavingBounds
from common.registry import build
from common.registry.core import Core, read_core
from common.registry.documents import Documents, Reading, read_files
from common.registry.faults import Fault, FaultScope, Suggestions, capped
from common.registry.schema import RolloutStrategyDocument, SyncWindowDocument
from common.registry.scope import Scoped, choose
from common.registry.translate import validated

_MOST_FAULTS = 1_000


@dataclass(frozen=True, slots=True)
class ParsedRegistry:
    """What a commit amounts to.

    Attributes:
        fleet: in force from now on; of the last good commit if this one is refused; None if there is none.
        documents: what is in force, to be stored and given back with the next commit.
        faults: everything wrong, by file and line.
        notices: what is not wrong but should be known.
        refused: whether the commit changes nothing.
    """

    fleet: Fleet | None
    documents: Documents
    faults: tuple[Fault, ...]
    notices: tuple[Fault, ...]
    refused: bool


def parse(files: Mapping[str, bytes], last_good: Documents | None = None) -> ParsedRegistry:
    """Return the fleet that is in force after a commit, and every fault of it.

    Args:
        files: content by path from the registry's root; other than YAML and JSON, and hidden ones, are left out.
        last_good: what was in force before; None at first.
    """
    last = last_good or Documents()
    suggestions = Suggestions()
    reading = read_files(files, last, suggestions)
    core, scoped = _read(reading, last, suggestions)
    faults = capped([*reading.faults, *core.faults, *scoped.faults], _MOST_FAULTS)
    if any(fault.scope is FaultScope.REFUSES for fault in faults):
        return ParsedRegistry(restore(last), last, faults, (), refused=True)
    notices = capped([*core.notices, *scoped.notices], _MOST_FAULTS)
    documents = Documents({**core.sources, **scoped.sources}, scoped.selections)
    return ParsedRegistry(_fleet(core, scoped), documents, faults, notices, refused=False)


def restore(documents: Documents) -> Fleet | None:
    """Return the fleet of stored documents, or None if they hold none (any more)."""
    reading = Reading(sources=list(documents.sources.values()))
    core, scoped = _read(reading, documents, Suggestions(0))
    if any(fault.scope is FaultScope.REFUSES for fault in core.faults):
        return None
    return _fleet(core, scoped)


def _read(reading: Reading, last: Documents, suggestions: Suggestions) -> tuple[Core, Scoped]:
    core = read_core(reading, last, suggestions)
    return core, choose(core, reading, last)


def _with_rules(applications: Mapping[str, Application], rules: tuple[HealthRule, ...]) -> Mapping[str, Application]:
    """Return applications with the fleet's rules of health after their own, which go first."""
    if not rules:
        return applications
    return {name: replace(one, health=(*one.health, *rules)) for name, one in applications.items()}


def _fleet(core: Core, scoped: Scoped) -> Fleet:
    strategies, windows = {}, {}
    for source in scoped.sources.values():
        document, _ = validated(source)
        if isinstance(document, RolloutStrategyDocument):
            strategies[source.name] = build.strategy(source, document)
        elif isinstance(document, SyncWindowDocument):
            windows[source.name] = build.window(source, document)
    leaving = core.spec.leaving
    return Fleet(
        name=core.name,
        vocabulary=core.vocabulary or {},
        leaving=LeavingBounds(leaving.max_placements, leaving.max_percent),
        prune_budget=core.spec.prune_budget.max_objects,
        clusters=core.clusters,
        groups=core.groups,
        applications=_with_rules(scoped.applications, tuple(core.health.values())),
        strategies=strategies,
        windows=windows,
        projects=core.context({}).projects,
        roles=tuple(FleetRole(role.name, tuple(role.groups)) for role in core.spec.roles),
        links=build.links(core.spec.links),
        where=core.where,
    )
