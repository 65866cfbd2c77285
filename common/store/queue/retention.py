"""What is old goes: runs with all that hangs on them, and whatever else would grow for ever.

It goes in small transactions, each found by an index, none waiting for what another holds; so it runs beside the work.
The database refuses to delete anything younger than the horizon that such a transaction states at its beginning, and
what is kept for good; see ``schema.triggers``. Whoever adds a table that grows adds a line to ``RETAINED``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, exists, literal, literal_column, select, text, tuple_

from common.domain.errors import PermanentError
from common.domain.refs import LEAST_UUID
from common.store.engine.dialect import insert, table_of
from common.store.engine.errors import DatabaseBusyError, DatabaseError, sqlstate
from common.store.engine.session import Database
from common.store.queue import months
from common.store.schema.months import PARTED, Partition, first_id_at, make_ahead
from common.store.schema.tables import (
    ApprovalRow,
    AttemptRow,
    Base,
    EventRow,
    FaultRow,
    FleetRow,
    FleetSnapshotRow,
    IdempotencyKeyRow,
    Instant,
    IntentRow,
    ObjectResultRow,
    PlannedChangeRow,
    PruneSpendingRow,
    RetentionRow,
    RunRow,
    SourceRow,
    Uuid,
)
from common.store.schema.triggers import expendable

BATCH = 200
"""Runs, or rows, that one transaction looks at."""
SHORTEST = timedelta(days=1)
"""Nothing younger is deleted, whatever is asked for: what is under way may still refer to it."""
_START = datetime.min.replace(tzinfo=UTC)
_TRIES = 5
"""To lock what is parted; each is soon given up."""
_IN_USE = "55P03"
"""PostgreSQL's lock_not_available."""
_WAIT = timedelta(seconds=2)
"""Longest wait for a lock; what somebody holds goes the next time."""
_CLOSED = "(state = 'done' OR state = 'void')"
_REJECTED = (
    "EXISTS (SELECT 1 FROM approvals AS no WHERE no.kind = approvals.kind AND no.subject = approvals.subject "
    "AND no.digest = approvals.digest AND no.state = 'rejected')"
)


@dataclass(frozen=True, slots=True)
class Retained:
    """A table whose rows, numbered by ``id``, go one by one.

    Attributes:
        age: the column that says since when a row is over; with ``id`` it is indexed. Rows without it stay.
        which: which rows may go at all, in SQL as its index has it; all if empty.
        but: which of these stay, in SQL.
    """

    row: type[Base]
    age: str
    which: str = ""
    but: str = ""


RETAINED = (
    Retained(FaultRow, "cleared_at"),
    Retained(IntentRow, "handled_at"),
    Retained(IdempotencyKeyRow, "created_at"),
    # A rejection holds for ever; if what was asked for after it went, it would be the last word again.
    Retained(ApprovalRow, "decided_at", which=_CLOSED, but=_REJECTED),
)
"""Tables of which nothing hangs on a run."""
_RUN = table_of(RunRow)
_OF_RUN = tuple(map(table_of, (PlannedChangeRow, ObjectResultRow, AttemptRow)))
_SNAPSHOT = table_of(FleetSnapshotRow)
_SPENDING = table_of(PruneSpendingRow)
_EVENT = table_of(EventRow)
_EXPENDABLE: ColumnElement[bool] = literal_column(f"({expendable('runs')})")


class TooYoungError(PermanentError):
    """History was to be deleted that work under way may refer to."""

    code = "retention.too-young"


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction deleted, by table; ``after`` is where the next goes on, None where nothing is left."""

    deleted: Mapping[str, int]
    after: tuple[datetime, str] | None


def prune(database: Database, *, keep: timedelta, batch: int = BATCH) -> Iterator[Mapping[str, int]]:
    """Delete what is older than ``keep``; yield after each transaction how many rows went, by table.

    Whoever has had enough stops asking: each transaction is whole in itself.

    Args:
        database: as its tables' owner.
        keep: how long history is kept.
        batch: how many runs, or rows, one transaction looks at.

    Raises:
        TooYoungError: less than ``SHORTEST`` was to be kept.
    """
    if keep < SHORTEST:
        message = "the last day of history cannot be deleted"
        raise TooYoungError(message, remedy="Keep at least one day: what is under way refers to it.")
    with database.read() as connection:
        now = database.now(connection)
    horizon = now - keep
    put_off = yield from _months(database, now, horizon)
    after: tuple[datetime, str] | None = (_START, LEAST_UUID)
    while after is not None:
        with database.write() as connection:
            found = delete_runs(connection, horizon=horizon, after=after, limit=batch, put_off=put_off)
        after = found.after
        yield found.deleted
    deleted: Mapping[str, int] = {"": batch}
    while any(deleted.values()):
        with database.write() as connection:
            deleted = delete_rows(connection, horizon=horizon, limit=batch, put_off=put_off)
        yield deleted
    newest: int | None = 0
    while newest is not None:
        with database.write() as connection:
            gone, newest = delete_snapshots(connection, before=now - SHORTEST, after=newest, limit=batch)
        yield {_SNAPSHOT.name: gone}


def _months(database: Database, now: datetime, horizon: datetime) -> Generator[Mapping[str, int], None, str | None]:
    """Drop what is old by the month, and see that there are months to come; yield after each transaction.

    Returns:
        The id from which on nothing may go row by row, because a month was in use and is dropped the next time; None
        where there is none. A month that cannot be dropped for another reason goes row by row.
    """
    put_off: str | None = None
    with database.read() as connection:
        old = months.over(connection, horizon=horizon)
    for month in old:
        kept = yield from _kept(database, horizon, month)
        if len(kept) > months.MOST_KEPT:
            continue
        try:
            yield from _tried(lambda: _drop(database, horizon, month, kept))  # noqa: B023 - called at once
        except DatabaseBusyError as error:
            if sqlstate(error) == _IN_USE:
                put_off = put_off or month[0].lower or LEAST_UUID
        except DatabaseError:
            pass
    with suppress(DatabaseBusyError):
        yield from _tried(lambda: _make_ahead(database, now))
    with suppress(DatabaseBusyError), database.write() as connection:
        if months.over(connection, horizon=horizon) != old:
            # The server counts partitions by itself, and no table that has them.
            connection.execute(text(f"ANALYZE {', '.join(PARTED)}"))
    return put_off


def _kept(
    database: Database, horizon: datetime, month: tuple[Partition, ...]
) -> Generator[Mapping[str, int], None, list[str]]:
    """Return which runs of a month are kept, or the first of them that are too many."""
    kept: list[str] = []
    runs = months.runs_of(month)
    after: str | None = LEAST_UUID
    while runs is not None and after is not None and len(kept) <= months.MOST_KEPT:
        with _under(database, horizon) as connection:
            found, after = months.kept(connection, runs, after=after, limit=months.SLICE)
        kept += found
        yield {}
    return kept


def _tried(step: Callable[[], Mapping[str, int]]) -> Iterator[Mapping[str, int]]:
    """Yield what a step that locks tables deleted, and nothing for each try in which somebody used them.

    Raises:
        DatabaseBusyError: they were in use in every try.
    """
    for left in reversed(range(_TRIES)):
        try:
            deleted = step()
        except DatabaseBusyError:
            if not left:
                raise
            yield {}
        else:
            yield deleted
            return


def _drop(
    database: Database, horizon: datetime, month: tuple[Partition, ...], kept: Sequence[str]
) -> Mapping[str, int]:
    with _under(database, horizon) as connection:
        return months.drop(connection, month, kept)


def _make_ahead(database: Database, now: datetime) -> Mapping[str, int]:
    with database.write() as connection:
        make_ahead(connection, now=now)
    return {}


@contextmanager
def _under(database: Database, horizon: datetime) -> Iterator[Connection]:
    """Give a connection of a writing transaction that states a horizon."""
    with database.write() as connection:
        _state_horizon(connection, horizon)
        yield connection
        _forget_horizon(connection)


def delete_runs(
    connection: Connection,
    *,
    horizon: datetime,
    after: tuple[datetime, str],
    limit: int,
    put_off: str | None = None,
) -> Batch:
    """Delete the expendable among the next runs that ended before ``horizon``, with all that hangs on them.

    Args:
        connection: of a writing transaction that does nothing else.
        horizon: nothing that ended later goes.
        after: end and id of the last run that was looked at before.
        limit: how many are looked at.
        put_off: the id from which on no run goes, though it is old; None for no such bound.
    """
    _state_horizon(connection, horizon)
    place = tuple_(_RUN.c.ended_at, _RUN.c.id)
    behind = place > tuple_(literal(after[0], Instant()), literal(after[1], Uuid))
    old: list[Any] = [text("ended_at IS NOT NULL"), _RUN.c.ended_at < horizon, behind]
    old += [_RUN.c.id < below for below in (months.row_by_row(connection, horizon=horizon), put_off) if below]
    next_ = select(_RUN.c.ended_at, _RUN.c.id).where(*old).order_by(*place).limit(limit)
    found = connection.execute(next_).all()
    deleted = _delete_expendable(connection, [id_ for _, id_ in found])
    _forget_horizon(connection)
    return Batch(deleted, (found[-1][0], found[-1][1]) if len(found) == limit else None)


def delete_rows(connection: Connection, *, horizon: datetime, limit: int, put_off: str | None = None) -> dict[str, int]:
    """Delete up to ``limit`` rows of each retained table that are over since before ``horizon``; return how many went.

    Those of which nothing says how old they are go when nothing needs them; of events none from ``put_off`` on.
    """
    _state_horizon(connection, horizon)
    deleted = {}
    for one in RETAINED:
        table = table_of(one.row)
        old: list[ColumnElement[bool]] = [table.c[one.age] < horizon]
        old += [literal_column(one.which)] if one.which else []
        old += [~literal_column(f"({one.but})")] if one.but else []
        oldest = select(table.c.id).where(*old).order_by(table.c[one.age], table.c.id).limit(limit)
        # Two statements: planned for any limit, one would read the whole table.
        locked = connection.execute(oldest.with_for_update(skip_locked=True)).scalars().all()
        deleted[table.name] = _delete(connection, table.c.id, locked)
    deleted[_SPENDING.name] = _delete_spending(connection, limit)
    deleted[_EVENT.name] = _delete_events(connection, horizon, limit, put_off)
    _forget_horizon(connection)
    return deleted


def delete_snapshots(connection: Connection, *, before: datetime, after: int, limit: int) -> tuple[int, int | None]:
    """Delete those of the next snapshots, made before ``before``, that nothing refers to.

    Returns:
        How many went, and the last that was looked at; None where nothing is left to look at.
    """
    in_force = select(FleetRow.snapshot_id).scalar_subquery()
    older = (_SNAPSHOT.c.id > after, _SNAPSHOT.c.id < in_force, _SNAPSHOT.c.created_at < before)
    needed = exists().where(_RUN.c.snapshot_id == _SNAPSHOT.c.id)
    resolved = exists().where(SourceRow.resolved_snapshot_id == _SNAPSHOT.c.id)
    next_ = select(_SNAPSHOT.c.id, needed | resolved).where(*older).order_by(_SNAPSHOT.c.id).limit(limit)
    found = connection.execute(next_).all()
    if unneeded := [id_ for id_, kept in found if not kept]:
        connection.execute(delete(_SNAPSHOT).where(_SNAPSHOT.c.id.in_(unneeded)))
    return len(unneeded), found[-1][0] if len(found) == limit else None


def _state_horizon(connection: Connection, horizon: datetime) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = {int(_WAIT.total_seconds() * 1000)}"))
    stated = insert(connection, RetentionRow).values(id=1, horizon=horizon)
    connection.execute(stated.on_conflict_do_update(index_elements=["id"], set_={"horizon": horizon}))


def _forget_horizon(connection: Connection) -> None:
    connection.execute(delete(RetentionRow))


def _delete_expendable(connection: Connection, runs: Sequence[str]) -> dict[str, int]:
    mine = select(_RUN.c.id).where(_RUN.c.id.in_(runs), _EXPENDABLE).with_for_update(skip_locked=True, of=_RUN)
    locked = connection.execute(mine).scalars().all()
    if not locked:
        return {}
    hanging = {table.name: _delete(connection, table.c.run_id, locked) for table in _OF_RUN}
    return hanging | {_RUN.name: _delete(connection, _RUN.c.id, locked)}


def _delete_spending(connection: Connection, limit: int) -> int:
    """Delete what stands for revisions under which no placement removes anything any more."""
    other = _SPENDING.alias("other")
    spent = exists().where(
        other.c.application == _SPENDING.c.application,
        other.c.source_digest == _SPENDING.c.source_digest,
        other.c.placement_id > 0,
    )
    key = (_SPENDING.c.application, _SPENDING.c.source_digest)
    first = text("prune_spending.placement_id = 0")
    over = select(*key).where(first, ~spent).limit(limit).with_for_update(skip_locked=True, of=_SPENDING)
    found = connection.execute(over).all()
    for application, digest in found:
        connection.execute(delete(_SPENDING).where(key[0] == application, key[1] == digest, first))
    return len(found)


def _delete_events(connection: Connection, horizon: datetime, limit: int, put_off: str | None) -> int:
    """Delete the oldest events, whose ids sort by time."""
    bounds = (first_id_at(horizon), months.row_by_row(connection, horizon=horizon), put_off)
    old = (_EVENT.c.id < min(filter(None, bounds)), _EVENT.c.at < horizon)
    oldest = select(_EVENT.c.id).where(*old).order_by(_EVENT.c.id).limit(limit).with_for_update(skip_locked=True)
    return _delete(connection, _EVENT.c.id, connection.execute(oldest).scalars().all())


def _delete(connection: Connection, column: Any, which: Sequence[Any]) -> int:
    if not which:
        return 0
    return connection.execute(delete(column.table).where(column.in_(which))).rowcount
