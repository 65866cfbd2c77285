"""What keeps a placement from its desired revision, or its objects on their cluster: a code each, with parameters.

``common.domain.reasons`` makes the sentence. What is stored, compared and searched for is the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from common.domain.fleet import Disposition, Placement
from common.domain.status import NONE, Reason


class Hold(StrEnum):
    """Codes of holds; empty while nothing stands in the way."""

    IDENTITY_CHANGED = "cluster.identity-changed"
    """Another cluster answers at its address, and no person has approved of that. Params: identity, was."""
    SAME_CLUSTER = "cluster.same"
    """Other clusters of the registry are the very same one. Params: others."""
    CLUSTER_UNKNOWN = "cluster.unknown"
    """Nothing is stored of the cluster."""
    JOINING = "cluster.joining"
    """Nothing is written to the cluster yet."""
    FROZEN = "cluster.frozen"
    """Nothing is written to the cluster for now."""
    UNDECLARED = "cluster.undeclared"
    """The cluster's document is gone from the registry: treated as frozen."""
    DRAINING = "cluster.draining"
    """Everything leaves the cluster."""
    CLUSTER_RETIRED = "cluster.retired"
    """The cluster is left alone for good."""
    APPLICATION_BLOCKED = "application.blocked"
    """The registry holds the application back. Params: message."""
    APPLICATION_RETIRED = "application.retired"
    """The application leaves all its clusters."""
    UNMATCHED = "placement.unmatched"
    """No target takes the cluster any more, and ``onUnmatch`` is ``delete``."""
    UNPLACED = "placement.unplaced"
    """Nothing places the application there any more."""
    ASKED = "placement.leaving-asked"
    """It leaves once a person approves. Params: placements, why (a code of these)."""
    PAUSED = "placement.paused"
    """A person paused it."""
    MANUAL = "sync.manual"
    """``sync.mode`` is ``manual``: a person starts its runs."""
    UNRESOLVED = "source.unresolved"
    """Its source was not resolved yet."""
    UNREADABLE = "source.unreadable"
    """Its source, or its own part of it, cannot be read now. Params: message."""
    TOLD = "told"
    """Words of a version that kept no codes. Params: text."""


BLOCKING = frozenset({Hold.IDENTITY_CHANGED, Hold.SAME_CLUSTER, Hold.CLUSTER_UNKNOWN})
"""Of a cluster: what answers there may not be the one that is meant, so that nothing is written, removed or judged."""


def hold_of(placement: Placement, blocked: Mapping[str, Reason]) -> Reason:
    """Return why nothing may be written for the placement; ``NONE`` when nothing stands in the way.

    Args:
        placement: as the registry has it.
        blocked: clusters that nothing may be written to, with the reason.
    """
    if placement.ref.cluster in blocked:
        return blocked[placement.ref.cluster]
    if placement.disposition is Disposition.HOLD:
        return Reason(Hold.JOINING)
    if placement.disposition is Disposition.OBSERVE:
        if placement.cluster.removed:
            return Reason(Hold.UNDECLARED)
        if placement.application.blocked:
            return Reason(Hold.APPLICATION_BLOCKED, {"message": placement.application.blocked})
        return Reason(Hold.FROZEN)
    return NONE
