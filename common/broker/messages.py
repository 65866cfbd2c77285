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


def now_queue(pool: str) -> str:
    """Return the queue of what people ask for: a process of its own serves it."""
    return f"{pool}.now"
