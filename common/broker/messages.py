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
INSPECT = "flotilla.inspect"
"""An inspection's id."""
NAMES = frozenset({SYNC, RESOLVE, OBSERVE, SWEEP, INSPECT})


def unacknowledged(pool: str) -> dict[str, str]:
    """Return where a pool's workers keep what they have taken and not finished, as kombu's options."""
    return {f"{name}_key": f"{name}:{pool}" for name in ("unacked", "unacked_index", "unacked_mutex")}
