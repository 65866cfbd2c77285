"""History in partitions by month, in PostgreSQL: made ahead of time, and dropped as a whole once all of it is old.

Each table is parted by an id that is a UUID of version 7, which begins with the millisecond: a range of ids is a range
of time, and a foreign key on the id alone holds. What was there before partitions lies in ``…_before``; what no month
takes in lies in ``…_default``: no insert fails because nobody made a month. SQLite has none of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, text

PARTED = {"runs": "id", "attempts": "run_id", "object_results": "run_id", "events": "id"}
"""The tables with partitions, each by the id that tells its time; those first that others refer to."""
TOGETHER = (("runs", "attempts", "object_results"), ("events",))
"""Tables whose rows of one month lie in partitions of that month, or all of them elsewhere: one goes with the other."""
AHEAD = 3
"""Months that are made after this one."""
_PARTITION = re.compile(rf"({'|'.join(PARTED)})_(before|default|y[0-9]{{4}}m[0-9]{{2}})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BOUND = re.compile(r"FROM \((?:MINVALUE|'([^']+)')\) TO \('([^']+)'\)")
_LIST = text("""
SELECT parent.relname, part.relname, pg_get_expr(part.relpartbound, part.oid)
FROM pg_inherits JOIN pg_class AS parent ON parent.oid = inhparent JOIN pg_class AS part ON part.oid = inhrelid
WHERE parent.relkind = 'p' AND parent.relnamespace = CAST(current_schema() AS regnamespace)
ORDER BY 1, 2
""")
_TAKEN = ("open_runs", "planned_changes", "placements", *PARTED)
"""What is locked when a partition comes or goes, whose foreign keys do too; work begins with the first of them."""
_WAIT_MILLISECONDS = 100
"""For each: all together shorter than the server waits before it looks for deadlocks, which would cancel who works."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A range of one table's rows; ``lower`` is None for what begins at no time. Bounds are ids."""

    table: str
    name: str
    lower: str | None
    upper: str


def is_partition(name: str) -> bool:
    """Return whether a table is a part of another one."""
    return _PARTITION.fullmatch(name) is not None


def first_id_at(instant: datetime) -> str:
    """Return an id above those of all rows made before ``instant``, and not above any made later."""
    millis = (instant - _EPOCH) // timedelta(milliseconds=1)
    return str(UUID(int=(millis & (1 << 48) - 1) << 80))


def partitions(connection: Connection) -> tuple[Partition, ...]:
    """Return the partitions that have bounds, by table and name; none on SQLite."""
    if connection.dialect.name != "postgresql":
        return ()
    found = [
        Partition(table, name, *bounds.groups())
        for table, name, bound in connection.execute(_LIST)
        if table in PARTED and (bounds := _BOUND.search(bound)) is not None
    ]
    return tuple(found)


def make_ahead(connection: Connection, *, now: datetime) -> tuple[str, ...]:
    """Make the partitions of this month and of those to come that are missing; return their names.

    Locks the tables only where there is one to make, and gives way at once to whoever uses them. A month of which rows
    are in ``…_default`` already is not made: they go from there.

    Args:
        connection: of a writing transaction of the tables' owner.
        now: by the database's clock.

    Raises:
        OperationalError: the tables were not to be had; nothing is made, and the next try will do.
    """
    if connection.dialect.name != "postgresql":
        return ()
    there = partitions(connection)
    missing = [
        (table, first, after)
        for tables in TOGETHER
        for first, after in _months(now)
        if not any(one.table in tables and _overlap(one, first, after) for one in there)
        if not any(_is_taken(connection, table, first, after) for table in tables)
        for table in tables
    ]
    if missing:
        take(connection)
    return tuple(_made(connection, table, first, after) for table, first, after in missing)


def take(connection: Connection) -> None:
    """Lock all that a partition concerns, for this transaction, or give up soon: others wait behind whoever waits.

    Raises:
        OperationalError: somebody works with it.
    """
    connection.execute(text(f"SET LOCAL lock_timeout = {_WAIT_MILLISECONDS}"))
    connection.execute(text(f"LOCK TABLE {', '.join(_TAKEN)} IN ACCESS EXCLUSIVE MODE"))


def guard(partition: str) -> str:
    """Return what refuses to empty a partition: rows of it are guarded as those of its table, and this is no row's."""
    return (
        f"CREATE TRIGGER guard_{partition}_truncate BEFORE TRUNCATE ON {partition} EXECUTE FUNCTION flotilla_refuse()"
    )


def guarded_by(connection: Connection) -> dict[str, str]:
    """Return the triggers that partitions have of their own, each with its table; what is of rows comes by itself."""
    if connection.dialect.name != "postgresql":
        return {}
    return {f"guard_{name}_truncate": name for table, name, _ in connection.execute(_LIST) if table in PARTED}


def _is_taken(connection: Connection, table: str, first: datetime, after: datetime) -> bool:
    """Return whether rows of a month are where no month is."""
    within = f"{PARTED[table]} >= :lower AND {PARTED[table]} < :upper"
    asked = text(f"SELECT EXISTS (SELECT FROM {table}_default WHERE {within})")  # noqa: S608 - constants
    found = connection.execute(asked, {"lower": first_id_at(first), "upper": first_id_at(after)})
    return bool(found.scalar_one())


def _made(connection: Connection, table: str, first: datetime, after: datetime) -> str:
    name = f"{table}_y{first:%Y}m{first:%m}"
    bounds = f"FROM ('{first_id_at(first)}') TO ('{first_id_at(after)}')"
    connection.execute(text(f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES {bounds}"))
    connection.execute(text(guard(name)))
    return name


def _overlap(one: Partition, first: datetime, after: datetime) -> bool:
    return one.upper > first_id_at(first) and (one.lower or "") < first_id_at(after)


def _months(now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the first instants of this month and of those to come, each with that of the month after it."""
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for _ in range(AHEAD + 1):
        after = (first + timedelta(days=32)).replace(day=1)
        yield first, after
        first = after
