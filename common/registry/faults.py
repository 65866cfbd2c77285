"""What is wrong with a registry, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from common.domain.errors import sentences
from common.domain.names import suggestion


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
        return f"{printable(self.file)}:{self.line}: {sentences(self.what, self.remedy)}"


@dataclass(slots=True)
class Suggestions:
    """Finds the known name that a mistyped one is nearest to.

    Among thousands of names that takes milliseconds, so it is done for the first ``left`` faults of a commit only: a
    file full of unknown names must not take minutes.
    """

    left: int = 200

    def nearest(self, name: str, known: Iterable[str], otherwise: str) -> str:
        """Return a remedy that names the nearest of ``known``, or lists a few, or ``otherwise``."""
        if self.left <= 0:
            return otherwise
        self.left -= 1
        return suggestion(name, known, otherwise)


def capped(faults: Iterable[Fault], most: int) -> tuple[Fault, ...]:
    """Return the faults in order, each once, at most about ``most``: those that refuse before the others."""
    found = sorted(set(faults))
    if len(found) <= most:
        return tuple(found)
    kept = sorted(found, key=lambda fault: fault.scope is not FaultScope.REFUSES)[:most]
    rest = Fault(".", 1, f"{len(found) - most:,} more faults", "correct these first")
    return (rest, *sorted(kept))


def printable(text: str, most: int = 200) -> str:
    """Return ``text`` fit for a line of a terminal: cut, and escaped where it holds more than plain characters."""
    cut = text[:most]
    return cut if cut.isprintable() else ascii(cut)[1:-1]
