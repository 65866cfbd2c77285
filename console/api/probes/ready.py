"""``/healthz`` and ``/readyz``: open to everybody, so that they say yes or no and cost the database next to nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from fastapi import APIRouter, Request, Response, status

from common.domain.errors import FlotillaError
from common.settings import Settings
from common.single_flight import SingleFlight, StalledError
from common.store.engine.session import Database
from console import work

router = APIRouter(include_in_schema=False)
KEPT = 1.0
"""Seconds for which an answer holds."""
PATIENCE = timedelta(seconds=5)
"""How long one request waits for another one's look; a database that takes longer is not ready either."""


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
        self._looks: SingleFlight[str, bool] = SingleFlight("the look at the hub", patience=PATIENCE)
        self._known = (False, float("-inf"))
        """Whether it was ready, and until when that holds."""

    def ready(self) -> bool:
        """Return whether the hub could do its work at the last look."""
        ready, until = self._known
        if self._clock() < until:
            return ready
        try:
            return self._looks.run("ready", self._looked)
        except StalledError:
            return False

    def _looked(self) -> bool:
        ready = self._look()
        self._known = (ready, self._clock() + KEPT)
        return ready

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
