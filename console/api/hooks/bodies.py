"""Bodies of webhooks while they are read: within a time, and a memory that all share; the door bounds each.

Nobody has shown anything before a body is there. Where the memory is full, the largest unfinished body ends: whoever
fills it with large ones, however slowly, ends their own, and a push, which is small, gets through.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from console.api.hooks.errors import HooksBusyError

IN_ALL = 40 * 1024 * 1024
"""Bytes of all unfinished and unjudged bodies."""
PATIENCE = timedelta(seconds=10)
"""For one body."""


class Body:
    """One body as far as it is there; given up where ``chunks`` is None."""

    def __init__(self) -> None:
        self.size = 0
        self.chunks: list[bytes] | None = []
        self.done = False


class Bodies:
    """The bodies that one process reads; used by one event loop.

    Args:
        in_all: bytes of all of them.
        patience: with one.
    """

    def __init__(self, in_all: int = IN_ALL, patience: timedelta = PATIENCE) -> None:
        self._in_all = in_all
        self._patience = patience.total_seconds()
        self._held: dict[int, Body] = {}
        self._size = 0

    async def read(self, receive: Receive) -> Body:
        """Return a body, which counts until ``free``.

        Raises:
            HooksBusyError: it takes too long, or there is no room.
            ClientDisconnect: its sender left.
        """
        body = Body()
        self._held[id(body)] = body
        try:
            async with asyncio.timeout(self._patience):
                await self._fill(body, receive)
        except TimeoutError:
            self.free(body)
            raise HooksBusyError from None
        except BaseException:
            self.free(body)
            raise
        return body

    def free(self, body: Body) -> None:
        """Count a body no more."""
        if self._held.pop(id(body), None) is not None:
            self._size -= body.size
            body.chunks = None

    async def _fill(self, body: Body, receive: Receive) -> None:
        while not body.done:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunk = message.get("body", b"")
            if body.chunks is not None:
                body.chunks.append(chunk)
                body.size += len(chunk)
                self._size += len(chunk)
            self._make_room()
            if body.chunks is None:
                raise HooksBusyError
            body.done = not message.get("more_body", False)

    def _make_room(self) -> None:
        while self._size > self._in_all:
            unfinished = [one for one in self._held.values() if not one.done]
            self.free(max(unfinished, key=lambda one: one.size))
