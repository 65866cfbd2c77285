"""How much of its time a rendering has used: of the processor's, and of the clock's.

What a rendering asks of the processor is its own doing, and comes again with the same files. What it takes by the clock
is also the doing of all else on the machine.

Source: ``proc_pid_stat(5)``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import timedelta

from common.domain.errors import FlotillaError
from workers.render.faults import ToolBoundsError, ToolLateError

_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PROCESSORS = os.cpu_count() or 1
_SHORTEST_PAUSE = 0.05
_LATE = (
    "A worker tries it again. See that the machine has processors to spare, and that the renderer waits for nothing."
)
_SESSION = 3
_TIMES = slice(11, 15)
"""Places after a process's name: of its own times, its threads' included, and of those of children it waited for."""


class Meter:
    """Measures what a process does from now on.

    Args:
        used: tells the CPU seconds that it has used in its life.
        cpu: processor time that it may use from now on.
        wall: how long it may take by the clock.
    """

    def __init__(self, used: Callable[[], float], *, cpu: timedelta, wall: timedelta) -> None:
        self._used = used
        self._cpu = cpu.total_seconds()
        self._wall = wall.total_seconds()
        self._before = used()
        self._began = time.monotonic()

    @property
    def pause(self) -> float:
        """Seconds until it may have used up either, with all processors at work for it."""
        processor = (self._cpu - self._spent()) / _PROCESSORS
        clock = self._wall - (time.monotonic() - self._began)
        return max(_SHORTEST_PAUSE, min(processor, clock))

    def exceeded(self, what: str) -> FlotillaError | None:
        """Return what is wrong with the time used so far; None while nothing is.

        Args:
            what: takes the time, for messages.
        """
        spent = self._spent()
        if spent >= self._cpu:
            return out_of_cpu(what, self._cpu)
        if time.monotonic() - self._began < self._wall:
            return None
        message = f"{what} did not end within {self._wall:g} s, and had {spent:.1f} of its {self._cpu:g} CPU seconds"
        return ToolLateError(message, remedy=_LATE)

    def _spent(self) -> float:
        return max(0.0, self._used() - self._before)


def out_of_cpu(what: str, seconds: float) -> ToolBoundsError:
    """Return the fault of ``what``, which used up its processor time."""
    return ToolBoundsError(f"{what} used more than {seconds:g} CPU seconds", remedy="Make the application smaller.")


def used_by_process(number: int) -> float:
    """Return the CPU seconds that a process has used, with the children that it waited for; 0 if it is gone."""
    fields = _fields(str(number))
    return _seconds(fields) if fields else 0.0


def used_by_session(number: int) -> float:
    """Return the CPU seconds that the processes of a session that can be seen have used: for what may start others."""
    found = (_fields(name) for name in os.listdir("/proc") if name.isdigit())
    return sum(_seconds(fields) for fields in found if fields and int(fields[_SESSION]) == number)


def _fields(process: str) -> list[bytes]:
    """Return what the kernel says of a process after its name; nothing if it is gone or hidden."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return []


def _seconds(fields: list[bytes]) -> float:
    return sum(map(int, fields[_TIMES])) / _PER_SECOND
