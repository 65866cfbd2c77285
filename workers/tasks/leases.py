"""Keeps this process's leases alive while what they are for makes progress, and knows for how long each surely holds.

Threads cannot be ended. What hangs is given up instead: its lease is renewed no more, so that the reaper ends its
attempt; its slot counts as stuck; and a process whose work all hangs is replaced (see ``heartbeat``).
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from common.clock import Clock
from common.db import attempts, leases
from common.db.session import Database
from common.domain.errors import FlotillaError, LeaseLostError
from common.telemetry.logs import logger

log = logger(__name__)
_FRAMES = 6


@dataclass(frozen=True, slots=True)
class Patience:
    """How long work may take.

    Attributes:
        idle: without progress.
        whole: in all.
    """

    idle: timedelta
    whole: timedelta


class HeldLease:
    """One lease, as its holder sees it; the ``Fence`` of an attempt. Safe to use from several threads.

    Args:
        name: for messages.
        token: proves that it is ours.
        deadline: on the monotonic clock, counted from when the last claim or renewal was *sent*.
        clock: that clock.
    """

    def __init__(self, name: str, token: str, deadline: float, clock: Clock) -> None:
        self.name = name
        self.token = token
        self.stuck = ""
        """Why it was given up; empty while it was not."""
        self.told = False
        """Whether SQL knows that."""
        self._deadline = deadline
        self._clock = clock
        self._began = self._moved = clock.monotonic()
        self._counts: Callable[[], Mapping[str, int]] = dict
        self._counted: Mapping[str, int] = {}
        self._thread = threading.get_ident()

    def check(self, needed: timedelta) -> None:
        """Return if the lease surely outlives a request of ``needed``; whoever asks makes progress.

        Raises:
            LeaseLostError: it may not.
        """
        now = self._moved = self._clock.monotonic()
        if now + needed.total_seconds() > self._deadline:
            message = f"the lease {self.name} may run out before the next write has ended"
            raise LeaseLostError(message)

    def watch(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """Take it for progress whenever what ``counts`` returns has changed; it is called from another thread."""
        self._counts = counts

    def prolong(self, deadline: float) -> None:
        """Note a renewal."""
        self._deadline = deadline

    def lose(self) -> None:
        """Note that the lease is another's; nothing may be written any more."""
        self._deadline = float("-inf")

    def hangs(self, patience: Patience) -> str:
        """Return why it is to be given up; empty while it is not."""
        now = self._clock.monotonic()
        counted = self._counts()
        if counted != self._counted:
            self._counted, self._moved = counted, now
        if now - self._began > patience.whole.total_seconds():
            return f"it took longer than {patience.whole.total_seconds():g} s"
        if now - self._moved > patience.idle.total_seconds():
            return f"it made no progress for {patience.idle.total_seconds():g} s"
        return ""

    def whereabouts(self) -> list[str]:
        """Return where in the code its thread is now, innermost last; names and lines only."""
        frame = sys._current_frames().get(self._thread)  # noqa: SLF001 - the documented way to another thread's stack
        stack = [] if frame is None else traceback.extract_stack(frame)[-_FRAMES:]
        return [f"{one.filename.rpartition('/site-packages/')[2]}:{one.lineno} {one.name}" for one in stack]


class LeaseKeeper:
    """Renews all leases of this process in one transaction every few seconds, on a thread of its own.

    Args:
        database: holds the leases.
        clock: monotonic.
        lease: how long each renewal is good for.
        every: between renewals; a third of ``lease`` or less.
        patience: how long what a lease is for may take.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        lease: timedelta,
        every: timedelta,
        patience: Patience,
    ) -> None:
        self._database = database
        self._clock = clock
        self._lease = lease
        self._every = every
        self._patience = patience
        self._held: dict[str, HeldLease] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def stop(self) -> None:
        """Renew no more."""
        self._stop.set()
        self._thread.join()

    def count(self) -> int:
        """Return how many leases are held, given up or not: each is a slot at work."""
        return len(self._all())

    def stuck(self) -> int:
        """Return how many of them were given up, and SQL knows it, while their threads are still there."""
        return sum(one.told for one in self._all().values())

    @contextmanager
    def keeping(self, name: str, token: str, *, asked_at: float) -> Iterator[HeldLease]:
        """Keep a lease alive inside the block; giving it back is the caller's.

        Args:
            name: of the lease.
            token: that came with it.
            asked_at: on the monotonic clock, before the lease was asked for.
        """
        held = HeldLease(name, token, asked_at + self._lease.total_seconds(), self._clock)
        with self._lock:
            self._held[token] = held
        try:
            yield held
        finally:
            with self._lock:
                del self._held[token]

    def _all(self) -> dict[str, HeldLease]:
        with self._lock:
            return dict(self._held)

    def _run(self) -> None:
        while not self._stop.wait(self._every.total_seconds()):
            try:
                self.renew()
            except FlotillaError as error:
                log.warning("lease.not-renewed", code=error.code, error=str(error))

    def renew(self) -> None:
        """Renew everything held that makes progress, and give up what does not.

        Raises:
            DatabaseUnavailableError: nothing could be renewed; the deadlines stay.
        """
        held = self._all().values()
        self._give_up(one for one in held if not one.stuck)
        kept = {one.name: one for one in held if not one.stuck}
        untold = [one for one in held if one.stuck and not one.told]
        if not kept and not untold:
            return
        asked = self._clock.monotonic()
        with self._database.write() as connection:
            now = self._database.now(connection)
            for one in untold:
                attempts.note_stuck(connection, one.name, one.token, why=one.stuck)
            tokens = {name: one.token for name, one in kept.items()}
            renewed = leases.renew(connection, tokens, lease=self._lease, now=now)
        for one in untold:
            one.told = True
        for name, one in kept.items():
            if name in renewed:
                one.prolong(asked + self._lease.total_seconds())
            else:
                one.lose()

    def _give_up(self, held: Iterable[HeldLease]) -> None:
        for one in held:
            one.stuck = one.hangs(self._patience)
            if one.stuck:
                one.lose()
                log.error("lease.given-up", lease=one.name, why=one.stuck, where=one.whereabouts())
