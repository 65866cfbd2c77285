"""Has each reader take the events that it has not taken yet."""

from __future__ import annotations

from collections.abc import Sequence

from common.domain.errors import TransientError
from common.store.engine.session import Database
from common.store.events import readers
from common.store.events.readers import EventReader
from common.store.queue.leadership import NotLeadingError
from common.telemetry.logs import logger

log = logger(__name__)
MOST_GOES = 20
"""Transactions of one reader in one turn: one that is far behind holds up neither the others nor the turn."""


class Listening:
    """Gives events to their readers. Used by one thread.

    Args:
        database: holds events and cursors.
        listeners: who is to take them.
    """

    def __init__(self, database: Database, listeners: Sequence[EventReader]) -> None:
        self._database = database
        self._listeners = listeners

    def tick(self) -> int:
        """Return how many events were taken, by whomever; what goes wrong with one reader is logged, and comes again.

        Raises:
            TransientError: the database did not answer in time.
            NotLeadingError: somebody else leads.
        """
        with self._database.read() as connection:
            waiting = readers.waiting(connection, self._listeners)
        return sum(map(self._heard, waiting))

    def _heard(self, reader: EventReader) -> int:
        taken = 0
        try:
            for _ in range(MOST_GOES):
                with self._database.write() as connection:
                    found = readers.advance(connection, reader, now=self._database.now(connection))
                taken += found
                if found < readers.MOST:
                    break
        except (TransientError, NotLeadingError):
            raise
        except Exception as error:  # a defect of one reader must not keep the others from their events
            log.exception("events.reader-failed", reader=reader.name, error=type(error).__name__)
        return taken
