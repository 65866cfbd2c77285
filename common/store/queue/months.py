"""Months of history that are old as a whole are dropped, which costs nothing by the row; what is kept of them moves.

Kept is what ``schema.triggers.expendable`` says: it goes into the partition that takes in what no month does, where it
is looked at row by row like everything on SQLite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Table, bindparam, text

from common.domain.refs import LEAST_UUID
from common.store.engine.dialect import table_of
from common.store.schema import months
from common.store.schema.months import Partition, first_id_at
from common.store.schema.tables import AttemptRow, ObjectResultRow, RunRow, Uuid
from common.store.schema.triggers import expendable

_HISTORY = tuple(map(table_of, (RunRow, AttemptRow, ObjectResultRow)))
"""Those first that others refer to."""
_OF_MONTH = "run_id >= :lower AND run_id < :upper"
MOST_KEPT = 5_000
"""Runs that are put elsewhere while the tables are locked. A month of which more are kept goes row by row."""
SLICE = 2_000
"""Runs that one statement looks at."""


def over(connection: Connection, *, horizon: datetime) -> tuple[tuple[Partition, ...], ...]:
    """Return the months of which all rows were made before ``horizon``, oldest first: what goes together of each."""
    found = [one for one in months.partitions(connection) if one.upper <= first_id_at(horizon)]
    return tuple(
        group
        for bound in sorted({one.upper for one in found})
        for tables in months.TOGETHER
        for group in (tuple(one for one in found if one.upper == bound and one.table in tables),)
        if len(group) == len(tables)
    )


def row_by_row(connection: Connection, *, horizon: datetime) -> str | None:
    """Return the id below which old rows go one by one; None where they do everywhere: on SQLite.

    A month that goes as a whole soon is left to that. What is older and still there could not go so.
    """
    lowest = [one.lower or one.upper for one in months.partitions(connection) if one.upper > first_id_at(horizon)]
    return min(lowest, default=None)


def runs_of(month: tuple[Partition, ...]) -> Partition | None:
    """Return the partition of runs that a month has; None where it is one of events."""
    return next((one for one in month if one.table == RunRow.__tablename__), None)


def kept(connection: Connection, runs: Partition, *, after: str, limit: int) -> tuple[list[str], str | None]:
    """Return which of the next runs of a month are kept, under the horizon that the transaction has stated.

    What is kept under a horizon stays a part of what is kept later: a run that is followed by a later one stays so.

    Args:
        connection: of a writing transaction.
        runs: partition of a month that is over.
        after: id of the last run that was looked at before.
        limit: how many are looked at.

    Returns:
        Their ids, and the id of the last that was looked at; None where nothing is left to look at.
    """
    stays = f"({expendable('r')}) IS NOT TRUE"
    next_ = f"SELECT r.id, {stays} FROM {runs.name} AS r WHERE r.id > :after ORDER BY r.id LIMIT :most"  # noqa: S608 - constants
    asked = text(next_).bindparams(bindparam("after", type_=Uuid)).columns(id=Uuid)
    found = connection.execute(asked, {"after": after, "most": limit}).all()
    return [id_ for id_, is_kept in found if is_kept], found[-1][0] if len(found) == limit else None


def drop(connection: Connection, month: tuple[Partition, ...], kept: Sequence[str]) -> Mapping[str, int]:
    """Drop a month, whose horizon the transaction has stated; return how many rows went, by table.

    Where a run of it is open, or what an attempt had planned may still arrive, nothing is done: its rows go one by one.
    The tables are locked at the very end, for as long as what is kept takes to be put elsewhere.

    Args:
        connection: of a writing transaction of the tables' owner.
        month: from ``over``.
        kept: ids of its runs that are kept, ``MOST_KEPT`` at most.

    Raises:
        OperationalError: the tables were not to be had.
    """
    runs = runs_of(month)
    planned = _forget_planned(connection, runs, kept) if runs is not None else {}
    if runs is not None and _is_needed(connection, runs):
        return planned
    deleted = planned | {one.table: _count(connection, one.name) for one in month}
    if runs is not None:
        for one in month:
            deleted[one.table] -= _set_aside(connection, one, kept)
    months.take(connection)
    for one in sorted(month, key=lambda part: tuple(months.PARTED).index(part.table), reverse=True):
        connection.execute(text(f"ALTER TABLE {one.table} DETACH PARTITION {one.name}"))
        connection.execute(text(f"DROP TABLE {one.name}"))
    if runs is not None:
        for table in _HISTORY:
            _put_back(connection, table)
    return deleted


def _forget_planned(connection: Connection, runs: Partition, kept: Sequence[str]) -> dict[str, int]:
    """Delete what attempts of runs had planned that go; return how many rows."""
    gone = f"DELETE FROM planned_changes WHERE {_OF_MONTH} AND run_id <> ALL (CAST(:kept AS uuid[]))"  # noqa: S608 - constants
    return {"planned_changes": connection.execute(text(gone), _bounds(runs) | {"kept": list(kept)}).rowcount}


def _is_needed(connection: Connection, runs: Partition) -> bool:
    """Return whether something that is no history refers to a run of the month."""
    of_month = (f"SELECT 1 FROM {table} WHERE {_OF_MONTH}" for table in ("open_runs", "planned_changes"))  # noqa: S608 - constants
    return bool(connection.execute(text(f"SELECT EXISTS ({' UNION ALL '.join(of_month)})"), _bounds(runs)).scalar_one())


def _bounds(runs: Partition) -> dict[str, object]:
    return {"lower": runs.lower or LEAST_UUID, "upper": runs.upper}


def _set_aside(connection: Connection, part: Partition, kept: Sequence[str]) -> int:
    """Copy what is kept of a partition, into no temporary table, which wants a right; return how many rows that is."""
    if part.table not in {table.name for table in _HISTORY}:
        return 0
    theirs = f"SELECT * FROM {part.name} WHERE {months.PARTED[part.table]} = ANY (CAST(:kept AS uuid[]))"  # noqa: S608 - constants
    copied = text(f"CREATE UNLOGGED TABLE kept_{part.table} AS {theirs}")
    connection.execute(copied, {"kept": list(kept)})
    return _count(connection, f"kept_{part.table}")


def _put_back(connection: Connection, table: Table) -> None:
    columns = ", ".join(f'"{column.name}"' for column in table.c)
    connection.execute(text(f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM kept_{table.name}"))  # noqa: S608 - constants
    connection.execute(text(f"DROP TABLE kept_{table.name}"))


def _count(connection: Connection, table: str) -> int:
    return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608 - constants
