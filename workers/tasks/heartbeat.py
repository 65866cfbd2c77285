"""Has SQL told every few seconds how this worker process does: dispatch counts its slots, the reaper its absence.

The process that renews its leases writes it there (``renewing``).
A worker whose clock is off takes no work: it would refuse messages as too old, or take ones that are. One whose work
all hangs ends, so that whatever keeps it running starts another.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import timedelta

from common.broker.transport import take_again, take_nothing
from common.domain.work import CLOCK_TOLERANCE
from common.sandbox import layers
from common.telemetry.logs import logger
from workers.tasks.renewer import BEAT_EVERY, Report
from workers.tasks.runtime import Runtime
from workers.tasks.vitals import Vitals

log = logger(__name__)
REPLACE_ME = 75
"""Exit code of a process that wants another in its place (EX_TEMPFAIL of sysexits.h)."""


class Heartbeat:
    """The thread that has SQL told how this process does.

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
        self._runtime.leases.renewals.leave(self._runtime.name)

    def _run(self) -> None:
        while True:
            self.beat()
            if self._stop.wait(BEAT_EVERY.total_seconds()):
                return

    def beat(self) -> None:
        """Have it said how this process does, and look at what is known of its clock."""
        runtime = self._runtime
        stuck = runtime.leases.stuck()
        state = self._vitals.state(stuck=stuck)
        report = Report(
            state,
            runtime.started_at,
            runtime.clock.monotonic(),
            render_cache=runtime.renderers.cached,
            sandbox=layers.held().by_name,
        )
        runtime.leases.renewals.beat(report)
        self._mind_the_clock(timedelta(seconds=runtime.leases.board.clock_ahead))
        if stuck and stuck == runtime.leases.count():
            # Its threads cannot be ended by other means. Whatever it had taken and not begun is sent again.
            log.error(
                "worker.replaced", said=f"all that runs here hangs ({stuck}): I end, for another to take my place"
            )
            self._end(REPLACE_ME)

    def _mind_the_clock(self, ahead: timedelta) -> None:
        off = abs(ahead) > CLOCK_TOLERANCE
        if off:
            self._vitals.broker_answered()  # what is not asked cannot answer
        if off and not self._off:
            take_nothing()
            seconds = round(ahead.total_seconds())
            where = f"{abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'}"
            log.warning("clock.off", said=f"my clock is {where} the database's: I take no work until it is right")
        elif self._off and not off:
            take_again()
            log.info("clock.right", said="my clock is right again: I take work")
        self._off = off
