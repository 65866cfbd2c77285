"""How a placement is synced: modes, guards, policies, and bounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from common.domain.runs import RetryPolicy


class SyncMode(StrEnum):
    """What a difference between Git and the cluster leads to."""

    ENFORCE = "enforce"
    WARN = "warn"
    """Detected and reported, never written."""
    MANUAL = "manual"
    """Written when a person asks."""


class AdoptPolicy(StrEnum):
    """Which live objects without our mark may become ours."""

    UNOWNED = "unowned"
    ANY = "any"
    NEVER = "never"


class ConflictPolicy(StrEnum):
    """What happens to a field that never was ours and that another manager owns."""

    FAIL = "fail"
    TAKE_OVER = "take-over"


class ExtraFields(StrEnum):
    """What happens to what people added by hand to an object of ours, and Git does not have."""

    KEEP = "keep"
    REMOVE = "remove"


class OnUnmatch(StrEnum):
    """What happens to the objects of a placement that is not wanted any more."""

    RETAIN = "retain"
    DELETE = "delete"


class Unit(StrEnum):
    """What an amount counts."""

    COUNT = "count"
    PERCENT = "percent"


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of placements, or a percentage of them."""

    value: int
    unit: Unit = Unit.COUNT

    def of(self, total: int) -> int:
        """Return the amount of ``total`` as a count, rounded down; it may be 0."""
        return self.value if self.unit is Unit.COUNT else total * self.value // 100

    def __str__(self) -> str:
        return f"{self.value}%" if self.unit is Unit.PERCENT else str(self.value)


A_FIFTH = Amount(20, Unit.PERCENT)
NONE_AT_ALL = Amount(0)


@dataclass(frozen=True, slots=True)
class PrunePolicy:
    """Guards of one placement's removals: over either, nothing is deleted and an approval is asked for.

    Attributes:
        enabled: whether objects that left the manifests are removed at all.
        max_objects: most objects one run removes without an approval.
        max_percent: the same as a percentage of the inventory; counts from 4 removals on.
    """

    enabled: bool = True
    max_objects: int = 20
    max_percent: int = 30


@dataclass(frozen=True, slots=True)
class IgnoreRule:
    """Fields that others own, in the objects that all given names match.

    Attributes:
        paths: JSON pointers.
        managers: field managers, with all that one of them owns.
    """

    kind: str
    paths: tuple[str, ...] = ()
    group: str | None = None
    namespace: str | None = None
    name: str | None = None
    managers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """``sync`` of an application with the fleet's defaults filled in.

    Attributes:
        deadline: how long health is awaited by waves, prune and observe.
        windows: names of SyncWindow documents.
    """

    mode: SyncMode = SyncMode.ENFORCE
    deadline: timedelta = timedelta(minutes=15)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    windows: tuple[str, ...] = ()
    prune: PrunePolicy = field(default_factory=PrunePolicy)
    adopt: AdoptPolicy = AdoptPolicy.UNOWNED
    ignore: tuple[IgnoreRule, ...] = ()
    conflicts: ConflictPolicy = ConflictPolicy.FAIL
    extra_fields: ExtraFields = ExtraFields.KEEP


@dataclass(frozen=True, slots=True)
class LeavingBounds:
    """Placements that may leave by one registry commit without an approval; both bounds hold.

    Attributes:
        max_percent: of what was placed before the commit.
    """

    max_placements: int = 10
    max_percent: int = 5


@dataclass(frozen=True, slots=True)
class Expect:
    """How many clusters a target must select; ``None`` is no bound on that side."""

    min: int | None = None
    max: int | None = None

    def admits(self, count: int) -> bool:
        """Tell whether ``count`` is within the bounds."""
        return (self.min is None or count >= self.min) and (self.max is None or count <= self.max)

    def __str__(self) -> str:
        return f"{self.min if self.min is not None else 0} to {self.max if self.max is not None else 'any number'}"
