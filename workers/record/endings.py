"""How an attempt ends: the attempt, its run and its placement change in one transaction."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from common.domain.approvals import ApprovalKind, ApprovalState
from common.domain.changes import DIFFERENCES, MUTATIONS, Action, Change, differing
from common.domain.codes import RunReason
from common.domain.errors import TransientError
from common.domain.fleet import Placement, Project, SyncMode, SyncSettings
from common.domain.reasons import nested, sentence
from common.domain.refs import ObjectId
from common.domain.runs import (
    LONGEST_BACK_OFF,
    PARKED_PER_SLOT,
    AttemptOutcome,
    RetryPolicy,
    Trigger,
    own_back_off,
    retry_delay,
)
from common.domain.secrecy import NO_SECRETS, Ends
from common.domain.status import NO_CONTACT, NONE, Found, Reason, Remedy
from common.domain.tenant import Signer, Tenant
from common.store.engine.connection import Connection
from common.store.engine.errors import DatabaseBusyError, DatabaseUnavailableError
from common.store.engine.session import Database
from common.store.queue import attempts, dispatch, workers
from common.store.queue.attempts import AttemptEnding
from common.store.queue.runs import ClaimedRun
from common.store.state import approvals, clusters, healths, inventory, standing
from common.store.state.moves import OWNED, look_again, note_arrived
from common.store.state.standing import FULL_CHECK, HOOKS, Checked, Failed, Success
from common.telemetry.logs import logger
from workers.record import moves
from workers.record.journal import SqlJournal
from workers.sync.healing import healed
from workers.sync.health import own_kinds, waits_for_health
from workers.sync.requests import Phase
from workers.sync.results import Ending, Fight, SyncResult

log = logger(__name__)
FIRST_LOOK = timedelta(seconds=1)
AFTER_HEAL = timedelta(seconds=10)
NOTHING: Mapping[str, Any] = {}


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
        self.projects: Mapping[str, Project] = {}
        """Of the fleet by which it is carried out."""
        self.tenant: Tenant | None = None
        """In whose name it writes; None before that is known."""
        self.signer: Signer | None = None
        """Of what the placement's removal will go by; None before the placement is known."""
        self.phase: Phase | None = None
        """What it does; None before that is decided."""
        self.hint = ""
        """What the last sweep saw before this attempt began to look."""
        self.manifest_digest: str | None = None
        self.warnings: tuple[str, ...] = ()
        """Of the renderer; told with the attempt where it succeeds."""
        self.secrets = NO_SECRETS
        """What is in the manifests and stands in no row."""
        self.journal: SqlJournal | None = None
        """What it holds back is written with the end; None before there is one."""
        self.countdown: timedelta | None = None
        """How long from the end on the queue is to wait before it sends the run again; None when it is not to."""
        self.error_code = ""
        """Why the attempt failed; empty when it did not, or when another ended it."""

    # -- how it can end ----------------------------------------------------------------------------------------

    def stop(self, outcome: AttemptOutcome, reason: Reason) -> None:
        """There is nothing to do any more, or nothing may be done now."""
        said = self.secrets.masked_reason(reason)

        def note(connection: Connection, _now: datetime) -> None:
            standing.record_given_up(connection, self._run.placement_id)

        self._end(lambda _now: AttemptEnding(outcome, reason=said), note)

    def stop_blocked(self, hold: Reason) -> None:
        """The cluster turned out to be one that nothing may be written to."""
        self.stop(AttemptOutcome.SKIPPED, hold)

    def lost(self) -> None:
        """The lease may have run out: if nobody ended the attempt in the meantime, the run is queued again at once."""
        self._retry(timedelta(0), "lease.lost", "the lease could not be renewed in time")

    def transient(self, error: TransientError) -> None:
        """It may fare better later: the run's next attempt, until its bound is reached; a person who looks is told."""
        if self._looks:
            self.failed(error.code, str(error), Remedy.TIME)
            return
        policy = self._settings.retry
        if self._run.retries >= policy.limit:
            said = f"{error} (after {self._run.retries} retries)"
            self.failed(error.code, said, Remedy.TIME, params=error.params)
            return
        # Only spreads retries over time: nothing depends on it being unpredictable.
        delay = retry_delay(self._run.retries, policy, jitter=random.uniform(0.5, 1.0))  # noqa: S311
        self._retry(max(delay, error.retry_after or delay), error.code, str(error))

    def failed(
        self,
        code: str,
        message: str,
        remedy: Remedy = Remedy.CHANGE,
        *,
        params: Mapping[str, Any] = NOTHING,
        result: SyncResult | None = None,
    ) -> None:
        """It failed, and trying the same again at once is useless.

        Args:
            code: of the error.
            message: its exact words.
            remedy: whether time may help.
            params: what a program needs to know of it besides.
            result: what was done until then.
        """
        message, params = self.secrets.masked(message, Ends.CUT), self.secrets.masked_in(params)
        settings, error = self._settings_digest(), Reason(code, {**params, "message": message})
        ending = AttemptEnding(AttemptOutcome.FAILED, error=error)

        def note(connection: Connection, now: datetime) -> None:
            if code in NO_CONTACT:
                standing.lose_contact(connection, [self._run.placement_id], code=code, message=message)
            if self._only_judges and (remedy is Remedy.TIME or standing.without_access(code)):
                # It saw nothing: what was known stays, and the sweep's hint is still to be judged.
                standing.record_given_up(connection, self._run.placement_id)
            elif self._only_judges:
                refused = Reason(Found.REFUSED, {"code": code, "message": message})
                checked = Checked(None, refused, retry_at=None, hint=self.hint)
                standing.record_checked(connection, self._run.placement_id, checked, now=now)
            else:
                self._failed(connection, error, remedy, settings, now=now)

        self._end(lambda _now: _measured(ending, result), note)

    def _settings_digest(self) -> str:
        return self.placement.settings_digest(self.projects) if self.placement is not None else ""

    def _failed(self, connection: Connection, error: Reason, remedy: Remedy, settings: str, *, now: datetime) -> None:
        row = standing.get(connection, self._run.placement_id)
        failed = Failed(
            run=self._run.attempt.run,
            began=self._run.claimed_at,
            code=error.code,
            params=error.params,
            remedy=remedy,
            retry_at=self._own_retry(row.failures, remedy, now),
            settings=settings,
            hint=self.hint,
        )
        standing.record_failure(connection, self._run.placement_id, failed, now=now)

    def ended(self, phase: Phase, result: SyncResult) -> None:
        """The engine came to an end."""
        said = self.secrets.masked
        reason = self.secrets.masked_reason(result.reason)
        result = replace(result, reason=reason, warnings=tuple(map(said, result.warnings)))
        match result.ending:
            case Ending.SUCCEEDED:
                self._succeeded(phase, result)
            case Ending.FAILED:
                # Without a code no object failed: health did not come in time, and may yet. An owner may let go.
                remedy = Remedy.TIME if result.error_code in {"", OWNED} else Remedy.CHANGE
                why = {"why": nested(reason)} if reason else NOTHING
                code = result.error_code or RunReason.DEADLINE
                self.failed(code, sentence(reason), remedy, params=why, result=result)
            case Ending.WAITING:
                self._waiting(result)
            case Ending.NEEDS_APPROVAL:
                self._needs_approval(phase, result)
            case Ending.SUPERSEDED:
                self.stop(AttemptOutcome.SUPERSEDED, Reason(RunReason.NEWER_REVISION))

    # -- in detail ---------------------------------------------------------------------------------------------

    def _succeeded(self, phase: Phase, result: SyncResult) -> None:
        def note(connection: Connection, now: datetime) -> None:
            if phase is Phase.REMOVE:
                standing.record_left(connection, self._run.placement_id)
            elif phase is Phase.CHECK:
                self._checked(connection, result, now)
            else:
                self._applied(connection, result, _left_over(result, result.unended.begun), now)

        said = _said(phase, result, (*self.warnings, *result.warnings))
        ending = _measured(AttemptEnding(AttemptOutcome.SUCCEEDED, reason=said), result)
        self._end(lambda _now: ending, note)

    def _applied(self, connection: Connection, result: SyncResult, found: Reason, now: datetime) -> None:
        revision = self._run.revision
        tenant, signer = self.tenant, self.signer
        assert revision is not None and tenant is not None and signer is not None, "only a removal has none"  # noqa: S101, PT018 - the type cannot say it
        present = [change.object for change in result.changes if change.action is not Action.PRUNED]
        own = own_kinds(self.placement.application.health) if self.placement is not None else frozenset()
        waits = any(waits_for_health(object_id, own) for object_id in present)
        awaited = now + self._settings.deadline if waits else None
        success = Success(
            revision=revision,
            manifest_digest=self.manifest_digest or "",
            objects=len(present),
            found=found,
            observe_until=awaited,
            full_check_due_at=_next_full_check(now),
            tenant=tenant,
            signature=signer.sign(tenant, result.delete_hooks),
            delete_hooks=result.delete_hooks,
            hint=self.hint,
            unseen=(HOOKS,) if result.unended.begun else (),
        )
        if standing.record_success(connection, self._run.placement_id, success, now=now):
            note_arrived(connection, self._run.placement_id)
        if self._run.trigger is not Trigger.DRIFT:
            approvals.close(connection, ApprovalKind.MOVE, str(self._run.ref), now=now)
            look_again(connection, self._run.ref, now=now)
        observe_at = now + FIRST_LOOK if awaited is not None else None
        # A cluster that held nothing, or slower placements only, may not be due for long.
        sweep_by = now + self.placement.interval if self.placement is not None else None
        clusters.look_by(connection, self._run.ref.cluster, observe_at=observe_at, sweep_at=sweep_by)
        if self._run.trigger is Trigger.DRIFT:
            self._healed(connection, [one.object for one in result.changes if one.action in MUTATIONS], now)

    def _healed(self, connection: Connection, objects: Sequence[ObjectId], now: datetime) -> None:
        """Note how the corrections of each object have held, and have the cluster swept soon to see if these do."""
        if not objects:
            return
        before = inventory.healings(connection, [self._run.placement_id])
        now_healed = {one: healed(before.get((self._run.placement_id, one)), now=now) for one in objects}
        inventory.record_healings(connection, self._run.placement_id, now_healed)
        clusters.look_by(connection, self._run.ref.cluster, sweep_at=now + AFTER_HEAL, step=1)

    def _checked(self, connection: Connection, result: SyncResult, now: datetime) -> None:
        unsettled = [change for change in result.changes if change.action in DIFFERENCES]
        # Whose field it is alone makes no difference to what is in it: where nothing may be written, it is no drift.
        different = [one for one in unsettled if one.action is not Action.CONFIGURED or one.diff]
        warns = self._settings.mode is SyncMode.WARN
        again = now + (self.placement.interval if self.placement else LONGEST_BACK_OFF)
        removals = [one.object for one in different if one.action is Action.PRUNED]
        asked = self._asked_before(connection, result, removals) if len(removals) == len(different) else NONE
        differs = _difference(different, Found.WARNED if warns else Found.DRIFTED)
        checked = Checked(
            revision=self._run.revision,
            found=asked or differs or _left_over(result, self._hooks_left(connection, result)),
            retry_at=again if warns else None,
            full_check_due_at=_next_full_check(now),
            hint=self.hint if unsettled else "",
        )
        standing.record_checked(connection, self._run.placement_id, checked, now=now)

    def _hooks_left(self, connection: Connection, result: SyncResult) -> Sequence[ObjectId]:
        """Return which hooks keep from being in what a look finds to be as Git says.

        Where the revision was in before, or renders the very bytes of the one that was, none needs to run for it; but
        what a run has begun since is to come to its end.
        """
        row, revision = standing.get(connection, self._run.placement_id), self._run.revision
        same = bool(row.manifest_digest) and row.manifest_digest == self.manifest_digest
        was_in = same or (revision is not None and row.applied == revision.identity)
        return result.unended.begun if was_in else result.unended.hooks

    def _waiting(self, result: SyncResult) -> None:
        waits = Reason(Found.WAITS, {"what": nested(result.reason)})

        def note(connection: Connection, now: datetime) -> None:
            standing.reached(connection, [self._run.placement_id], now=now)
            standing.record_found(connection, self._run.placement_id, waits)
            healths.await_health_of(connection, self._run.placement_id, until=now + self._settings.deadline)
            clusters.look_by(connection, self._run.ref.cluster, observe_at=now + FIRST_LOOK)

        def ending(now: datetime) -> AttemptEnding:
            deadline = now + self._settings.deadline
            waiting = AttemptEnding(
                AttemptOutcome.WAITING,
                reason=waits,
                deadline=deadline,
                awaits=result.awaits,
                hook_active=result.hook_active,
                fail_hooks=result.fail_hooks,
            )
            return _measured(waiting, result)

        self._end(ending, note)

    def _needs_approval(self, phase: Phase, result: SyncResult) -> None:
        if result.asks:
            self._asks_to_move(result)
            return

        def note(connection: Connection, now: datetime) -> None:
            found = self._asked(connection, result, now)
            if phase is Phase.REMOVE:
                standing.record_found(connection, self._run.placement_id, found)
            else:
                self._applied(connection, result, found, now)

        asks = Reason(RunReason.ASKS, {"what": nested(result.reason)})
        ending = _measured(AttemptEnding(AttemptOutcome.NEEDS_APPROVAL, reason=asks), result)
        self._end(lambda _now: ending, note)

    def _asked(self, connection: Connection, result: SyncResult, now: datetime) -> Reason:
        """Ask a person for the removals, unless one has said no to the very same and nobody asked since."""
        payload = {"objects": sorted(map(str, result.prune))}
        params = {"objects": len(result.prune)}
        subject = str(self._run.ref)
        if self._run.trigger is not Trigger.MANUAL:
            no = approvals.rejected(connection, ApprovalKind.PRUNE, subject, payload)
            if no is not None:
                return Reason(Found.PRUNE_REJECTED, params | {"by": no.decided_by, "why": no.decision_reason})
        reason = Reason(RunReason.ASKS, {"what": nested(result.reason)})
        approvals.ask(connection, ApprovalKind.PRUNE, subject, payload=payload, reason=reason, now=now)
        return Reason(Found.PRUNE_ASKED, params | {"why": nested(result.reason)})

    def _asked_before(self, connection: Connection, result: SyncResult, removals: Sequence[ObjectId]) -> Reason:
        """Return what was said when a person was asked for the very removals that a look finds; none where none was."""
        if not removals:
            return NONE
        objects = sorted(map(str, {*removals, *(one for one, _ in result.going)}))
        said = approvals.last(connection, ApprovalKind.PRUNE, str(self._run.ref), {"objects": objects})
        if said is None:
            return NONE
        if said.state is ApprovalState.REJECTED:
            no = {"by": said.decided_by, "why": said.decision_reason}
            return Reason(Found.PRUNE_REJECTED, {"objects": len(objects)} | no)
        why = said.reason.params.get("what", nested(said.reason))
        asked = Reason(Found.PRUNE_ASKED, {"objects": len(objects), "why": why})
        return asked if said.state is ApprovalState.OPEN else NONE

    def _asks_to_move(self, result: SyncResult) -> None:
        """Ask a person, owner by owner, unless one has said no to the very same; it tries again as after a failure."""
        with self._database.read() as connection:
            said = moves.rejected(connection, result.asks, self._run)
        if said:
            self.failed("move.rejected", said, result=result)
            return
        settings = self._settings_digest()
        asks = Reason(RunReason.ASKS, {"what": nested(result.reason)})

        def note(connection: Connection, now: datetime) -> None:
            payloads, subject = moves.payloads(result.asks, self._run), str(self._run.ref)
            approvals.ask_each(connection, ApprovalKind.MOVE, subject, payloads=payloads, reason=asks, now=now)
            owned = Reason(OWNED, {"message": sentence(result.reason), "why": nested(result.reason)})
            self._failed(connection, owned, Remedy.TIME, settings, now=now)

        ending = _measured(AttemptEnding(AttemptOutcome.NEEDS_APPROVAL, reason=asks), result)
        self._end(lambda _now: ending, note)

    def _retry(self, delay: timedelta, code: str, message: str) -> None:
        """Commit when the next attempt may begin, and leave a countdown if the broker has room to park it."""
        parked, message = False, self.secrets.masked(message, Ends.CUT)

        def note(connection: Connection, now: datetime) -> None:
            nonlocal parked
            slots = workers.sendable_slots(connection, now=now).get(self._run.queue, 1)
            parked = dispatch.park(connection, self._run.attempt.run, limit=PARKED_PER_SLOT * slots)
            if code in NO_CONTACT:
                standing.lose_contact(connection, [self._run.placement_id], code=code, message=message)
            else:
                standing.record_retrying(connection, self._run.placement_id, code=code, message=message)

        def ending(now: datetime) -> AttemptEnding:
            retrying = AttemptOutcome.RETRYING
            error = Reason(code, {"message": message})
            return AttemptEnding(retrying, reason=error, error=error, not_before=now + delay)

        if self._end(ending, note) and parked:
            self.countdown = delay

    @property
    def _settings(self) -> SyncSettings:
        return self.placement.sync if self.placement is not None else SyncSettings(retry=RetryPolicy())

    @property
    def _only_judges(self) -> bool:
        """Whether it looks at what a sweep saw, of a placement that may not be written to now."""
        return self._run.trigger is Trigger.DRIFT and self.phase is Phase.CHECK

    def _own_retry(self, failures: int, remedy: Remedy, now: datetime) -> datetime | None:
        """Return when the placement tries by itself again after a run failed; None: only a change helps.

        A removal always does: of what leaves the registry says nothing any more that could change.
        """
        by_hand = remedy is Remedy.CHANGE or self._settings.mode is SyncMode.MANUAL
        if by_hand and self._run.revision is not None:
            return None
        return now + own_back_off(failures, self._settings.retry)

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
                    if self.journal is not None:
                        self.journal.note(connection)
                    if not self._looks:
                        note(connection, now)
            except (DatabaseUnavailableError, DatabaseBusyError):
                self._database.wait()
            else:
                self.error_code = ended.error.code
                log.info("attempt.ended", outcome=ended.outcome, code=ended.error.code, attempt=str(self._run.attempt))
                return True

    def _settle(self, connection: Connection) -> None:
        if self.journal is not None:
            self.journal.settle(connection)


def _said(phase: Phase, result: SyncResult, warnings: Sequence[str]) -> Reason:
    """Return what is to be said of an attempt that succeeded; none where that is nothing."""
    objects, adopted = differing(result.changes) if phase is Phase.CHECK else (0, 0)
    warned = {"warnings": list(warnings)} if warnings else {}
    if objects or adopted:
        return Reason(RunReason.DIFFERS, {"objects": objects, "adopted": adopted, **warned})
    return Reason(RunReason.WARNINGS, warned) if warned else NONE


def _difference(different: Sequence[Change], code: Found) -> Reason:
    """Return what differs as a reason; none where nothing does."""
    if not different:
        return NONE
    objects, adopted = differing(different)
    first = different[0].object
    return Reason(code, {"objects": objects, "adopted": adopted, "first": f"{first.kind} {first.name}"})


def _unended(hooks: Sequence[ObjectId]) -> Reason:
    """Return which hooks are not through; none where all are."""
    if not hooks:
        return NONE
    return Reason(Found.HOOKS, {"objects": len(hooks), "first": f"{hooks[0].kind} {hooks[0].name}"})


def _left_over(result: SyncResult, hooks: Sequence[ObjectId]) -> Reason:
    """Return what an attempt that succeeded left as it should not be; none where there is nothing.

    What goes comes last: a sweep sees it gone, and takes that back alone.
    """
    if not result.going or result.fights or hooks:
        return _fight(result.fights) or _unended(hooks)
    first, finalizers = min(result.going)
    named = {"first": f"{first.kind} {first.name}", "finalizers": finalizers}
    return Reason(Found.PRUNE_HELD, {"objects": len(result.going), **named})


def _fight(fights: Sequence[Fight]) -> Reason:
    """Return which objects were left alone since somebody keeps changing them back; none where none were."""
    if not fights:
        return NONE
    first = min(fights, key=lambda one: one.until)
    named = {"first": f"{first.object.kind} {first.object.name}", "manager": first.manager}
    return Reason(Found.FIGHT, {"objects": len(fights), **named, "until": first.until.isoformat()})


def _measured(ending: AttemptEnding, result: SyncResult | None) -> AttemptEnding:
    if result is None:
        return ending
    counts = Counter(change.action for change in result.changes)
    return replace(ending, counts=counts, timings=result.timings, requests=result.requests, partial=result.partial)


def _next_full_check(now: datetime) -> datetime:
    """Return when the next full dry-run is due: a day from now, spread out, so that not all fall due together."""
    # Only spreads load: nothing depends on it being unpredictable.
    return now + FULL_CHECK * random.uniform(0.75, 1.0)  # noqa: S311
