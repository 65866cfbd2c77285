"""How soon drift of an object is corrected: at once, unless somebody else keeps changing that object back."""

from __future__ import annotations

from datetime import datetime, timedelta

from common.domain.inventory import Healing

STEPS = (timedelta(seconds=10), timedelta(seconds=30), timedelta(seconds=90))
"""After a correction the cluster is swept again after these; what drifts again within them backs off by the same."""


def healed(before: Healing | None, *, now: datetime) -> Healing:
    """Return what correcting an object now makes of how its corrections have held.

    Args:
        before: how the former ones have; None if it was never corrected.
        now: the present.
    """
    step = before.step + 1 if before is not None and not _lasted(before, now) else 0
    return Healing(step, now, now + _pause(step))


def _lasted(before: Healing, now: datetime) -> bool:
    return now - before.healed_at > STEPS[-1] + _pause(before.step)


def _pause(step: int) -> timedelta:
    return STEPS[min(step, len(STEPS) - 1)]
