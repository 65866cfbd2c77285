"""How much may be in the broker: it stays shallow, because whatever is there can be lost and reordered."""

from __future__ import annotations

from collections.abc import Mapping

SENT_PER_SLOT = 2


def room(slots: int, sent: int) -> int:
    """Return how many more messages a queue may get.

    Args:
        slots: runs that its live workers can have at once.
        sent: messages sent and not yet claimed.
    """
    return max(0, SENT_PER_SLOT * slots - sent)


def free_slots(limits: Mapping[str, int], busy: Mapping[str, int]) -> dict[str, int]:
    """Return how many more runs each cluster may have, sent or running; those without room are left out."""
    free = {cluster: limit - busy.get(cluster, 0) for cluster, limit in limits.items()}
    return {cluster: slots for cluster, slots in free.items() if slots > 0}
