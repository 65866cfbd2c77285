"""Who leads: one scheduler holds the lease in SQL, the others stand by and take over when it runs out."""

from __future__ import annotations

from datetime import timedelta

from common.clock import Clock
from common.db import leases
from common.db.session import Database


class Leadership:
    """This scheduler's part in it; used by one thread.

    Args:
        database: holds the lease.
        clock: the deadline is counted on its monotonic clock, from when the renewal was sent.
        name: shown to people as the holder.
        lease: how long a leader that died is waited for.
    """

    def __init__(self, database: Database, clock: Clock, *, name: str, lease: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._name = name
        self._lease = lease
        self._token: str | None = None
        self._deadline = 0.0

    def leads(self) -> bool:
        """Return whether this scheduler leads for at least half a lease from now; renews or takes the lease if due.

        Raises:
            DatabaseUnavailableError: the database does not say.
        """
        half = self._lease.total_seconds() / 2
        if self._token is not None and self._deadline - self._clock.monotonic() > half:
            return True
        asked = self._clock.monotonic()
        with self._database.write() as connection:
            now = self._database.now(connection)
            if self._token is not None:
                tokens = {leases.LEADER: self._token}
                if not leases.renew(connection, tokens, lease=self._lease, now=now):
                    self._token = None
            if self._token is None:
                self._token = leases.take(connection, leases.LEADER, holder=self._name, lease=self._lease, now=now)
        self._deadline = asked + self._lease.total_seconds()
        return self._token is not None

    def resign(self) -> None:
        """Give the lease back, so that a standby need not wait for it to run out."""
        if self._token is None:
            return
        with self._database.write() as connection:
            leases.release(connection, leases.LEADER, self._token)
        self._token = None
