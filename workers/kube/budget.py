"""What one cluster may cost: of one LIST, and of one attempt, sweep or observation in all.

Every answer has bounds of its own (``bounded``, ``weight``). These are for a cluster that never comes to an end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from workers.sync.errors import GarbageError, TooMuchError

MEBIBYTE = 1024 * 1024
_ALL = "the cluster's answers"


@dataclass(frozen=True, slots=True)
class ListBounds:
    """What one LIST may bring.

    Attributes:
        size: bytes of all its pages.
        objects: in all.
        pages: in all; of large objects few fit in one.
        time: from its first page to its last.
    """

    size: int
    objects: int = 200_000
    pages: int = 1_000
    time: timedelta = timedelta(minutes=5)


METADATA = ListBounds(256 * MEBIBYTE)
OBJECTS = ListBounds(128 * MEBIBYTE)
"""Decoded whole, they take several times as much."""


class Pages:
    """The pages of one LIST, counted.

    Args:
        what: the request, for messages.
        bounds: of all of it.
        clock: monotonic seconds.
    """

    def __init__(self, what: str, bounds: ListBounds, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._what, self._bounds, self._clock = what, bounds, clock
        self._began = clock()
        self._size = self._objects = 0
        self._tokens: set[str] = set()

    def add(self, *, size: int, objects: int, token: str) -> None:
        """Count one more page.

        Raises:
            TooMuchError: it is one too many.
            GarbageError: its token came before, so that it leads in a circle.
        """
        self._size += size
        self._objects += objects
        if token in self._tokens:
            message = f"{self._what}: a page continues where a former one did"
            raise GarbageError(message)
        if token:
            self._tokens.add(token)
        if self._size > self._bounds.size:
            raise TooMuchError(self._what, f"more than {self._bounds.size:,} bytes in all")
        if self._objects > self._bounds.objects:
            raise TooMuchError(self._what, f"more than {self._bounds.objects:,} objects")
        if token and len(self._tokens) >= self._bounds.pages:
            raise TooMuchError(self._what, f"more than {self._bounds.pages:,} pages")
        if token and self._clock() - self._began > self._bounds.time.total_seconds():
            raise TooMuchError(self._what, f"no last page within {self._bounds.time.total_seconds():g} s")


class Spending:
    """What the requests of one attempt, sweep or observation cost. Safe to use from several threads."""

    START = timedelta(minutes=3)
    """Time that requests may take however few they are."""
    EACH = timedelta(seconds=2)
    """Time that each adds: a cluster that takes longer for every answer has its slots for others."""
    SIZE = 2048 * MEBIBYTE
    """Bytes of all answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds, self._requests, self._size = 0.0, 0, 0

    def add(self, *, seconds: float, size: int) -> None:
        """Count one more request.

        Raises:
            TooMuchError: they cost too much.
        """
        with self._lock:
            self._seconds += seconds
            self._requests += 1
            self._size += size
            taken, requests, read = self._seconds, self._requests, self._size
        if taken > self.START.total_seconds() + requests * self.EACH.total_seconds():
            raise TooMuchError(_ALL, f"{taken:.0f} s for {requests} requests")
        if read > self.SIZE:
            raise TooMuchError(_ALL, f"more than {self.SIZE:,} bytes in all")
