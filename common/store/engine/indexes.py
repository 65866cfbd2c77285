"""Indexes of large tables that make reading quicker: PostgreSQL builds them beside the work, after an upgrade.

A migration builds its indexes in its transaction, while nothing else can use the tables. That suits what is small, and
what the new version cannot do without. An index that only makes something quicker is marked ``BESIDE`` in its model:
on PostgreSQL no migration makes it. Of a partitioned table each part is indexed by itself, and joined to the whole.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

from sqlalchemy import Connection, Index, text

from common.store.engine.errors import DatabaseBusyError, translated
from common.store.engine.session import Database
from common.store.schema.tables import BESIDE, Base

LOCK = 0x666C6978
PATIENCE = timedelta(minutes=1)
"""How long one step waits for the transactions that were there before it."""
_SHARE, _TRIES = 200, 20
"""Of that what a step waits behind which others wait, and how often it tries."""
_PARTS = text("SELECT CAST(CAST(inhrelid AS regclass) AS text) FROM pg_inherits WHERE inhparent = to_regclass(:name)")
_INDEX = text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")
_COVERED = text("""
SELECT EXISTS (SELECT FROM pg_inherits JOIN pg_index AS part ON part.indexrelid = inhrelid
  WHERE inhparent = to_regclass(:name) AND part.indrelid = to_regclass(:part))
""")


def marked() -> tuple[Index, ...]:
    """Return the indexes that are built beside the work, by name."""
    found = (index for table in Base.metadata.tables.values() for index in table.indexes if index.info.get(BESIDE))
    return tuple(sorted(found, key=lambda index: str(index.name)))


def missing(connection: Connection) -> tuple[str, ...]:
    """Return the names of those that are of no use yet; on SQLite none."""
    if connection.dialect.name != "postgresql":
        return ()
    return tuple(str(index.name) for index in marked() if not _is_valid(connection, str(index.name)))


def build(database: Database) -> tuple[str, ...]:
    """Build what is missing of them, while the hub works; return what could not be had in time.

    Several processes may call it at once: one builds. What is begun and not finished, the next call takes up.

    Args:
        database: as its tables' owner.
    """
    if database.dialect != "postgresql":
        return ()
    with suppress(DatabaseBusyError), database.autocommit() as connection:
        _build(connection)
    with database.read() as connection:
        return missing(connection)


def _build(connection: Connection) -> None:
    if not missing(connection) or not connection.execute(text(f"SELECT pg_try_advisory_lock({LOCK})")).scalar_one():
        return
    connection.execute(text("SET statement_timeout = 0"))
    for index in marked():
        for statement in _steps(connection, index):
            _carry_out(connection, statement)


def _carry_out(connection: Connection, statement: str) -> None:
    """Carry out a step. Behind one that is not concurrent all others wait: it gives way soon, and tries again.

    Raises:
        DatabaseBusyError: who was there before did not end in time.
    """
    beside = "CONCURRENTLY" in statement
    tries, patience = (1, PATIENCE) if beside else (_TRIES, PATIENCE / _SHARE)
    connection.execute(text(f"SET lock_timeout = {int(patience / timedelta(milliseconds=1))}"))
    for left in reversed(range(tries)):
        try:
            with translated():
                connection.execute(text(statement))
        except DatabaseBusyError:
            if not left:
                raise
            time.sleep(patience.total_seconds())
        else:
            return


def _steps(connection: Connection, index: Index) -> Iterator[str]:
    """Yield what is still to be done for an index; each step is looked for after the one before."""
    table = str(index.table)
    name = str(index.name)
    if _is_valid(connection, name):
        return
    parts = connection.execute(_PARTS, {"name": table}).scalars().all()
    if not parts:
        yield from _concurrently(connection, index, name, table)
        return
    there = connection.execute(_INDEX, {"name": name}).first() is not None
    if there and all(_is_covered(connection, name, part) for part in parts):
        yield f"DROP INDEX {name}"  # the last part that was missing is gone, and only joining one makes it valid
        there = False
    if not there:
        yield f"CREATE INDEX {name} ON ONLY {table} {_definition(index)}"
    for part in parts:
        if _is_covered(connection, name, part):
            continue
        own = f"{name}_{part.removeprefix(table).strip('_')}"
        yield from _concurrently(connection, index, own, part)
        yield f"ALTER INDEX {name} ATTACH PARTITION {own}"


def _concurrently(connection: Connection, index: Index, name: str, table: str) -> Iterator[str]:
    is_valid = connection.execute(_INDEX, {"name": name}).scalar()
    if is_valid is False:  # of a try that was broken off
        yield f"DROP INDEX CONCURRENTLY {name}"
    if not is_valid:
        yield f"CREATE INDEX CONCURRENTLY {name} ON {table} {_definition(index)}"


def _is_covered(connection: Connection, name: str, part: str) -> bool:
    return bool(connection.execute(_COVERED, {"name": name, "part": part}).scalar_one())


def _definition(index: Index) -> str:
    # What is no column is an expression, by its text.
    columns = ", ".join(str(getattr(one, "name", one)) for one in index.expressions)
    where = index.dialect_options["postgresql"]["where"]
    return f"({columns})" + (f" WHERE {where}" if where is not None else "")


def _is_valid(connection: Connection, name: str) -> bool:
    return bool(connection.execute(_INDEX, {"name": name}).scalar())
