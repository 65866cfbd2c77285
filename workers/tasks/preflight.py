"""What changed since a run was dispatched: pure, from what SQL says at its claim."""

from __future__ import annotations

from dataclasses import dataclass

from common.db.claims import ClaimFacts
from common.db.runs import ClaimedRun
from common.domain.fleet import Cluster, ClusterState, Disposition, Placement, SyncMode
from common.domain.placements import PlacementState
from common.domain.reasons import hold_sentence
from common.domain.runs import AttemptOutcome, Trigger
from common.domain.several import commits_in
from workers.sync.ports import Phase

WRITTEN_TO = frozenset({ClusterState.ACTIVE, ClusterState.DRAINING})
BY_PERSON = frozenset({Trigger.MANUAL, Trigger.APPROVAL, Trigger.CHECK})


@dataclass(frozen=True, slots=True)
class Go:
    """Carry it out; ``outdated``: only to see its hooks to their end."""

    phase: Phase
    outdated: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """End it: there is nothing to do any more, or nothing may be done now."""

    outcome: AttemptOutcome
    reason: str


def preflight(run: ClaimedRun, facts: ClaimFacts, placement: Placement | None, *, cluster: Cluster | None) -> Go | Stop:
    """Return whether a claimed run is carried out, and how.

    Args:
        run: as claimed.
        facts: what SQL knows around it.
        placement: the placement in the fleet in force; None where nothing places it.
        cluster: its cluster in the fleet in force.
    """
    standing = facts.standing
    if facts.blocked:
        return Stop(AttemptOutcome.SKIPPED, hold_sentence(facts.blocked))
    if run.revision is None:
        if standing.state is not PlacementState.LEAVING:
            return Stop(AttemptOutcome.SKIPPED, "it is wanted again")
        if cluster is None or cluster.removed or cluster.state not in WRITTEN_TO:
            return Stop(AttemptOutcome.SKIPPED, "nothing is written to its cluster now")
        return Go(Phase.REMOVE)
    if placement is None or standing.state is not PlacementState.PLACED:
        return Stop(AttemptOutcome.SKIPPED, "nothing places it any more")
    if outdated := _outdated(run, facts, placement):
        # A hook that is under way is never left alone: what it does to the outside must come to its end first.
        return Go(Phase.RESUME, outdated=True) if run.hook_active else Stop(AttemptOutcome.SUPERSEDED, outdated)
    judges = run.trigger is Trigger.DRIFT and not _goes_on(run, facts.last)
    if placement.disposition is not Disposition.SYNC:
        said = Stop(AttemptOutcome.SKIPPED, f"its cluster or application says {placement.disposition}, not sync")
        return Go(Phase.CHECK) if judges else said
    if standing.paused and run.trigger not in BY_PERSON:
        return Go(Phase.CHECK) if judges else Stop(AttemptOutcome.SKIPPED, "paused")
    return Go(_phase(run, placement, facts.last))


def _outdated(run: ClaimedRun, facts: ClaimFacts, placement: Placement) -> str:
    """Return why something newer is to follow; empty when nothing is."""
    desired, mine = facts.standing.desired, run.revision
    if mine is None or desired is None or desired.identity != mine.identity:
        return "a newer revision"
    if len(commits_in(mine.commit)) != len(placement.to_resolve):
        return "the registry has changed since"
    if facts.renderer and placement.parameters_digest(facts.renderer) != mine.parameters_digest:
        return "the registry has changed since"
    return ""


def _phase(run: ClaimedRun, placement: Placement, last: AttemptOutcome | None) -> Phase:
    if run.trigger is Trigger.CHECK:
        return Phase.CHECK
    if _goes_on(run, last):
        return Phase.RESUME
    if run.trigger is Trigger.DRIFT and placement.sync.mode is not SyncMode.ENFORCE:
        # A sweep only hints: whether something differs, a look decides, which is always allowed.
        return Phase.CHECK
    if placement.sync.mode is SyncMode.WARN and run.trigger not in BY_PERSON:
        return Phase.CHECK
    return Phase.APPLY


def _goes_on(run: ClaimedRun, last: AttemptOutcome | None) -> bool:
    """Return whether it goes on where its former attempt stood."""
    return last is AttemptOutcome.WAITING or run.expired
