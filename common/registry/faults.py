"""What is wrong with a registry, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

_MOST_SHOWN = 8


class FaultScope(StrEnum):
    """What a fault does."""

    REFUSES = "refuses"
    """The commit: the last good one stays in force."""
    KEEPS = "keeps"
    """The document at its last good version; a new one is not placed."""
    NOTICE = "notice"
    """Nothing; somebody should know."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong, in the order of files and lines.

    Attributes:
        file: path in the registry; ``.`` for the registry as a whole.
        line: from 1.
        kind: kind of the document, empty where it is not known.
        name: name of the document, empty where it is not known.
    """

    file: str
    line: int
    what: str
    remedy: str
    scope: FaultScope = FaultScope.KEEPS
    kind: str = ""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}; {self.remedy}"


def nearest(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return a remedy that names the nearest of ``known``, or lists a few, or ``otherwise`` when there are none."""
    names = sorted(set(known))
    close = get_close_matches(name, names[:5_000], n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    if not names:
        return otherwise
    more = ", …" if len(names) > _MOST_SHOWN else ""
    return f"known: {', '.join(names[:_MOST_SHOWN])}{more}"
