"""Lists as files: a line of JSON each, or CSV that a spreadsheet may open. Rows are sent as they are read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

NDJSON_TYPE = "application/x-ndjson"
CSV_TYPE = "text/csv; charset=utf-8"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_TOGETHER = 500
"""Rows that are sent at once."""


def as_ndjson(rows: Iterable[Any]) -> Iterator[bytes]:
    """Yield rows, dataclasses or mappings, as lines of JSON."""
    for some in _together(rows):
        yield b"".join(orjson.dumps(row) + b"\n" for row in some)


def as_csv(columns: Sequence[str], rows: Iterable[Any]) -> Iterator[bytes]:
    """Yield rows as CSV (RFC 4180) under a head of their names.

    Args:
        columns: names that a row has, in this order; what is no text is JSON.
        rows: mappings.
    """
    yield _lines([columns])
    for some in _together(rows):
        yield _lines([[cell(row[name]) for name in columns] for row in some])


def cell(value: Any) -> str:
    """Return a value as a cell; a text that a spreadsheet would carry out is quoted."""
    text = value if isinstance(value, str) else orjson.dumps(value).decode().strip('"')
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()


def _together(rows: Iterable[Any]) -> Iterator[list[Any]]:
    some: list[Any] = []
    for row in rows:
        some.append(row)
        if len(some) == _TOGETHER:
            yield some
            some = []
    if some:
        yield some
