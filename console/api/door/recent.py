"""What was found out a moment ago: whoever asks the same again costs neither a thread nor a statement."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from anyio import to_thread

from console.api.door.flights import Flights

T = TypeVar("T")
Key = str
_Flight = tuple[asyncio.AbstractEventLoop, int, Key]


class Recent(Generic[T]):
    """Answers by key, each found out once for all who want it at the same time, and kept for some seconds.

    ``forget`` may be called from any thread, the rest from event loops. What is found out by a look that began before
    ``forget`` is given to those who asked before it, and to nobody afterwards.

    Args:
        seconds: that an answer is kept.
        most: answers that are kept; the one that was asked for least recently goes first.
        clock: monotonic seconds.
    """

    def __init__(self, seconds: float, *, most: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._most, self._clock = most, clock
        self._lock = threading.Lock()
        self._generation = 0
        self._kept: OrderedDict[Key, tuple[float, T]] = OrderedDict()
        self._flights: Flights[_Flight, T] = Flights()

    def forget(self, of: Callable[[T], bool] | None = None) -> None:
        """Forget what has changed: the answers of which ``of`` says so, or everything."""
        with self._lock:
            self._generation += 1
            kept = dict(self._kept)
        ended = [key for key, (_, found) in kept.items() if of is None or of(found)]
        with self._lock:
            for key in ended:
                self._kept.pop(key, None)

    async def get(self, key: Key, look: Callable[[], T]) -> T:
        """Return what is known by a key, or what ``look`` returns, which is called in a thread.

        Raises:
            Exception: whatever the look raised, for all who waited for it.
        """
        began = self._clock()
        with self._lock:
            generation = self._generation
            at, *found = self._kept.get(key, (-self.seconds,))
            if found and began - at < self.seconds:
                self._kept.move_to_end(key)
                return found[0]
        flight = (asyncio.get_running_loop(), generation, key)
        return await self._flights.run(flight, lambda: self._look(generation, key, look, began))

    async def _look(self, generation: int, key: Key, look: Callable[[], T], began: float) -> T:
        found = await to_thread.run_sync(look)
        with self._lock:
            if generation == self._generation:
                self._kept[key] = (began, found)
                self._kept.move_to_end(key)
                if len(self._kept) > self._most:
                    self._kept.popitem(last=False)
        return found
