"""Whether an object may go from one placement of a cluster to another: pure, from what SQL knows of its owner.

It is released only where the owner's wanted revision does not render it, so that two that both render it stay a
conflict; while that is not known yet, the other one waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from common.domain.codes import ObjectReason
from common.domain.holds import Taking
from common.domain.inventory import InventoryItem
from common.domain.placements import PlacementState
from common.domain.refs import ObjectId, PlacementRef
from common.domain.status import NONE, Reason


class Hold(StrEnum):
    """What an owner says to another placement that renders its object."""

    FREE = "free"
    """It may be taken over."""
    LATER = "later"
    """The owner has not run its wanted revision yet."""
    ASK = "ask"
    """It may be taken over once a person approves: the two are in different projects."""
    RENDERED = "rendered"
    """The owner's wanted revision renders it too."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A placement that owns objects, as SQL knows it.

    Attributes:
        desired: identity of what it should run; None while it is unresolved.
        applied: identity of what it runs; None before its first success.
        running: an attempt of it is under way.
    """

    ref: PlacementRef
    state: PlacementState
    desired: tuple[str, str] | None
    applied: tuple[str, str] | None
    running: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """The answer for one object; ``item`` is what the owner's inventory holds of it."""

    hold: Hold
    reason: Reason = NONE
    item: InventoryItem | None = None


@dataclass(frozen=True, slots=True)
class Claims:
    """What others want of objects that are about to be removed.

    Attributes:
        takers: who is to take over which of them.
        pending: why others may still want some; ``NONE`` when nobody can.
        until: how long that is waited for at most; None for as long as it takes.
    """

    takers: dict[ObjectId, PlacementRef]
    pending: Reason = NONE
    until: datetime | None = None


def claimed_by(taker: PlacementRef, object_id: ObjectId) -> Reason:
    """Return that another placement is to take over an object."""
    return Reason(Taking.TAKES, {"placement": str(taker), "object": str(object_id)})


def left_by(identity: tuple[str, str]) -> str:
    """Return how an inventory row names the revision that no longer renders its object."""
    return ":".join(identity)


def held_by(owner: Owner, item: InventoryItem | None) -> Held:
    """Return what the owner of an object says to another placement that renders it.

    Args:
        owner: whose mark the object carries.
        item: its inventory row of the object; None where it has none.
    """
    owned = {"owner": str(owner.ref)}
    if owner.running:
        return Held(Hold.LATER, Reason(ObjectReason.OWNER_SYNCS, owned), item)
    if owner.state is not PlacementState.PLACED:
        return Held(Hold.FREE, item=item)
    gone = item is not None and not item.wanted
    if owner.desired is not None and gone and item is not None and item.left_by == left_by(owner.desired):
        return Held(Hold.FREE, item=item)
    if owner.desired is None or owner.applied != owner.desired:
        return Held(Hold.LATER, Reason(ObjectReason.OWNER_BEHIND, owned), item)
    if gone or item is None:
        return Held(Hold.FREE, item=item)
    return Held(Hold.RENDERED, Reason(ObjectReason.OWNER_RENDERS, owned), item)
