"""Ends attempts whose worker is gone, but only after the database was reached for one whole lease without a gap."""

from __future__ import annotations

from datetime import datetime, timedelta

from common.clock import Clock
from common.domain.codes import RunReason
from common.domain.reasons import nested
from common.domain.refs import RunId
from common.domain.runs import RetryPolicy, own_back_off
from common.domain.status import Reason, Remedy
from common.store.engine.connection import Connection
from common.store.engine.session import Database
from common.store.queue import lost, reaper, waits, workers
from common.store.queue.reaper import Patience
from common.store.state import outcomes, placement_status
from common.store.state.outcomes import Failed
from common.telemetry.logs import logger

log = logger(__name__)
AFTER_DEADLINE = timedelta(minutes=5)
"""How long a placement that was not healthy in time, or killed its workers, waits at first for its next run."""
EVERY = 1.0
"""Seconds between two looks."""


class Reaper:
    """Ends attempts whose worker is gone. Used by one thread.

    Args:
        database: holds attempts and leases.
        clock: its monotonic side counts the patience.
        lease: of an attempt.
    """

    def __init__(self, database: Database, clock: Clock, *, lease: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._lease = lease
        self._patience = Patience()
        self._due = 0.0

    def lost(self) -> None:
        """Start being patient again: the database could not be reached."""
        self._patience = self._patience.lost()

    def tick(self) -> int:
        """End what has to be ended; return how many attempts."""
        if self._clock.monotonic() < self._due:
            return 0
        with self._database.write() as connection:
            self._patience = self._patience.reached(self._clock.monotonic(), lease=self._lease)
            reaped = self._reap(connection) if self._patience.suffices(lease=self._lease) else 0
        self._due = self._clock.monotonic() + EVERY
        return reaped

    def _reap(self, connection: Connection) -> int:
        now = self._database.now(connection)
        for name in lost.mark_dead(connection, now=now):
            log.warning("worker.died", worker=name)
        reaped = reaper.reap(connection, now=now, dead_after=workers.DEAD_AFTER)
        for one in reaped:
            log.warning(
                "attempt.interrupted",
                run_id=one.attempt.run,
                worker=one.worker,
                died=one.died,
                stuck=one.stuck,
                ended=one.ended,
            )
            if one.ended:
                _failed(connection, one.placement_id, one.attempt.run, Reason(RunReason.POISON), now)
        overdue = waits.overdue(connection, now=now)
        for waiting in overdue:
            if waiting.needs_worker:
                waits.expire(connection, waiting.run, now=now)
                continue
            late = Reason(RunReason.DEADLINE, {"waited": nested(waiting.reason)})
            if waits.fail(connection, waiting.run, error=late, now=now):
                _failed(connection, waiting.placement_id, waiting.run, late, now)
        return len(reaped)


def _failed(connection: Connection, placement_id: int, run: RunId, error: Reason, now: datetime) -> None:
    """Note on its placement that a run ended without a worker."""
    failures = placement_status.get(connection, placement_id).failures
    again = now + own_back_off(failures, RetryPolicy(ceiling=AFTER_DEADLINE))
    failed = Failed(run, error.code, error.params, Remedy.TIME, again)
    outcomes.record_failure(connection, placement_id, failed, now=now)
