"""What is said of runs: a code each, with parameters; ``common.domain.reasons`` makes the sentence."""

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
