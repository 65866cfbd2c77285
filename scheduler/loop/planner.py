"""Plans when the fleet, its sources or its clusters changed, and gives runs to placements whose time has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.domain.admission import Wish
from common.domain.approvals import OURS, ApprovalKind
from common.domain.codes import ApprovalReason, RunReason
from common.domain.fleet import Fleet
from common.domain.holds import Hold
from common.domain.placements import PlacementState
from common.domain.refs import PlacementRef
from common.domain.status import NONE, Reason
from common.domain.tenant import owner_of
from common.snapshots import Snapshots
from common.store.engine.connection import Connection
from common.store.engine.session import Database
from common.store.queue import runs
from common.store.queue.runs import NewRun
from common.store.state import approvals, clusters, faults, placements, sources
from common.store.state.approvals import Subject
from common.store.state.faults import StoredFault
from common.store.state.outcomes import HOOKS
from common.store.state.placements import PlacementChange, PlacementFacts
from common.telemetry.logs import logger
from scheduler.loop.facts import approved_to_leave, blocked_clusters, read_facts
from scheduler.planning.due import MakeRun, NoRun, Waiting, decide
from scheduler.planning.facts import Facts
from scheduler.planning.gated import Gated
from scheduler.planning.leaving import FLEET, Departures
from scheduler.planning.plan import Plan, Step, plan, project_of

log = logger(__name__)
RUNS_PER_TICK = 2_000
SLICE = 2_000
"""Placements that one transaction of a plan writes: none holds its locks for long, whatever the fleet's size."""
UNRESOLVED = "placements"
"""Scope of the faults that keep single applications at their last good revision."""


class Planner:
    """Plans, and makes the runs that are due. Used by one thread.

    Args:
        database: read for facts, written with decisions.
        snapshots: the fleet in force.
    """

    def __init__(self, database: Database, snapshots: Snapshots) -> None:
        self._database = database
        self._snapshots = snapshots
        self._planned: tuple[Any, ...] | None = None
        self._awaited: frozenset[PlacementRef] = frozenset()
        self._gated: Gated | None = None

    def forget(self) -> None:
        """Plan again at the next tick, whatever was planned before."""
        self._planned = None

    def tick(self) -> int:
        """Plan if anything changed since the last time, and make the runs that are due; return how many."""
        known = self._snapshots.find(self._database)
        if known is None:
            return 0
        with self._database.read() as connection:
            marker, now = _marker(connection, known[0]), self._database.now(connection)
            opened = self._gated is not None and self._gated.outdated(now)
            changed = opened or marker != self._planned or placements.any_left(connection, self._awaited)
            facts = read_facts(connection, now=now) if changed else None
            allowed = [approval.id for approval in approved_to_leave(connection)] if facts is not None else []
        snapshot_id, fleet = known
        if facts is not None:
            planned = plan(fleet, facts)
            self._carry_out(fleet, planned, facts, allowed)
            self._planned, self._awaited, self._gated = marker, planned.awaited, planned.gated
        with self._database.write() as connection:
            made, held = _make_runs(connection, fleet, snapshot_id, now=self._database.now(connection))
        if self._gated is not None:
            self._gated = self._gated.with_more(held)
        return made

    def _carry_out(self, fleet: Fleet, planned: Plan, facts: Facts, allowed: Sequence[int]) -> None:
        changes = [_change(step, fleet) for step in planned.steps if step.differs or step.wants_run]
        log.info("plan.made", placements=len(planned.steps), changed=len(changes))
        # In slices: each placement's step stands for itself, and what is left of a plan is planned again.
        for start in range(0, len(changes), SLICE):
            with self._database.write() as connection:
                now = self._database.now(connection)
                placements.carry_out(connection, changes[start : start + SLICE], now=now)
                # After the placements, as at the end of a run: neither then waits for the other.
                for cluster in _back_on(changes[start : start + SLICE], facts):
                    clusters.look_by(connection, cluster, sweep_at=now)
        with self._database.write() as connection:
            now = self._database.now(connection)
            _ask(connection, planned.departures, now)
            approvals.use_up(connection, allowed)
            faults.replace(connection, UNRESOLVED, _unreadable(facts, fleet), now=now)


def _marker(connection: Connection, snapshot_id: int) -> tuple[Any, ...]:
    """Return a value that differs whenever a plan could come out otherwise."""
    blocked = blocked_clusters(connection)
    allowed = tuple(approval.id for approval in approved_to_leave(connection))
    return (snapshot_id, sources.change_marker(connection), blocked, allowed)


def _back_on(changes: Sequence[PlacementChange], facts: Facts) -> list[str]:
    """Return the clusters on which placements are placed again: without those, their sweeps were put off for long."""
    away = {ref for ref, one in facts.current.items() if one.state is not PlacementState.PLACED}
    return sorted({one.ref.cluster for one in changes if one.state is PlacementState.PLACED and one.ref in away})


def _change(step: Step, fleet: Fleet) -> PlacementChange:
    return PlacementChange(
        ref=step.ref,
        mark=step.ref.mark(fleet.name),
        project=step.project,
        state=step.state,
        source_id=step.source_id,
        desired=step.desired,
        hold=step.hold,
        wants_run=step.wants_run,
        renewed=step.renewed,
        applied_unknown=step.applied_unknown,
        mended=step.mended,
    )


def _ask(connection: Connection, going: Departures, now: datetime) -> None:
    """Ask for what may not leave by itself, and withdraw what is no longer asked."""
    for subject, refs in going.asks.items():
        kind = ApprovalKind.LEAVING if subject == FLEET else ApprovalKind.DRAIN
        payload = {"placements": [str(ref) for ref in refs]}
        of = {"of": going.of} if subject == FLEET else {}
        reason = Reason(ApprovalReason.LEAVING, {"placements": len(refs), **of})
        approvals.ask(
            connection, kind, Subject(subject, project="", asked_by=OURS), payload=payload, reason=reason, now=now
        )
    if FLEET not in going.asks:
        approvals.void(connection, ApprovalKind.LEAVING, FLEET, now=now)


def _unreadable(facts: Facts, fleet: Fleet) -> list[StoredFault]:
    found = sorted((name, one.error, one.commit) for (_, name), one in facts.resolved.items() if one.error)
    known = {name: one.project for name, one in fleet.applications.items()}
    return [
        StoredFault(Hold.UNREADABLE, {"message": f"{name}: {error}"}, project=known.get(name, ""), commit=commit)
        for name, error, commit in found
    ]


def _make_runs(
    connection: Connection, fleet: Fleet, snapshot_id: int, *, now: datetime
) -> tuple[int, list[tuple[Wish, Reason]]]:
    """Give runs to placements whose time has come; return how many, and what was held."""
    wanting = placements.wanting(connection, limit=RUNS_PER_TICK, now=now)
    if not wanting:
        return 0, []
    blocked = blocked_clusters(connection)
    made: list[NewRun] = []
    served: list[int] = []
    holds: dict[int, Reason] = {}
    asked: list[tuple[Wish, Reason]] = []
    superseded: list[int] = []
    for one in wanting:
        cluster = fleet.clusters.get(one.ref.cluster)
        held = blocked.get(one.ref.cluster, NONE)
        decision = decide(_waiting(one, fleet), fleet.placement(one.ref), cluster=cluster, now=now, blocked=held)
        if isinstance(decision, MakeRun):
            superseded += [one.id] if decision.supersede else []
            of = Deciding(one.id, one.ref, one.project, one.source_id)
            made.append(new_run(of, decision, fleet, snapshot_id))
        elif isinstance(decision, NoRun):
            served.append(one.id)
            if decision.hold:
                holds[one.id] = decision.hold
            if decision.wish is not None:
                asked.append((decision.wish, decision.hold))
    runs.supersede(connection, superseded, reason=Reason(RunReason.NEWER_REVISION), now=now)
    created = runs.create_many(connection, made, now=now)
    # Only these: one whose run was claimed between reading and superseding still wants its own.
    placements.runs_made(connection, created)
    placements.want_nothing(connection, served)
    placements.hold(connection, holds)
    return len(created), asked


@dataclass(frozen=True, slots=True)
class Deciding:
    """A placement that a run is decided on for.

    Attributes:
        project: that is known of it, for an application that the fleet no longer has.
        source_id: the source its desired revision comes from.
    """

    placement_id: int
    ref: PlacementRef
    project: str
    source_id: int | None


def new_run(of: Deciding, decision: MakeRun, fleet: Fleet, snapshot_id: int) -> NewRun:
    """Return the run that a decision asks for, of planning's or on what a worker found."""
    return NewRun(
        placement_id=of.placement_id,
        ref=of.ref,
        project=project_of(of.ref, fleet, of.project),
        trigger=decision.trigger,
        actor="flotilla",
        cause=decision.cause,
        queue=fleet.clusters[of.ref.cluster].pool,
        revision=decision.revision,
        source_id=of.source_id,
        snapshot_id=snapshot_id,
    )


def _waiting(one: PlacementFacts, fleet: Fleet) -> Waiting:
    return Waiting(
        state=one.state,
        desired=one.desired,
        applied=one.applied,
        paused=one.paused,
        failures=one.failures,
        owner=owner_of(one.tenant, fleet.projects),
        changed=one.changed,
        hook_failed=one.failure_code.startswith(HOOKS),
        run_state=one.run.state if one.run else None,
        run_identity=one.run.identity if one.run else None,
    )
