"""What keeps a placement from its desired revision, or its objects on their cluster: a code each, with parameters.

``common.domain.reasons`` makes the sentence. What is stored, compared and searched for is the code.
"""

from __future__ import annotations

from enum import StrEnum


class Hold(StrEnum):
    """Codes of holds; empty while nothing holds it back."""

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
    TRANSFERRED = "placement.transferred"
    """Its application is one of another project than wrote its objects. Params: owner, project."""
    WANTED = "placement.wanted"
    """What was to remove it is not carried out: it is wanted again."""
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


class Leftover(StrEnum):
    """Codes of why an object that Git does not ask for is on its cluster still; what refused has its own code."""

    ORPHAN = "leftover.orphan"
    """No inventory holds it: nothing here removes it."""
    WAITS = "leftover.waits"
    """It waits to be removed."""
    LEAVES = "leftover.leaves"
    """Its placement is being removed."""
    RETAINED = "leftover.retained"
    """Its placement is left alone. Params: hold (a reason)."""


class Taking(StrEnum):
    """Codes of what another placement takes over of objects that are to be removed, or why that is not known yet."""

    TAKES = "taking.takes"
    """It takes an object over. Params: placement, object."""
    MAY = "taking.may"
    """It may take them over. Params: placement, why (a reason)."""
    UNREAD = "taking.unread"
    """It has not looked at its wanted revision yet."""
    PAUSED = "taking.paused"
    """A person paused it. Params: by."""
    HELD = "taking.held"
    """It is held back. Params: hold (a reason)."""
    FAILED = "taking.failed"
    """It failed at its wanted revision. Params: code."""
    UNREADABLE = "taking.unreadable"
    """It has a source that cannot be read. Params: message."""
    UNRESOLVED = "taking.unresolved"
    """It has a source that was not resolved yet."""
    UNPLANNED = "taking.unplanned"
    """It is not planned at its newest revision yet."""


class Denial(StrEnum):
    """Codes of what a project does not allow of an object."""

    KIND = "policy.kind"
    """Its kind. Params: kind."""
    RIGHTS = "policy.rights"
    """Its kind gives rights, and the project has no account of its own and does not name it. Params: kind."""
    CLUSTER_KIND = "policy.cluster-kind"
    """Its kind is of the whole cluster, and the project does not name it. Params: kind, needs (a field)."""
    NAMESPACE = "policy.namespace"
    """Its namespace. Params: namespace."""


BLOCKING = frozenset({Hold.IDENTITY_CHANGED, Hold.SAME_CLUSTER, Hold.CLUSTER_UNKNOWN})
"""Of a cluster: what answers there may not be the one that is meant, so that nothing is written, removed or judged."""
