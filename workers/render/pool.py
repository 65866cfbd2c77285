"""The processes that hold a renderer's library, for all threads of a worker: by project, bounded, started when needed.

No process works for two projects: what one of them could do to it, or leave in it, does not reach the other. No
project holds all of them: of those that wait, the one with the fewest at work is next.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from workers.render.faults import ToolBusyError
from workers.render.files import memory
from workers.render.process import Library, RenderProcess
from workers.render.sandbox import Bounds


@dataclass(frozen=True, slots=True)
class Owner:
    """For whom a process works.

    Attributes:
        project: of the applications.
        private: whether its files may be in memory only.
    """

    project: str
    private: bool = False


_NOBODY = Owner("")
"""Of a process that was only asked for its version, and has no owner yet."""


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    """One that waits."""

    number: int
    project: str


class RenderProcesses:
    """Processes that hold a library, each at work for one rendering at a time. Safe to use from several threads.

    Args:
        library: that each holds.
        bounds: of each; who waits longer than a rendering may use a processor is refused, and may ask again: it holds
            a thread of the worker, which others need.
        most: processes at once, idle ones included.
        of_one: at work at once for one project.
    """

    def __init__(self, library: Library, bounds: Bounds, *, most: int = 6, of_one: int = 2) -> None:
        self._library = library
        self._bounds = bounds
        self._most = most
        self._of_one = of_one
        self._idle: list[tuple[Owner, RenderProcess]] = []
        self._busy: Counter[str] = Counter()
        self._waiting: list[_Turn] = []
        self._came = 0
        self._changed = threading.Condition()
        self._version = ""

    def version(self) -> str:
        """Return the library's version, such as ``4.2.3``.

        Raises:
            RendererMissingError: it is not installed.
            SandboxMissingError, NotStartedError: as ``common.sandbox.launch``.
        """
        if not self._version:
            with self._turn(_NOBODY):
                self._rest(_NOBODY, self._process(_NOBODY))
        return self._version

    def ask(self, request: Mapping[str, Any], *, what: str, owner: Owner) -> dict[str, Any]:
        """Return the answer of a process of ``owner``.

        Raises:
            ToolBusyError: the project's others were at work all the while.
            FlotillaError: as ``RenderProcess.ask``.
        """
        with self._turn(owner):
            process = self._process(owner)
            answer = process.ask(request, what=what)
            self._rest(owner, process)
            return answer

    def close(self) -> None:
        """End the idle processes."""
        with self._changed:
            ended, self._idle = self._idle, []
        for _, process in ended:
            process.close()

    @contextmanager
    def _turn(self, owner: Owner) -> Iterator[None]:
        """Wait for a place; of those that wait, the project with the fewest at work comes first."""
        patience = min(self._bounds.cpu, self._bounds.wall).total_seconds()
        deadline = time.monotonic() + patience
        project = owner.project
        with self._changed:
            self._came += 1
            mine = _Turn(self._came, project)
            self._waiting.append(mine)
            while self._next() is not mine:
                if not self._changed.wait(deadline - time.monotonic()):
                    self._waiting.remove(mine)
                    message = f"all that project {project} may render at once took longer than {patience:g} s"
                    raise ToolBusyError(message, remedy="It is tried again; see which of its applications never end.")
            self._waiting.remove(mine)
            self._busy[project] += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._busy[project] -= 1
                self._changed.notify_all()

    def _next(self) -> _Turn | None:
        if self._busy.total() >= self._most:
            return None
        able = [turn for turn in self._waiting if self._busy[turn.project] < self._of_one]
        return min(able, key=lambda turn: (self._busy[turn.project], turn.number), default=None)

    def _process(self, owner: Owner) -> RenderProcess:
        """Return a process of ``owner``, which no other rendering has; the one idle for longest ends for a new one."""
        while (process := self._found(owner)) is not None:
            if process.usable:
                return process
            process.close()
        for process in self._surplus():
            process.close()
        fresh = RenderProcess(self._library, self._bounds, place=memory() if owner.private else None)
        self._version = fresh.version
        return fresh

    def _found(self, owner: Owner) -> RenderProcess | None:
        with self._changed:
            for wanted in (owner,) if owner.private else (owner, _NOBODY):
                for place, (whose, process) in enumerate(self._idle):
                    if whose == wanted:
                        del self._idle[place]
                        return process
        return None

    def _surplus(self) -> list[RenderProcess]:
        """Take from the idle ones those that leave no room for one more."""
        with self._changed:
            count = max(0, len(self._idle) + self._busy.total() - self._most)
            ended, self._idle = self._idle[:count], self._idle[count:]
            return [process for _, process in ended]

    def _rest(self, owner: Owner, process: RenderProcess) -> None:
        with self._changed:
            self._idle.append((owner, process))
