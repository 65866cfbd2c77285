"""HTTP connections whose answers have an end in time, however steadily they drip: headers, sizes of chunks, body."""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any

TIMEOUT = 30.0
"""Seconds until a connection is there, and between two parts of an answer."""
PATIENCE = 120.0
"""Seconds for a whole answer."""


class _OverError(OSError):
    """The time for an answer is over."""


class _Patient(io.RawIOBase):
    """What comes through a socket, until its time is over."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._raw = connected.makefile("rb", buffering=0)
        self._patience = PATIENCE
        self._until = time.monotonic() + PATIENCE

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        # One call of the buffer above may be many of this one: only here is each part of a drip seen.
        left = self._until - time.monotonic()
        if left > 0:
            self._socket.settimeout(min(TIMEOUT, left))
            try:
                return self._raw.readinto(buffer)
            except TimeoutError:
                if left >= TIMEOUT:
                    raise
        # Not where the other was caught, which would be told as its cause.
        message = f"its answer takes longer than {self._patience:g} s"
        raise _OverError(message)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self.fp.close()
        self.fp = io.BufferedReader(_Patient(sock))


class PlainConnection(http.client.HTTPConnection):
    """HTTP without TLS."""

    response_class = _Response


class TlsConnection(http.client.HTTPSConnection):
    """HTTP with TLS."""

    response_class = _Response
