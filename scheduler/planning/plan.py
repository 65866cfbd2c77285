"""What the fleet should become: pure, from the registry and the facts in SQL.

A placement enters with its first plan, is retained or leaves when nothing wants it any more, and is brought to a
revision only once its source is resolved. Nothing leaves because something could not be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from common.domain.admission import Allow, Held, Permit, Wish, admit, changes_hands, is_gates
from common.domain.fleet import ClusterState, Disposition, Fleet, OnUnmatch, Placement
from common.domain.holds import Hold
from common.domain.placements import PlacementState
from common.domain.refs import PlacementRef, SourceRef
from common.domain.revisions import Revision, SourceRevision, combined_digest
from common.domain.runs import Trigger
from common.domain.status import NONE, Reason
from common.domain.tenant import owner_of
from scheduler.planning.facts import Current, Facts, Resolved
from scheduler.planning.gated import Gated, held_by_gates
from scheduler.planning.leaving import Departures, Leaver, departures


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one placement.

    Attributes:
        project: that it belongs to.
        desired: what it should run; the one before where that cannot be told now.
        hold: what keeps it from its desired revision, or why it leaves or stays; ``NONE`` for nothing.
        wants_run: whether it wants a run because of this plan.
        renewed: whether ``desired`` is another revision than before, by identity.
        differs: whether anything has to be stored.
        applied_unknown: whether what was applied last is no longer known to be what runs, should that be wanted.
        mended: whether the registry says another thing of it than when its last run failed.
    """

    ref: PlacementRef
    project: str
    state: PlacementState
    source_id: int | None
    desired: Revision | None
    hold: Reason
    wants_run: bool
    renewed: bool
    differs: bool
    applied_unknown: bool = False
    mended: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps, by placement, and who asks to leave.

    Attributes:
        awaited: placements whose former project still removes what another's application of that name will place: they
            are planned again once they are gone.
        gated: what gates hold: it is planned again once they open.
    """

    steps: tuple[Step, ...]
    departures: Departures
    awaited: frozenset[PlacementRef]
    gated: Gated


def plan(fleet: Fleet, facts: Facts) -> Plan:
    """Return what becomes of every placement that the fleet wants or that SQL knows."""
    placed = {placement.ref: placement for placement in fleet.placements()}
    going = departures(_leavers(fleet, placed, facts), fleet.leaving, total=_placed_now(facts), facts=facts)
    steps = [_step(placed[ref], fleet, facts, going) for ref in sorted(placed)]
    for ref in sorted(facts.current.keys() - placed.keys()):
        current = facts.current[ref]
        steps.append(_unwanted(_At(ref, fleet, current), current, going))
    leaving = (step.ref for step in steps if step.state is PlacementState.LEAVING and step.ref in placed)
    awaited = frozenset(ref for ref in leaving if _hands(ref, fleet, facts))
    held = ((_wish(placed[step.ref], fleet, facts), step.hold) for step in steps if is_gates(step.hold))
    return Plan(tuple(steps), going, awaited, Gated(facts.now, held_by_gates(held)))


def _hands(ref: PlacementRef, fleet: Fleet, facts: Facts) -> Reason:
    """Return why what a placement owns is left alone: it would change hands; ``NONE`` where it would not."""
    current, application = facts.current.get(ref), fleet.applications.get(ref.application)
    if current is None or application is None:
        return NONE
    return changes_hands(owner_of(current.tenant, fleet.projects), application.project)


def _placed_now(facts: Facts) -> int:
    return sum(current.state is PlacementState.PLACED for current in facts.current.values())


def _leavers(fleet: Fleet, placed: Mapping[PlacementRef, Placement], facts: Facts) -> Iterable[Leaver]:
    """Yield placements whose objects are to be removed, whether they may be or not.

    What another project wrote an application removes no more than it writes it; a draining cluster is the fleet's.
    """
    for ref, current in sorted(facts.current.items()):
        if current.state is PlacementState.LEFT:
            continue
        placement = placed.get(ref)
        if placement is None:
            emptied = _may_be_emptied(fleet, ref.cluster)
            if emptied is ClusterState.DRAINING:
                yield Leaver(ref, Hold.DRAINING, drains=ref.cluster)
            elif emptied is not None and _deletes(ref, fleet, facts):
                yield Leaver(ref, Hold.UNMATCHED, drains="")
        elif placement.disposition is Disposition.REMOVE:
            draining = placement.cluster.state is ClusterState.DRAINING
            why = Hold.DRAINING if draining else Hold.APPLICATION_RETIRED
            if draining or not _hands(ref, fleet, facts):
                yield Leaver(ref, why, drains=ref.cluster if draining else "")


def _deletes(ref: PlacementRef, fleet: Fleet, facts: Facts) -> bool:
    """Return whether its application says that what it no longer places is removed, and may say so."""
    return fleet.leaving_policy(ref.application) is OnUnmatch.DELETE and not _hands(ref, fleet, facts)


def _may_be_emptied(fleet: Fleet, name: str) -> ClusterState | None:
    """Return the cluster's state if something may be removed from it; None where nothing may be written."""
    cluster = fleet.clusters.get(name)
    if cluster is None or cluster.removed or cluster.state not in {ClusterState.ACTIVE, ClusterState.DRAINING}:
        return None
    return cluster.state


def project_of(ref: PlacementRef, fleet: Fleet, known: str) -> str:
    """Return the project that a placement belongs to: its application's, else the one that is known of it."""
    application = fleet.applications.get(ref.application)
    return known if application is None else application.project


@dataclass(frozen=True, slots=True)
class _At:
    """A placement with the fleet that it is planned for, and how it was planned before; None for one that is new."""

    ref: PlacementRef
    fleet: Fleet
    current: Current | None

    @property
    def project(self) -> str:
        return project_of(self.ref, self.fleet, self.current.project if self.current is not None else "")

    def differs(self, state: PlacementState, source_id: int | None, desired: Revision | None, reason: Reason) -> bool:
        """Return whether anything has to be stored."""
        if self.current is None:
            return True
        before = (self.current.state, self.current.source_id, self.current.desired, self.current.hold)
        return (*before, self.current.project) != (state, source_id, desired, reason, self.project)


def _step(placement: Placement, fleet: Fleet, facts: Facts, going: Departures) -> Step:
    current = facts.current.get(placement.ref)
    at = _At(placement.ref, fleet, current)
    if placement.disposition is Disposition.FORGET:
        return _without_run(at, PlacementState.RETAINED, Reason(Hold.CLUSTER_RETIRED))
    hands = _hands(placement.ref, fleet, facts)
    if hands and current is not None and current.state is PlacementState.LEAVING:
        # Its former project's own decision, which goes on to its end; then there is nothing to be handed over.
        return _without_run(at, PlacementState.LEAVING, current.hold)
    if placement.disposition is Disposition.REMOVE:
        if hands and placement.cluster.state is not ClusterState.DRAINING:
            return _without_run(at, PlacementState.RETAINED, hands)
        return _removed(at, going)
    source_id, desired, unresolved = _desired(placement, current, facts)
    admitted = admit(_wish(placement, fleet, facts))
    renewed = desired is not None and (
        current is None or current.desired is None or current.desired.identity != desired.identity
    )
    unleashed = current is not None and current.looked and admitted == Allow(Permit.WRITE)
    # Back at what was applied last: a run for what came between may have failed, and may have written a part of it.
    behind = desired is not None and (current is None or current.applied != desired.identity or renewed or unleashed)
    hold = admitted.hold if isinstance(admitted, Held) else NONE
    if is_gates(hold) and not behind:
        hold = NONE  # nothing waits for the gate to open
    reason = hold or unresolved
    returning = current is not None and (
        current.state is not PlacementState.PLACED or current.hold != reason or unleashed
    )
    covered = desired is not None and desired.covers(placement.to_resolve)
    wants_run = behind and covered and not hold and (renewed or returning)
    mended = not reason and _mended(placement, current, fleet)
    return Step(
        ref=placement.ref,
        project=at.project,
        state=PlacementState.PLACED,
        source_id=source_id,
        desired=desired,
        hold=reason,
        wants_run=wants_run or mended,
        renewed=renewed,
        applied_unknown=renewed or wants_run,
        mended=mended,
        differs=at.differs(PlacementState.PLACED, source_id, desired, reason),
    )


def _wish(placement: Placement, fleet: Fleet, facts: Facts) -> Wish:
    """Return a wanted placement's wish for a run for a new revision; its pause is asked when one is made."""
    blocked, current = facts.blocked.get(placement.ref.cluster, NONE), facts.current.get(placement.ref)
    owner = owner_of(current.tenant if current is not None else None, fleet.projects)
    at = (PlacementState.PLACED, placement, placement.cluster, owner)
    return Wish(Trigger.REVISION, *at, now=facts.now, blocked=blocked)


def _mended(placement: Placement, current: Current | None, fleet: Fleet) -> bool:
    """Return whether its last run failed under what the registry no longer says."""
    failed = current.failed_settings if current is not None else None
    return bool(failed) and failed != placement.settings_digest(fleet.projects)


def _desired(placement: Placement, current: Current | None, facts: Facts) -> tuple[int | None, Revision | None, Reason]:
    """Return the source, the revision to be at, and why that is not what Git says now; last good stays."""
    sources = placement.to_resolve
    source_id = facts.sources.get(sources[0])
    before = current.desired if current is not None else None
    resolved = [facts.resolved.get((source, placement.ref.application)) for source in sources]
    found = {source: one for source, one in zip(sources, resolved, strict=True) if one is not None and one.digest}
    if len(found) < len(sources):
        missing = next(n for n, one in enumerate(resolved) if one is None or not one.digest)
        return source_id, before, _unresolved(sources[missing], resolved[missing], facts)
    desired = Revision(
        combined_digest([one.digest for one in found.values()]),
        placement.parameters_digest(renderer for one in found.values() for renderer in one.renderers),
        tuple(SourceRevision(source, one.commit, one.renderers) for source, one in found.items()),
    )
    if before is not None and before.identity == desired.identity and before.covers(sources):
        desired = before
    return source_id, desired, _unreadable(next((one.error for one in found.values() if one.error), ""))


def _unresolved(source: SourceRef, resolved: Resolved | None, facts: Facts) -> Reason:
    error = resolved.error if resolved is not None else ""
    source_id = facts.sources.get(source)
    if not error and source_id is not None:
        error = facts.source_errors.get(source_id, "")
    return _unreadable(error) or Reason(Hold.UNRESOLVED)


def _unreadable(error: str) -> Reason:
    return Reason(Hold.UNREADABLE, {"message": error}) if error else NONE


def _removed(at: _At, going: Departures) -> Step:
    current = at.current
    gone = current is not None and current.state is PlacementState.LEFT
    if current is None or gone or (not current.owns and current.state is not PlacementState.LEAVING):
        return _without_run(at, PlacementState.LEFT, NONE)
    return _departing(at, current, going)


def _departing(at: _At, current: Current, going: Departures) -> Step:
    ref = at.ref
    if ref not in going.free:
        return _without_run(at, current.state, going.waiting[ref])
    if not current.owns:
        return _without_run(at, PlacementState.LEFT, NONE)
    step = _without_run(at, PlacementState.LEAVING, Reason(going.free[ref]))
    return replace(
        step,
        desired=None,
        wants_run=current.state is not PlacementState.LEAVING,
        differs=step.differs or current.desired is not None,
    )


def _unwanted(at: _At, current: Current, going: Departures) -> Step:
    ref = at.ref
    if ref in going.free or ref in going.waiting:
        return _departing(at, current, going)
    if current.state in {PlacementState.LEFT, PlacementState.LEAVING}:
        return _without_run(at, current.state, current.hold)
    return _without_run(at, PlacementState.RETAINED, Reason(Hold.UNPLACED))


def _without_run(at: _At, state: PlacementState, reason: Reason) -> Step:
    """Return the step of a placement that keeps its revision and gets no run."""
    desired = at.current.desired if at.current is not None else None
    source_id = at.current.source_id if at.current is not None else None
    differs = at.differs(state, source_id, desired, reason)
    return Step(at.ref, at.project, state, source_id, desired, reason, wants_run=False, renewed=False, differs=differs)
