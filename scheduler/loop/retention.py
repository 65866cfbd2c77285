"""Deletes what is older than the hub keeps, a little at a time, so that it holds up nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta

from common.clock import Clock
from common.store.engine.session import Database
from common.store.queue.retention import prune
from common.telemetry.logs import logger

log = logger(__name__)
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

    def tick(self) -> bool:
        """Delete one batch if it is time; return whether more is to be looked at.

        Raises:
            FlotillaError: this pass is given up; the next begins again.
        """
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
