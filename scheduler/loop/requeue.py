"""Brings back what edges lost: a placement that is behind and wants no run is made to want one."""

from __future__ import annotations

from common.clock import Clock
from common.store.engine.session import Database
from common.store.state import placements
from common.telemetry.logs import logger

log = logger(__name__)
EVERY = 10.0
"""Seconds between two looks: each reads all placements once."""


class Requeue:
    """Makes placements that are behind want a run. Used by one thread.

    Args:
        database: holds the placements.
        clock: monotonic, for the interval.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._due = 0.0

    def tick(self) -> int:
        """Look if it is time; return how many placements want a run since."""
        if self._clock.monotonic() < self._due:
            return 0
        with self._database.write() as connection:
            placements.clear_holds(connection)
            found = placements.want_what_was_missed(connection, now=self._database.now(connection))
        self._due = self._clock.monotonic() + EVERY
        if found:
            log.info("requeue.wanted", placements=found)
        return found
