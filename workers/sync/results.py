"""What the sync engine gives back: how an attempt ended, and what came of each object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from common.domain.changes import Change
from common.domain.refs import ObjectId, PlacementRef
from common.domain.status import NONE, Reason
from workers.sync.ports import Manifest


class Ending(StrEnum):
    """How the engine came out of an attempt that raised nothing."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    WAITING = "waiting"
    """For health, or for a hook: then the next wave follows, or what is left over is pruned."""
    NEEDS_APPROVAL = "needs-approval"
    SUPERSEDED = "superseded"
    """Its hooks have ended, and a newer revision is to follow."""


@dataclass(frozen=True, slots=True)
class Fight:
    """One object that differs and was left alone, since somebody keeps changing it back.

    Attributes:
        object: which one.
        manager: who wrote to it last besides us; empty where nobody is named.
        until: it is not corrected before this instant.
    """

    object: ObjectId
    manager: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Unended:
    """Hooks of the wanted revision that have not succeeded, as an attempt sees it that runs none.

    Attributes:
        hooks: all of them.
        begun: those of them that a run has begun, and that failed or never came to an end.
    """

    hooks: tuple[ObjectId, ...] = ()
    begun: tuple[ObjectId, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What came of one attempt.

    Attributes:
        ending: how it ended.
        changes: every outcome, unchanged objects included. In a CHECK: what would be done.
        reason: why it ended so; none on success.
        error_code: of the first failure; empty when none.
        prune: what remains to be pruned, or what an approval is wanted for.
        fights: objects that differ and were held back.
        going: objects that were deleted and that finalizers keep, each with these.
        refreshed: objects whose fingerprint had changed but that did not differ: no drift, only a counter.
        requests: requests made, by verb.
        timings: milliseconds by step.
        delete_hooks: manifests of the hooks before and after the placement's removal, to be kept for then.
        awaits: the objects that it waits for; empty for all of the placement.
        asks: the objects of other projects that it may take over once a person approves.
        warnings: what the manifests ask for and is not done.
        hook_active: a hook is under way: nothing supersedes the run before it ends.
        fail_hooks: there are hooks for when the run fails: it needs a worker then.
        partial: not everything was to be written: a check, or waves that are still to come.
        unended: the hooks that are not through; empty of an attempt that runs hooks itself.
    """

    ending: Ending
    changes: tuple[Change, ...]
    reason: Reason = NONE
    error_code: str = ""
    prune: tuple[ObjectId, ...] = ()
    fights: tuple[Fight, ...] = ()
    going: tuple[tuple[ObjectId, str], ...] = ()
    refreshed: int = 0
    requests: Mapping[str, int] = field(default_factory=dict)
    timings: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[Reason, ...] = ()
    delete_hooks: tuple[Manifest, ...] = ()
    awaits: tuple[ObjectId, ...] = ()
    asks: Mapping[ObjectId, PlacementRef] = field(default_factory=dict)
    hook_active: bool = False
    fail_hooks: bool = False
    partial: bool = False
    unended: Unended = Unended()
