"""The processes that hold a renderer's library: started when needed, bounded, replaced when dead or grown old."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from workers.render import sandbox
from workers.render.faults import RendererMissingError, ToolBoundsError, ToolFailedError
from workers.render.files import memory
from workers.render.sandbox import Bounds, environment

_CHUNK = 1 << 20
_STARTING = 30.0
_OLD = 2_000
"""Renderings after which a process is replaced: what a library may leak stays bounded."""


@dataclass(frozen=True, slots=True)
class Library:
    """What a process holds.

    Attributes:
        name: of the renderer, for messages.
        child: the script that holds it: started with the bytes of memory that it may use, it says its version as a line
            of JSON, and then answers a line of JSON with another, until its input ends.
        package: to install where it is missing.
    """

    name: str
    child: Path
    package: str


class RenderProcess:
    """One process; one request at a time.

    Args:
        library: that it holds.
        bounds: of each request, but for the memory, which is the process's.

    Attributes:
        version: of the library.

    Raises:
        RendererMissingError: it cannot be started, or the library is not installed.
    """

    def __init__(self, library: Library, bounds: Bounds) -> None:
        self._library = library
        self._bounds = bounds
        self._folder = tempfile.TemporaryDirectory(prefix=f"flotilla-{library.name}-")
        self._words = tempfile.TemporaryFile(dir=memory())
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(library.child), str(bounds.memory)],
                cwd=self._folder.name,
                env=environment(Path(self._folder.name)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._words,
                start_new_session=True,
            )
        except OSError as error:
            message = f"the process of {library.name} cannot be started"
            raise RendererMissingError(message, remedy="See that the worker may start processes.") from error
        self.close = weakref.finalize(self, _end, self._process, self._words, self._folder)
        self.asked = 0
        said = self._line(time.monotonic() + _STARTING)
        if said is None:
            words = self._last_words()
            self.close()
            message = f"the library of {library.name} does not start: {' '.join(words.split())[-400:]}"
            raise RendererMissingError(message, remedy=f"Install the package {library.package} on the workers.")
        self.version: str = orjson.loads(said)["version"]

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
            ToolBoundsError: it took too long, too much memory, or gave too much.
            ToolKilledError: something outside killed it.
        """
        self.asked += 1
        self._words.seek(0)  # for the process too, which shares the place where it writes
        self._words.truncate()  # what it said of one application is not told to the next
        assert self._process.stdin is not None  # noqa: S101 - the type cannot say it
        try:
            self._process.stdin.write(orjson.dumps(request) + b"\n")
            self._process.stdin.flush()
            line = self._line(time.monotonic() + self._bounds.time.total_seconds())
        except BrokenPipeError:
            line = None
        except ToolBoundsError as error:
            self.close()
            message = f"rendering {what} {error.message}"
            raise ToolBoundsError(message, remedy=error.remedy) from error
        if line is None:
            status, words = self._process.wait(), self._last_words()
            self.close()
            sandbox.judge(status, words, what=what, printed=0, bounds=self._bounds)
            message = f"{what} cannot be rendered: the process of {self._library.name} ended"
            raise ToolFailedError(message, remedy="Correct the files and commit.")
        answer: dict[str, Any] = orjson.loads(line)
        return answer

    def _line(self, deadline: float) -> bytes | None:
        """Return the next line; None when the process ended.

        Raises:
            ToolBoundsError: it did not come in time, or is too long.
        """
        assert self._process.stdout is not None  # noqa: S101 - the type cannot say it
        descriptor = self._process.stdout.fileno()
        found = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while not found.endswith(b"\n"):
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    message = f"took longer than {self._bounds.time}"
                    raise ToolBoundsError(message, remedy="Make the application smaller.")
                chunk = os.read(descriptor, _CHUNK)
                if not chunk:
                    return None
                found += chunk
                if len(found) > self._bounds.output:
                    message = f"gave more than {self._bounds.output:,} bytes"
                    raise ToolBoundsError(message, remedy="Split the application.")
        return bytes(found)

    def _last_words(self) -> str:
        self._words.seek(0)
        return self._words.read(64 << 10).decode(errors="replace")


def _end(process: subprocess.Popen[bytes], words: Any, folder: tempfile.TemporaryDirectory[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdin, process.stdout, words):
        if pipe is not None:
            with suppress(BrokenPipeError):  # what it never read
                pipe.close()
    folder.cleanup()


class RenderProcesses:
    """A few processes for all threads of a worker; none before the first request.

    Args:
        library: that each holds.
        bounds: of each.
        most: processes at once; who comes later waits.
    """

    def __init__(self, library: Library, bounds: Bounds, *, most: int = 2) -> None:
        self._library = library
        self._bounds = bounds
        self._free: list[RenderProcess] = []
        self._room = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._version = ""

    def version(self) -> str:
        """Return the library's version, such as ``4.2.3``.

        Raises:
            RendererMissingError: it is not installed.
        """
        if not self._version:
            with self._room:
                self._give_back(self._taken())
        return self._version

    def ask(self, request: Mapping[str, Any], *, what: str) -> dict[str, Any]:
        """Return the answer of one of the processes; errors as ``RenderProcess.ask``."""
        with self._room:
            process = self._taken()
            answer = process.ask(request, what=what)
            self._give_back(process)
            return answer

    def close(self) -> None:
        """End those that nobody uses."""
        while (process := self._idle()) is not None:
            process.close()

    def _taken(self) -> RenderProcess:
        while (process := self._idle()) is not None:
            if process.usable:
                return process
            process.close()
        fresh = RenderProcess(self._library, self._bounds)
        self._version = fresh.version
        return fresh

    def _idle(self) -> RenderProcess | None:
        """Return a process that nobody uses, which is the caller's from now on; None where there is none."""
        with self._lock:
            return self._free.pop() if self._free else None

    def _give_back(self, process: RenderProcess) -> None:
        with self._lock:
            self._free.append(process)
