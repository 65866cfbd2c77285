"""What a placement owns, object by object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.domain.refs import ObjectId


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
