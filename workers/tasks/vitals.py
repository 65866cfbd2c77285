"""What a worker process knows of its own condition; its heartbeat carries it to SQL, for the scheduler and the hub."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from common.clock import Clock
from common.domain.codes import MessageReason
from common.domain.work import WorkerState


class Vitals:
    """The condition of one worker process. Safe to use from several threads.

    Args:
        name: of the process.
        queues: that it serves.
        slots: runs at once.
        clock: monotonic, for how long the broker has been silent.
        busy: returns how many slots are taken.
    """

    def __init__(self, name: str, queues: Sequence[str], slots: int, *, clock: Clock, busy: Callable[[], int]) -> None:
        self._name, self._queues, self._slots = name, tuple(queues), slots
        self._clock, self._busy = clock, busy
        self._lock = threading.Lock()
        self._answered_at = clock.monotonic()
        self._refused, self._refused_code = 0, ""

    def broker_answered(self) -> None:
        """Note that the broker answered a question for work, be it with none."""
        self._answered_at = self._clock.monotonic()

    def accepted(self) -> None:
        """Note that a message was ours, as it should be."""
        with self._lock:
            self._refused, self._refused_code = 0, ""

    def refused(self, why: MessageReason) -> None:
        """Note that a message was refused."""
        with self._lock:
            self._refused, self._refused_code = self._refused + 1, why

    def state(self, *, stuck: int = 0) -> WorkerState:
        """Return the condition now.

        Args:
            stuck: slots that make no progress.
        """
        if self._busy() >= self._slots:
            self.broker_answered()  # with all slots taken it asks for nothing
        with self._lock:
            refused, why = self._refused, self._refused_code
        return WorkerState(
            name=self._name,
            queues=self._queues,
            slots=self._slots,
            stuck=stuck,
            refused=refused,
            refused_code=why,
            deaf_for=self._clock.monotonic() - self._answered_at,
        )
