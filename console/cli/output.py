"""What commands print: tables for people, JSON or YAML for programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from common.domain import expiry
from common.yaml import dump
from console import words

GOOD = frozenset({"synced", "healthy", "succeeded", "reachable", "created", "configured", "adopted", "active", "ok"})
BAD = frozenset(
    {"failed", "degraded", "unreachable", "blocked", "missing", "conflict", "interrupted", "unknown", "error"}
)


class Format(StrEnum):
    """How to print."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


Output = Annotated[Format, typer.Option("--output", "-o", help="table for people, json or yaml for programs")]

PIPED_WIDTH = 400
"""Columns where nobody looks: a row stays on one line, fit for grep."""

console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else PIPED_WIDTH)
errors = Console(stderr=True, soft_wrap=True)


def is_data(form: Format, value: Any) -> bool:
    """Print ``value`` if a program is reading, and return whether it was."""
    if form is Format.JSON:
        typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode())
    elif form is Format.YAML:
        plain = orjson.loads(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS))
        typer.echo(dump(plain), nl=False)
    return form is not Format.TABLE


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
    """Print rows under columns; ``empty`` where there are none."""
    if not rows:
        console.print(empty, style="dim", highlight=False)
        return
    grid = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        # The last column holds words for people and takes what room is left; all others are never broken.
        grid.add_column(column, overflow="fold", no_wrap=column is not columns[-1])
    for row in rows:
        grid.add_row(*(coloured(cell) for cell in row))
    console.print(grid)


def coloured(word: str) -> Text:
    """Return a word in the colour of what it means; other texts as they are, markup and control characters inert."""
    style = "green" if word in GOOD else "red" if word in BAD else ""
    return Text("".join(c for c in word if c.isprintable() or c == "\n"), style=style)


def ago(instant: str | None) -> str:
    """Return the age of an instant in the API's form."""
    return words.age(parsed(instant), now=datetime.now(UTC))


def trouble(cluster: dict[str, Any]) -> str:
    """Return what is wrong with a cluster of the API, or soon will be."""
    ending = expiry.warning(parsed(cluster["credentials_expire_at"]), now=datetime.now(UTC))
    return str(cluster["blocked"] or cluster["error"] or ending)


def parsed(instant: str | None) -> datetime | None:
    """Return an instant of the API as a value."""
    return None if instant is None else datetime.fromisoformat(instant)


def say(text: str) -> None:
    """Print a line for a person; never read as markup."""
    console.print(text, markup=False, highlight=False)


def warn(text: str) -> None:
    """Print a line for a person beside what is printed for programs; never read as markup."""
    errors.print(text, markup=False, highlight=False)


def counted(counts: dict[str, int]) -> str:
    """Return counts as ``3 created, 1 failed``."""
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()) if count)
