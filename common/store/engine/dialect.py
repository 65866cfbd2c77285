"""The few places where the two databases spell the same thing differently."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar, cast

from sqlalchemy import BindParameter, Connection, Table, literal
from sqlalchemy.dialects import postgresql, sqlite

from common.store.schema.tables import Base

T = TypeVar("T")
_BATCH = 1_000
"""Items in one statement: both databases bound the number of parameters (SQLite 32,766)."""


def insert(connection: Connection, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """Return an INSERT that knows ON CONFLICT, which both databases spell alike."""
    return insert_in(connection.dialect.name, table)


def insert_in(dialect: str, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """Return what ``insert`` does, for statements that are built once for each kind of database."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def fixed(value: str | int) -> BindParameter[Any]:
    """Return a constant that stands in the statement's text: as a parameter it would hide which index can be used.

    PostgreSQL plans a statement that it has met some times without its parameters, and SQLite every one; neither sees
    then that the condition of a partial index holds, nor how rare the value is.
    """
    return literal(str(value) if isinstance(value, str) else value, literal_execute=True)


def table_of(row: type[Base]) -> Table:
    """Return the table behind a row class: a statement on it skips what the mapping costs at each use."""
    return cast("Table", row.__table__)


def batched(items: Sequence[T]) -> Iterator[list[T]]:
    """Yield ``items`` in lists short enough for one statement."""
    rest = iter(items)
    while batch := list(islice(rest, _BATCH)):
        yield batch
