"""Keeps this process's leases alive, and knows by its own clock for how long each surely holds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from common.clock import Clock
from common.db import leases
from common.db.session import Database
from common.domain.errors import FlotillaError, LeaseLostError
from common.telemetry.logs import logger

log = logger(__name__)


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
        self._deadline = deadline
        self._clock = clock

    def check(self, needed: timedelta) -> None:
        """Return if the lease surely outlives a request of ``needed``.

        Raises:
            LeaseLostError: it may not.
        """
        if self._clock.monotonic() + needed.total_seconds() > self._deadline:
            message = f"the lease {self.name} may run out before the next write has ended"
            raise LeaseLostError(message)

    def prolong(self, deadline: float) -> None:
        """Note a renewal."""
        self._deadline = deadline

    def lose(self) -> None:
        """Note that the lease is another's; nothing may be written any more."""
        self._deadline = float("-inf")


class LeaseKeeper:
    """Renews all leases of this process in one transaction every few seconds, on a thread of its own.

    Args:
        database: holds the leases.
        clock: monotonic.
        lease: how long each renewal is good for.
        every: between renewals; a third of ``lease`` or less.
    """

    def __init__(self, database: Database, clock: Clock, *, lease: timedelta, every: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._lease = lease
        self._every = every
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
        """Return how many leases are held: each is a slot at work."""
        return len(self._held)

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
            self._held[name] = held
        try:
            yield held
        finally:
            with self._lock:
                if self._held.get(name) is held:
                    del self._held[name]

    def _run(self) -> None:
        while not self._stop.wait(self._every.total_seconds()):
            try:
                self.renew()
            except FlotillaError as error:
                log.warning("lease.not-renewed", code=error.code, error=str(error))

    def renew(self) -> None:
        """Renew everything held.

        Raises:
            DatabaseUnavailableError: nothing could be renewed; the deadlines stay.
        """
        with self._lock:
            held = dict(self._held)
        if not held:
            return
        asked = self._clock.monotonic()
        with self._database.write() as connection:
            now = self._database.now(connection)
            tokens = {name: one.token for name, one in held.items()}
            kept = leases.renew(connection, tokens, lease=self._lease, now=now)
        for name, one in held.items():
            if name in kept:
                one.prolong(asked + self._lease.total_seconds())
            else:
                one.lose()
