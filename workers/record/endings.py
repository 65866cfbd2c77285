"""How an attempt ends: the attempt, its run and its placement change in one transaction."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from common.db import approvals, attempts, clusters, dispatch, standing, workers
from common.db.approvals import ApprovalKind
from common.db.attempts import AttemptEnding
from common.db.connection import Connection
from common.db.errors import DatabaseBusyError, DatabaseUnavailableError
from common.db.runs import ClaimedRun
from common.db.session import Database
from common.db.standing import FULL_CHECK, Success
from common.domain.changes import MUTATIONS, Action, difference
from common.domain.errors import TransientError
from common.domain.fleet import Placement, SyncMode, SyncSettings
from common.domain.placements import WARNED
from common.domain.runs import PARKED_PER_SLOT, AttemptOutcome, RetryPolicy, SyncStatus, Trigger, retry_delay
from common.telemetry.logs import logger
from workers.record.journal import SqlJournal
from workers.sync.health import NO_RULES, own_rules, waits_for_health
from workers.sync.ports import Ending, Phase, SyncResult

log = logger(__name__)
FIRST_LOOK = timedelta(seconds=1)
AFTER_HEAL = timedelta(seconds=10)
LONGEST_BACK_OFF = timedelta(minutes=10)


class Ender:
    """Ends one attempt, once.

    Args:
        database: where.
        run: as claimed.
    """

    def __init__(self, database: Database, run: ClaimedRun) -> None:
        self._database = database
        self._run = run
        self._looks = run.trigger is Trigger.CHECK
        """It changes nothing of its placement, which another run may be changing."""
        self.placement: Placement | None = None
        self.manifest_digest: str | None = None
        self.warnings: tuple[str, ...] = ()
        """Of the renderer; told with the attempt where it succeeds."""
        self.journal: SqlJournal | None = None
        """What it holds back is written with the end; None before there is one."""
        self.countdown: timedelta | None = None
        """How long from the end on the queue is to wait before it sends the run again; None when it is not to."""

    # -- how it can end ----------------------------------------------------------------------------------------

    def stop(self, outcome: AttemptOutcome, reason: str) -> None:
        """There is nothing to do any more, or nothing may be done now."""
        self._end(lambda _now: AttemptEnding(outcome, reason=reason), lambda _connection, _now: None)

    def stop_blocked(self, reason: str) -> None:
        """The cluster turned out to be one that nothing may be written to."""
        self.stop(AttemptOutcome.SKIPPED, f"blocked: {reason}")

    def lost(self) -> None:
        """The lease may have run out: if nobody ended the attempt in the meantime, the run is queued again at once."""
        self._retry(timedelta(0), "lease.lost", "the lease could not be renewed in time")

    def transient(self, error: TransientError) -> None:
        """It may fare better later: the run's next attempt, until its bound is reached; a person who looks is told."""
        if self._looks:
            self.failed(error.code, str(error))
            return
        policy = self._settings.retry
        if self._run.retries >= policy.limit:
            self.failed(error.code, f"{error} (after {self._run.retries} retries)")
            return
        # Only spreads retries over time: nothing depends on it being unpredictable.
        delay = retry_delay(self._run.retries, policy, jitter=random.uniform(0.5, 1.0))  # noqa: S311
        self._retry(max(delay, error.retry_after or delay), error.code, str(error))

    def failed(self, code: str, message: str, result: SyncResult | None = None) -> None:
        """It failed, and trying the same again at once is useless."""
        ending = AttemptEnding(AttemptOutcome.FAILED, reason="", error_code=code, error=message)
        status = SyncStatus.OUT_OF_SYNC if result is not None else SyncStatus.UNKNOWN

        def note(connection: Connection, now: datetime) -> None:
            row = standing.get(connection, self._run.placement_id)
            retry_at = self._own_retry(row.failures, now)
            standing.record_failure(
                connection, self._run.placement_id, reason=message, retry_at=retry_at, status=status
            )

        self._end(lambda _now: _measured(ending, result), note)

    def ended(self, phase: Phase, result: SyncResult) -> None:
        """The engine came to an end."""
        match result.ending:
            case Ending.SUCCEEDED:
                self._succeeded(phase, result)
            case Ending.FAILED:
                self.failed(result.error_code, result.reason, result)
            case Ending.WAITING:
                self._waiting(result)
            case Ending.NEEDS_APPROVAL:
                self._needs_approval(phase, result)
            case Ending.SUPERSEDED:
                self.stop(AttemptOutcome.SUPERSEDED, result.reason)

    # -- in detail ---------------------------------------------------------------------------------------------

    def _succeeded(self, phase: Phase, result: SyncResult) -> None:
        def note(connection: Connection, now: datetime) -> None:
            if phase is Phase.REMOVE:
                standing.record_left(connection, self._run.placement_id)
            elif phase is Phase.CHECK:
                self._checked(connection, result, now)
            else:
                self._applied(connection, result, SyncStatus.SYNCED, now)

        said = "; ".join(filter(None, (result.reason, *self.warnings, *result.warnings)))
        ending = _measured(AttemptEnding(AttemptOutcome.SUCCEEDED, reason=said), result)
        self._end(lambda _now: ending, note)

    def _applied(self, connection: Connection, result: SyncResult, status: SyncStatus, now: datetime) -> None:
        revision = self._run.revision
        assert revision is not None, "only a removal has none"  # noqa: S101 - the type cannot say it
        present = [change.object for change in result.changes if change.action is not Action.PRUNED]
        own = own_rules(self.placement.application.health) if self.placement is not None else NO_RULES
        waits = any(waits_for_health(object_id, own) for object_id in present)
        awaited = now + self._settings.deadline if waits else None
        success = Success(
            revision=revision,
            manifest_digest=self.manifest_digest or "",
            objects=len(present),
            reason=result.reason,
            status=status,
            observe_until=awaited,
            full_check_due_at=_next_full_check(now),
            delete_hooks=result.delete_hooks,
        )
        standing.record_success(connection, self._run.placement_id, success, now=now)
        observe_at = now + FIRST_LOOK if awaited is not None else None
        # A cluster that held nothing, or slower placements only, may not be due for long.
        sweep_by = now + self.placement.interval if self.placement is not None else None
        clusters.look_by(connection, self._run.ref.cluster, observe_at=observe_at, sweep_at=sweep_by)
        if self._run.trigger is Trigger.DRIFT and any(change.action in MUTATIONS for change in result.changes):
            standing.record_healed(connection, self._run.placement_id, now=now)
            clusters.look_by(connection, self._run.ref.cluster, sweep_at=now + AFTER_HEAL, step=1)

    def _checked(self, connection: Connection, result: SyncResult, now: datetime) -> None:
        different = [c for c in result.changes if c.action in MUTATIONS or c.action is Action.CONFLICT]
        status = SyncStatus.OUT_OF_SYNC if different else SyncStatus.SYNCED
        reason = f"{WARNED}: {difference(different)}" if different else ""
        again = now + (self.placement.interval if self.placement else LONGEST_BACK_OFF)
        standing.record_checked(
            connection, self._run.placement_id, status=status, reason=reason, retry_at=again, now=now
        )

    def _waiting(self, result: SyncResult) -> None:
        def note(connection: Connection, now: datetime) -> None:
            status = SyncStatus.OUT_OF_SYNC
            standing.record_checked(
                connection, self._run.placement_id, status=status, reason=result.reason, retry_at=None, now=now
            )
            standing.await_health_of(connection, self._run.placement_id, until=now + self._settings.deadline)
            clusters.look_by(connection, self._run.ref.cluster, observe_at=now + FIRST_LOOK)

        def ending(now: datetime) -> AttemptEnding:
            deadline = now + self._settings.deadline
            waiting = AttemptEnding(
                AttemptOutcome.WAITING,
                reason=result.reason,
                deadline=deadline,
                awaits=result.awaits,
                hook_active=result.hook_active,
                fail_hooks=result.fail_hooks,
            )
            return _measured(waiting, result)

        self._end(ending, note)

    def _needs_approval(self, phase: Phase, result: SyncResult) -> None:
        def note(connection: Connection, now: datetime) -> None:
            payload = {"objects": sorted(map(str, result.prune))}
            subject = str(self._run.ref)
            approvals.ask(connection, ApprovalKind.PRUNE, subject, payload=payload, reason=result.reason, now=now)
            if phase is not Phase.REMOVE:
                self._applied(connection, result, SyncStatus.OUT_OF_SYNC, now)

        ending = _measured(AttemptEnding(AttemptOutcome.NEEDS_APPROVAL, reason=result.reason), result)
        self._end(lambda _now: ending, note)

    def _retry(self, delay: timedelta, code: str, message: str) -> None:
        """Commit when the next attempt may begin, and leave a countdown if the broker has room to park it."""
        parked = False

        def note(connection: Connection, now: datetime) -> None:
            nonlocal parked
            slots = workers.sendable_slots(connection, now=now).get(self._run.queue, 1)
            parked = dispatch.park(connection, self._run.attempt.run, limit=PARKED_PER_SLOT * slots)
            if code.startswith("cluster."):
                standing.doubt(connection, [self._run.placement_id], message)

        def ending(now: datetime) -> AttemptEnding:
            retrying = AttemptOutcome.RETRYING
            return AttemptEnding(retrying, reason=message, error_code=code, error=message, not_before=now + delay)

        if self._end(ending, note) and parked:
            self.countdown = delay

    @property
    def _settings(self) -> SyncSettings:
        return self.placement.sync if self.placement is not None else SyncSettings(retry=RetryPolicy())

    def _own_retry(self, failures: int, now: datetime) -> datetime | None:
        """Return when the placement tries by itself again after a run failed: backing off up to its interval."""
        placement = self.placement
        if placement is not None and placement.sync.mode is SyncMode.MANUAL:
            return None
        longest = placement.interval if placement is not None else LONGEST_BACK_OFF
        back_off: timedelta = self._settings.retry.ceiling * 2 ** min(failures, 16)
        return now + min(longest, back_off)

    def _end(self, ending: Callable[[datetime], AttemptEnding], note: Callable[[Connection, datetime], None]) -> bool:
        """End the attempt and note the rest in the same transaction; return False if another ended it before."""
        while True:
            try:
                with self._database.write() as connection:
                    now = self._database.now(connection)
                    ended = replace(ending(now), manifest_digest=self.manifest_digest)
                    if not attempts.end_attempt(connection, self._run.attempt, ended, now=now, first=self._settle):
                        log.warning("attempt.ended-by-another", attempt=str(self._run.attempt))
                        return False
                    if not self._looks:
                        note(connection, now)
            except (DatabaseUnavailableError, DatabaseBusyError):
                self._database.wait()
            else:
                log.info("attempt.ended", outcome=ended.outcome, code=ended.error_code, attempt=str(self._run.attempt))
                return True

    def _settle(self, connection: Connection) -> None:
        if self.journal is not None:
            self.journal.settle(connection)


def _measured(ending: AttemptEnding, result: SyncResult | None) -> AttemptEnding:
    if result is None:
        return ending
    counts = Counter(change.action for change in result.changes)
    return replace(ending, counts=counts, timings=result.timings, requests=result.requests, partial=result.partial)


def _next_full_check(now: datetime) -> datetime:
    """Return when the next full dry-run is due: a day from now, spread out, so that not all fall due together."""
    # Only spreads load: nothing depends on it being unpredictable.
    return now + FULL_CHECK * random.uniform(0.75, 1.0)  # noqa: S311
