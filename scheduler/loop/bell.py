"""Ends the pause between two turns early, where a push brought a look forward or such a look has ended."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from common.clock import Clock
from common.domain.errors import FlotillaError
from common.store.engine.session import Database
from common.store.state import pokes

EVERY = timedelta(milliseconds=50)
"""How often it is looked."""


class Bell:
    """Used by one thread.

    Args:
        database: is asked for one row and the sources that were poked lately.
        clock: monotonic.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._heard: tuple[datetime | None, datetime | None] = (None, None)

    def wait(self, pause: timedelta, stop: threading.Event) -> None:
        """Return after ``pause``, or before it where there is something to do or ``stop`` is set."""
        end = self._clock.monotonic() + pause.total_seconds()
        while (left := end - self._clock.monotonic()) > 0:
            if stop.wait(min(left, EVERY.total_seconds())) or self._rings():
                return

    def _rings(self) -> bool:
        try:
            with self._database.read() as connection:
                found = pokes.marker(connection, now=self._database.now(connection))
        except FlotillaError:
            return False  # the turn says so
        heard, self._heard = self._heard, found
        return found != heard
