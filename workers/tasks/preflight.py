"""What changed since a run was dispatched: pure, from what SQL says at its claim."""

from __future__ import annotations

from dataclasses import dataclass

from common.db.runs import ClaimedRun
from common.db.standing import Standing
from common.domain.fleet import Cluster, ClusterState, Disposition, Placement, SyncMode
from common.domain.placements import PlacementState
from common.domain.runs import AttemptOutcome, Trigger
from workers.sync.ports import Phase

WRITTEN_TO = frozenset({ClusterState.ACTIVE, ClusterState.DRAINING})
BY_PERSON = frozenset({Trigger.MANUAL, Trigger.APPROVAL})


@dataclass(frozen=True, slots=True)
class Go:
    """Carry it out."""

    phase: Phase


@dataclass(frozen=True, slots=True)
class Stop:
    """End it: there is nothing to do any more, or nothing may be done now."""

    outcome: AttemptOutcome
    reason: str


def preflight(  # noqa: PLR0913 - each is one fact
    run: ClaimedRun,
    standing: Standing,
    placement: Placement | None,
    *,
    cluster: Cluster | None,
    blocked: str,
    renderer: str,
    last: AttemptOutcome | None,
) -> Go | Stop:
    """Return whether a claimed run is carried out, and how.

    Args:
        run: as claimed.
        standing: the placement in SQL.
        placement: the placement in the fleet in force; None where nothing places it.
        cluster: its cluster in the fleet in force.
        blocked: why nothing may be written to its cluster; empty when it may.
        renderer: that the source was resolved with; empty where there is none.
        last: how this run's former attempt ended; None for the first.
    """
    if blocked:
        return Stop(AttemptOutcome.SKIPPED, f"blocked: {blocked}")
    if run.revision is None:
        if standing.state is not PlacementState.LEAVING:
            return Stop(AttemptOutcome.SKIPPED, "it is wanted again")
        if cluster is None or cluster.removed or cluster.state not in WRITTEN_TO:
            return Stop(AttemptOutcome.SKIPPED, "nothing is written to its cluster now")
        return Go(Phase.REMOVE)
    if placement is None or standing.state is not PlacementState.PLACED:
        return Stop(AttemptOutcome.SKIPPED, "nothing places it any more")
    if standing.desired is None or standing.desired.identity != run.revision.identity:
        return Stop(AttemptOutcome.SUPERSEDED, "a newer revision")
    if renderer and placement.parameters_digest(renderer) != run.revision.parameters_digest:
        return Stop(AttemptOutcome.SUPERSEDED, "the registry has changed since")
    if placement.disposition is not Disposition.SYNC:
        return Stop(AttemptOutcome.SKIPPED, f"its cluster or application says {placement.disposition}, not sync")
    if standing.paused and run.trigger not in BY_PERSON:
        return Stop(AttemptOutcome.SKIPPED, "paused")
    return Go(_phase(run, placement, last))


def _phase(run: ClaimedRun, placement: Placement, last: AttemptOutcome | None) -> Phase:
    if last is AttemptOutcome.WAITING:
        return Phase.PRUNE
    if placement.sync.mode is SyncMode.WARN and run.trigger not in BY_PERSON:
        return Phase.CHECK
    return Phase.APPLY
