"""Runs a renderer's tool: confined as ``common.sandbox`` does it, bounded in time and output."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from subprocess import DEVNULL
from typing import IO

from common.domain.errors import FlotillaError
from common.sandbox.faults import SandboxMissingError
from common.sandbox.launch import NOTHING, Limits, Streams, Strictness, View, launch
from common.sandbox.launcher import MARK, NOT_EXECUTABLE, REFUSED
from common.sandbox.layers import REMEDY
from workers.render.faults import RendererMissingError, ToolBoundsError, ToolFailedError, ToolKilledError
from workers.render.meter import Meter, out_of_cpu, used_by_process, used_by_session

_MEBIBYTE = 1 << 20
_FROM_OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
"""What the kernel without memory, a supervisor or a person sends. Any other signal comes of what a tool does, of a
stack that overflows for one: the same files end it again."""
_NO_MEMORY = ("out of memory", "cannot allocate memory", "malloc failed", "memory allocation of", "MemoryError")
"""What Go, C, Rust and Python say when there is none left."""
_NO_TIME = "SIGXCPU: cpu limit exceeded"
"""What Go says, which catches the signal."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a tool may use.

    Attributes:
        cpu: time of processors, all of its threads together: what breaks it breaks it again.
        wall: from start to end; what breaks it may be the fault of all else on the machine.
        memory: bytes of data; Go's runtime takes some 100 MB before it begins.
        output: bytes of what it prints.
        strictness: whether it is run where it cannot be confined.
    """

    cpu: timedelta = timedelta(seconds=30)
    wall: timedelta = timedelta(minutes=5)
    memory: int = 1024 * _MEBIBYTE
    output: int = 64 * _MEBIBYTE
    strictness: Strictness = Strictness.STRICT


def run(
    command: Sequence[str], *, folder: Path, what: str, bounds: Bounds, view: View = NOTHING, given: bytes = b""
) -> bytes:
    """Run a tool in ``folder`` and return what it printed.

    Args:
        command: absolute path of the tool, and its arguments.
        folder: its working directory.
        what: is rendered, for messages.
        bounds: of the tool.
        view: what it works on besides its folder.
        given: what it reads from its standard input.

    Raises:
        ToolFailedError: it ended with an error; its last words are in the message.
        ToolBoundsError: it took too much time of processors, too much memory, or printed too much.
        ToolLateError: it did not end in time without that.
        ToolKilledError: something outside killed it.
        RendererMissingError: it is no program that can be executed.
        SandboxMissingError, NotStartedError: as ``launch`` says.
    """
    limits = Limits(bounds.memory, int(bounds.cpu.total_seconds()) + 1, bounds.output, bounds.strictness)
    # beside the files that it reads: where those may be in memory only, so may what comes out
    with ExitStack() as opened:
        out, err = (opened.enter_context(tempfile.TemporaryFile(dir=folder)) for _ in range(2))
        streams = Streams(opened.enter_context(_input(given, folder)) if given else DEVNULL, out, err)
        process = launch(command, folder=folder, limits=limits, streams=streams, view=view)
        status = _ended(process, what, bounds)
        err.seek(0)
        words = err.read(64 << 10).decode(errors="replace")
        size = os.fstat(out.fileno()).st_size
        check_exit(status, words, what=what, printed=size, bounds=bounds)
        out.seek(0)
        return out.read()


def _input(given: bytes, folder: Path) -> IO[bytes]:
    """Return a file to be read from: a pipe would be written to for as long as nobody reads it."""
    file = tempfile.TemporaryFile(dir=folder)
    file.write(given)
    file.seek(0)
    return file


def _ended(process: subprocess.Popen[bytes], what: str, bounds: Bounds) -> int:
    """Wait for the tool and return its status.

    Raises:
        ToolBoundsError, ToolLateError: it had to be killed for its time.
    """
    # what is confined starts no other process
    used = used_by_process if bounds.strictness is Strictness.STRICT else used_by_session
    meter = Meter(partial(used, process.pid), cpu=bounds.cpu, wall=bounds.wall)
    over = threading.Event()
    found: list[FlotillaError] = []

    def watch() -> None:
        while not over.wait(meter.pause):
            if (fault := meter.exceeded(f"rendering {what}")) is not None:
                found.append(fault)
                os.killpg(process.pid, signal.SIGKILL)
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # its number is nobody else's until it is reaped
    finally:
        over.set()
        watcher.join()
        os.killpg(process.pid, signal.SIGKILL)  # what it started, where it could
        status = process.wait()
    if found:
        raise found[0]
    return status


def check_exit(status: int, words: str, *, what: str, printed: int, bounds: Bounds) -> None:
    """Return if a tool ended well.

    Args:
        status: how it ended; negative for a signal.
        words: its last ones.
        what: is rendered, for messages.
        printed: bytes that it gave.
        bounds: that it had.

    Raises:
        FlotillaError: as ``run`` says.
    """
    if words.startswith(MARK) and status == NOT_EXECUTABLE:
        message = f"the tool for {what} cannot be executed: {words.removeprefix(MARK).strip()}"
        raise RendererMissingError(message, remedy="Name the program itself: a script that starts it has no way to.")
    if words.startswith(MARK) and status == REFUSED:
        message = f"{what} was not rendered, since it would not be confined: {words.removeprefix(MARK).strip()}"
        raise SandboxMissingError(message, remedy=REMEDY)
    if status == -signal.SIGXCPU or (status != 0 and _NO_TIME in words):
        raise out_of_cpu(what=f"rendering {what}", seconds=bounds.cpu.total_seconds())
    if printed >= bounds.output or status == -signal.SIGXFSZ or "file too large" in words:
        message = f"rendering {what} printed more than {bounds.output:,} bytes"
        raise ToolBoundsError(message, remedy="Split the application.")
    if status != 0 and any(sign in words for sign in _NO_MEMORY):
        message = f"rendering {what} took more than {bounds.memory:,} bytes of memory"
        raise ToolBoundsError(message, remedy="Make the application smaller.")
    if status < 0 and not is_from_outside(status, words):
        message = f"{what} cannot be rendered: the tool crashed (signal {-status})"
        raise ToolFailedError(message, remedy="Look for something that nests or refers to itself without end.")
    if status < 0:
        message = f"rendering {what} was ended by signal {-status}"
        raise ToolKilledError(message, remedy="See that the worker has memory to spare.")
    if status != 0:
        message, said = f"{what} cannot be rendered", " ".join(words.split())[-800:]
        raise ToolFailedError(message, said=said, remedy="Correct the files and commit.")


def is_from_outside(status: int, words: str) -> bool:
    """Return whether a tool was ended by a signal of which it is not the cause itself.

    A crash of Go's runtime in a library that is loaded into another program: once it has told of the crash, it sends
    SIGQUIT to its own process, for the other threads to tell of theirs, and nothing catches it there. Whoever ends a
    tool that hangs by the same signal leaves no words.

    Args:
        status: how it ended; negative for a signal.
        words: its last ones.

    Source: ``sighandler``, ``sigInstallGoHandler`` and ``setTraceback`` of Go's runtime.
    """
    return -status in _FROM_OUTSIDE or (status == -signal.SIGQUIT and not words.strip())
