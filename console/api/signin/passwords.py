"""Passwords of the hub's own users: argon2id (RFC 9106), two at once, and as long for a user that there is not.

Whoever signs in waits for their turn. Of one source and of one name one password is checked at a time, and few wait:
who opens many connections keeps nobody else out.
"""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from console.api.contract.errors import RequestError, ThrottledError

SHORTEST = 12
LONGEST = 1024
"""Characters."""
MEMORY = 64 * 1024
"""KiB that one check takes; with ``ROUNDS`` a third of a second."""
ROUNDS = 6
AT_ONCE = 2
"""Checks at a time: what they take of memory and processors is bounded, whoever asks."""
MOST_OF_NAME = 2
"""Of one source for one name, with the one that is checked: a browser's second try, and no more."""
MOST_OF_SOURCE = 4
"""That wait or are checked: a place that many share, as behind one address of an office."""
MOST_WAITING = 16
"""Of all; each takes a thread."""
PATIENCE = 5.0
"""Seconds that somebody waits for their turn."""
_SOON = 1
"""Seconds after which a check may be had."""


class WeakPasswordError(RequestError):
    """A password is too short or too long to be taken."""

    code: ClassVar[str] = "password.length"


def _of_nobody() -> str:
    """Return a hash that no password has, and that takes as long to compare with."""
    salt, digest = (b64encode(bytes(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m={MEMORY},t={ROUNDS},p=1${salt}${digest}"


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    """Somebody who waits for a check, or has one."""

    name: str
    source: str
    begins: threading.Event = field(default_factory=threading.Event)


class Passwords:
    """Makes hashes and compares with them; safe to use from several threads.

    All of it takes whom it is for: a name, and the source that the request counts for.
    """

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=ROUNDS, memory_cost=MEMORY, parallelism=1)
        self._lock = threading.Lock()
        self._running: list[_Turn] = []
        self._waiting: list[_Turn] = []

    @property
    def waiting(self) -> int:
        """Return how many wait for their turn."""
        return len(self._waiting)

    def hashed(self, password: str, *, name: str, source: str) -> str:
        """Return the hash under which a password is kept.

        Raises:
            WeakPasswordError: it is too short or too long.
            ThrottledError: too many wait, or nothing came of waiting.
        """
        if not SHORTEST <= len(password) <= LONGEST:
            message = f"the password has fewer than {SHORTEST} or more than {LONGEST} characters"
            raise WeakPasswordError(message, remedy="take a longer one, or some words")
        with self._turn(name, source):
            return self._hasher.hash(password)

    def matches(self, password: str, kept: str | None, *, name: str, source: str) -> bool:
        """Return whether a password has the hash that is kept; None, for a user that there is not, takes as long.

        Raises:
            ThrottledError: too many wait, or nothing came of waiting.
        """
        with self._turn(name, source):
            return self._verified(password, kept)

    def _verified(self, password: str, kept: str | None) -> bool:
        try:
            return self._hasher.verify(kept or _of_nobody(), password[:LONGEST]) and bool(kept)
        except (VerificationError, InvalidHashError):
            return False

    @contextmanager
    def _turn(self, name: str, source: str) -> Iterator[None]:
        turn = _Turn(name, source)
        if not self._changed(come=turn):
            raise _crowded()
        try:
            if not turn.begins.wait(PATIENCE):
                raise _crowded()
            yield
        finally:
            self._changed(gone=turn)  # it may have begun just as patience ended

    def _changed(self, *, come: _Turn | None = None, gone: _Turn | None = None) -> bool:
        """Let those begin who came first, and of whose name and source nobody is checked; False if nobody may come."""
        with self._lock:
            if come is not None:
                of_source = [one for one in (*self._running, *self._waiting) if one.source == come.source]
                of_name = sum(one.name == come.name for one in of_source)
                is_full = len(of_source) >= MOST_OF_SOURCE or of_name >= MOST_OF_NAME
                if is_full or len(self._waiting) >= MOST_WAITING:
                    return False
                self._waiting.append(come)
            for crowd in (self._running, self._waiting):
                if gone is not None and gone in crowd:
                    crowd.remove(gone)
            for turn in tuple(self._waiting):
                beside = [one for one in self._running if turn.name == one.name or turn.source == one.source]
                if not beside and len(self._running) < AT_ONCE:
                    self._waiting.remove(turn)
                    self._running.append(turn)
                    turn.begins.set()
            return True


def _crowded() -> ThrottledError:
    return ThrottledError(_SOON, "too many sign in at once")
