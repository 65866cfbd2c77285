"""Where a placement stands in its life."""

from __future__ import annotations

from enum import StrEnum


class PlacementState(StrEnum):
    """What the registry wants of a placement."""

    PLACED = "placed"
    RETAINED = "retained"
    """No longer wanted, left alone with all its objects."""
    LEAVING = "leaving"
    """Its objects are being removed."""
    LEFT = "left"
    """Nothing of it remains; kept for its history."""
