"""What a placement owns, object by object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from common.domain.refs import ObjectId
from common.domain.status import NONE, Reason


class HookState(StrEnum):
    """How far a hook has come in the run that made its object."""

    NONE = ""
    """It is no hook."""
    ACTIVE = "active"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class End(StrEnum):
    """How an object that runs to an end came out, as it was last seen alive."""

    NONE = ""
    """Its end was not seen, or it has none."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Healing:
    """What correcting one object again and again has come to.

    Attributes:
        step: corrections in a row that did not last; 0 is no fight.
        healed_at: when it was last corrected.
        after: it is not corrected again before this instant.
    """

    step: int
    healed_at: datetime
    after: datetime


@dataclass(frozen=True, slots=True)
class InventoryItem:
    """One object a placement owns, as SQL knows it; see ``common.store.schema.tables.placements.InventoryRow``."""

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
    left_by: str = ""
    refused: Reason = NONE
    """Why its last removal was refused or failed, or what keeps it."""
    going: bool = False
    """Its deletion was accepted, and finalizers keep it."""
    hook_run: str = ""
    hook_state: HookState = HookState.NONE
    hook_stage: str = ""
    hook_revision: str = ""
    expires: bool = False
    by_hand: str = ""
    ended: End = End.NONE
    """Written by who observes health alone; an attempt's own value is not stored."""

    @property
    def is_hook(self) -> bool:
        """Whether it is a hook's object: it is not corrected, and only while it is active its health counts."""
        return self.hook_state is not HookState.NONE

    @property
    def awaited(self) -> bool:
        """Whether its health counts for its placement."""
        return self.wanted and self.hook_state in {HookState.NONE, HookState.ACTIVE}

    @property
    def goes_by_itself(self) -> bool:
        """Whether its absence is no drift: it was made, and ended, or its cluster collects it once it has ended."""
        return bool(self.uid) and not self.is_hook and (self.expires or self.ended is not End.NONE)
