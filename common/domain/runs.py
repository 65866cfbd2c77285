"""The life of a run: why it exists, the states it passes, and how it can end."""

from __future__ import annotations

from datetime import timedelta
from enum import IntEnum, StrEnum
from typing import NamedTuple


class RunKind(StrEnum):
    """What a run may do."""

    SYNC = "sync"
    """It may write. A placement has one of them at a time."""
    CHECK = "check"
    """It tells what a sync would change and writes nothing, so it goes beside the placement's other run."""


class Trigger(StrEnum):
    """Why a run was made."""

    REVISION = "revision"
    """Another one is wanted, or the same again: its cluster or the registry has changed since a run for it failed."""
    DRIFT = "drift"
    MANUAL = "manual"
    APPROVAL = "approval"
    LEAVING = "leaving"
    RETRY = "retry"
    """The placement's own back-off after a run that failed: the same revision again, and nothing else has changed."""
    CHECK = "check"
    """What a sync would change is asked for, by a person or by a placement that waits for the answer."""

    @property
    def kind(self) -> RunKind:
        """What a run that was made for it may do."""
        return RunKind.CHECK if self is Trigger.CHECK else RunKind.SYNC


class Priority(IntEnum):
    """Which run SQL chooses next; lower goes first."""

    MANUAL = 0
    ROLLBACK = 1
    REVISION = 2
    DRIFT = 3


PRIORITY_OF = {
    Trigger.MANUAL: Priority.MANUAL,
    Trigger.APPROVAL: Priority.MANUAL,
    Trigger.CHECK: Priority.MANUAL,
    Trigger.REVISION: Priority.REVISION,
    Trigger.LEAVING: Priority.REVISION,
    Trigger.RETRY: Priority.DRIFT,
    Trigger.DRIFT: Priority.DRIFT,
}


class RunState(StrEnum):
    """Where a run stands. ``queued`` covers sent and between attempts; ``waiting`` has a reason and no lease."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    ENDED = "ended"


class Outcome(StrEnum):
    """How a run ended; exactly one, for ever. ``succeeded`` means applied and pruned: health is the placement's."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"
    NEEDS_APPROVAL = "needs-approval"


class AttemptOutcome(StrEnum):
    """How an attempt ended: as its run, or one of the ways that leave the run open."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RETRYING = "retrying"
    WAITING = "waiting"
    SUPERSEDED = "superseded"
    SKIPPED = "skipped"
    NEEDS_APPROVAL = "needs-approval"
    INTERRUPTED = "interrupted"


class SyncStatus(StrEnum):
    """Whether the cluster holds what Git says; ``common.domain.status`` derives it. An error is never ``synced``."""

    SYNCED = "synced"
    """The wanted revision is in, and that was confirmed."""
    OUT_OF_SYNC = "out-of-sync"
    """It is not, or something differs: a run is on its way, or something holds it."""
    FAILED = "failed"
    """The wanted revision did not go in."""
    UNKNOWN = "unknown"
    """The cluster could not be read."""


PARKED_PER_SLOT = 10
"""Retries of a queue that may be in the broker as countdowns, for each run its live workers can have at once."""


class RetryPolicy(NamedTuple):
    """``sync.retry`` of an application; the defaults are SEMANTICS.md's."""

    limit: int = 5
    base: timedelta = timedelta(seconds=5)
    factor: float = 2.0
    ceiling: timedelta = timedelta(minutes=3)


def retry_delay(attempt: int, policy: RetryPolicy, *, jitter: float) -> timedelta:
    """Return how long to wait before retry number ``attempt`` (0 is the first retry).

    Args:
        attempt: retries made so far.
        policy: base, factor and the ceiling that bounds the delay before jitter.
        jitter: factor in [0.5, 1.0], drawn by the caller.

    Raises:
        ValueError: ``attempt`` is negative or ``jitter`` is out of range.
    """
    if attempt < 0:
        message = f"attempt is {attempt}; it counts from 0"
        raise ValueError(message)
    if not 0.5 <= jitter <= 1.0:
        message = f"jitter is {jitter}; it must be in [0.5, 1.0]"
        raise ValueError(message)
    # Bounding the exponent keeps factor**n finite: past 64 doublings every ceiling is reached.
    seconds = policy.base.total_seconds() * policy.factor ** min(attempt, 64)
    return timedelta(seconds=min(policy.ceiling.total_seconds(), seconds) * jitter)


LONGEST_BACK_OFF = timedelta(hours=1)
"""How long a placement waits at most before it tries again by itself."""


def own_back_off(failures: int, policy: RetryPolicy) -> timedelta:
    """Return how long a placement waits after a run that failed before it tries again by itself.

    Args:
        failures: runs in a row that failed before this one.
        policy: its ceiling, where the run's own retries stopped, is where this begins.
    """
    back_off: timedelta = policy.ceiling * 2 ** min(failures, 16)
    return min(LONGEST_BACK_OFF, back_off)
