"""How an attempt ends: the attempt, its run and its placement change in one transaction."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from common.domain.approvals import ApprovalKind
from common.domain.codes import RunReason
from common.domain.errors import TransientError
from common.domain.fleet import SyncMode
from common.domain.reasons import nested, sentence
from common.domain.runs import PARKED_PER_SLOT, AttemptOutcome, RunKind, Trigger, own_back_off, retry_delay
from common.domain.secrecy import Ends
from common.domain.status import NO_CONTACT, Found, Reason, Remedy
from common.store.engine.connection import Connection
from common.store.engine.errors import DatabaseBusyError, DatabaseUnavailableError
from common.store.engine.session import Database
from common.store.queue import attempts, dispatch, workers
from common.store.queue.attempts import AttemptEnding
from common.store.queue.runs import ClaimedRun
from common.store.state import approvals, clusters, healths, observations, outcomes, placement_status
from common.store.state.approvals import Subject
from common.store.state.moves import OWNED
from common.store.state.outcomes import Checked, Failed
from common.telemetry.logs import logger
from workers.record import asking, moves, placements, summary
from workers.record.known import NOTHING_KNOWN, Known
from workers.record.placements import FIRST_LOOK
from workers.sync.requests import Phase
from workers.sync.results import Ending, SyncResult

log = logger(__name__)
NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a message.

    Attributes:
        countdown: how long from now the queue is to send it again; None when it is not to.
        error_code: why the attempt failed; empty when it did not, when another ended it, and when there was none.
    """

    countdown: timedelta | None = None
    error_code: str = ""


_BY_ANOTHER = Done()


class Ender:
    """Ends one attempt, once.

    Args:
        database: where.
        run: as claimed.
        known: of the attempt, until now.
    """

    def __init__(self, database: Database, run: ClaimedRun, known: Known = NOTHING_KNOWN) -> None:
        self._database = database
        self._run = run
        self._known = known
        self._looks = run.trigger.kind is RunKind.CHECK
        """It changes nothing of its placement, which another run may be changing."""

    # -- how it can end ----------------------------------------------------------------------------------------

    def stop(self, outcome: AttemptOutcome, reason: Reason) -> Done:
        """End an attempt that has nothing to do any more, or that may do nothing now."""
        said = self._known.secrets.masked_reason(reason)

        def note(connection: Connection, _now: datetime) -> None:
            outcomes.record_given_up(connection, self._run.placement_id)

        return self._end(lambda _now: AttemptEnding(outcome, reason=said), note)

    def stop_blocked(self, hold: Reason) -> Done:
        """End an attempt whose cluster turned out to be one that nothing may be written to."""
        return self.stop(AttemptOutcome.SKIPPED, hold)

    def lost(self) -> Done:
        """End an attempt whose lease may have run out: unless another has ended it, its run is queued again at once."""
        return self._retry(timedelta(0), "lease.lost", "the lease could not be renewed in time")

    def transient(self, error: TransientError) -> Done:
        """End an attempt that may fare better later: the run's next one follows, up to a bound; a look fails."""
        if self._looks:
            return self.failed(error.code, str(error), Remedy.TIME)
        policy = self._known.settings.retry
        if self._run.retries >= policy.limit:
            said = f"{error} (after {self._run.retries} retries)"
            return self.failed(error.code, said, Remedy.TIME, params=error.params)
        # Only spreads retries over time: nothing depends on it being unpredictable.
        delay = retry_delay(self._run.retries, policy, jitter=random.uniform(0.5, 1.0))  # noqa: S311
        return self._retry(max(delay, error.retry_after or delay), error.code, str(error))

    def failed(
        self,
        code: str,
        message: str,
        remedy: Remedy = Remedy.CHANGE,
        *,
        params: Mapping[str, Any] = NOTHING,
        result: SyncResult | None = None,
    ) -> Done:
        """End an attempt that failed, where trying the same again at once is useless.

        Args:
            code: of the error.
            message: its exact words.
            remedy: whether time may help.
            params: what a program needs to know of it besides.
            result: what was done until then.
        """
        message, params = self._known.secrets.masked(message, Ends.CUT), self._known.secrets.masked_in(params)
        settings, error = self._known.settings_digest, Reason(code, {**params, "message": message})
        ending = AttemptEnding(AttemptOutcome.FAILED, error=error)

        def note(connection: Connection, now: datetime) -> None:
            if code in NO_CONTACT:
                observations.lose_contact(connection, [self._run.placement_id], code=code, message=message)
            if self._checks_drift and (remedy is Remedy.TIME or observations.without_access(code)):
                # It saw nothing: what was known stays, and the sweep's hint is still to be judged.
                outcomes.record_given_up(connection, self._run.placement_id)
            elif self._checks_drift:
                refused = Reason(Found.REFUSED, {"code": code, "message": message})
                checked = Checked(None, refused, retry_at=None, hint=self._known.hint)
                outcomes.record_checked(connection, self._run.placement_id, checked, now=now)
            else:
                self._failed(connection, error, remedy, settings, now=now)

        return self._end(lambda _now: _measured(ending, result), note)

    def _failed(self, connection: Connection, error: Reason, remedy: Remedy, settings: str, *, now: datetime) -> None:
        row = placement_status.get(connection, self._run.placement_id)
        failed = Failed(
            run=self._run.attempt.run,
            began=self._run.claimed_at,
            code=error.code,
            params=error.params,
            remedy=remedy,
            retry_at=self._own_retry(row.failures, remedy, now),
            settings=settings,
            hint=self._known.hint,
        )
        outcomes.record_failure(connection, self._run.placement_id, failed, now=now)

    def ended(self, result: SyncResult) -> Done:
        """End an attempt with what came of the engine."""
        masked = self._known.secrets.masked_reason
        result = replace(result, reason=masked(result.reason), warnings=tuple(map(masked, result.warnings)))
        ways = {
            Ending.SUCCEEDED: self._succeeded,
            Ending.FAILED: self._refused,
            Ending.WAITING: self._waiting,
            Ending.NEEDS_APPROVAL: self._needs_approval,
            Ending.SUPERSEDED: self._superseded,
        }
        return ways[result.ending](result)

    # -- in detail ---------------------------------------------------------------------------------------------

    def _succeeded(self, result: SyncResult) -> Done:
        phase = self._known.phase

        def note(connection: Connection, now: datetime) -> None:
            if phase is Phase.REMOVE:
                outcomes.record_left(connection, self._run.placement_id)
            elif phase is Phase.CHECK:
                placements.note_checked(connection, self._run, self._known, result, now=now)
            else:
                found = summary.left_over(result, result.unended.begun)
                placements.note_applied(connection, self._run, self._known, result, found, now=now)

        said = summary.success(phase, result, (*self._known.warnings, *result.warnings))
        ending = _measured(AttemptEnding(AttemptOutcome.SUCCEEDED, reason=said), result)
        return self._end(lambda _now: ending, note)

    def _refused(self, result: SyncResult) -> Done:
        # Without a code no object failed: health did not come in time, and may yet. An owner may release its objects.
        remedy = Remedy.TIME if result.error_code in {"", OWNED} else Remedy.CHANGE
        why = {"why": nested(result.reason)} if result.reason else NOTHING
        code = result.error_code or RunReason.DEADLINE
        return self.failed(code, sentence(result.reason), remedy, params=why, result=result)

    def _superseded(self, _result: SyncResult) -> Done:
        return self.stop(AttemptOutcome.SUPERSEDED, Reason(RunReason.NEWER_REVISION))

    def _waiting(self, result: SyncResult) -> Done:
        waits = Reason(Found.WAITS, {"what": nested(result.reason)})

        def note(connection: Connection, now: datetime) -> None:
            observations.reached(connection, [self._run.placement_id], now=now)
            outcomes.record_found(connection, self._run.placement_id, waits)
            healths.await_health_of(connection, self._run.placement_id, until=now + self._known.settings.deadline)
            clusters.look_by(connection, self._run.ref.cluster, observe_at=now + FIRST_LOOK)

        def ending(now: datetime) -> AttemptEnding:
            deadline = now + self._known.settings.deadline
            waiting = AttemptEnding(
                AttemptOutcome.WAITING,
                reason=waits,
                deadline=deadline,
                awaits=result.awaits,
                hook_active=result.hook_active,
                fail_hooks=result.fail_hooks,
            )
            return _measured(waiting, result)

        return self._end(ending, note)

    def _needs_approval(self, result: SyncResult) -> Done:
        if result.asks:
            return self._asks_to_move(result)

        def note(connection: Connection, now: datetime) -> None:
            found = asking.ask(connection, self._run, result, now=now)
            if self._known.phase is Phase.REMOVE:
                outcomes.record_found(connection, self._run.placement_id, found)
            else:
                placements.note_applied(connection, self._run, self._known, result, found, now=now)

        asks = Reason(RunReason.ASKS, {"what": nested(result.reason)})
        ending = _measured(AttemptEnding(AttemptOutcome.NEEDS_APPROVAL, reason=asks), result)
        return self._end(lambda _now: ending, note)

    def _asks_to_move(self, result: SyncResult) -> Done:
        """Ask a person, owner by owner, unless one has said no to the very same; it tries again as after a failure."""
        with self._database.read() as connection:
            said = moves.rejected(connection, result.asks, self._run)
        if said:
            return self.failed("move.rejected", said, result=result)
        settings = self._known.settings_digest
        asks = Reason(RunReason.ASKS, {"what": nested(result.reason)})

        def note(connection: Connection, now: datetime) -> None:
            payloads, subject = moves.payloads(result.asks, self._run), str(self._run.ref)
            kind, asker = ApprovalKind.MOVE, Subject(subject, self._run.project, asked_by=self._run.actor)
            approvals.ask_each(connection, kind, asker, payloads=payloads, reason=asks, now=now)
            owned = Reason(OWNED, {"message": sentence(result.reason), "why": nested(result.reason)})
            self._failed(connection, owned, Remedy.TIME, settings, now=now)

        ending = _measured(AttemptEnding(AttemptOutcome.NEEDS_APPROVAL, reason=asks), result)
        return self._end(lambda _now: ending, note)

    def _retry(self, delay: timedelta, code: str, message: str) -> Done:
        """Commit when the next attempt may begin, and leave a countdown if the broker has room to park it."""
        parked, message = False, self._known.secrets.masked(message, Ends.CUT)

        def note(connection: Connection, now: datetime) -> None:
            nonlocal parked
            slots = workers.sendable_slots(connection, now=now).get(self._run.queue, 1)
            parked = dispatch.park(connection, self._run.attempt.run, limit=PARKED_PER_SLOT * slots)
            if code in NO_CONTACT:
                observations.lose_contact(connection, [self._run.placement_id], code=code, message=message)
            else:
                outcomes.record_retrying(connection, self._run.placement_id, code=code, message=message)

        def ending(now: datetime) -> AttemptEnding:
            retrying = AttemptOutcome.RETRYING
            error = Reason(code, {"message": message})
            return AttemptEnding(retrying, reason=error, error=error, not_before=now + delay)

        done = self._end(ending, note)
        return replace(done, countdown=delay) if parked and done is not _BY_ANOTHER else done

    @property
    def _checks_drift(self) -> bool:
        """Whether the run looks at what a sweep saw, of a placement that may not be written to now."""
        return self._run.trigger is Trigger.DRIFT and self._known.phase is Phase.CHECK

    def _own_retry(self, failures: int, remedy: Remedy, now: datetime) -> datetime | None:
        """Return when the placement tries by itself again after a run failed; None: only a change helps.

        A removal always does: of what leaves the registry says nothing any more that could change.
        """
        by_hand = remedy is Remedy.CHANGE or self._known.settings.mode is SyncMode.MANUAL
        if by_hand and self._run.revision is not None:
            return None
        return now + own_back_off(failures, self._known.settings.retry)

    def _end(self, ending: Callable[[datetime], AttemptEnding], note: Callable[[Connection, datetime], None]) -> Done:
        """End the attempt and note the rest in the same transaction, unless another has ended it before."""
        while True:
            try:
                with self._database.write() as connection:
                    now = self._database.now(connection)
                    ended = replace(ending(now), manifest_digest=self._known.manifest_digest)
                    if not self._ended(connection, ended, now):
                        log.warning("attempt.ended-by-another", attempt=str(self._run.attempt))
                        return _BY_ANOTHER
                    if self._known.journal is not None:
                        self._known.journal.note(connection)
                    if not self._looks:
                        note(connection, now)
            except (DatabaseUnavailableError, DatabaseBusyError):
                self._database.wait()
            else:
                log.info("attempt.ended", outcome=ended.outcome, code=ended.error.code, attempt=str(self._run.attempt))
                return Done(error_code=ended.error.code)

    def _ended(self, connection: Connection, ending: AttemptEnding, now: datetime) -> bool:
        mine, fenced = self._run.attempt, self._known.fenced
        return attempts.end_attempt(connection, mine, ending, now=now, first=self._settle, fenced=fenced)

    def _settle(self, connection: Connection) -> None:
        if self._known.journal is not None:
            self._known.journal.settle(connection)


def _measured(ending: AttemptEnding, result: SyncResult | None) -> AttemptEnding:
    if result is None:
        return ending
    counts = Counter(change.action for change in result.changes)
    return replace(ending, counts=counts, timings=result.timings, requests=result.requests, partial=result.partial)
