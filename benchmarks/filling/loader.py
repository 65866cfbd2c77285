"""Rows into tables as fast as each database takes them: COPY on PostgreSQL, many at a time on SQLite."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import orjson
from sqlalchemy import Connection, Integer, text
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from common.store.engine.dialect import table_of
from common.store.schema.tables import Base

_TOGETHER = 20_000
"""Rows that are made before they are sent."""
_NULL = "\\N"


def stored(value: Any) -> str | int | float | None:
    """Return a value as both databases read it: instants of UTC without a zone, and JSON, as text."""
    if isinstance(value, bool):
        return int(value)
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S.%f}"
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode()
    return str(value)


def load(connection: Connection, row: type[Base], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Add rows to a table and return how many; what has a default in Python and is not given gets that.

    Args:
        connection: of a writing transaction, as the tables' owner.
        row: of the table.
        columns: that are given.
        rows: their values, in that order.
    """
    table = table_of(row)
    others = {
        column.name: stored(column.default.arg)
        for column in table.columns
        if column.name not in columns and isinstance(column.default, ScalarElementColumnDefault)
    }
    names = ", ".join(f'"{name}"' for name in (*columns, *others))
    constants = tuple(others.values())
    made = ((*map(stored, one), *constants) for one in rows)
    count = sum(_send(connection, table.name, names, made))
    number = table.columns.get("id")
    if connection.dialect.name == "postgresql" and number is not None and isinstance(number.type, Integer):
        last = f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), max(id)) FROM \"{table.name}\""  # noqa: S608 - a name of ours
        if connection.execute(text("SELECT pg_get_serial_sequence(:table, 'id')"), {"table": table.name}).scalar():
            connection.execute(text(last))
    return count


def _send(connection: Connection, table: str, names: str, rows: Iterator[Sequence[Any]]) -> Iterator[int]:
    driver: Any = connection.connection.driver_connection
    while some := list(islice(rows, _TOGETHER)):
        if connection.dialect.name == "sqlite":
            marks = ", ".join("?" * len(some[0]))
            driver.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', some)  # noqa: S608 - our own names
        else:
            lines = io.StringIO()
            # The writer leaves None empty, as it does what is empty: so one of the two has another name.
            csv.writer(lines).writerows([_NULL if value is None else value for value in one] for one in some)
            with (
                driver.cursor() as cursor,
                cursor.copy(f"COPY \"{table}\" ({names}) FROM STDIN (FORMAT csv, NULL '{_NULL}')") as copy,
            ):
                copy.write(lines.getvalue())
        yield len(some)
