"""How far a commit has come: which placements have it, which wait for it and for what, and where it failed.

A placement has a commit if what was applied came from it or from one that contains it. An application is touched only
where the commit, or one after it, changed what the application reads of its source; all others have nothing to do with
it, and are counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, or_, select

from common.domain.answers import Await, Standing, awaited
from common.domain.health import Health
from common.domain.placements import PlacementState
from common.domain.refs import PlacementRef
from common.domain.revisions import SourceRevision
from common.domain.runs import SyncStatus
from common.domain.status import Reason
from common.store.engine.dialect import batched, fixed
from common.store.reads import commits, placements
from common.store.reads.alike import MOST_NAMED, Alike, grouped
from common.store.reads.commits import CommitView, Contents, Line
from common.store.schema.tables import FaultRow, FleetRow, FleetSnapshotRow, PlacementRow, SourceDigestRow
from common.store.state import faults, placement_sources
from common.store.state.status import failure_of
from common.store.state.stored_reasons import reason_in
from common.store.state.stored_sources import sources_in


@dataclass(frozen=True, slots=True)
class Having:
    """Placements of one application that have the commit: how many, and the first of them by name."""

    application: str
    count: int
    refs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """Who has something, who waits for it, and where it failed.

    Attributes:
        has: by application.
        waits: by what they wait for.
        failed: by why.
        counts: how many of each: ``has``, ``waits``, ``failed``.
    """

    has: tuple[Having, ...]
    waits: tuple[Alike, ...]
    failed: tuple[Alike, ...]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SourceStand:
    """A source that was resolved to the commit, or passed it.

    Attributes:
        seen_at: when it came.
        lost_at: when it was seen that the source does not contain it any more; None while it does.
        newest: what the source is now.
    """

    repo: str
    ref: str
    seen_at: datetime
    lost_at: datetime | None
    newest: CommitView


@dataclass(frozen=True, slots=True)
class RegistryStand:
    """How the commit stands in the registry's own repository.

    Attributes:
        in_force: whether what is in force contains it.
        lost_at: when it was seen that the registry does not contain it any more; None while it does.
        faults: that are open in the registry; with some, a commit may not be in force, or not all of it.
        spread: placements of the whole fleet by whether they are at what is in force; None where it is not.
    """

    in_force: bool
    lost_at: datetime | None
    faults: int
    spread: Spread | None


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a commit has come.

    Attributes:
        commit: what is known of it.
        earlier: what the same tag or version meant before, newest first; empty where no such name was asked for.
        sources: that have, or had, the commit.
        untouched: applications that follow these and of which neither it nor a later one changed anything.
        spread: placements of the applications that it, or a later one, changed.
        registry: None where it is no commit of the registry.
    """

    commit: CommitView
    earlier: tuple[CommitView, ...]
    sources: tuple[SourceStand, ...]
    untouched: int
    spread: Spread
    registry: RegistryStand | None


def reach(connection: Connection, lines: Sequence[Line], earlier: Sequence[CommitView] = ()) -> Reach:
    """Return how far a commit has come.

    Args:
        connection: to read by.
        lines: the commit in each source, and in the registry, that has or had it; at least one.
        earlier: what the name that was asked for meant before.
    """
    wanted = {line.source_id: line for line in lines if line.source_id is not None}
    history = {id_: commits.lines_of(connection, id_) for id_ in wanted}
    asked = _Asked(commits.sources_of(connection, wanted), wanted, Contents(sum(history.values(), ())))
    touched, untouched = _applications(connection, asked)
    in_registry = next((line for line in lines if line.source_id is None), None)
    return Reach(
        commit=lines[0].view,
        earlier=tuple(earlier),
        sources=tuple(_stands(asked, history)),
        untouched=untouched,
        spread=_spread(_sorted(connection, asked, touched)),
        registry=None if in_registry is None else _registry(connection, in_registry),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """The commit that is asked about: its line in each source, and which commits of these contain it."""

    keys: Mapping[int, tuple[str, str, str]]
    lines: Mapping[int, Line]
    contents: Contents

    @property
    def is_lost(self) -> bool:
        """Whether no source contains it any more: nobody is to have it then, and some may run it still."""
        return all(line.lost_at is not None for line in self.lines.values())

    def within(self, sources: Iterable[SourceRevision]) -> bool:
        """Return whether one of these sources was resolved to a commit that contains it."""
        return any(self.contents.holds(one.commit, line) for one in sources for line in self._of(one))

    def _of(self, one: SourceRevision) -> Iterator[Line]:
        """Yield its lines in the source; in all of them where the source is not known."""
        key = None if one.source is None else one.source.key
        return (line for id_, line in self.lines.items() if key in {None, self.keys[id_]})


def _stands(asked: _Asked, history: Mapping[int, Sequence[Line]]) -> Iterator[SourceStand]:
    for id_, line in sorted(asked.lines.items()):
        repo, _, ref = asked.keys[id_]
        newest = next((one for one in reversed(history[id_]) if one.lost_at is None), history[id_][-1])
        yield SourceStand(repo, ref, line.seen_at, line.lost_at, newest.view)


def _applications(connection: Connection, asked: _Asked) -> tuple[frozenset[str], int]:
    """Return the applications that the commit or a later one changed, and how many others follow its sources.

    Of one that was lost, any application may still run it.
    """
    columns = (SourceDigestRow.source_id, SourceDigestRow.application, SourceDigestRow.commit)
    touched: set[str] = set()
    others: set[str] = set()
    for ids in batched(sorted(asked.lines)):
        for row in connection.execute(select(*columns).where(SourceDigestRow.source_id.in_(ids))):
            changed = asked.is_lost or asked.contents.holds(row.commit, asked.lines[row.source_id])
            (touched if changed else others).add(row.application)
    return frozenset(touched), len(others - touched)


@dataclass(slots=True)
class _Sorted:
    """Placements as they were sorted."""

    has: dict[str, list[str]] = field(default_factory=dict)
    waits: list[tuple[str, Reason]] = field(default_factory=list)
    failed: list[tuple[str, Reason]] = field(default_factory=list)

    def behind(self, row: Any, otherwise: Reason) -> None:
        """Take in a placement that does not have it; ``otherwise`` is what it waits for where nothing else is said."""
        ref, failure = str(PlacementRef(row.cluster, row.application)), failure_of(row)
        if failure is not None and row.sync_status == SyncStatus.FAILED:
            self.failed.append((ref, Reason(failure.code, failure.params)))
            return
        why = awaited(_standing(row, ref))
        self.waits.append((ref, otherwise if why.code == Await.RUN else why))


def _sorted(connection: Connection, asked: _Asked, touched: Iterable[str]) -> _Sorted:
    found = _Sorted()
    query = select(*placements.COLUMNS).where(PlacementRow.state == fixed(PlacementState.PLACED.value))
    for names in batched(sorted(touched)):
        mine = query.where(PlacementRow.application.in_(names))
        rows = connection.execute(mine.order_by(PlacementRow.application, PlacementRow.cluster)).all()
        wanted = placement_sources.of(connection, [row.id for row in rows])
        for row in rows:
            if asked.within(sources_in(row.applied_sources)):
                found.has.setdefault(row.application, []).append(str(PlacementRef(row.cluster, row.application)))
            elif asked.is_lost:
                continue
            elif asked.within(wanted.get(row.id, ())):
                found.behind(row, Reason(Await.RUN))
            elif _follows(asked, wanted.get(row.id, ())):
                found.behind(row, Reason(Await.PLAN))
    return found


def _follows(asked: _Asked, wanted: Sequence[SourceRevision]) -> bool:
    """Return whether a placement is to run what one of the sources is: others of its application may be pinned."""
    keys = set(asked.keys.values())
    return not wanted or any(one.source is None or one.source.key in keys for one in wanted)


def _standing(row: Any, ref: str) -> Standing:
    return Standing(
        ref=ref,
        status=SyncStatus(row.sync_status),
        health=Health(row.health),
        hold=reason_in(row, "hold"),
        contact=reason_in(row, "contact"),
        found=reason_in(row, "found"),
        failure=None,
        retry_at=row.retry_at,
        paused_by=row.paused_by or "",
    )


def _spread(found: _Sorted) -> Spread:
    having = (Having(name, len(refs), tuple(refs[:MOST_NAMED])) for name, refs in sorted(found.has.items()))
    counts = {"has": sum(map(len, found.has.values())), "waits": len(found.waits), "failed": len(found.failed)}
    return Spread(tuple(having), grouped(found.waits), grouped(found.failed), counts)


def _registry(connection: Connection, line: Line) -> RegistryStand:
    contents = Contents(commits.lines_of(connection, None))
    query = select(FleetSnapshotRow.commit).join(FleetRow, FleetRow.snapshot_id == FleetSnapshotRow.id)
    commit = connection.execute(query).scalar_one_or_none()
    in_force = commit is not None and contents.holds(commit, line)
    wrong = select(func.count()).select_from(FaultRow)
    open_ = connection.execute(wrong.where(FaultRow.scope == faults.REGISTRY, FaultRow.cleared_at.is_(None)))
    spread = _spread(_whole(connection)) if in_force else None
    return RegistryStand(in_force, line.lost_at, int(open_.scalar_one()), spread)


def _whole(connection: Connection) -> _Sorted:
    """Return the placements of the fleet by whether they are at what the registry in force asks for."""
    found = _Sorted()
    desired = (PlacementRow.desired_source_digest, PlacementRow.desired_parameters_digest)
    applied = (PlacementRow.applied_source_digest, PlacementRow.applied_parameters_digest)
    placed = PlacementRow.state == fixed(PlacementState.PLACED.value)
    same = [one == other for one, other in zip(desired, applied, strict=True)]
    query = select(PlacementRow.cluster, PlacementRow.application).where(placed, *same)
    for row in connection.execute(query.order_by(PlacementRow.application, PlacementRow.cluster)):
        found.has.setdefault(row.application, []).append(str(PlacementRef(row.cluster, row.application)))
    differ = or_(
        *(one.is_distinct_from(other) for one, other in zip(desired, applied, strict=True)), desired[0].is_(None)
    )
    for row in connection.execute(select(*placements.COLUMNS).where(placed, differ)):
        found.behind(row, Reason(Await.RUN))
    return found
