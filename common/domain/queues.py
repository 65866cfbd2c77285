"""Names of queues: each pool has one for planned work, and one for what people ask for."""

from __future__ import annotations

_NOW = ".now"


def now_queue(pool: str) -> str:
    """Return the queue of what people ask for: a process of its own serves it."""
    return f"{pool}{_NOW}"


def pool_of(queue: str) -> str:
    """Return whose queue this is: a pool's name holds no dot."""
    return queue.removesuffix(_NOW)
