"""Slows the guessing of the token down: by source, and more strictly while all sources together guess a lot.

A source that guesses is refused for a while, whatever it shows. No number of guesses refuses another source: while the
account is under attack each source has fewer tries, and one that shows the right token needs no more than one.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Tries:
    """How many failures are allowed.

    Attributes:
        window: how long a failure counts.
        by_source: failures of one source within ``window``.
        by_account: failures of all sources within ``window`` from which on each source has ``under_attack``.
        under_attack: failures of one source within ``window`` then.
        sources: that are remembered; the one that failed least recently goes first.
    """

    window: timedelta = timedelta(minutes=1)
    by_source: int = 10
    by_account: int = 100
    under_attack: int = 3
    sources: int = 10_000


class Throttle:
    """Counts failures; may be asked from several threads. Its memory is bounded by ``Tries.sources``.

    Args:
        tries: how many failures are allowed.
        clock: monotonic seconds.
    """

    def __init__(self, tries: Tries, clock: Callable[[], float] = time.monotonic) -> None:
        self._tries = tries
        self._window = tries.window.total_seconds()
        self._clock = clock
        self._lock = threading.Lock()
        self._of_source: OrderedDict[str, deque[float]] = OrderedDict()
        self._of_account: deque[float] = deque(maxlen=tries.by_account)

    def allows(self, source: str) -> bool:
        """Return whether ``source`` may try now."""
        since = self._clock() - self._window
        with self._lock:
            failures = tuple(self._of_source.get(source, ()))
            first = self._of_account[0] if len(self._of_account) == self._tries.by_account else since
        limit = self._tries.under_attack if first > since else self._tries.by_source
        return sum(at > since for at in failures) < limit

    def failed(self, source: str) -> None:
        """Count a failure of ``source``."""
        now, none = self._clock(), deque[float](maxlen=self._tries.by_source)
        with self._lock:
            self._of_source.setdefault(source, none).append(now)
            self._of_source.move_to_end(source)
            if len(self._of_source) > self._tries.sources:
                self._of_source.popitem(last=False)
            self._of_account.append(now)

    def succeeded(self, source: str) -> None:
        """Forget the failures of ``source``: it has the token and need not guess."""
        with self._lock:
            self._of_source.pop(source, None)

    @property
    def failures(self) -> int:
        """How many failures of all sources count now; no more than bring it under attack."""
        since = self._clock() - self._window
        with self._lock:
            return sum(at > since for at in self._of_account)

    @property
    def wait(self) -> int:
        """Seconds after which a refused source may try again for sure."""
        return int(self._window)


SIGN_INS = Tries(by_source=30, by_account=10_000, under_attack=30)
"""Sessions opened with one name, which stands for a source here: each costs a check, whoever has the password."""
EXCHANGES = Tries(by_source=30, by_account=300, under_attack=10)
"""Tokens of CIs that prove nothing: guessing is of no use there, but each may have the issuer asked."""
OF_A_NAME = Tries(by_source=5, by_account=20, under_attack=1, sources=1_000)
"""Failures with one user's name: one that many sources try is left one guess a minute for each."""


class Accounts:
    """Failures with each user's name, whether or not there is such a user; bounded in number.

    Who only asks about names, or signs in, puts none out.

    Args:
        tries: with one name.
        most: names that are remembered; one with the fewest failures goes first, of those the one that failed first.
        clock: monotonic seconds.
    """

    def __init__(
        self, tries: Tries = OF_A_NAME, *, most: int = 1_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tries, self._most, self._clock = tries, most, clock
        self._lock = threading.Lock()
        self._of_name: dict[str, Throttle] = {}

    @property
    def window(self) -> float:
        """Seconds for which a failure counts."""
        return self._tries.window.total_seconds()

    def of(self, name: str) -> Account:
        """Return what slows the guessing of one user's password."""
        return Account(self, name)

    def known(self, name: str) -> Throttle | None:
        """Return the failures with a name; None where there were none of late."""
        with self._lock:
            return self._of_name.get(name)

    def made(self, name: str) -> Throttle:
        """Return what counts the failures with a name from now on."""
        new = Throttle(self._tries, self._clock)
        with self._lock:
            if name not in self._of_name and len(self._of_name) >= self._most:
                del self._of_name[min(self._of_name, key=lambda one: self._of_name[one].failures)]
            return self._of_name.setdefault(name, new)


@dataclass(frozen=True, slots=True)
class Account:
    """What slows the guessing of one user's password: nothing is remembered of a name before its first failure."""

    accounts: Accounts
    name: str

    def allows(self, source: str) -> bool:
        """Return whether ``source`` may try now."""
        found = self.accounts.known(self.name)
        return found is None or found.allows(source)

    def failed(self, source: str) -> None:
        """Count a failure of ``source``."""
        self.accounts.made(self.name).failed(source)

    def succeeded(self, source: str) -> None:
        """Forget the failures of ``source``."""
        found = self.accounts.known(self.name)
        if found is not None:
            found.succeeded(source)

    @property
    def wait(self) -> int:
        """Seconds after which a refused source may try again for sure."""
        return int(self.accounts.window)
