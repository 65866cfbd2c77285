"""The decision itself: its clauses stand in the order in which they are asked, the gates among them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from common.domain.admission.gates import closed
from common.domain.admission.wishes import Wish
from common.domain.fleet import Cluster, ClusterState, Disposition, Placement, SyncMode
from common.domain.holds import Hold
from common.domain.placements import PlacementState
from common.domain.runs import RunKind, Trigger
from common.domain.status import NONE, Reason

_STANDSTILL = {
    ClusterState.JOINING: Hold.JOINING,
    ClusterState.FROZEN: Hold.FROZEN,
    ClusterState.RETIRED: Hold.CLUSTER_RETIRED,
}


class Permit(StrEnum):
    """What a run may do."""

    WRITE = "write"
    LOOK = "look"
    """Compare, and write nothing to the cluster."""


@dataclass(frozen=True, slots=True)
class Allow:
    """The run may be."""

    permit: Permit


@dataclass(frozen=True, slots=True)
class Held:
    """Not now; ``hold`` says why."""

    hold: Reason


def admit(wish: Wish) -> Allow | Held:
    """Return whether the run may be now, and what it may do."""
    if wish.blocked:
        return Held(wish.blocked)
    if wish.trigger is Trigger.LEAVING:
        still = _removal_held(wish.state, wish.cluster)
        return Held(still) if still else Allow(Permit.WRITE)
    if wish.placement is None or wish.state is not PlacementState.PLACED:
        return Held(Reason(Hold.UNPLACED))
    return _of_placed(wish, wish.placement)


def _of_placed(wish: Wish, placement: Placement) -> Allow | Held:
    other = changes_hands(wish.owner, placement.application.project)
    if other and not wish.agreed and wish.trigger.kind is RunKind.SYNC:
        return Held(other)
    hold = _standstill(placement) or closed(wish, placement)
    if hold:
        # A sweep only hints: whether something differs, a look decides, which is always allowed.
        hinted = wish.trigger is Trigger.DRIFT and not wish.begun
        return Allow(Permit.LOOK) if hinted else Held(hold)
    warned = placement.sync.mode is SyncMode.WARN and not wish.by_person and not wish.begun
    return Allow(Permit.LOOK if warned or wish.trigger.kind is RunKind.CHECK else Permit.WRITE)


def changes_hands(owner: str, project: str) -> Reason:
    """Return why objects are left alone that would go from one project to another; ``NONE`` where they would not.

    Args:
        owner: that they belong to; empty for none.
        project: of the application that has the placement's name now.
    """
    return Reason(Hold.TRANSFERRED, {"owner": owner, "project": project}) if owner not in {"", project} else NONE


def _standstill(placement: Placement) -> Reason:
    """Return why the registry lets nothing be written for a placement that is wanted; ``NONE`` where it does."""
    match placement.disposition:
        case Disposition.SYNC:
            return NONE
        case Disposition.HOLD:
            return Reason(Hold.JOINING)
        case Disposition.FORGET:
            return Reason(Hold.CLUSTER_RETIRED)
        case Disposition.REMOVE:
            draining = placement.cluster.state is ClusterState.DRAINING
            return Reason(Hold.DRAINING if draining else Hold.APPLICATION_RETIRED)
        case Disposition.OBSERVE:
            return _observed(placement)


def _observed(placement: Placement) -> Reason:
    if placement.cluster.removed:
        return Reason(Hold.UNDECLARED)
    if placement.application.blocked:
        return Reason(Hold.APPLICATION_BLOCKED, {"message": placement.application.blocked})
    return Reason(Hold.FROZEN)


def _removal_held(state: PlacementState, cluster: Cluster | None) -> Reason:
    if state is not PlacementState.LEAVING:
        return Reason(Hold.WANTED)
    if cluster is None or cluster.removed:
        return Reason(Hold.UNDECLARED)
    return Reason(_STANDSTILL[cluster.state]) if cluster.state in _STANDSTILL else NONE
