"""A token for a command line, once a person confirms its code in a browser: OAuth 2.0's device flow (RFC 8628).

What waits to be confirmed is in the memory of this process, for some minutes: a code is begun, confirmed and used up in
one process, and a restart ends those that wait.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto

from common.store.state.sessions import digest_of
from console.api.contract.errors import ThrottledError

LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so that no code is a word: RFC 8628, section 6.1."""
_LENGTH = 8
LASTS = 600.0
"""Seconds in which a code can be confirmed and used."""
INTERVAL = 5
"""Seconds that a command line waits between two questions."""
MOST = 200
"""That wait at a time."""
MOST_OF_SOURCE = 5


class Answer(Enum):
    """What a command line is told that asks for its token."""

    PENDING = auto()
    SLOW_DOWN = auto()
    DENIED = auto()
    EXPIRED = auto()


@dataclass(frozen=True, slots=True)
class Wish:
    """What a command line asks for.

    Attributes:
        name: of the token, as people will read it.
        days: that it is to hold.
        address: of the network that the command line is on.
        user_id: who has confirmed it; None for nobody yet.
        denied: whether somebody has said no.
    """

    name: str
    days: int
    address: str
    user_id: int | None = None
    denied: bool = False


@dataclass(frozen=True, slots=True)
class _Waiting:
    code: str
    wish: Wish
    ends_at: float
    asked_at: float


def plain(code: str) -> str:
    """Return a code as it is known here, however a person has typed it."""
    return "".join(letter for letter in code.upper()[:40] if letter in LETTERS)


class Devices:
    """Codes that wait. Used by one event loop.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: dict[str, _Waiting] = {}
        """By the digest of what the command line shows."""

    def begin(self, wish: Wish) -> tuple[str, str]:
        """Return what the command line shows, and the code that a person confirms.

        Raises:
            ThrottledError: too many wait, in all or of this source.
        """
        device, code = secrets.token_urlsafe(32), "".join(secrets.choice(LETTERS) for _ in range(_LENGTH))
        digest, now = digest_of(device), self._clock()
        new = _Waiting(code, wish, now + LASTS, now - INTERVAL)
        self._drop(now)
        of_source = sum(one.wish.address == wish.address for one in self._waiting.values())
        is_full = len(self._waiting) >= MOST or of_source >= MOST_OF_SOURCE
        taken = any(one.code == code for one in self._waiting.values())
        if is_full or taken:
            raise ThrottledError(int(LASTS / 10), "too many wait to be confirmed")
        self._waiting[digest] = new
        return device, code

    def shown(self, code: str) -> Wish | None:
        """Return what a code asks for; None where none waits by it."""
        now = self._clock()
        self._drop(now)
        found = self._of_code(code)
        return None if found is None else self._waiting[found].wish

    def decide(self, code: str, user_id: int | None) -> Wish | None:
        """Note what somebody says to a code, once.

        Args:
            code: that they have been shown.
            user_id: theirs; None for no.
        """
        now = self._clock()
        self._drop(now)
        found = self._of_code(code)
        if found is None:
            return None
        one = self._waiting[found]
        wish = replace(one.wish, user_id=user_id, denied=user_id is None)
        self._waiting[found] = replace(one, wish=wish)
        return wish

    def take(self, device: str) -> Wish | Answer:
        """Return what was confirmed, this once, or what the command line is told instead."""
        digest, now = digest_of(device), self._clock()
        self._drop(now)
        one = self._waiting.get(digest)
        if one is None:
            return Answer.EXPIRED
        if one.wish.denied or one.wish.user_id is not None:
            del self._waiting[digest]
            return Answer.DENIED if one.wish.denied else one.wish
        self._waiting[digest] = replace(one, asked_at=now)
        return Answer.PENDING if now - one.asked_at >= INTERVAL - 1 else Answer.SLOW_DOWN

    def _of_code(self, code: str) -> str | None:
        """Return the digest of what waits undecided by a code."""
        for digest, one in self._waiting.items():
            if secrets.compare_digest(one.code, code) and one.wish.user_id is None and not one.wish.denied:
                return digest
        return None

    def _drop(self, now: float) -> None:
        for digest in [digest for digest, one in self._waiting.items() if one.ends_at <= now]:
            del self._waiting[digest]
