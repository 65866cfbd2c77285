"""Tells SQL every few seconds how this worker process does: dispatch counts its slots, the reaper its absence.

A worker whose clock is off takes no work: it would refuse messages as too old, or take ones that are. One whose work
all hangs ends, so that whatever keeps it running starts another.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import timedelta

from common.broker.transport import take_again, take_nothing
from common.db import lost, workers
from common.domain.errors import FlotillaError
from common.domain.work import CLOCK_TOLERANCE
from common.sandbox import layers
from common.telemetry.logs import logger
from workers.tasks.runtime import Runtime
from workers.tasks.vitals import Vitals

log = logger(__name__)
EVERY = timedelta(seconds=4)
REPLACE_ME = 75
"""Exit code of a process that wants another in its place (EX_TEMPFAIL of sysexits.h)."""


class Heartbeat:
    """A thread of its own.

    Args:
        runtime: whose process it is.
        vitals: how that process does.
        end: ends the process at once, whatever its threads do.
    """

    def __init__(self, runtime: Runtime, vitals: Vitals, *, end: Callable[[int], object] = os._exit) -> None:
        self._runtime = runtime
        self._vitals = vitals
        self._end = end
        self._off = False
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
                self.beat()
            except FlotillaError as error:
                log.warning("heartbeat.missed", code=error.code, error=str(error))
            if self._stop.wait(EVERY.total_seconds()):
                return

    def beat(self) -> None:
        """Say once how this process does.

        Raises:
            DatabaseUnavailableError: nobody was told.
        """
        runtime = self._runtime
        with runtime.database.write() as connection:
            now = runtime.database.now(connection)
            ahead = runtime.database.clock_ahead(connection)
            if lost.succeed(connection, runtime.name, started_at=runtime.started_at):
                log.warning("worker.succeeds-a-dead-one", worker=runtime.name)
            stuck = runtime.leases.stuck()
            state = self._vitals.state(clock_ahead=ahead.total_seconds(), stuck=stuck)
            cached = runtime.renderers.cached
            workers.beat(
                connection,
                state,
                started_at=runtime.started_at,
                now=now,
                render_cache=cached,
                sandbox=layers.held().by_name,
            )
        self._mind_the_clock(ahead)
        if stuck and stuck == runtime.leases.count():
            # Its threads cannot be ended by other means. Whatever it had taken and not begun is sent again.
            log.error(
                "worker.replaced", said=f"all that runs here hangs ({stuck}): I end, for another to take my place"
            )
            self._end(REPLACE_ME)

    def _mind_the_clock(self, ahead: timedelta) -> None:
        off = abs(ahead) > CLOCK_TOLERANCE
        if off:
            self._vitals.heard()  # what is not asked cannot answer
        if off and not self._off:
            take_nothing()
            seconds = round(ahead.total_seconds())
            where = f"{abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'}"
            log.warning("clock.off", said=f"my clock is {where} the database's: I take no work until it is right")
        elif self._off and not off:
            take_again()
            log.info("clock.right", said="my clock is right again: I take work")
        self._off = off
