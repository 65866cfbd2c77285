"""How soon drift is corrected: at once, unless somebody else keeps changing the same thing back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

STEPS = (timedelta(seconds=10), timedelta(seconds=30), timedelta(seconds=90))
"""After a heal the cluster is swept again after these; drift found within them backs off by the same."""


@dataclass(frozen=True, slots=True)
class Heal:
    """When drift is corrected.

    Attributes:
        step: how many heals in a row did not last; 0 is no fight.
        after: not before this instant; None is now.
    """

    step: int
    after: datetime | None


def heal(step: int, *, healed_at: datetime | None, heal_after: datetime | None, now: datetime) -> Heal:
    """Return when drift that was just found is corrected.

    Args:
        step: heals in a row that did not last so far.
        healed_at: when the placement was last healed; None if never.
        heal_after: when a back-off that was already decided on ends.
        now: the present.
    """
    if heal_after is not None and healed_at is not None and heal_after > healed_at:
        return Heal(step, heal_after if heal_after > now else None)
    lasted = healed_at is None or now - healed_at > STEPS[-1] + STEPS[min(step, len(STEPS) - 1)]
    if lasted:
        return Heal(0, None)
    return Heal(step + 1, now + STEPS[min(step, len(STEPS) - 1)])
