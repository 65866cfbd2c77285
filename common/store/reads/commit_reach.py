"""How far a commit has come: which placements have it, which wait for it and for what, and where it failed.

A placement has a commit if what was applied came from it or from one that contains it; whether it is synced there is
told apart. An application is touched only where the commit, or one after it, changed what the application reads of its
source; all others have nothing to do with it, and are counted. Of commits that came together only the last is where a
revision comes from: which of them changed what is not known, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, or_, select

from common.domain import formatting
from common.domain.answers import Await, awaited
from common.domain.holds import Hold
from common.domain.placements import PlacementState
from common.domain.refs import PlacementRef
from common.domain.revisions import SourceRevision
from common.domain.rights import Scope
from common.domain.runs import SyncStatus
from common.domain.status import Reason
from common.store.engine.dialect import batched, fixed
from common.store.reads import commits, placements
from common.store.reads.alike import MOST_NAMED, Alike, grouped
from common.store.reads.commits import Address, CommitView, Contents, Line, Seen
from common.store.reads.cut import of_applications, within
from common.store.schema.tables import FaultRow, FleetRow, FleetSnapshotRow, PlacementRow, SourceDigestRow, SourceRow
from common.store.state import faults, placement_sources
from common.store.state.status import failure_of
from common.store.state.stored_reasons import reason_in

MOST_SOURCES = 20


@dataclass(frozen=True, slots=True)
class Having:
    """Placements of one application that have the commit and are synced: how many, and the first of them by name."""

    application: str
    count: int
    refs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """Who has something, who waits for it, and where it failed.

    Attributes:
        has: and is synced there, by application.
        unsynced: has it and is not synced, by why: removals wait for a person, something differs, it failed since.
        waits: by what they wait for.
        failed: by why.
        counts: how many of each: ``has``, ``unsynced``, ``waits``, ``failed``.
    """

    has: tuple[Having, ...]
    unsynced: tuple[Alike, ...]
    waits: tuple[Alike, ...]
    failed: tuple[Alike, ...]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SourceStand:
    """A source that was resolved to the commit, or passed it.

    Attributes:
        is_followed: whether anything in the fleet follows it still.
        seen_at: when it came.
        lost_at: when it was seen that the source does not contain it any more; None while it does.
        newest: what the source is now.
    """

    repo: str
    ref: str
    is_followed: bool
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
        sources: that have, or had, the commit; ``MOST_SOURCES`` of them, the latest first.
        more_sources: that are not among them.
        untouched: applications that follow these and of which neither it nor a later one changed anything.
        alone: applications, by name and ``MOST_NAMED`` of them, whose revision comes from it and from no other.
        unclear: which applications that are told of it may not have changed, in words; empty where it changed them all.
        spread: placements of the applications that it, or a later one, changed.
        registry: None where it is no commit of the registry.
    """

    commit: CommitView
    earlier: tuple[CommitView, ...]
    sources: tuple[SourceStand, ...]
    more_sources: int
    untouched: int
    alone: tuple[str, ...]
    unclear: str
    spread: Spread
    registry: RegistryStand | None


def reach(connection: Connection, scope: Scope, seen: Sequence[Seen], earlier: Sequence[CommitView] = ()) -> Reach:
    """Return how far a commit has come.

    Args:
        connection: to read by.
        scope: whose placements are told of; the registry's own only where it is everything.
        seen: the commit in each source, and in the registry, that has or had it; at least one.
        earlier: what the name that was asked for meant before.
    """
    mine = {one.line.source_id: one for one in seen if one.line.source_id is not None}
    known = commits.addresses(connection, mine)
    asked = _Asked(connection, {id_: one.line for id_, one in mine.items()}, known)
    together = commits.together(connection, mine.values())
    touched = _applications(connection, scope, asked, {id_: len(others) for id_, others in together.items()})
    in_registry = next((one.line for one in seen if one.line.source_id is None), None)
    stands = list(_stands(connection, mine, known))
    return Reach(
        commit=commits.agreed(seen),
        earlier=tuple(earlier),
        sources=tuple(stands[:MOST_SOURCES]),
        more_sources=max(0, len(stands) - MOST_SOURCES),
        untouched=touched.others,
        alone=tuple(sorted(touched.alone)[:MOST_NAMED]),
        unclear=_unclear(sorted(touched.all - touched.alone), max(map(len, together.values()), default=0)),
        spread=_spread(_sorted(connection, scope, asked, touched.all)),
        registry=None if in_registry is None else _registry(connection, in_registry),
    )


class _Asked:
    """The commit that is asked about, in each source of its repositories; and which commits contain it."""

    def __init__(self, connection: Connection, lines: Mapping[int, Line], known: Mapping[int, Address]) -> None:
        self._connection = connection
        self._lines = lines
        self._keys = {id_: (one.repo, one.credentials, one.ref) for id_, one in known.items()}
        self._places: dict[tuple[str, str], list[Line]] = {}
        for id_, one in known.items():
            self._places.setdefault(one.place, []).append(lines[id_])
        self._contents = Contents(())
        self._told: dict[tuple[tuple[str, str] | None, str], bool] = {}
        self.repos = frozenset(one.repo for one in known.values())
        self.keys = frozenset(key for id_, key in self._keys.items() if lines[id_].lost_at is None)
        """Of the sources that contain it: who follows one of them is to have it."""

    def learn(self, found: Iterable[str]) -> None:
        """Read what is known of these commits, which are asked about next."""
        self._contents = Contents(commits.lines_of(self._connection, self._lines, set(found)))
        self._told = {}

    def is_at(self, source_id: int, commit: str) -> bool:
        """Return whether it is this commit of this source."""
        return source_id in self._lines and self._lines[source_id].commit == commit

    def lost_in(self, source_id: int) -> bool:
        """Return whether a source had it and does not contain it any more."""
        return source_id in self._lines and self._lines[source_id].lost_at is not None

    def within(self, sources: Iterable[SourceRevision]) -> bool:
        """Return whether one of these sources was resolved to a commit that contains it."""
        return any(self.holds(None if one.source is None else one.source.key[:2], one.commit) for one in sources)

    def holds(self, place: tuple[str, str] | None, commit: str) -> bool:
        """Return whether a commit contains it, as any source of the same repository tells; of all where it is None."""
        key = (place, commit)
        if key not in self._told:
            lines = self._lines.values() if place is None else self._places.get(place, ())
            self._told[key] = any(self._contents.holds(commit, line) for line in lines)
        return self._told[key]


def _stands(connection: Connection, seen: Mapping[int, Seen], known: Mapping[int, Address]) -> Iterator[SourceStand]:
    """Yield the sources that are followed, or had the commit and lost it; the latest first."""
    newest = commits.newest(connection, seen)
    for id_, one in sorted(seen.items(), key=lambda each: -each[1].line.number):
        address = known[id_]
        if address.is_followed or one.line.lost_at is not None:
            now = newest.get(id_, one.view)
            yield SourceStand(address.repo, address.ref, address.is_followed, one.seen_at, one.line.lost_at, now)


@dataclass(frozen=True, slots=True)
class _Touched:
    """The applications that the commit or a later one changed or broke.

    Attributes:
        alone: whose revision comes from it, and nothing else came with it.
        others: how many follow the same and have nothing to do with it.
    """

    all: frozenset[str]
    alone: frozenset[str]
    others: int


def _unclear(applications: Sequence[str], others: int) -> str:
    if not applications:
        return ""
    more = len(applications) - MOST_NAMED
    which = ", ".join(applications[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    with_it = f"it came together with {formatting.of(others, 'other commit')}, or " if others else ""
    return (
        f"Whether it changed {which} itself is not known: {with_it}a later one changed the same, and only the last is "
        "kept. What follows is about whether they are at it or beyond."
    )


def _applications(connection: Connection, scope: Scope, asked: _Asked, together: Mapping[int, int]) -> _Touched:
    """Return what the commit touched; of a source that lost it, any application may still run it.

    Args:
        connection: to read by.
        scope: of whose applications.
        asked: the commit.
        together: how many others came with it, by source.
    """
    beside = commits.beside(connection, scope, asked.repos)
    columns = (SourceDigestRow.source_id, SourceDigestRow.application, SourceDigestRow.commit)
    query = select(*columns, SourceDigestRow.error_code, SourceRow.commit.label("head"))
    query = query.join(SourceRow, SourceRow.id == SourceDigestRow.source_id)
    query = query.where(*of_applications(scope, SourceDigestRow.application))
    rows = [
        row
        for ids in batched(sorted(beside))
        for row in connection.execute(query.where(SourceDigestRow.source_id.in_(ids)))
    ]
    asked.learn(commit for row in rows for commit in (row.commit, row.head) if commit)
    touched: set[str] = set()
    others: set[str] = set()
    unsure: set[str] = set()
    for row in rows:
        # What could not be read keeps the commit of what could: then what its source is decides.
        commit = row.head if row.error_code else row.commit
        changed = asked.lost_in(row.source_id) or asked.holds(beside[row.source_id].place, commit or "")
        (touched if changed else others).add(row.application)
        alone = asked.is_at(row.source_id, row.commit) and not row.error_code and not together.get(row.source_id)
        if changed and not alone:
            unsure.add(row.application)
    return _Touched(frozenset(touched), frozenset(touched - unsure), len(others - touched))


@dataclass(slots=True)
class _Sorted:
    """Placements as they were sorted."""

    has: dict[str, list[str]] = field(default_factory=dict)
    unsynced: list[tuple[str, Reason]] = field(default_factory=list)
    waits: list[tuple[str, Reason]] = field(default_factory=list)
    failed: list[tuple[str, Reason]] = field(default_factory=list)

    def having(self, row: Any) -> None:
        """Take in a placement that has it: it is done where it is synced, or what it lacks is something newer."""
        ref, found = str(PlacementRef(row.cluster, row.application)), reason_in(row, "found")
        if row.sync_status == SyncStatus.SYNCED or placements.is_behind(row):
            self.has.setdefault(row.application, []).append(ref)
            return
        failure = failure_of(row)
        if failure is not None and row.sync_status == SyncStatus.FAILED:
            self.unsynced.append((ref, Reason(failure.code, failure.params)))
            return
        why = awaited(contact=reason_in(row, "contact"), hold=reason_in(row, "hold"), found=found)
        self.unsynced.append((ref, found or why or Reason(Await.RUN)))

    def behind(self, row: Any, otherwise: Reason) -> None:
        """Take in a placement that does not have it; ``otherwise`` is what it waits for where nothing else is said."""
        ref, failure = str(PlacementRef(row.cluster, row.application)), failure_of(row)
        hold = reason_in(row, "hold")
        if hold.code == Hold.UNREADABLE:
            self.failed.append((ref, hold))
            return
        if failure is not None and row.sync_status == SyncStatus.FAILED:
            self.failed.append((ref, Reason(failure.code, failure.params)))
            return
        why = awaited(contact=reason_in(row, "contact"), hold=hold, found=reason_in(row, "found"))
        self.waits.append((ref, why or otherwise))


def _sorted(connection: Connection, scope: Scope, asked: _Asked, touched: Iterable[str]) -> _Sorted:
    found = _Sorted()
    query = select(*placements.COLUMNS, *placements.IDENTITY)
    query = query.where(PlacementRow.state == fixed(PlacementState.PLACED.value), *within(scope, PlacementRow.project))
    rows = [
        row
        for names in batched(sorted(touched))
        for row in connection.execute(query.where(PlacementRow.application.in_(names)))
    ]
    wanted = placement_sources.of(connection, [row.id for row in rows])
    runs = {row.id: placements.current_sources(row, wanted.get(row.id, ())) for row in rows}
    asked.learn(one.commit for sources in (*wanted.values(), *runs.values()) for one in sources)
    for row in sorted(rows, key=lambda one: (one.application, one.cluster)):
        sources = wanted.get(row.id, ())
        if asked.within(runs[row.id]):
            found.having(row)
        elif asked.within(sources):
            found.behind(row, Reason(Await.RUN))
        elif _follows(asked, sources):
            found.behind(row, Reason(Await.PLAN))
    return found


def _follows(asked: _Asked, wanted: Sequence[SourceRevision]) -> bool:
    """Return whether a placement is to run what one of the sources is: others of its application may be pinned."""
    if not asked.keys:
        return False
    return not wanted or any(one.source is None or one.source.key in asked.keys for one in wanted)


def _spread(found: _Sorted) -> Spread:
    having = (Having(name, len(refs), tuple(refs[:MOST_NAMED])) for name, refs in sorted(found.has.items()))
    counts = {"has": sum(map(len, found.has.values()))}
    counts |= {"unsynced": len(found.unsynced), "waits": len(found.waits), "failed": len(found.failed)}
    return Spread(tuple(having), grouped(found.unsynced), grouped(found.waits), grouped(found.failed), counts)


def _registry(connection: Connection, line: Line) -> RegistryStand:
    query = select(FleetSnapshotRow.commit).join(FleetRow, FleetRow.snapshot_id == FleetSnapshotRow.id)
    commit = connection.execute(query).scalar_one_or_none()
    at = None if commit is None else commits.registry_line(connection, commit)
    in_force = commit is not None and at is not None and Contents((at,)).holds(commit, line)
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
    query = select(*placements.COLUMNS, *placements.IDENTITY).where(placed, *same)
    for row in connection.execute(query.order_by(PlacementRow.application, PlacementRow.cluster)):
        found.having(row)
    differ = or_(
        *(one.is_distinct_from(other) for one, other in zip(desired, applied, strict=True)), desired[0].is_(None)
    )
    for row in connection.execute(select(*placements.COLUMNS).where(placed, differ)):
        found.behind(row, Reason(Await.RUN))
    return found
