"""Work that many requests want at once is done by one of them: one look, or one question to a provider."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Flights(Generic[K, T]):
    """Has each piece of work done once for all who wait for it; keeps no results. A key is of one event loop.

    ``common.single_flight`` is the same for threads; there a thread would wait for each request.
    """

    def __init__(self) -> None:
        self._flights: dict[K, asyncio.Future[T]] = {}

    async def run(self, key: K, work: Callable[[], Awaitable[T]]) -> T:
        """Return what ``work`` returns, or the same work of somebody else that is under way.

        Whoever leaves ends it for nobody else.
        """
        return await asyncio.shield(self.begin(key, work))

    def begin(self, key: K, work: Callable[[], Awaitable[T]]) -> asyncio.Future[T]:
        """Return work that is begun now, or is under way; to be waited for with ``asyncio.shield``, or not at all."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.ensure_future(work())
            flight.add_done_callback(lambda _: self._landed(key))
        return flight

    def _landed(self, key: K) -> None:
        flight = self._flights.pop(key)
        if not flight.cancelled():
            flight.exception()  # seen, even where everybody has left
