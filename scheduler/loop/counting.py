"""Keeps the counts of placements short, so that whoever asks for them reads a few rows for each cluster."""

from __future__ import annotations

from datetime import timedelta

from common.clock import Clock
from common.store.engine.session import Database
from common.store.state import counts
from common.telemetry.logs import logger

log = logger(__name__)
EVERY = timedelta(seconds=5)
RECOUNT = timedelta(days=1)
"""How often all placements are counted again; the first time soon after the start."""
AGAIN = timedelta(minutes=10)
"""When that is tried again where it failed."""


class Counting:
    """Puts counts together, and sets them right. Used by one thread.

    Args:
        database: as its tables' owner.
        clock: monotonic, for the intervals.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._due = float("-inf")
        self._recount = float("-inf")

    def tick(self) -> None:
        """Put counts of some clusters together if it is time; where more are to be, it is time at the next turn too.

        What fails is tried again when it is due the next time, and keeps nothing else from being done.
        """
        now = self._clock.monotonic()
        if now < self._due:
            return
        self._due = now + EVERY.total_seconds()
        with self._database.write() as connection:
            more = counts.fold(connection)
        if more:
            self._due = now
        if now >= self._recount:
            self._recount = now + AGAIN.total_seconds()
            with self._database.write() as connection:
                wrong = counts.recount(connection)
            self._recount = now + RECOUNT.total_seconds()
            if wrong:
                log.warning("counts.wrong", kinds=wrong)
