"""``/healthz`` and ``/readyz``: open to everybody, so that they say yes or no and cost the database next to nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from fastapi import APIRouter, Request, Response, status

from common.db.session import Database
from common.domain.errors import FlotillaError
from common.settings import Settings
from console import work

router = APIRouter(include_in_schema=False)
KEPT = 1.0
"""Seconds for which an answer holds."""


class Readiness:
    """Knows whether the hub can do its work; looks once in a while, however often it is asked.

    Args:
        settings: of this hub.
        database: that is looked at.
        clock: monotonic seconds.
    """

    def __init__(self, settings: Settings, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._until = float("-inf")
        self._ready = False

    def ready(self) -> bool:
        """Return whether the hub could do its work at the last look."""
        with self._lock:
            if self._clock() >= self._until:
                self._ready = self._look()
                self._until = self._clock() + KEPT
            return self._ready

    def _look(self) -> bool:
        try:
            with self._database.read() as connection:
                return not any(one.stops_work for one in work.look(connection, self._database, self._settings))
        except FlotillaError:
            return False


@router.get("/healthz")
async def healthz() -> Response:
    """Say that the process answers; nothing else."""
    return Response(status_code=status.HTTP_200_OK)


@router.get("/readyz")
def readyz(request: Request) -> Response:
    """Say whether the hub can do its work; what keeps it from that is told to who has the token."""
    readiness: Readiness = request.app.state.readiness
    return Response(status_code=status.HTTP_200_OK if readiness.ready() else status.HTTP_503_SERVICE_UNAVAILABLE)
