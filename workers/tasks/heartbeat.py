"""Tells SQL every few seconds that this worker process lives: dispatch counts its slots, the reaper its absence."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta

from common.db import lost, workers
from common.domain.errors import FlotillaError
from common.telemetry.logs import logger
from workers.tasks.runtime import Runtime

log = logger(__name__)
EVERY = timedelta(seconds=4)


class Heartbeat:
    """A thread of its own.

    Args:
        runtime: whose process it is.
        queues: which it serves.
        slots: runs at once.
    """

    def __init__(self, runtime: Runtime, queues: Sequence[str], slots: int) -> None:
        self._runtime = runtime
        self._queues = tuple(queues)
        self._slots = slots
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """Beat no more, and have the process forgotten: it ends in order."""
        self._stop.set()
        self._thread.join()
        try:
            with self._runtime.database.write() as connection:
                workers.leave(connection, self._runtime.name)
        except FlotillaError as error:
            log.warning("heartbeat.not-ended", error=str(error))

    def _run(self) -> None:
        while True:
            try:
                self._beat()
            except FlotillaError as error:
                log.warning("heartbeat.missed", code=error.code, error=str(error))
            if self._stop.wait(EVERY.total_seconds()):
                return

    def _beat(self) -> None:
        runtime = self._runtime
        with runtime.database.write() as connection:
            now = runtime.database.now(connection)
            if lost.succeed(connection, runtime.name, started_at=runtime.started_at):
                log.warning("worker.succeeds-a-dead-one", worker=runtime.name)
            workers.beat(
                connection,
                runtime.name,
                queues=self._queues,
                slots=self._slots,
                started_at=runtime.started_at,
                now=now,
                render_cache=runtime.renderers.cached,
            )
