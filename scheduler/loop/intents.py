"""Carries out what people asked for; each request is closed with what came of it, in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from common.db import approvals, clusters, intents, placements, runs, sources
from common.db.approvals import Approval, ApprovalKind, ApprovalState
from common.db.connection import Connection
from common.db.intents import Intent, IntentKind
from common.db.placements import PlacementFacts
from common.db.runs import NewRun
from common.db.session import Database
from common.domain.errors import FlotillaError
from common.domain.fleet import Fleet
from common.domain.placements import PlacementState
from common.domain.refs import PlacementRef, RunId
from common.domain.runs import RunState, Trigger
from common.snapshots import Snapshots
from common.telemetry.logs import logger
from scheduler.planning.hindrance import hindrance_of

log = logger(__name__)
Result = tuple[str, RunId | None]


class IntentRunner:
    """Used by one thread.

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
                result = self._handle(intent)
            except FlotillaError:
                raise  # the database's: it waits
            except Exception as error:  # one that cannot be carried out must not hold up those behind it
                log.exception("intent.broke", kind=intent.kind, subject=intent.subject)
                result = f"it could not be carried out: {type(error).__name__}; the scheduler's log has the rest"
                with self._database.write() as connection:
                    intents.close(connection, intent.id, result, now=self._database.now(connection))
            log.info("intent.handled", kind=intent.kind, subject=intent.subject, result=result)
        self._prune_what_waited()
        return len(waiting)

    def _handle(self, intent: Intent) -> str:
        with self._database.write() as connection:
            now = self._database.now(connection)
            result, run = self._carry_out(connection, intent, now)
            intents.close(connection, intent.id, result, run_id=run, now=now)
        return result

    def _prune_what_waited(self) -> None:
        """Carry out approved prunes that found a run under way when they were approved."""
        with self._database.read() as connection:
            if not approvals.approved(connection, ApprovalKind.PRUNE):
                return
        with self._database.write() as connection:
            now = self._database.now(connection)
            for approval in approvals.approved(connection, ApprovalKind.PRUNE):
                self._prune(connection, approval, now)

    def _carry_out(self, connection: Connection, intent: Intent, now: datetime) -> Result:
        match intent.kind:
            case IntentKind.SYNC:
                return self._sync(connection, intent, now)
            case IntentKind.CHECK:
                return self._check(connection, intent, now)
            case IntentKind.REFRESH:
                self._refresh_registry()
                found = sources.refresh(connection, intent.subject, now=now)
                clusters.sweep_now(connection, now=now)
                return f"{found} sources, the registry and every cluster are looked at now", None
            case IntentKind.PAUSE:
                ref = PlacementRef.parse(intent.subject)
                placements.pause(connection, ref, actor=intent.actor, reason=intent.reason, now=now)
                return "paused; a run that is under way ends by itself", None
            case IntentKind.RESUME:
                placements.resume(connection, PlacementRef.parse(intent.subject), now=now)
                return "resumed", None
            case IntentKind.APPROVE | IntentKind.REJECT:
                return self._decide(connection, intent, now)

    def _sync(self, connection: Connection, intent: Intent, now: datetime) -> Result:
        known = self._snapshots.find(connection)
        one = placements.get(connection, PlacementRef.parse(intent.subject))
        if known is None or one is None:
            return "there is no such placement", None
        snapshot_id, fleet = known
        refusal = _refusal(connection, one, fleet)
        if refusal:
            return refusal, None
        if one.run is not None and one.run.state is RunState.RUNNING:
            return "a run is under way", one.run.id
        runs.supersede(connection, [one.id], reason=f"asked for by {intent.actor}", now=now)
        run = runs.create(connection, _by_person(one, intent.actor, intent.reason, fleet, snapshot_id), now=now)
        return ("a run was made", run) if run else ("another run was quicker", None)

    def _check(self, connection: Connection, intent: Intent, now: datetime) -> Result:
        known = self._snapshots.find(connection)
        one = placements.get(connection, PlacementRef.parse(intent.subject))
        if known is None or one is None:
            return "there is no such placement", None
        snapshot_id, fleet = known
        refusal = _refusal(connection, one, fleet)
        if refusal:
            return refusal, None
        wanted = replace(_by_person(one, intent.actor, intent.reason, fleet, snapshot_id), trigger=Trigger.CHECK)
        run = runs.create(connection, wanted, now=now)
        if run is None:
            return "one looks already", runs.open_check(connection, one.id)
        return "a run that only looks was made", run

    def _decide(self, connection: Connection, intent: Intent, now: datetime) -> Result:
        approval = approvals.get(connection, int(intent.subject)) if intent.subject.isdecimal() else None
        if approval is None:
            return "there is no such approval", None
        state = ApprovalState.APPROVED if intent.kind is IntentKind.APPROVE else ApprovalState.REJECTED
        if not approvals.decide(connection, approval.id, state, actor=intent.actor, reason=intent.reason, now=now):
            return f"it is {approval.state} already", None
        if state is ApprovalState.REJECTED:
            return "rejected", None
        return self._approved(connection, replace(approval, decided_by=intent.actor), now)

    def _approved(self, connection: Connection, approval: Approval, now: datetime) -> Result:
        if approval.kind is ApprovalKind.IDENTITY:
            clusters.accept_identity(connection, approval.subject, approval.payload["identity"])
            return f"{approval.subject} is written to again", None
        if approval.kind in {ApprovalKind.LEAVING, ApprovalKind.DRAIN}:
            return f"{len(approval.payload['placements'])} placements leave", None
        return self._prune(connection, approval, now)

    def _prune(self, connection: Connection, approval: Approval, now: datetime) -> Result:
        known = self._snapshots.find(connection)
        one = placements.get(connection, PlacementRef.parse(approval.subject))
        if known is None or one is None or one.ref.cluster not in known[1].clusters:
            approvals.use_up(connection, [approval.id])
            return "the placement is gone", None
        if one.run is not None and one.run.state is RunState.RUNNING:
            return "approved; it is carried out after the run that is under way", None
        runs.supersede(connection, [one.id], reason=f"approved by {approval.decided_by}", now=now)
        wanted = _by_person(one, approval.decided_by, approval.reason, known[1], known[0])
        wanted = replace(wanted, trigger=Trigger.APPROVAL, approval_id=approval.id)
        run = runs.create(connection, wanted, now=now)
        if run is None:
            return "approved; it is carried out after the run that is under way", None
        approvals.note_run(connection, approval.id, run)
        return "approved; a run was made", run


def _refusal(connection: Connection, one: PlacementFacts, fleet: Fleet) -> str:
    placement = fleet.placement(one.ref)
    if placement is None or one.state is not PlacementState.PLACED:
        return f"the placement is {one.state}: nothing places it"
    if one.desired is None:
        return one.hindrance or "its source was not resolved yet"
    cluster = clusters.get(connection, one.ref.cluster)
    blocked = {cluster.name: cluster.blocked} if cluster is not None and cluster.blocked else {}
    return hindrance_of(placement, blocked)


def _by_person(one: PlacementFacts, actor: str, cause: str, fleet: Fleet, snapshot_id: int) -> NewRun:
    return NewRun(
        placement_id=one.id,
        ref=one.ref,
        trigger=Trigger.MANUAL,
        actor=actor,
        cause=cause,
        queue=f"{fleet.clusters[one.ref.cluster].pool}.now",
        revision=one.desired,
        source_id=one.source_id,
        snapshot_id=snapshot_id,
    )
