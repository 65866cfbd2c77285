"""Who may leave by itself and who waits for a person: explicit, bounded over the fleet, listed by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from common.domain.fleet import LeavingBounds
from common.domain.holds import Hold
from common.domain.placements import PlacementState
from common.domain.refs import PlacementRef
from common.domain.status import Reason
from scheduler.planning.facts import Asked, Facts


@dataclass(frozen=True, slots=True)
class Leaver:
    """A placement that is to be removed; ``drains`` is its cluster where that is draining as a whole."""

    ref: PlacementRef
    why: Hold
    drains: str


@dataclass(frozen=True, slots=True)
class Departures:
    """Which placements leave now, and which wait for a person.

    Attributes:
        free: who leaves now, and why.
        waiting: who waits for an approval, and for which.
        asks: what to ask a person: by subject (``fleet``, or a draining cluster's name), exactly who would go.
        of: placements that the fleet's percentage is of.
    """

    free: Mapping[PlacementRef, Hold] = field(default_factory=dict)
    waiting: Mapping[PlacementRef, Reason] = field(default_factory=dict)
    asks: Mapping[str, tuple[PlacementRef, ...]] = field(default_factory=dict)
    of: int = 0


FLEET = "fleet"


def departures(leavers: Iterable[Leaver], bounds: LeavingBounds, *, total: int, facts: Facts) -> Departures:
    """Return who may leave.

    A draining cluster always asks once. All others together stay within both bounds, or all of them ask. Placements
    whose removal was approved by name, and those that own nothing, are free.

    The percentage is of what was placed when a removal first had to ask: placements that come in while the question is
    open, of the same commit perhaps, would make the same removals a smaller part, and planning again would free them.

    Args:
        leavers: who is to be removed.
        bounds: of the fleet.
        total: placements placed before this plan.
        facts: who owns anything, who is leaving already, which removals a person was asked about or approved.
    """
    free: dict[PlacementRef, Hold] = {}
    asking: dict[str, list[Leaver]] = {}
    for leaver in leavers:
        current = facts.current[leaver.ref]
        under_way = current.state is PlacementState.LEAVING
        if under_way or not current.owns or leaver.ref in facts.allowed_to_leave:
            free[leaver.ref] = leaver.why
        else:
            asking.setdefault(leaver.drains or FLEET, []).append(leaver)
    together = asking.get(FLEET, [])
    of = _base((leaver.ref for leaver in together), total, facts.asked)
    if _within(len(together), bounds, of):
        free.update((leaver.ref, leaver.why) for leaver in together)
        asking.pop(FLEET, None)
    waiting = {
        leaver.ref: Reason(Hold.ASKED, {"placements": len(group), "why": leaver.why.value})
        for group in asking.values()
        for leaver in group
    }
    asks = {subject: tuple(one.ref for one in group) for subject, group in asking.items()}
    return Departures(free, waiting, asks, of)


def _base(leaving: Iterable[PlacementRef], total: int, asked: Asked | None) -> int:
    return total if asked is None or asked.placements.isdisjoint(leaving) else min(total, asked.of)


def _within(leaving: int, bounds: LeavingBounds, total: int) -> bool:
    # One may always go: a percentage of a small fleet would otherwise ask about every single placement.
    return leaving <= 1 or (leaving <= bounds.max_placements and leaving * 100 <= bounds.max_percent * total)
