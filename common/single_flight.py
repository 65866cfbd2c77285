"""Work that several threads want at once is done by one of them; no lock is held while it is done.

A lock around input or output stops every thread of a process once the other end hangs, and for ever once the work
comes back for the same lock. Here who waits does so for a bounded time, and who comes back goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from datetime import timedelta
from typing import ClassVar, Generic, TypeVar

from common.domain.errors import TransientError

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class StalledError(TransientError):
    """Another thread has been at the same work for too long."""

    code: ClassVar[str] = "work.stalled"


class SingleFlight(Generic[K, T]):
    """Has each piece of work done once for all threads that want it at the same time. Keeps no results.

    Args:
        what: is done, for messages.
        patience: how long a thread waits for the one that does it.
    """

    def __init__(self, what: str, *, patience: timedelta) -> None:
        self._what = what
        self._patience = patience
        self._lock = threading.Lock()
        self._flights: dict[K, tuple[int, Future[T]]] = {}

    def run(self, key: K, work: Callable[[], T]) -> T:
        """Return what ``work`` returns, or what another thread's work for the same key returns that is under way.

        Work that asks for its own key again is done at once.

        Raises:
            StalledError: the thread that does it did not end in time.
            Exception: whatever the work raised, for all who waited for it.
        """
        me, mine = threading.get_ident(), Future[T]()
        with self._lock:
            leader, flight = self._flights.setdefault(key, (me, mine))
        if flight is not mine:
            return work() if leader == me else self._waited(key, flight)
        try:
            found = work()
        except BaseException as error:
            self._land(key, mine)
            mine.set_exception(error)
            raise
        self._land(key, mine)
        mine.set_result(found)
        return found

    def _land(self, key: K, flight: Future[T]) -> None:
        with self._lock:
            if key in self._flights and self._flights[key][1] is flight:
                del self._flights[key]

    def _waited(self, key: K, flight: Future[T]) -> T:
        try:
            return flight.result(self._patience.total_seconds())
        except TimeoutError:
            if flight.done():  # the work's own
                raise
            # Whoever comes next tries for itself.
            self._land(key, flight)
            message = f"{self._what}: another thread has been at it for {self._patience.total_seconds():g} s"
            raise StalledError(message) from None
