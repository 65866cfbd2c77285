"""Passwords of the hub's own users: argon2id (RFC 9106), two at once, and as long for a user that there is not."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
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
_SOON = 1
"""Seconds after which a check may be had."""


class WeakPasswordError(RequestError):
    """A password is too short or too long to be taken."""

    code: ClassVar[str] = "password.length"


def _of_nobody() -> str:
    """Return a hash that no password has, and that takes as long to compare with."""
    salt, digest = (b64encode(bytes(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m={MEMORY},t={ROUNDS},p=1${salt}${digest}"


class Passwords:
    """Makes hashes and compares with them; safe to use from several threads."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=ROUNDS, memory_cost=MEMORY, parallelism=1)
        self._slots = threading.BoundedSemaphore(AT_ONCE)

    def hashed(self, password: str) -> str:
        """Return the hash under which a password is kept.

        Raises:
            WeakPasswordError: it is too short or too long.
            ThrottledError: others are being checked.
        """
        if not SHORTEST <= len(password) <= LONGEST:
            message = f"the password has fewer than {SHORTEST} or more than {LONGEST} characters"
            raise WeakPasswordError(message, remedy="take a longer one, or some words")
        with self._slot():
            return self._hasher.hash(password)

    def matches(self, password: str, kept: str | None) -> bool:
        """Return whether a password has the hash that is kept; None, for a user that there is not, takes as long.

        Raises:
            ThrottledError: others are being checked.
        """
        with self._slot():
            try:
                return self._hasher.verify(kept or _of_nobody(), password[:LONGEST]) and bool(kept)
            except (VerificationError, InvalidHashError):
                return False

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(blocking=False):
            raise ThrottledError(_SOON, "too many sign in at once")
        try:
            yield
        finally:
            self._slots.release()
