"""Which looks that people ask for are sent next: fair to whoever asks, and never all of a pool's slots. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from common.domain.inspections import DueInspection

PER_CLUSTER = 2
"""Looks at one cluster at once: one that answers nothing holds each of them until its time is over."""


def look_slots(slots: int) -> int:
    """Return how many looks may be under way at once, of a pool's slots for what people ask for.

    One is left to the runs that people ask for, unless there is no other.
    """
    return max(min(slots, 1), slots - 1)


def choose(
    due: Sequence[DueInspection],
    *,
    slots: Mapping[str, int],
    under_way: Mapping[tuple[str, str], int],
    lately: Mapping[str, int],
) -> list[DueInspection]:
    """Return the looks to send now, in this order.

    Args:
        due: oldest first. Those that were sent before take nobody's place: they are under way already.
        slots: of each pool, for what people ask for.
        under_way: looks that are sent or carried out, by pool and cluster.
        lately: looks that were sent in the last minutes, by who asked: whoever has had fewest comes first.
    """
    pools, clusters, actors = Counter[str](), Counter[str](), Counter(lately)
    for (pool, cluster), count in under_way.items():
        pools[pool] += count
        clusters[cluster] += count
    chosen = [one for one in due if one.was_sent and slots.get(one.pool, 0) > 0]
    waiting = [one for one in due if not one.was_sent]
    while waiting:
        waiting = [
            one
            for one in waiting
            if pools[one.pool] < look_slots(slots.get(one.pool, 0)) and clusters[one.cluster] < PER_CLUSTER
        ]
        if not waiting:
            break
        first = min(waiting, key=lambda one: (actors[one.actor], clusters[one.cluster]))
        waiting.remove(first)
        chosen.append(first)
        for counts, name in ((pools, first.pool), (clusters, first.cluster), (actors, first.actor)):
            counts[name] += 1
    return chosen
