"""How often somebody asks who shows nothing: counted on the event loop, without a lock."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable


class Rate:
    """So many requests a second, and some at once, for each of many names; the memory is bounded.

    Args:
        per_second: on average.
        at_once: after a pause.
        names: that are remembered; the one that asked least recently goes first.
        clock: monotonic seconds.
    """

    def __init__(
        self, *, per_second: float, at_once: float, names: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_second
        self._at_once = at_once
        self._names = names
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """What each name had left, and when."""

    def takes(self, name: str) -> bool:
        """Return whether ``name`` may ask now; it has asked then."""
        now = self._clock()
        left, since = self._left.pop(name, (self._at_once, now))
        left = min(self._at_once, left + (now - since) * self._per_second)
        self._left[name] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > self._names:
            self._left.popitem(last=False)
        return left >= 1
