"""The two kinds of failure, told apart by whether trying again can help.

Every error that crosses a package border derives from one of them, carries a stable ``code`` (the only part of it
that may leave a task), and a remedy a person can act on. Library errors are translated once, at the adapter.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, ClassVar

from common.domain.redact import cut, redacted
from common.domain.status import Reason

MESSAGE_LIMIT = 2_000
_CODE = re.compile(r"[./_:=`\d-]")
"""In a first word that is something to type, not a word of a sentence."""
_OURS = frozenset({"flotilla", "git", "kubectl", "helm", "chmod"})
_END = (".", "!", "?", ":", "…")


def sentences(*parts: str) -> str:
    """Return what went wrong and what to do as sentences: the first as it is, each further one with a capital letter.

    A single part stays as it is. What begins with something to type keeps its small letter.
    """
    first, *more = [stripped for part in parts if (stripped := part.strip())] or [""]
    if not more:
        return first
    ended = [part if part.endswith(_END) else f"{part}." for part in (first, *map(capitalised, more))]
    return " ".join(ended)


def worded(message: str, remedy: str) -> dict[str, str]:
    """Return the parameters of a reason that brings its words along; what is empty is left out."""
    return {name: said for name, said in (("message", message), ("remedy", remedy)) if said}


def capitalised(part: str) -> str:
    """Return a sentence with a capital letter; what begins with something to type keeps its small one."""
    word = part.split(maxsplit=1)[0].rstrip(",.:?!")
    return part if word in _OURS or _CODE.search(word) else part[0].upper() + part[1:]


class FlotillaError(Exception):
    """Base of all errors that Flotilla raises on purpose.

    Args:
        message: what went wrong and where; cut and stripped of secrets here, so that no caller can forget it.
        remedy: what the reader can do about it.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(redacted(cut(message))[:MESSAGE_LIMIT])
        self.remedy = redacted(cut(remedy))[:MESSAGE_LIMIT]
        self.params: dict[str, Any] = {}
        """What a program needs to know of it besides the code; set by classes that have any."""

    @property
    def message(self) -> str:
        """What went wrong and where, without the remedy."""
        return str(self.args[0])

    @property
    def reason(self) -> Reason:
        """Its code, with what its sentence is made with: its own words, which are cut and stripped of secrets."""
        return Reason(self.code, {**self.params, **worded(self.message, self.remedy)})

    def __str__(self) -> str:
        return sentences(self.message, self.remedy)


class TransientError(FlotillaError):
    """May go away by itself: the queue tries again.

    Args:
        message: what went wrong and where.
        remedy: what the reader can do if it does not go away.
        retry_after: what the other side asked for (HTTP Retry-After); a lower bound of the next delay.
    """

    code: ClassVar[str] = "transient"

    def __init__(self, message: str, *, remedy: str = "", retry_after: timedelta | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after = retry_after


class PermanentError(FlotillaError):
    """Stays until somebody changes something: trying again is useless."""

    code: ClassVar[str] = "permanent"


class LeaseLostError(FlotillaError):
    """The worker may not write any more: another attempt may have begun. The loser retries nothing."""

    code: ClassVar[str] = "lease.lost"
