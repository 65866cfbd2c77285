"""Deletes what is older than the hub keeps, a little at a time, so that it holds up nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta

from common.clock import Clock
from common.store.engine.session import Database
from common.store.queue import inspections
from common.store.queue.retention import prune
from common.telemetry.logs import logger

log = logger(__name__)
EXPIRED_EVERY = timedelta(seconds=30)
"""How often what clusters were seen to say is deleted once it is over."""
EXPIRED_AT_ONCE = 500
FIRST = timedelta(minutes=5)
"""After the start: whoever starts has more urgent things to do."""
EVERY = timedelta(hours=1)


class Retention:
    """Deletes history in batches. Used by one thread.

    Args:
        database: as its tables' owner.
        clock: monotonic, for the interval.
        keep: how long history is kept.
    """

    def __init__(self, database: Database, clock: Clock, *, keep: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._keep = keep
        self._batches: Iterator[Mapping[str, int]] | None = None
        self._deleted: Counter[str] = Counter()
        self._due = clock.monotonic() + FIRST.total_seconds()
        self._expires = float("-inf")

    def tick(self) -> bool:
        """Delete one batch if it is time; return whether more is to be looked at.

        Raises:
            FlotillaError: this pass is given up; the next begins again.
        """
        self._expire()
        if self._batches is None:
            if self._clock.monotonic() < self._due:
                return False
            self._batches, self._deleted = prune(self._database, keep=self._keep), Counter()
            self._due = self._clock.monotonic() + EVERY.total_seconds()
        batches, self._batches = self._batches, None
        for deleted in batches:
            self._deleted.update(deleted)
            self._batches = batches
            return True
        if gone := {table: rows for table, rows in self._deleted.items() if rows}:
            log.info("retention.deleted", **gone)
        return False

    def _expire(self) -> None:
        """Delete inspections that are over: what a cluster said of a tenant's objects is not kept."""
        now = self._clock.monotonic()
        if now < self._expires:
            return
        self._expires = now + EXPIRED_EVERY.total_seconds()
        with self._database.write() as connection:
            gone = inspections.expire(connection, limit=EXPIRED_AT_ONCE, now=self._database.now(connection))
        if gone == EXPIRED_AT_ONCE:
            self._expires = now  # more are waiting: they go with the next turn
