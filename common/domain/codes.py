"""What is said of runs, requests, approvals and faults: a code each, with parameters.

``common.domain.reasons`` makes the sentence.
"""

from __future__ import annotations

from enum import StrEnum


class RunReason(StrEnum):
    """Codes of why a run ended, waits, or is tried again; an error has its own code."""

    NEWER_REVISION = "run.newer-revision"
    """Another revision is wanted by now, for which another run is made."""
    REGISTRY_CHANGED = "run.registry-changed"
    """The registry renders its revision otherwise by now, for which another run is made."""
    ASKED_FOR = "run.asked-for"
    """A person asked for a run, which takes its place. Params: by."""
    APPROVED = "run.approved"
    """A person approved of a removal, which another run carries out. Params: by."""
    ASKS = "run.asks"
    """It needs an approval. Params: what."""
    DIFFERS = "run.differs"
    """It only looked, and something differs. Params: objects, adopted, warnings."""
    WARNINGS = "run.warnings"
    """It succeeded, but for what is not carried out of its manifests. Params: warnings."""
    INTERRUPTED = "interrupted"
    """The worker of an attempt died, or lost its lease. Params: worker, died."""
    STUCK = "run.stuck"
    """A worker gave an attempt up that made no progress, or took too long. Params: why."""
    POISON = "run.poison"
    """Workers died or hung again and again during it. Params: workers."""
    DEADLINE = "sync.deadline"
    """What it waited for did not come in time. Params: waited (a reason), or message."""


class RequestReason(StrEnum):
    """Codes of what came of what a person asked for; a hold that forbids it has its own code."""

    RUN_MADE = "request.run-made"
    """A run was made."""
    LOOK_MADE = "request.look-made"
    """A run was made that only looks."""
    UNDER_WAY = "request.under-way"
    """A run does already what was asked for. Params: state (of the run)."""
    LOOKS = "request.looks"
    """A run looks already."""
    ASK_AGAIN = "request.ask-again"
    """Another run ended at that very moment."""
    NO_PLACEMENT = "request.no-placement"
    """There is no such placement."""
    NOT_PLACED = "request.not-placed"
    """Nothing places it any more. Params: state (of the placement)."""
    REFRESHED = "request.refreshed"
    """Sources, registry and clusters are looked at now. Params: sources."""
    UNFOLLOWED = "request.unfollowed"
    """Nothing follows the repository. Params: repo."""
    PAUSED = "request.paused"
    """The placement is paused."""
    RESUMED = "request.resumed"
    """The placement is paused no longer."""
    NO_APPROVAL = "request.no-approval"
    """There is no such approval."""
    DECIDED = "request.decided"
    """The approval is not open any more. Params: state (of the approval)."""
    REJECTED = "request.rejected"
    """What waited is not done."""
    ACCEPTED = "request.identity-accepted"
    """Another identity is the cluster's from now on. Params: cluster."""
    LEAVES = "request.leaves"
    """Placements leave. Params: placements."""
    MOVES = "request.moves"
    """Objects may go to another placement. Params: objects, from, to."""
    GONE = "request.gone"
    """The placement of the approval is gone."""
    APPROVED_LATER = "request.approved-later"
    """It is carried out after the run that is under way."""
    APPROVED = "request.approved"
    """A run was made that carries it out."""
    BROKEN = "request.broken"
    """The scheduler failed. Params: error (its type)."""


class ApprovalReason(StrEnum):
    """Codes of why a person is asked; bounds of removals, and owners of objects, are told in ``run.asks``."""

    LEAVING = "approval.leaving"
    """Placements would be removed. Params: placements."""
    IDENTITY = "approval.identity"
    """Another cluster answers at the address. Params: server."""


class FaultReason(StrEnum):
    """Codes of faults that are no errors; those bring their words along as ``message``."""

    ORPHAN = "cluster.orphan"
    """An object carries the mark of a placement that does not own it. Params: object, placement."""
