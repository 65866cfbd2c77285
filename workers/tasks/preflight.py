"""What changed since a run was dispatched: pure, from what SQL says at its claim."""

from __future__ import annotations

from dataclasses import dataclass

from common.domain.admission import Held, Permit, Wish, admit
from common.domain.codes import RunReason
from common.domain.fleet import Cluster, Placement
from common.domain.holds import Hold
from common.domain.placements import PlacementState
from common.domain.runs import AttemptOutcome, Trigger
from common.domain.status import NONE, Reason
from common.store.queue.claims import ClaimFacts
from common.store.queue.runs import ClaimedRun
from workers.sync.requests import Phase


@dataclass(frozen=True, slots=True)
class Go:
    """The run is carried out."""

    phase: Phase


@dataclass(frozen=True, slots=True)
class Stop:
    """The attempt ends: nothing is left to do, or nothing may be done now."""

    outcome: AttemptOutcome
    reason: Reason


def preflight(
    run: ClaimedRun,
    facts: ClaimFacts,
    placement: Placement | None,
    *,
    cluster: Cluster | None,
    owner: str,
    agreed: bool,
) -> Go | Stop:
    """Return whether a claimed run is carried out, and how.

    Args:
        run: as claimed.
        facts: what SQL knows around it.
        placement: the placement in the fleet in force; None where nothing places it.
        cluster: its cluster in the fleet in force.
        owner: project that the placement's objects belong to; empty for none.
        agreed: whether a person asked for the run after the application had become one of its project.
    """
    removes, status = run.revision is None, facts.status
    placed = placement if status.state is PlacementState.PLACED else None
    begun = _goes_on(run, facts.last)
    trigger = Trigger.LEAVING if removes else run.trigger
    at = (status.state, placement, cluster, owner)
    wish = Wish(
        trigger, *at, now=run.claimed_at, blocked=facts.blocked, paused=status.paused, agreed=agreed, begun=begun
    )
    admitted = admit(wish)
    if isinstance(admitted, Held) and admitted.hold.code == Hold.TRANSFERRED:
        return Stop(AttemptOutcome.SKIPPED, admitted.hold)  # nor are its hooks seen to their end in another's name
    outdated = _outdated(run, facts, placed) if placed is not None and not removes else NONE
    if outdated and not facts.blocked:
        # A hook that is under way is never left alone: what it does to the outside must come to its end first.
        return Go(Phase.SETTLE) if run.hook_active else Stop(AttemptOutcome.SUPERSEDED, outdated)
    if isinstance(admitted, Held):
        return Stop(AttemptOutcome.SKIPPED, admitted.hold)
    if removes:
        return Go(Phase.REMOVE)
    if admitted.permit is Permit.LOOK:
        return Go(Phase.CHECK)
    return Go(Phase.RESUME if begun else Phase.APPLY)


def _outdated(run: ClaimedRun, facts: ClaimFacts, placement: Placement) -> Reason:
    """Return why something newer is to follow; ``NONE`` when nothing is."""
    desired, mine = facts.status.desired, run.revision
    if mine is None or desired is None or desired != mine.identity:
        return Reason(RunReason.NEWER_REVISION)
    if not mine.covers(placement.to_resolve):
        return Reason(RunReason.REGISTRY_CHANGED)
    if facts.renderers and placement.parameters_digest(facts.renderers) != mine.parameters_digest:
        return Reason(RunReason.REGISTRY_CHANGED)
    return NONE


def _goes_on(run: ClaimedRun, last: AttemptOutcome | None) -> bool:
    """Return whether it goes on where its former attempt stood."""
    return last is AttemptOutcome.WAITING or run.expired
