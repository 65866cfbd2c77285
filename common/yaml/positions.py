"""Where in a text an event of the parser is, as people count."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Protocol

_ODD_BREAKS = re.compile("[\x85\u2028\u2029]")


class Mark(Protocol):
    """What the parser in C and the one in Python have in common."""

    line: int
    index: int


class Positions:
    """Lines of one text; YAML 1.1 breaks lines at three characters at which no editor does, so these are left out."""

    def __init__(self, text: str) -> None:
        # The parser puts the end of the text on a line of its own.
        self._last = text.count("\n") + text.count("\r") - text.count("\r\n") + 1
        self._odd = [match.start() for match in _ODD_BREAKS.finditer(text)]

    def line_of(self, mark: Mark | None) -> int:
        """Return the line of ``mark``, from 1."""
        if mark is None:
            return 1
        odd = bisect_left(self._odd, mark.index) if self._odd else 0
        return min(mark.line + 1 - odd, self._last)


def index_of(mark: Mark | None) -> int:
    """Return the character of ``mark``, from 0."""
    return 0 if mark is None else mark.index
