"""Lays rows out for a terminal of some width; pure, so that every width can be tried.

What does not fit gives way by rank: columns are shortened, then left out, those of the highest rank first. The first
column names the row and is never cut: a name that is too long stands on a line of its own. Long texts wrap below
their row.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

GAP = 2
INDENT = 4
MOST_LINES = 4
"""Of one text below a row; the wide form has all of it."""
_LEAST_NAME = 20


class Kind:
    """What a piece of a line is."""

    CELL = "cell"
    HEAD = "head"
    BELOW = "below"


class Piece(NamedTuple):
    """A part of a line; ``of`` is the whole cell it was cut from."""

    text: str
    kind: str
    of: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """How a column gives way.

    Attributes:
        title: above it.
        rank: 0 is never left out; of the others the highest goes first.
        least: width down to which it may be shortened; 0 is not at all.
    """

    title: str
    rank: int = 0
    least: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """Cells, and texts that stand below them."""

    cells: tuple[str, ...]
    below: tuple[str, ...] = ()


class _Chosen(NamedTuple):
    column: int
    width: int


def folded(text: str) -> str:
    """Return a text as one line without control characters: what is on a cluster may hold anything."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


def width_of(text: str) -> int:
    """Return how many columns a terminal needs for a text."""
    if text.isascii():
        return len(text)
    return sum(_width(c) for c in text)


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def lay_out(columns: Sequence[Column], rows: Sequence[Row], width: int | None) -> Iterator[tuple[Piece, ...]]:
    """Yield lines, the head first.

    Args:
        columns: as many as every row has cells.
        rows: cells may hold line breaks, which are folded.
        width: of the terminal; None gives each row one line with everything on it.
    """
    clean = [Row(tuple(map(folded, row.cells)), tuple(filter(None, map(folded, row.below)))) for row in rows]
    if width is None:
        yield from _whole(columns, clean)
        return
    chosen = _fit(columns, clean, width)
    yield _line([(columns[one.column].title, one.width) for one in chosen], Kind.HEAD)
    for row in clean:
        first = chosen[0]
        name = row.cells[first.column]
        if width_of(name) > first.width:
            yield (Piece(name, Kind.CELL, name),)
            row = replace(row, cells=tuple("" if n == first.column else cell for n, cell in enumerate(row.cells)))
        yield _line([(row.cells[one.column], one.width) for one in chosen], Kind.CELL)
        for text in row.below:
            yield from (
                (Piece(" " * INDENT + line, Kind.BELOW, text),) for line in wrapped(text, width - INDENT, MOST_LINES)
            )


def wrapped(text: str, width: int, most: int | None = None) -> list[str]:
    """Return a text in lines; the last of ``most`` ends with an ellipsis if there is more."""
    return textwrap.wrap(text, max(width, 10), max_lines=most, placeholder=" …", break_on_hyphens=False)


def _whole(columns: Sequence[Column], rows: Sequence[Row]) -> Iterator[tuple[Piece, ...]]:
    """Yield one line for each row: what stands below elsewhere is the last column here."""
    all_columns = [*columns, Column("")]
    flat = [Row((*row.cells, "  ".join(row.below))) for row in rows]
    widths = [_natural(all_columns, flat, index) for index in range(len(all_columns))]
    yield _line([(column.title, width) for column, width in zip(all_columns, widths, strict=True)], Kind.HEAD)
    for row in flat:
        yield _line(list(zip(row.cells, widths, strict=True)), Kind.CELL)


def _natural(columns: Sequence[Column], rows: Sequence[Row], index: int) -> int:
    return max(width_of(text) for text in (columns[index].title, *(row.cells[index] for row in rows)))


def _fit(columns: Sequence[Column], rows: Sequence[Row], width: int) -> list[_Chosen]:
    filled = [n for n in range(len(columns)) if n == 0 or any(row.cells[n] for row in rows)]
    natural = {n: _natural(columns, rows, n) for n in filled}
    for highest in sorted({columns[n].rank for n in filled}, reverse=True):
        shown = [n for n in filled if columns[n].rank <= highest]
        found = _shortened(columns, {n: natural[n] for n in shown}, width)
        if found is not None or highest == 0:
            return [_Chosen(n, size) for n, size in (found or {n: natural[n] for n in shown}).items()]
    return [_Chosen(n, natural[n]) for n in filled]


def _shortened(columns: Sequence[Column], natural: dict[int, int], width: int) -> dict[int, int] | None:
    """Return widths that fit, the columns of the highest rank shortened first; None where none do."""
    sizes = dict(natural)
    over = sum(sizes.values()) + GAP * (len(sizes) - 1) - width
    for n in sorted(sizes, key=lambda n: (-columns[n].rank, -n)):
        # The first column may always give way: what is longer than it gets a line of its own.
        least = min(natural[n], columns[n].least or (_LEAST_NAME if n == 0 else natural[n]))
        given = min(max(over, 0), sizes[n] - least)
        sizes[n] -= given
        over -= given
    return sizes if over <= 0 else None


def _line(cells: Sequence[tuple[str, int]], kind: str) -> tuple[Piece, ...]:
    pieces = []
    for number, (text, width) in enumerate(cells):
        cut = _cut(text, width)
        last = number == len(cells) - 1
        pad = "" if last else " " * (width - width_of(cut) + GAP)
        pieces.append(Piece(cut + pad, kind, text))
    while pieces and not pieces[-1].text.strip():
        pieces.pop()
    if pieces:
        pieces[-1] = pieces[-1]._replace(text=pieces[-1].text.rstrip())
    return tuple(pieces)


def _cut(text: str, width: int) -> str:
    if width_of(text) <= width:
        return text
    kept = ""
    for character in text:
        if width_of(kept + character) > width - 1:
            break
        kept += character
    return f"{kept}…"
