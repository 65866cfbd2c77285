"""One process that holds a renderer's library, confined: what it says is as foreign as what it was given."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from common.domain.errors import FlotillaError
from common.sandbox.launch import Limits, Streams, View, launch
from common.sandbox.scratch import ScratchFolder
from common.yaml import MANIFEST_LIMITS
from workers.render import sandbox
from workers.render.faults import RendererMissingError, ToolBoundsError, ToolFailedError, ToolKilledError
from workers.render.files import memory
from workers.render.meter import Meter, used_by_process
from workers.render.sandbox import Bounds
from workers.sync.objects.depth import structure, values

_CHILDREN = Path(__file__).parent
"""Where the scripts are that hold libraries, and what they import."""
_CHUNK = 1 << 20
_STARTING = Bounds()
"""Its time is that of a process that starts; what it is asked for later may take less."""
_OLD = 2_000
"""Renderings after which a process is replaced: what a library may leak stays bounded."""


@dataclass(frozen=True, slots=True)
class Library:
    """What a process holds.

    Attributes:
        name: of the renderer, for messages.
        child: the script that holds it: it says its version as a line
            of JSON, and then answers a line of JSON with another, until its input ends.
        package: to install where it is missing.
        also: files that it reads besides.
    """

    name: str
    child: Path
    package: str
    also: tuple[Path, ...] = ()


class RenderProcess:
    """One process; one request at a time.

    Args:
        library: that it holds.
        bounds: of each request, but for the memory, which is the process's.
        place: where its folder is made; None for the usual place.

    Attributes:
        version: of the library.

    Raises:
        RendererMissingError: the library is not installed.
        ToolLateError: it did not start in time.
        SandboxMissingError, NotStartedError: as ``launch`` says.
    """

    def __init__(self, library: Library, bounds: Bounds, *, place: str | None = None) -> None:
        self._library = library
        self._bounds = bounds
        self._folder = ScratchFolder(f"flotilla-{library.name}-", place=place)
        self._words = tempfile.TemporaryFile(dir=memory())
        try:
            self._process = launch(
                [sys.executable, "-I", str(library.child)],
                folder=Path(self._folder.name),
                limits=Limits(bounds.memory, strictness=bounds.strictness),
                streams=Streams(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._words),
                view=View((_CHILDREN, *library.also)),
            )
        except FlotillaError:
            self._words.close()
            self._folder.cleanup()
            raise
        self.close = weakref.finalize(self, _end, self._process, self._words, self._folder)
        self.asked = 0
        self.version = self._started()

    @property
    def usable(self) -> bool:
        """Whether it lives and is not too old."""
        return self._process.poll() is None and self.asked < _OLD

    def ask(self, request: Mapping[str, Any], *, what: str) -> dict[str, Any]:
        """Return the answer to a request; after any error the process is ended.

        Args:
            request: as ``child`` reads it.
            what: is rendered, for messages.

        Raises:
            ToolBoundsError: it took too much time of processors, too much memory, or gave too much.
            ToolLateError: it did not end in time without that.
            ToolKilledError: something outside killed it.
        """
        self.asked += 1
        self._words.seek(0)  # for the process too, which shares the place where it writes
        self._words.truncate()  # what it said of one application is not told to the next
        watch = _Watch(f"rendering {what}", self._process.pid, self._bounds)
        try:
            line = self._answer(orjson.dumps(request) + b"\n", watch)
            if line is None:
                sandbox.check_exit(self._status(watch), self._last_words(), what=what, printed=0, bounds=self._bounds)
        except FlotillaError:
            self.close()
            raise
        if line is None:
            self.close()
            message = f"{what} cannot be rendered: the process of {self._library.name} ended"
            raise ToolFailedError(message, remedy="Correct the files and commit.")
        try:
            answer = orjson.loads(line) if values(structure(line)) <= MANIFEST_LIMITS.max_nodes else None
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict):
            self.close()
            message = f"{what} cannot be rendered: the process of {self._library.name} gave no answer that can be read"
            raise ToolFailedError(message, remedy="Correct the files and commit.")
        return answer

    def _started(self) -> str:
        """Return the library's version, which the process says once it has started; after any error it is ended.

        Raises:
            FlotillaError: as for a new one.
        """
        name = self._library.name
        watch = _Watch(f"the library of {name}", self._process.pid, replace(_STARTING, output=self._bounds.output))
        try:
            said = self._line(watch)
            status = 0 if said is not None else self._status(watch)
        except FlotillaError:
            self.close()
            raise
        if said is not None:
            version: str = orjson.loads(said)["version"]
            return version
        words = self._last_words()
        self.close()
        if sandbox.is_from_outside(status, words):
            message = f"the library of {name} was ended by signal {-status} as it started"
            raise ToolKilledError(message, remedy="See that the worker has memory to spare.")
        message = f"the library of {name} does not start: {' '.join(words.split())[-400:]}"
        raise RendererMissingError(message, remedy=f"Install the package {self._library.package} on the workers.")

    def _answer(self, request: bytes, watch: _Watch) -> bytes | None:
        """Return the line by which a request is answered; None when the process ended.

        Raises:
            ToolBoundsError, ToolLateError: it did not come in time, or is too long.
        """
        try:
            self._give(request, watch)
            return self._line(watch)
        except BrokenPipeError:
            return None

    def _give(self, text: bytes, watch: _Watch) -> None:
        """Write a request, however slowly it is read.

        Raises:
            ToolBoundsError, ToolLateError: it was not read in time.
            BrokenPipeError: the process ended.
        """
        assert self._process.stdin is not None  # noqa: S101 - the type cannot say it
        descriptor = self._process.stdin.fileno()
        os.set_blocking(descriptor, False)
        left = memoryview(text)
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_WRITE)
            while left:
                watch.until(selector.select)
                left = left[os.write(descriptor, left[:_CHUNK]) :]

    def _line(self, watch: _Watch) -> bytes | None:
        """Return the next line; None when the process ended.

        Raises:
            ToolBoundsError, ToolLateError: it did not come in time, or is too long.
        """
        assert self._process.stdout is not None  # noqa: S101 - the type cannot say it
        descriptor = self._process.stdout.fileno()
        found = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while not found.endswith(b"\n"):
                watch.until(selector.select)
                chunk = os.read(descriptor, _CHUNK)
                if not chunk:
                    return None
                found += chunk
                if len(found) > self._bounds.output:
                    message = f"{watch.what} gave more than {self._bounds.output:,} bytes"
                    raise ToolBoundsError(message, remedy="Split the application.")
        return bytes(found)

    def _status(self, watch: _Watch) -> int:
        """Return how the process ended.

        Raises:
            ToolBoundsError, ToolLateError: it answers no more and lives on.
        """
        watch.until(self._ended)
        return self._process.wait()

    def _ended(self, seconds: float) -> bool:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _last_words(self) -> str:
        self._words.seek(0)
        return self._words.read(64 << 10).decode(errors="replace")


class _Watch:
    """Waits for a process, as long as it may use time.

    Attributes:
        what: it does, for messages.
    """

    def __init__(self, what: str, process: int, bounds: Bounds) -> None:
        self.what = what
        self._meter = Meter(partial(used_by_process, process), cpu=bounds.cpu, wall=bounds.wall)

    def until(self, happened: Callable[[float], object]) -> None:
        """Return once something happened, which is asked with the seconds to wait for it.

        Raises:
            ToolBoundsError, ToolLateError: the time is used up.
        """
        while not happened(self._meter.pause):
            if (fault := self._meter.exceeded(self.what)) is not None:
                raise fault


def _end(process: subprocess.Popen[bytes], words: Any, folder: ScratchFolder) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdin, process.stdout, words):
        if pipe is not None:
            with suppress(BrokenPipeError):  # what it never read
                pipe.close()
    folder.cleanup()
