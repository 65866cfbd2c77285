"""Answers to what people ask about one placement, or one application, every day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from common.domain.changes import DIFFERENCES, Action
from common.domain.health import WELL, Health
from common.domain.refs import PlacementRef, RunId
from common.domain.revisions import SourceRevision
from common.domain.rights import Scope
from common.store.engine.dialect import fixed
from common.store.events import stream
from common.store.events.stream import EventFilter
from common.store.reads import commits, placements, runs
from common.store.reads.commits import CommitView, Facts
from common.store.reads.cut import within
from common.store.reads.events import EventView, views
from common.store.reads.placements import ObjectView, PlacementView
from common.store.reads.runs import ObjectResultView, RunDetail, RunView
from common.store.reads.steps import StepView, next_steps
from common.store.schema.tables import PlacementRow
from common.store.state import placement_sources

LATELY = 10
"""Events that are told of a placement."""
_LOOKED_AT = 20
"""Runs that are looked through for the last that changed something."""
_MOST_OBJECTS = 20


@dataclass(frozen=True, slots=True)
class SourceCommit:
    """What one source of a revision was resolved to, with what is known of it."""

    repo: str
    ref: str
    commit: CommitView


@dataclass(frozen=True, slots=True)
class WhyAnswer:
    """Why a placement is as it is.

    Attributes:
        wanted: where its wanted revision comes from, source by source; empty while that is unresolved.
        applied: where the applied one came from, alike.
        last_failure: the last of its runs that failed; None where none did that is still known.
        last_change: the last of its runs that changed objects, or was to; None alike.
        changes: what that run did to objects, the first of them, each with the fields that differed.
        unhealthy: its objects that are not well, the first of them.
        events: the last of what came about, oldest first.
        next_steps: what a person does, the first thing first; never empty.
    """

    placement: PlacementView
    wanted: tuple[SourceCommit, ...]
    applied: tuple[SourceCommit, ...]
    last_failure: RunView | None
    last_change: RunView | None
    changes: tuple[ObjectResultView, ...]
    unhealthy: tuple[ObjectView, ...]
    events: tuple[EventView, ...]
    next_steps: tuple[StepView, ...]


def why(connection: Connection, scope: Scope, view: PlacementView) -> WhyAnswer:
    """Return why a placement is as it is."""
    ref = PlacementRef(view.cluster, view.application)
    wanted, applied = source_commits(connection, scope, ref)
    changed = _last_changed(connection, scope, ref)
    ill = tuple(one for one in placements.objects(connection, scope, ref) if _is_ill(one))
    return WhyAnswer(
        placement=view,
        wanted=wanted,
        applied=applied,
        last_failure=runs.last_failed(connection, scope, ref),
        last_change=None if changed is None else changed.run,
        changes=() if changed is None else _shown(changed),
        unhealthy=ill[:_MOST_OBJECTS],
        events=views(stream.latest(connection, EventFilter(scope, view.cluster, view.application), limit=LATELY)),
        next_steps=next_steps(connection, scope, view),
    )


def source_commits(
    connection: Connection, scope: Scope, ref: PlacementRef
) -> tuple[tuple[SourceCommit, ...], tuple[SourceCommit, ...]]:
    """Return where a placement's wanted revision comes from, and where the applied one came from."""
    wanted, applied = placements.sources(connection, scope, ref)
    known = commits.facts(connection, scope, (wanted, applied))
    return _with(known, wanted), _with(known, applied)


def _is_ill(one: ObjectView) -> bool:
    """Return whether an object is not well; one whose health nobody looks at is unknown, and says nothing of it."""
    return one.health not in WELL and not (one.health == Health.UNKNOWN and not one.health_reason_code)


def _shown(changed: RunDetail) -> tuple[ObjectResultView, ...]:
    told = [one for one in changed.objects if one.action in DIFFERENCES or one.action == Action.FAILED]
    return tuple(told[:_MOST_OBJECTS])


def _last_changed(connection: Connection, scope: Scope, ref: PlacementRef) -> RunDetail | None:
    for one in runs.latest(connection, scope, ref, limit=_LOOKED_AT):
        if any(one.counts.get(action) for action in (*DIFFERENCES, Action.FAILED)):
            return runs.run(connection, scope, RunId(one.id))
    return None


def _with(known: Facts, sources: Sequence[SourceRevision]) -> tuple[SourceCommit, ...]:
    return tuple(_one(known, one) for one in sources)


def _one(known: Facts, one: SourceRevision) -> SourceCommit:
    repo, _, ref = ("", "", "") if one.source is None else one.source.key
    return SourceCommit(repo, ref, known.of(one))


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an application, and where it runs.

    Attributes:
        sources: what it came from, source by source; empty where nothing was applied yet.
        clusters: that have it, by name.
        wanted: how many clusters are to have it.
        sync: how many of them are synced, failed, …
        health: how many of them are healthy, degraded, …
    """

    sources: tuple[SourceCommit, ...]
    clusters: tuple[str, ...]
    wanted: int
    sync: dict[str, int]
    health: dict[str, int]


def versions(connection: Connection, scope: Scope, application: str) -> tuple[Version, ...]:
    """Return which version of an application runs where or is to, newest first; what runs nowhere yet comes last."""
    columns = (PlacementRow.id, PlacementRow.cluster, PlacementRow.applied_sources, PlacementRow.sync_status)
    mine = [PlacementRow.application == application, PlacementRow.state != fixed("left")]
    mine += within(scope, PlacementRow.project)
    query = select(*columns, PlacementRow.health, *placements.IDENTITY).where(*mine).order_by(PlacementRow.cluster)
    rows = connection.execute(query).all()
    desired = placement_sources.of(connection, [row.id for row in rows])
    wanted = Counter(map(_bare, desired.values()))
    found: dict[tuple[SourceRevision, ...], list[Any]] = {sources: [] for sources in wanted}
    for row in rows:
        found.setdefault(_bare(placements.current_sources(row, desired.get(row.id, ()))), []).append(row)
    known = commits.facts(connection, scope, found)
    made = (_version(known, sources, those, wanted[sources]) for sources, those in found.items())
    return tuple(sorted(made, key=_newest))


def _bare(sources: Sequence[SourceRevision]) -> tuple[SourceRevision, ...]:
    """Return the sources of a revision without what renders them, which is no part of a version."""
    return tuple(SourceRevision(one.source, one.commit) for one in sources)


def _version(known: Facts, sources: Sequence[SourceRevision], rows: Sequence[Any], wanted: int) -> Version:
    return Version(
        sources=_with(known, sources),
        clusters=tuple(row.cluster for row in rows),
        wanted=wanted,
        sync=dict(Counter(row.sync_status for row in rows)),
        health=dict(Counter(row.health for row in rows)),
    )


def _newest(version: Version) -> tuple[Any, ...]:
    at = [one.commit.at.timestamp() for one in version.sources if one.commit.at is not None]
    return (not version.sources, -max(at, default=0), -len(version.clusters), version.clusters)
