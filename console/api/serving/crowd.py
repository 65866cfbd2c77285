"""Open connections: counted by source as they are accepted, before TLS and before a byte is read.

Where there are too many, the oldest that has shown no token ends, so that a stranger who keeps connections open keeps
nobody out: a newcomer needs its place for as long as one request takes.
"""

from __future__ import annotations

import socket
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from console.api.serving.sources import among, local_user, source_of


@dataclass(frozen=True, slots=True)
class Room:
    """How many connections there may be.

    Attributes:
        of_source: from one source; a trusted proxy has no such bound.
        in_all: from everybody. The process needs as many file descriptors, and some.
        proxies: networks of trusted proxies, separated by commas.
    """

    of_source: int = 128
    in_all: int = 1536
    proxies: str = ""


class Crowd:
    """The open connections of one process; used by one event loop.

    Args:
        room: how many there may be.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._sources: dict[int, str] = {}
        self._by_source: Counter[str] = Counter()
        self._unproved: dict[int, Accepted] = {}

    def admits(self, one: Accepted, host: str) -> bool:
        """Return whether a new connection may stay; others may have been ended for it.

        Args:
            one: the connection.
            host: at its other end; empty for a Unix socket.
        """
        source = local_user(one) or source_of(host)
        if self._by_source[source] >= self._room.of_source and not among(host, self._room.proxies):
            if not self._ended_oldest(source):
                return False
        elif len(self._sources) >= self._room.in_all and not self._ended_oldest(None):
            return False
        self._sources[one.fileno()] = source
        self._by_source[source] += 1
        self._unproved[one.fileno()] = one
        return True

    def proved(self, descriptor: int) -> None:
        """Note that a connection has shown the token: it is not ended for others any more."""
        self._unproved.pop(descriptor, None)

    def left(self, descriptor: int) -> None:
        """Note that a connection ended; the descriptor may be another's from now on."""
        source = self._sources.pop(descriptor, None)
        self._unproved.pop(descriptor, None)
        if source is None:
            return
        self._by_source[source] -= 1
        if not self._by_source[source]:
            del self._by_source[source]

    def _ended_oldest(self, source: str | None) -> bool:
        """End the oldest connection without token, of one source or of all; tell whether there was one."""
        for descriptor, one in self._unproved.items():
            if source is None or self._sources[descriptor] == source:
                self.left(descriptor)
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                return True
        return False


class Accepted(socket.socket):
    """A connection that tells the crowd when it is closed."""

    crowd: Crowd | None = None

    def close(self) -> None:
        """Close, and be counted no more."""
        if self.crowd is not None:
            self.crowd.left(self.fileno())
        super().close()


class Entrance(socket.socket):
    """A listening socket that counts whom it lets in; takes the place of ``listening``, which is closed.

    Args:
        listening: bound, and listening already.
        crowd: that counts.
    """

    def __init__(self, listening: socket.socket, crowd: Crowd) -> None:
        super().__init__(listening.family, listening.type, listening.proto, fileno=listening.detach())
        self._crowd = crowd

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next connection that may stay.

        Raises:
            ConnectionAbortedError: one may not; the event loop goes on to the next.
        """
        plain, address = super().accept()
        one = Accepted(self.family, self.type, self.proto, fileno=plain.detach())
        if not self._crowd.admits(one, address[0] if isinstance(address, tuple) else ""):
            one.close()
            raise ConnectionAbortedError
        one.crowd = self._crowd
        if self.family != socket.AF_UNIX:
            # The event loop leaves it out for a socket that does not say its protocol, and this one does not: the body
            # of each answer would wait for the client to acknowledge the head, which takes it 40 ms.
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return one, address
