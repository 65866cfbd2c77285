"""Connections on which an answer has one deadline and one budget of bytes: its headers and trailers count too.

The library's own time-outs start again at each read, so that a server which sends a byte now and then is never late;
and it reads as many interim answers and lines of trailers as a server sends.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

import socks  # type: ignore[import-untyped]  # it brings no types
from urllib3 import PoolManager
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.contrib.socks import SOCKSConnection
from urllib3.exceptions import NewConnectionError

from common.destinations import LinkLocal, check_peer
from workers.sync.errors import AnswerTooLargeError, TimedOutError

LARGEST_ANSWER = 32 * 1024 * 1024
"""Bytes of a body, with what frames it. Pages of a LIST that are larger are asked for in smaller ones."""
LARGEST_HEAD = 256 * 1024
"""Bytes of headers, those of interim answers included."""
_PIECE = 16 * 1024
"""Bytes that are sent at once: TLS starts its time-out again for each record."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer.

    Attributes:
        what: the request, for messages.
        until: on the monotonic clock.
    """

    what: str
    until: float

    def left(self) -> float:
        """Return the seconds that are left.

        Raises:
            TimedOutError: there are none.
        """
        left = self.until - time.monotonic()
        if left <= 0:
            raise self.late()
        return left

    def late(self) -> TimedOutError:
        """Return the error for an exchange that did not end in time."""
        return TimedOutError(f"{self.what}: the answer did not end in time")


current: ContextVar[Exchange] = ContextVar("exchange")
"""What this thread is about: the library hands nothing of ours down to its connections."""


latest: ContextVar[float] = ContextVar("latest", default=float("inf"))
"""When all exchanges of this thread's work have to be over, on the monotonic clock."""


@contextmanager
def within(limit: timedelta) -> Iterator[None]:
    """Have all exchanges within it, on threads that its context is handed to as well, be over after ``limit``."""
    mine = latest.set(min(latest.get(), time.monotonic() + limit.total_seconds()))
    try:
        yield
    finally:
        latest.reset(mine)


class _Source(io.RawIOBase):
    """The bytes of one answer."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._exchange = current.get()
        self._what, self._left = "headers", LARGEST_HEAD

    def body_begins(self) -> None:
        """Count what comes from now on as the body."""
        self._what, self._left = "one answer", LARGEST_ANSWER

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._exchange.left())
        got: int | None = self._raw.readinto(buffer)
        self._left -= got or 0
        if self._left < 0:
            raise AnswerTooLargeError(self._exchange.what, f"more than {_most(self._what)} of {self._what}")
        return got

    def close(self) -> None:
        self._raw.close()
        super().close()


def _most(what: str) -> str:
    return f"{LARGEST_HEAD if what == 'headers' else LARGEST_ANSWER:,} bytes"


class BoundedResponse(http.client.HTTPResponse):
    """An answer that is read from a ``_Source``."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self._source = _Source(self.fp.detach(), sock)
        self.fp = io.BufferedReader(self._source)

    def begin(self) -> None:
        """Read the headers."""
        super().begin()
        self._source.body_begins()


class ProxyTLS(ssl.SSLSocket):
    """A connection to an https proxy: what an API server's TLS is read from, piece by piece, has the one deadline."""

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Return what came."""
        self.settimeout(current.get().left())
        return super().recv(buflen, flags)


class _Socks(socks.socksocket):  # type: ignore[misc]  # it brings no types
    """A connection to a SOCKS proxy, which may greet byte by byte."""

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        self.settimeout(current.get().left())
        return socket.socket.recv_into(self, buffer, nbytes, flags)

    def settimeout(self, timeout: float | None) -> None:
        # The library's own holds it back until the proxy has answered.
        self._timeout = timeout
        socket.socket.settimeout(self, timeout)


def _through_socks(connection: Any) -> socket.socket:
    """Return what a connection of the library's speaks over, through its SOCKS proxy.

    Raises:
        NewConnectionError: the proxy is not reached, or refuses.
        TimedOutError: it took too long.
    """
    exchange, options = current.get(), connection._socks_options  # noqa: SLF001 - where the library keeps them
    proxy = (options["proxy_host"].strip("[]"), options["proxy_port"])
    failure = OSError("it has no address")
    for family, *_ in socket.getaddrinfo(*proxy, type=socket.SOCK_STREAM):
        made = _Socks(family, socket.SOCK_STREAM)
        try:
            made.set_proxy(options["socks_version"], *proxy, options["rdns"], options["username"], options["password"])
            made.settimeout(min(connection.timeout, exchange.left()))
            made.connect((connection.host.strip("[]"), connection.port))
        except OSError as error:
            made.close()
            failure = error
        except BaseException:
            made.close()
            raise
        else:
            return made
    if isinstance(getattr(failure, "socket_err", failure), TimeoutError):
        raise exchange.late() from failure
    raise NewConnectionError(connection, str(failure)) from failure


@lru_cache(maxsize=8)
def _bounded(kind: Any, link_local: LinkLocal) -> type[HTTPConnectionPool]:
    """Return pools like ``kind`` with connections that keep the deadline of the current exchange."""
    plain: Any = kind.ConnectionCls

    class Connection(plain):  # type: ignore[misc]  # made for what the library chose
        response_class = BoundedResponse

        timeout: float

        def connect(self) -> None:
            self.timeout = min(self.timeout, current.get().left())
            super().connect()

        def _new_conn(self) -> socket.socket:
            connected: socket.socket
            if issubclass(plain, SOCKSConnection):
                connected = _through_socks(self)
            else:
                connected = super()._new_conn()
            check_peer(connected, self.host, link_local)
            return connected

        def send(self, data: Any) -> None:
            if self.sock is None:
                self.connect()
            exchange = current.get()
            for start in range(0, len(data), _PIECE):
                self.sock.settimeout(exchange.left())
                try:
                    super().send(data[start : start + _PIECE])
                except TimeoutError as error:
                    raise exchange.late() from error

    class Pool(kind):  # type: ignore[misc]  # made for what the library chose
        ConnectionCls = Connection

    return Pool


def bound(manager: PoolManager, link_local: LinkLocal) -> None:
    """Have a manager's connections keep the deadline of the current exchange, through whatever proxy they go.

    None goes to a link-local or metadata address unless that is allowed; it ends before a byte is sent.
    """
    kinds: Mapping[str, Any] = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _bounded(kind, link_local) for scheme, kind in kinds.items()}
