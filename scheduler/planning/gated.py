"""Placements that a gate holds: nothing happens when a gate opens, so that the gates are asked again. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from common.domain.admission import Wish, gates, opens
from common.domain.holds import Hold
from common.domain.status import Reason

_TOLD = frozenset({Hold.PAUSED, Hold.MANUAL})
"""Opened by a person or by a commit alone: both are seen when they come."""
_LOOKED_AT = timedelta(minutes=1)
"""After which a hold is planned again that a person's run may have made void."""


def held_by_gates(asked: Iterable[tuple[Wish, Reason]]) -> tuple[tuple[Wish, Reason], ...]:
    """Return those of wishes that a gate is closed to for a time, each with its hold."""
    codes = {gate.code for gate in gates()} - _TOLD
    return tuple((wish, hold) for wish, hold in asked if hold.code in codes)


@dataclass(frozen=True, slots=True)
class Gated:
    """What gates held, and when they were asked.

    Attributes:
        asked_at: instant of the plan.
        held: wishes, each with its hold.
    """

    asked_at: datetime
    held: tuple[tuple[Wish, Reason], ...] = ()

    def outdated(self, now: datetime) -> bool:
        """Return whether a plan could come out otherwise because of a gate."""
        late = now - self.asked_at >= _LOOKED_AT
        return bool(self.held) and (late or any(opens(replace(wish, now=now), hold) for wish, hold in self.held))

    def with_more(self, held: Iterable[tuple[Wish, Reason]]) -> Gated:
        """Return the same with what gates held since."""
        return replace(self, held=(*self.held, *held_by_gates(held)))
