"""Who leads: one scheduler holds the lease in SQL, the others stand by and take over when it runs out.

What was read before the lead was lost is never written after it: each turn has the proof it began with, and each of
its writing transactions shows it first.
"""

from __future__ import annotations

import threading
from datetime import timedelta

from common.clock import Clock
from common.domain.errors import FlotillaError
from common.store.engine.connection import Connection
from common.store.engine.session import Database
from common.store.queue import leadership, leases
from common.store.queue.leadership import NotLeadingError
from common.telemetry.logs import logger

log = logger(__name__)
LONGEST_STEP = timedelta(seconds=60)
"""A leader none of whose steps has ended for so long is stuck: its lease is not prolonged any more."""


class Leadership:
    """One scheduler's part in leading. One thread works with it, another may prolong the lease.

    Args:
        database: holds the lease.
        clock: the deadline is counted on its monotonic clock, from when the renewal was sent.
        name: shown to people as the holder.
        lease: how long a leader that died is waited for.

    Attributes:
        unbroken: whether it has led since the turn before, so that what was read then still counts.
    """

    def __init__(self, database: Database, clock: Clock, *, name: str, lease: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._name = name
        self._lease = lease
        self._held: tuple[str, float] | None = None
        """The token, and until when it surely leads on the monotonic clock."""
        self._proof = ""
        self.unbroken = False
        self._moved = clock.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="leadership", daemon=True)

    def start(self) -> None:
        """Prolong the lease on a thread of its own from now on, so that no work keeps it from being prolonged."""
        self._thread.start()

    def leads(self) -> bool:
        """Return whether this scheduler leads; a turn that begins with it proves what it writes by this answer.

        Takes the lead where nobody has it, and prolongs the lease once half of it is over.

        Raises:
            DatabaseUnavailableError: the database does not say.
            DatabaseBusyError: the former leader's last transaction has not ended yet.
        """
        self.moved()
        before, self._proof, self.unbroken = self._proof, "", False
        held = self._held
        if held is not None and held[1] - self._clock.monotonic() <= self._lease.total_seconds() / 2:
            self.prolong()
        if self._held is None:
            self._take()
        held = self._held
        if held is None or held[1] <= self._clock.monotonic():
            return False
        self._proof, self.unbroken = held[0], held[0] == before
        return True

    def prove(self, connection: Connection) -> None:
        """Return if this scheduler has led without a break since its turn began, and does until the transaction ends.

        Raises:
            NotLeadingError: it does not.
        """
        if not self._proof:
            message = "this scheduler does not lead"
            raise NotLeadingError(message)
        leadership.prove(connection, self._proof)

    def moved(self) -> None:
        """Note that the work goes on."""
        self._moved = self._clock.monotonic()

    def prolong(self) -> None:
        """Prolong the lease, or note that it is lost.

        Raises:
            DatabaseUnavailableError: the database does not say; the deadline stays.
        """
        held = self._held
        if held is None or self._clock.monotonic() - self._moved > LONGEST_STEP.total_seconds():
            return
        asked = self._clock.monotonic()
        with self._database.write() as connection:
            now = self._database.now(connection)
            kept = leases.renew(connection, {leases.LEADER: held[0]}, lease=self._lease, now=now)
        # Whatever another thread has found out meanwhile of another token stays.
        if self._held is not None and self._held[0] == held[0]:
            self._held = (held[0], asked + self._lease.total_seconds()) if kept else None

    def resign(self) -> None:
        """Give the lease back, so that a standby need not wait for it to run out."""
        self._stop.set()
        self._proof = ""
        held, self._held = self._held, None
        if held is not None:
            with self._database.write() as connection:
                leases.release(connection, leases.LEADER, held[0])

    def _take(self) -> None:
        asked = self._clock.monotonic()
        with self._database.write() as connection:
            now = self._database.now(connection)
            token = leadership.take(connection, holder=self._name, lease=self._lease, now=now)
        if token is not None:
            self._held = (token, asked + self._lease.total_seconds())

    def _keep(self) -> None:
        while not self._stop.wait(self._lease.total_seconds() / 4):
            try:
                self.prolong()
            except FlotillaError as error:
                log.warning("leader.not-prolonged", code=error.code, error=str(error))
