"""HTTP on one connection, by a server that does not wait for ever: for a head, for a body, for a reader.

The server's own limits bound sizes and idle connections, not the time that a client takes over a head or a body.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from console.api.serving.crowd import Crowd
from console.api.serving.sources import local_user
from console.token import LOCAL

HEAD_BYTES = 16 * 1024
"""Of the head of a request, and of a chunk's."""
MOST_THROWN = 64 * 1024
"""Bytes of a body that are read by no one, after which its connection ends."""
PROVED = "proved"
"""Key of a request's state: to be called once the request has shown the token."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take.

    Attributes:
        head: for the head of a request, from the connection's start or from the answer before; for TLS as well.
            A body, and the reading of an answer, are looked at in the same rhythm.
        least: bytes of a body that must come in that time.
    """

    head: timedelta = timedelta(seconds=10)
    least: int = 10_000


class Connection(H11Protocol):
    """One connection of a client; ends when the client takes too long."""

    crowd: Crowd
    patience: Patience

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a head."""
        super().connection_made(cast("asyncio.Transport", transport))
        connected = transport.get_extra_info("socket")
        user = local_user(connected)
        if user:
            self.client = (user, 0)
            self.app_state = {**self.app_state, LOCAL: True}
        self.app_state = {**self.app_state, PROVED: partial(self.crowd.proved, connected.fileno())}
        self._bytes, self._thrown = 0, 0
        self._seen: object = None
        self._watch: asyncio.TimerHandle = self.loop.call_later(self.patience.head.total_seconds(), self._look)

    def data_received(self, data: bytes) -> None:
        """Take bytes, in pieces no longer than a head may be: the parser bounds only what it has not read whole."""
        self._bytes += len(data)
        for start in range(0, len(data), HEAD_BYTES):
            piece = data[start : start + HEAD_BYTES]
            if self.conn.our_state is h11.DONE:  # the answer is given, and the rest of the body is thrown away
                self._thrown += len(piece)
            if self._thrown > MOST_THROWN:
                self.transport.abort()
            if self.transport.is_closing():
                return
            super().data_received(piece)

    def send_400_response(self, msg: str) -> None:
        """Refuse a request; one that is being answered ends there, and whoever answers it is told that no one reads."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            super().send_400_response(msg)
        else:
            self.transport.close()

    def on_response_complete(self) -> None:
        """Begin to wait for the next head."""
        self._again()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._watch.cancel()
        super().connection_lost(exc)

    def _again(self) -> None:
        self._watch.cancel()
        self._bytes, self._thrown, self._seen = 0, 0, None
        self._watch = self.loop.call_later(self.patience.head.total_seconds(), self._look)

    def _look(self) -> None:
        """End the connection if its client made us wait since the last look, or look again later."""
        if self._is_stalled():
            self.transport.abort()
            return
        self._bytes = 0
        self._watch = self.loop.call_later(self.patience.head.total_seconds(), self._look)

    def _is_stalled(self) -> bool:
        state = self.conn.their_state
        if self.transport.is_closing() or state in {h11.IDLE, h11.ERROR}:
            return True
        if state is h11.SEND_BODY and not self.flow.read_paused:
            return self._bytes < self.patience.least
        # An answer that cannot be written: by the second look the client has not read for a whole period.
        before, self._seen = self._seen, self.transport.get_write_buffer_size() if self.flow.write_paused else None
        return self._seen is not None and before == self._seen


def connections(crowd: Crowd, patience: Patience) -> type[asyncio.Protocol]:
    """Return the kind of connection that a server makes."""
    return cast("type[asyncio.Protocol]", type("Connection", (Connection,), {"crowd": crowd, "patience": patience}))


def event_loop(patience: Patience) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return a maker of event loops in which a client has to finish TLS's greeting as soon as a head."""

    class Loop(asyncio.SelectorEventLoop):
        async def create_server(self, *arguments: Any, **options: Any) -> Any:
            if options.get("ssl") is not None:
                options["ssl_handshake_timeout"] = patience.head.total_seconds()
            return await super().create_server(*arguments, **options)

    return Loop
