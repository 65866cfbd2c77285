"""What a worker and the process that renews its leases show each other: numbers in memory that both have.

Whoever asks whether a lease holds must not wait for a pipe, and a pipe must not wait for whoever asks. Each field has
one writer; a number of eight bytes is written at once. Places are taken in turn and come again only after many thousand
others, so that what was meant for one lease never reaches the next. Instants are on the monotonic clock, which is the
machine's: both read the same one.
"""

from __future__ import annotations

import mmap
import os
import weakref
from enum import IntEnum
from itertools import count

PLACES = 1 << 16
_FIELDS = 4
_SIZE = 8 * (_FIELDS * PLACES + 1)


class State(IntEnum):
    """The state of a lease, as the renewer found it."""

    KEPT = 0
    LOST = 1
    """Another has it, or the reaper cleared it."""
    IDLE = 2
    """It is renewed no more: what it is for makes no progress."""
    LONG = 3
    """It is renewed no more: what it is for takes too long in all."""


class Board:
    """Memory of two processes.

    Args:
        descriptor: of memory that another made; None makes it.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        if descriptor is None:
            descriptor = os.memfd_create("flotilla-leases")
            os.ftruncate(descriptor, _SIZE)
            weakref.finalize(self, os.close, descriptor)
        self.descriptor = descriptor
        numbers = memoryview(mmap.mmap(descriptor, _SIZE)).cast("d")
        self.deadlines = numbers[:PLACES]
        """Until when each lease surely holds; written by the lease's taker, then by the renewer."""
        self.moved = numbers[PLACES : 2 * PLACES]
        """When its holder last made progress; written by the worker."""
        self.states = numbers[2 * PLACES : 3 * PLACES]
        """See ``State``; written by the renewer."""
        self.told = numbers[3 * PLACES : 4 * PLACES]
        """1 once SQL knows that it was given up; written by the renewer."""
        self._rest = numbers[4 * PLACES :]
        self._places = count()

    @property
    def clock_ahead(self) -> float:
        """Seconds by which this machine's clock is ahead of the database's; written by the renewer."""
        return self._rest[0]

    @clock_ahead.setter
    def clock_ahead(self, seconds: float) -> None:
        self._rest[0] = seconds

    def place(self, *, deadline: float, now: float) -> int:
        """Return a place for a lease that was just taken."""
        place = next(self._places) % PLACES
        self.moved[place], self.states[place], self.told[place] = now, State.KEPT, 0.0
        self.deadlines[place] = deadline
        return place
