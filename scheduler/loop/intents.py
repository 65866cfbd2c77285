"""Carries out what people asked for; each request is closed with what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from common.domain.admission import Held, Wish, admit, changes_hands
from common.domain.approvals import ApprovalKind, ApprovalState, Refusal, refusal
from common.domain.codes import CauseReason, RequestReason, RunReason
from common.domain.errors import FlotillaError
from common.domain.fleet import Fleet
from common.domain.holds import Hold
from common.domain.placements import PlacementState
from common.domain.queues import now_queue
from common.domain.reasons import hold_sentence
from common.domain.refs import PlacementRef, RunId
from common.domain.revisions import Revision
from common.domain.runs import RunState, Trigger
from common.domain.status import NONE, Reason
from common.domain.tenant import owner_of
from common.snapshots import Snapshots
from common.store.engine.connection import Connection
from common.store.engine.session import Database
from common.store.queue import runs
from common.store.queue.runs import NewRun
from common.store.state import approvals, clusters, intents, outcomes, placements, sources
from common.store.state.approvals import Approval
from common.store.state.intents import Answer, Intent, IntentKind, IntentOutcome
from common.store.state.placements import OpenRun, PlacementFacts
from common.telemetry.logs import logger
from scheduler.planning.plan import project_of

log = logger(__name__)
Known = tuple[int, Fleet] | None
"""The snapshot in force and its fleet, once there is one."""
_OF_PLACEMENTS = frozenset({IntentKind.SYNC, IntentKind.CHECK, IntentKind.PAUSE, IntentKind.RESUME})
_ABOUT_OBJECTS = frozenset({ApprovalKind.PRUNE, ApprovalKind.MOVE})
"""Those of a placement; others are of a cluster or of the fleet."""
_REFUSALS: Mapping[Refusal, RequestReason] = {
    Refusal.OWN: RequestReason.BY_SELF,
    Refusal.UNKNOWN: RequestReason.ASKER_UNKNOWN,
    Refusal.NO_PERSON: RequestReason.NO_PERSON,
}
NO_PLACEMENT = Reason(RequestReason.NO_PLACEMENT)


class IntentRunner:
    """Carries out what people asked for. Used by one thread.

    Args:
        database: holds the intents.
        snapshots: the fleet in force.
        refresh_registry: makes the registry due at once.
    """

    def __init__(self, database: Database, snapshots: Snapshots, *, refresh_registry: Callable[[], None]) -> None:
        self._database = database
        self._snapshots = snapshots
        self._refresh_registry = refresh_registry

    def tick(self) -> int:
        """Carry out what is waiting; return how many."""
        with self._database.read() as connection:
            waiting = intents.unhandled(connection)
        for intent in waiting:
            try:
                answer = self._handle(intent)
            except FlotillaError:
                raise  # the database's: it waits
            except Exception as error:  # one that cannot be carried out must not hold up those behind it
                log.exception("intent.broke", kind=intent.kind, subject=intent.subject)
                broken = Reason(RequestReason.BROKEN, {"error": type(error).__name__})
                answer = Answer(IntentOutcome.BROKEN, broken)
                with self._database.write() as connection:
                    intents.close(connection, intent.id, answer, now=self._database.now(connection))
            handled = {"kind": intent.kind, "subject": intent.subject, "outcome": answer.outcome}
            log.info("intent.handled", **handled, result=hold_sentence(answer.result))
        self._close_batches()
        self._prune_what_waited()
        return len(waiting)

    def _handle(self, intent: Intent) -> Answer:
        known = self._snapshots.find(self._database)
        with self._database.write() as connection:
            now = self._database.now(connection)
            moved = _moved(connection, intent, known)
            answer = _refused(moved) if moved else self._carry_out(connection, intent, known, now)
            intents.close(connection, intent.id, answer, now=now)
        return answer

    def _close_batches(self) -> None:
        """Say of batches of which all is carried out what came of it."""
        with self._database.read() as connection:
            finished = intents.finished_batches(connection)
        for batch_id in finished:
            with self._database.write() as connection:
                counts = intents.counts(connection, batch_id)
                answer = Answer(
                    _of_many(counts), Reason(RequestReason.EACH, {"placements": sum(counts.values()), **counts})
                )
                intents.close(connection, batch_id, answer, now=self._database.now(connection))

    def _prune_what_waited(self) -> None:
        """Carry out approved prunes that found a run under way when they were approved."""
        with self._database.read() as connection:
            if not approvals.approved(connection, ApprovalKind.PRUNE):
                return
        known = self._snapshots.find(self._database)
        with self._database.write() as connection:
            now = self._database.now(connection)
            for approval in approvals.approved(connection, ApprovalKind.PRUNE):
                self._prune(connection, approval, known, now)

    def _carry_out(self, connection: Connection, intent: Intent, known: Known, now: datetime) -> Answer:
        match intent.kind:
            case IntentKind.SYNC:
                return self._sync(connection, intent, known, now)
            case IntentKind.CHECK:
                return self._check(connection, intent, known, now)
            case IntentKind.REFRESH:
                found = sources.refresh(connection, intent.subject, now=now)
                if intent.subject and not found:
                    return _refused(Reason(RequestReason.UNFOLLOWED, {"repo": intent.subject}))
                if not intent.subject:  # who may refresh a repository has no right to the time of all clusters
                    self._refresh_registry()
                    clusters.sweep_now(connection, now=now)
                return _done(Reason(RequestReason.REFRESHED, {"sources": found}))
            case IntentKind.PAUSE:
                ref = PlacementRef.parse(intent.subject)
                found = placements.pause(connection, ref, actor=intent.actor, reason=intent.reason, now=now)
                return _done(Reason(RequestReason.PAUSED)) if found else _refused(NO_PLACEMENT)
            case IntentKind.RESUME:
                ref = PlacementRef.parse(intent.subject)
                if not placements.resume(connection, ref, now=now):
                    return _refused(NO_PLACEMENT)
                clusters.look_by(connection, ref.cluster, sweep_at=now)
                return _done(Reason(RequestReason.RESUMED))
            case IntentKind.APPROVE | IntentKind.REJECT:
                return self._decide(connection, intent, known, now)

    def _sync(self, connection: Connection, intent: Intent, known: Known, now: datetime) -> Answer:
        one = placements.get(connection, PlacementRef.parse(intent.subject))
        if known is None or one is None:
            return _refused(NO_PLACEMENT)
        snapshot_id, fleet = known
        refusal = _refusal(connection, one, fleet, Trigger.MANUAL, now, alone=intent.alone)
        if refusal:
            return _refused(refusal)
        if one.run is not None and _does_it(one.run, one.desired):
            return Answer(IntentOutcome.JOINED, _under_way(one.run), one.run.id)
        runs.supersede(connection, [one.id], reason=Reason(RunReason.ASKED_FOR, {"by": intent.actor}), now=now)
        run = runs.create(connection, _by_person(one, intent.actor, _asked(intent), fleet, snapshot_id), now=now)
        if run is not None:
            return _done(Reason(RequestReason.RUN_MADE), run)
        # One that nothing supersedes: a hook of it is under way, or it was claimed just now.
        other = placements.get(connection, one.ref)
        if other is None or other.run is None:
            return _refused(Reason(RequestReason.ASK_AGAIN))
        return Answer(IntentOutcome.JOINED, _under_way(other.run), other.run.id)

    def _check(self, connection: Connection, intent: Intent, known: Known, now: datetime) -> Answer:
        one = placements.get(connection, PlacementRef.parse(intent.subject))
        if known is None or one is None:
            return _refused(NO_PLACEMENT)
        snapshot_id, fleet = known
        refusal = _refusal(connection, one, fleet, Trigger.CHECK, now)
        if refusal:
            return _refused(refusal)
        wanted = replace(_by_person(one, intent.actor, _asked(intent), fleet, snapshot_id), trigger=Trigger.CHECK)
        run = runs.create(connection, wanted, now=now)
        if run is None:
            looks = runs.open_check(connection, one.id)
            return Answer(IntentOutcome.JOINED, Reason(RequestReason.LOOKS), looks)
        return _done(Reason(RequestReason.LOOK_MADE), run)

    def _decide(self, connection: Connection, intent: Intent, known: Known, now: datetime) -> Answer:
        approval = approvals.get(connection, int(intent.subject)) if intent.subject.isdecimal() else None
        if approval is None:
            return _refused(Reason(RequestReason.NO_APPROVAL))
        refusal = _others(connection, approval, intent, known) or _to_self(approval, intent, known)
        if refusal:
            return _refused(refusal)
        state = ApprovalState.APPROVED if intent.kind is IntentKind.APPROVE else ApprovalState.REJECTED
        if not approvals.decide(connection, approval.id, state, actor=intent.actor, reason=intent.reason, now=now):
            return _refused(Reason(RequestReason.DECIDED, {"state": approval.state.value}))
        if state is ApprovalState.REJECTED:
            if approval.kind is ApprovalKind.PRUNE:
                ref = PlacementRef.parse(approval.subject)
                outcomes.record_rejected(connection, ref, by=intent.actor, why=intent.reason)
            return _done(Reason(RequestReason.REJECTED))
        return self._approved(connection, replace(approval, decided_by=intent.actor), known, now)

    def _approved(self, connection: Connection, approval: Approval, known: Known, now: datetime) -> Answer:
        if approval.kind is ApprovalKind.IDENTITY:
            clusters.accept_identity(connection, approval.subject, approval.payload["identity"], now=now)
            return _done(Reason(RequestReason.ACCEPTED, {"cluster": approval.subject}))
        if approval.kind in {ApprovalKind.LEAVING, ApprovalKind.DRAIN}:
            return _done(Reason(RequestReason.LEAVES, {"placements": len(approval.payload["placements"])}))
        if approval.kind is ApprovalKind.MOVE:
            placements.want_run(connection, PlacementRef.parse(approval.subject), now=now)
            moving = {"objects": len(approval.payload["objects"]), "from": approval.payload["from"]}
            return _done(Reason(RequestReason.MOVES, {**moving, "to": approval.subject}))
        return self._prune(connection, approval, known, now)

    def _prune(self, connection: Connection, approval: Approval, known: Known, now: datetime) -> Answer:
        one = placements.get(connection, PlacementRef.parse(approval.subject))
        if known is None or one is None or one.ref.cluster not in known[1].clusters:
            approvals.use_up(connection, [approval.id])
            return _refused(Reason(RequestReason.GONE))
        elsewhere = _elsewhere(approval.project, one, known)
        if elsewhere:
            approvals.use_up(connection, [approval.id])
            return _refused(elsewhere)
        if one.run is not None and one.run.state is RunState.RUNNING:
            return _done(Reason(RequestReason.APPROVED_LATER))
        approved = Reason(RunReason.APPROVED, {"by": approval.decided_by})
        runs.supersede(connection, [one.id], reason=approved, now=now)
        wanted = _by_person(one, approval.decided_by, approval.reason, known[1], known[0])
        wanted = replace(wanted, trigger=Trigger.APPROVAL, approval_id=approval.id)
        run = runs.create(connection, wanted, now=now)
        if run is None:
            return _done(Reason(RequestReason.APPROVED_LATER))
        approvals.note_run(connection, approval.id, run)
        return _done(Reason(RequestReason.APPROVED), run)


def _elsewhere(asked: str, one: PlacementFacts, known: Known) -> Reason:
    """Return why what was asked for in a project is not done: the placement has gone to another one since.

    Whoever asked had the right in that project alone; in none, who has it everywhere.
    """
    now = one.project if known is None else project_of(one.ref, known[1], one.project)
    return Reason(RequestReason.OTHER_PROJECT, {"project": asked}) if asked not in {"", now} else NONE


def _moved(connection: Connection, intent: Intent, known: Known) -> Reason:
    """Return why a request about a placement is not carried out, see ``_elsewhere``; ``NONE`` for any other."""
    if intent.kind not in _OF_PLACEMENTS:
        return NONE
    one = placements.get(connection, PlacementRef.parse(intent.subject))
    return NONE if one is None else _elsewhere(intent.project, one, known)


def _others(connection: Connection, approval: Approval, intent: Intent, known: Known) -> Reason:
    """Return why an approval is not decided: what it is about is not, or not yet, the project's that decides."""
    if approval.kind not in _ABOUT_OBJECTS:
        return NONE
    one = placements.get(connection, PlacementRef.parse(approval.subject))
    if one is None or known is None:
        return NONE
    project = project_of(one.ref, known[1], one.project)
    asked = _elsewhere(intent.project, one, known) or _elsewhere(approval.project, one, known)
    return asked or changes_hands(owner_of(one.tenant, known[1].projects), project)


def _to_self(approval: Approval, intent: Intent, known: Known) -> Reason:
    """Return why who approves may not: the project wants a person, and another one than whose request led to it."""
    if intent.kind is not IntentKind.APPROVE:
        return NONE
    why = refusal(approval.asked_by, intent.actor, approval.project, {} if known is None else known[1].projects)
    return NONE if why is None else Reason(_REFUSALS[why], {"project": approval.project})


def _of_many(counts: Mapping[str, int]) -> IntentOutcome:
    """Return the outcome of a batch: the best that one of its requests came to."""
    best = (IntentOutcome.DONE, IntentOutcome.JOINED, IntentOutcome.REFUSED)
    return next((one for one in best if counts.get(one)), IntentOutcome.BROKEN)


def _done(result: Reason, run: RunId | None = None) -> Answer:
    return Answer(IntentOutcome.DONE, result, run)


def _refused(result: Reason) -> Answer:
    return Answer(IntentOutcome.REFUSED, result)


def _under_way(run: OpenRun) -> Reason:
    return Reason(RequestReason.UNDER_WAY, {"state": run.state.value})


def _does_it(run: OpenRun, desired: Revision | None) -> bool:
    """Return whether a run is at work on what a sync asks for: it writes now, or waits for health or a hook there."""
    if run.state is RunState.RUNNING:
        return True
    return run.state is RunState.WAITING and desired is not None and run.identity == desired.identity


def _refusal(
    connection: Connection, one: PlacementFacts, fleet: Fleet, trigger: Trigger, now: datetime, *, alone: bool = False
) -> Reason:
    """Return why there is no run for a placement now; ``NONE`` where there may be one."""
    placement = fleet.placement(one.ref)
    if placement is None or one.state is not PlacementState.PLACED:
        if one.hold.code == Hold.TRANSFERRED:
            return one.hold
        return Reason(RequestReason.NOT_PLACED, {"state": one.state.value})
    if one.desired is None:
        return one.hold or Reason(Hold.UNRESOLVED)
    known = clusters.get(connection, one.ref.cluster)
    blocked = known.blocked if known is not None else NONE
    # Who asks for a sync of just this placement hands over what another project has left there, once it says so.
    agreed = trigger is Trigger.MANUAL and alone and one.hold.code == Hold.TRANSFERRED
    owner = owner_of(one.tenant, fleet.projects)
    at = (one.state, placement, placement.cluster, owner)
    admitted = admit(Wish(trigger, *at, now=now, blocked=blocked, paused=one.paused, agreed=agreed))
    return admitted.hold if isinstance(admitted, Held) else NONE


def _asked(intent: Intent) -> Reason:
    return Reason(CauseReason.ASKED, {"why": intent.reason}) if intent.reason else NONE


def _by_person(one: PlacementFacts, actor: str, cause: Reason, fleet: Fleet, snapshot_id: int) -> NewRun:
    return NewRun(
        placement_id=one.id,
        ref=one.ref,
        project=project_of(one.ref, fleet, one.project),
        trigger=Trigger.MANUAL,
        actor=actor,
        cause=cause,
        queue=now_queue(fleet.clusters[one.ref.cluster].pool),
        revision=one.desired,
        source_id=one.source_id,
        snapshot_id=snapshot_id,
    )
