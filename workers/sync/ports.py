"""What the sync engine needs from outside, and what it gives back. No SQL, no HTTP, no Celery here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol

from common.domain.changes import Action, Change
from common.domain.health import HealthReport
from common.domain.refs import AttemptRef, ObjectId, PlacementRef, Revision
from common.domain.runs import Trigger

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class InventoryItem:
    """One object a placement owns, as SQL knows it; see ``common.db.tables.placements.InventoryRow``."""

    object: ObjectId
    version: str
    resource: str = ""
    desired_digest: str = ""
    fingerprint: str = ""
    uid: str = ""
    applied_fields: Mapping[str, Any] | None = None
    adopted: bool = False
    keep: bool = False
    prune_allowed: bool = False
    wanted: bool = True
    refused: str = ""


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """What an attempt is about to do to one object; committed before its first write."""

    object: ObjectId
    action: Action


class Fence(Protocol):
    """This attempt's right to write."""

    def check(self, needed: timedelta) -> None:
        """Return if the lease surely outlives a request of ``needed``.

        Raises:
            LeaseLostError: it may not.
        """
        ...


class Journal(Protocol):
    """Where an attempt writes down what it is about to do and what it did. Every call is one short transaction."""

    def plan(self, items: Sequence[InventoryItem], changes: Sequence[PlannedChange]) -> None:
        """Store the inventory to be and the planned changes; returns once they are committed."""
        ...

    def record(self, changes: Sequence[Change], items: Sequence[InventoryItem]) -> None:
        """Store outcomes as they happen, and the inventory rows they changed."""
        ...

    def forget(self, objects: Sequence[ObjectId]) -> None:
        """Drop inventory rows of objects that are gone from the cluster."""
        ...


class Phase(StrEnum):
    """What this attempt is to do."""

    APPLY = "apply"
    PRUNE = "prune"
    """The apply was healthy: prune what is left over."""
    REMOVE = "remove"
    """The placement leaves: everything in the inventory goes."""
    CHECK = "check"
    """``sync.mode: warn``: dry-run and report only; nothing is written."""


class Ending(StrEnum):
    """How the engine came out of an attempt that raised nothing."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    WAITING = "waiting"
    """Applied; objects remain to be pruned once it is healthy."""
    NEEDS_APPROVAL = "needs-approval"


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What came of one attempt.

    Attributes:
        ending: how it ended.
        changes: every outcome, unchanged objects included.
        reason: in words, for a person; empty on success.
        error_code: of the first failure; empty when none.
        prune: what remains to be pruned, or what an approval is wanted for.
        requests: requests made, by verb.
        timings: milliseconds by step.
    """

    ending: Ending
    changes: tuple[Change, ...]
    reason: str = ""
    error_code: str = ""
    prune: tuple[ObjectId, ...] = ()
    requests: Mapping[str, int] | None = None
    timings: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class ObservedObject:
    """Health of one object, as just seen."""

    object: ObjectId
    report: HealthReport


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """Everything one attempt must know; nothing in it is read again later.

    Attributes:
        fleet: name in ownership marks.
        ref: the placement.
        attempt: goes into the User-Agent and fence annotations.
        revision: what it is brought to; None when it leaves.
        trigger: why.
        phase: what to do.
        manifests: rendered and substituted, not yet normalised.
        namespace: default for namespaced objects without one.
        inventory: what the placement owns now.
        fenced: objects that an attempt which did not end by itself had planned to write: written again even if equal.
        approved: the exact objects a person allowed to be pruned; None when nobody was asked.
        full_check: dry-run everything, fingerprints notwithstanding.
    """

    fleet: str
    ref: PlacementRef
    attempt: AttemptRef
    revision: Revision | None
    trigger: Trigger
    phase: Phase
    manifests: tuple[Manifest, ...]
    namespace: str
    inventory: tuple[InventoryItem, ...]
    fenced: frozenset[ObjectId] = frozenset()
    approved: frozenset[ObjectId] | None = None
    full_check: bool = False
