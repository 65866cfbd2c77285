"""What commands print: tables for people, JSON or YAML for programs."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import IO, Annotated, Any

import typer

from common.domain import expiry
from common.domain.names import suggestion
from console import words
from console.cli.layout import Column, Kind, Row, folded, lay_out, wrapped

GOOD = frozenset({"synced", "healthy", "succeeded", "reachable", "created", "configured", "adopted", "active", "ok"})
BAD = frozenset(
    {"failed", "degraded", "unreachable", "blocked", "missing", "conflict", "interrupted", "unknown", "error"}
)
_ANSI = {"green": "32", "red": "31", "yellow": "33", "dim": "2", "bold": "1"}


class Format(StrEnum):
    """How to print."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"


def _format(given: str | Format) -> Format:
    try:
        return Format(given)
    except ValueError:
        message = f"{given!r} is no form of output; {suggestion(str(given), [one.value for one in Format])}"
        raise typer.BadParameter(message) from None


Output = Annotated[
    Format,
    typer.Option(
        "--output",
        "-o",
        parser=_format,
        metavar="table|wide|json|yaml",
        help="table for people, wide with nothing left out or cut, json or yaml for programs",
    ),
]

_wide = False


def is_data(form: Format, value: Any) -> bool:
    """Print ``value`` if a program is reading, and return whether it was; else tables will have the form asked for."""
    global _wide
    _wide = form is Format.WIDE
    if form is Format.JSON:
        import orjson

        typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode())
    elif form is Format.YAML:
        import orjson

        from common.yaml import dump

        plain = orjson.loads(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS))
        typer.echo(dump(plain), nl=False)
    return form in {Format.JSON, Format.YAML}


def table(columns: Sequence[str | Column], rows: Sequence[Sequence[str] | Row], *, empty: str) -> None:
    """Print rows under columns; ``empty`` where there are none.

    A terminal gets what its width has room for; a file or a pipe, and the wide form, one line for each row.
    """
    if not rows:
        if empty:
            paint((empty, "dim"))
        return
    given = [column if isinstance(column, Column) else Column(column) for column in columns]
    made = [row if isinstance(row, Row) else Row(tuple(row)) for row in rows]
    for line in lay_out(given, made, None if _wide else width()):
        paint(*((piece.text, _style(piece.kind, piece.of)) for piece in line))


def _style(kind: str, of: str) -> str:
    if kind == Kind.CELL:
        return colour(of)
    return "dim" if kind == Kind.HEAD else ""


def width() -> int | None:
    """Return the terminal's width; None where the output is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def colour(word: str) -> str:
    """Return the colour of what a word means; empty for other texts."""
    return "green" if word in GOOD else "red" if word in BAD else ""


def paint(*parts: tuple[str, str], err: bool = False) -> None:
    """Print one line of texts, each with its style: a colour, dim or bold, or none; control characters left out."""
    stream = sys.stderr if err else sys.stdout
    typer.echo("".join(_styled(_inert(text), style, stream) for text, style in parts), err=err)


def _inert(text: str) -> str:
    return "".join(c for c in text if c.isprintable() or c == "\n")


def _styled(text: str, style: str, stream: IO[str]) -> str:
    plain = not style or not text.strip() or not stream.isatty()
    if plain or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{_ANSI[style]}m{text}\x1b[0m"


def say(text: str) -> None:
    """Print a line for a person; never read as markup."""
    paint((text, ""))


def paragraph(text: str, *, indent: int = 2, style: str = "") -> None:
    """Print a text of any length: broken at the terminal's width, or as one line where the output is no terminal."""
    line, columns = folded(text), width()
    for part in [line] if columns is None or _wide else wrapped(line, columns - indent):
        paint((" " * indent + part, style))


def heading(title: str, beside: str = "") -> None:
    """Print the heading of a part, an empty line above it."""
    say("")
    paint((title, "bold"), (f"  {beside}" if beside else "", "dim"))


def warn(text: str) -> None:
    """Print a line for a person beside what is printed for programs; never read as markup."""
    paint((text, ""), err=True)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show a person that something is waited for, until it is there."""
    if not sys.stderr.isatty():
        yield
        return
    # Imported where somebody waits anyway: it takes longer than all that most commands do.
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(folded(what))):
        yield


def ago(instant: str | None) -> str:
    """Return the age of an instant in the API's form."""
    return words.age(parsed(instant), now=datetime.now(UTC))


def trouble(cluster: Mapping[str, Any]) -> str:
    """Return what is wrong with a cluster of the API, or soon will be."""
    ending = expiry.warning(parsed(cluster["credentials_expire_at"]), now=datetime.now(UTC))
    return str(cluster["blocked"] or cluster["error"] or ending)


def parsed(instant: str | None) -> datetime | None:
    """Return an instant of the API as a value."""
    return None if instant is None else datetime.fromisoformat(instant)


def counted(counts: Mapping[str, int]) -> str:
    """Return counts as ``3 created, 1 failed``."""
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()) if count)
