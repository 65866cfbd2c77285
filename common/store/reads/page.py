"""Keyset pages: as quick on the last page as on the first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
MAX_PAGE = 500
_DIGITS = 19


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows and where the next ones begin.

    Attributes:
        items: at most as many as were asked for.
        after: give it back to get the next page; empty on the last one.
    """

    items: tuple[T, ...]
    after: str = ""


def page_of(rows: Sequence[T], limit: int, key: Callable[[T], str]) -> Page[T]:
    """Return a page from ``limit + 1`` rows: the one too many only tells that there is a next page."""
    items = tuple(rows[:limit])
    return Page(items, key(items[-1]) if len(rows) > limit else "")


def number_in(after: str) -> int:
    """Return the number of the row that a page ended with.

    Raises:
        ValueError: no page ends so.
    """
    if not (after.isascii() and after.isdigit()) or int(after[: _DIGITS + 1]) >= 2**63:
        message = f"no page ends with {after[:_DIGITS]!r}"
        raise ValueError(message)
    return int(after)
