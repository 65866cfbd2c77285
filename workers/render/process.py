"""One process that holds a renderer's library, confined: what it says is as foreign as what it was given."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from common.domain.errors import FlotillaError
from common.sandbox.launch import Limits, Streams, View, launch
from common.sandbox.scratch import ScratchFolder
from common.yaml import MANIFEST_LIMITS
from workers.render import sandbox
from workers.render.faults import RendererMissingError, ToolBoundsError, ToolFailedError
from workers.render.files import memory
from workers.render.sandbox import Bounds
from workers.sync.objects.depth import structure, values

_CHILDREN = Path(__file__).parent
"""Where the scripts are that hold libraries, and what they import."""
_CHUNK = 1 << 20
_STARTING = 30.0
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
        deadline = time.monotonic() + self._bounds.time.total_seconds()
        try:
            self._give(orjson.dumps(request) + b"\n", deadline)
            line = self._line(deadline)
        except BrokenPipeError:
            line = None
        except ToolBoundsError as error:
            self.close()
            message = f"rendering {what} {error.message}"
            raise ToolBoundsError(message, remedy=error.remedy) from error
        if line is None:
            status, words = self._status(deadline), self._last_words()
            self.close()
            sandbox.check_exit(status, words, what=what, printed=0, bounds=self._bounds)
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

    def _give(self, text: bytes, deadline: float) -> None:
        """Write a request, however slowly it is read.

        Raises:
            ToolBoundsError: it was not read in time.
            BrokenPipeError: the process ended.
        """
        assert self._process.stdin is not None  # noqa: S101 - the type cannot say it
        descriptor = self._process.stdin.fileno()
        os.set_blocking(descriptor, False)
        left = memoryview(text)
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_WRITE)
            while left:
                self._wait(selector, deadline)
                left = left[os.write(descriptor, left[:_CHUNK]) :]

    def _wait(self, selector: selectors.BaseSelector, deadline: float) -> None:
        remaining = deadline - time.monotonic()
        if remaining <= 0 or not selector.select(remaining):
            message = f"took longer than {self._bounds.time}"
            raise ToolBoundsError(message, remedy="Make the application smaller.")

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
                self._wait(selector, deadline)
                chunk = os.read(descriptor, _CHUNK)
                if not chunk:
                    return None
                found += chunk
                if len(found) > self._bounds.output:
                    message = f"gave more than {self._bounds.output:,} bytes"
                    raise ToolBoundsError(message, remedy="Split the application.")
        return bytes(found)

    def _status(self, deadline: float) -> int | None:
        """Return how the process ended; None where it answers no more and lives on."""
        try:
            return self._process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return None

    def _last_words(self) -> str:
        self._words.seek(0)
        return self._words.read(64 << 10).decode(errors="replace")


def _end(process: subprocess.Popen[bytes], words: Any, folder: ScratchFolder) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdin, process.stdout, words):
        if pipe is not None:
            with suppress(BrokenPipeError):  # what it never read
                pipe.close()
    folder.cleanup()
