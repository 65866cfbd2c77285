"""How bad it is with a placement, in one number by which the worst come first. Pure."""

from __future__ import annotations

from enum import IntEnum

from common.domain.health import Health
from common.domain.placements import PlacementState
from common.domain.runs import SyncStatus


class Severity(IntEnum):
    """The worst first; what is before ``FINE`` is in trouble, or on its way out."""

    FAILED = 0
    """Its wanted revision does not go in."""
    DEGRADED = 1
    MISSING = 2
    UNSEEN = 3
    """Whether it is as it should be is not known."""
    UNKNOWN = 4
    """Its health is not known."""
    BEHIND = 5
    """It is not at its wanted revision, or has drifted from it."""
    PROGRESSING = 6
    LEAVING = 7
    FINE = 8
    ABSENT = 9
    """Nothing of it is wanted here: it has left, or its objects are left alone."""


_OF_SYNC = {
    SyncStatus.FAILED: Severity.FAILED,
    SyncStatus.UNKNOWN: Severity.UNSEEN,
    SyncStatus.OUT_OF_SYNC: Severity.BEHIND,
}
_OF_HEALTH = {
    Health.DEGRADED: Severity.DEGRADED,
    Health.MISSING: Severity.MISSING,
    Health.UNKNOWN: Severity.UNKNOWN,
    Health.PROGRESSING: Severity.PROGRESSING,
}


def severity(state: PlacementState, sync: SyncStatus, health: Health) -> Severity:
    """Return how bad it is with a placement: the worse of its sync status and its health."""
    if state is PlacementState.LEAVING:
        return Severity.LEAVING
    if state is not PlacementState.PLACED:
        return Severity.ABSENT
    return min(_OF_SYNC.get(sync, Severity.FINE), _OF_HEALTH.get(health, Severity.FINE))
