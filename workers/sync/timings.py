"""How long the steps of one attempt take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from workers.sync.ports import Clock


class Timings:
    """Milliseconds by step; a step that is gone through again counts by its last turn."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.milliseconds: dict[str, int] = {}

    @contextmanager
    def of(self, step: str) -> Iterator[None]:
        """Measure a step, however it ends."""
        started = self._clock.monotonic()
        try:
            yield
        finally:
            self.milliseconds[step] = round((self._clock.monotonic() - started) * 1000)
