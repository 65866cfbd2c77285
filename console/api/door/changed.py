"""Whose rights have changed: what streams compare, to ask again about their own viewer alone."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable

_MOST = 10_000


class Changed:
    """Counts changes by whom they are about; may be used from any thread. Its memory is bounded.

    Args:
        most: that are told apart; with more, all have changed.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._count = 0
        self._everybody = 0
        self._of: dict[str, int] = {}

    def note(self, of: Collection[str] | None) -> None:
        """Note that something has changed of some, or of everybody (None)."""
        with self._lock:
            self._count += 1
            if of is None or len(self._of) + len(of) > self._most:
                self._of.clear()
                self._everybody = self._count
            else:
                self._of.update(dict.fromkeys(of, self._count))

    def generation(self, names: Iterable[str]) -> int:
        """Return a number that is higher once something has changed of one of ``names``."""
        with self._lock:
            return max(self._everybody, *(self._of.get(name, 0) for name in names))
