"""The wire contract: task names and queues. A message's whole payload is one id."""

from __future__ import annotations

SYNC = "flotilla.sync"
"""A run's id."""
RESOLVE = "flotilla.resolve"
"""A source's id."""
OBSERVE = "flotilla.observe"
"""A cluster's name."""
SWEEP = "flotilla.sweep"
"""A cluster's name."""
NAMES = frozenset({SYNC, RESOLVE, OBSERVE, SWEEP})
_NOW = ".now"


def now_queue(pool: str) -> str:
    """Return the queue of what people ask for: a process of its own serves it."""
    return f"{pool}{_NOW}"


def pool_of(queue: str) -> str:
    """Return whose queue this is: a pool's name holds no dot."""
    return queue.removesuffix(_NOW)


def unacknowledged(pool: str) -> dict[str, str]:
    """Return where a pool's workers keep what they have taken and not finished, as kombu's options."""
    return {f"{name}_key": f"{name}:{pool}" for name in ("unacked", "unacked_index", "unacked_mutex")}
