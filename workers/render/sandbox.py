"""Runs a renderer's tool: no shell, no credentials, no way to the network that it knows of, bounded throughout."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from workers.render.faults import RendererMissingError, ToolBoundsError, ToolFailedError, ToolKilledError

_MEBIBYTE = 1 << 20
_NO_MEMORY = ("out of memory", "cannot allocate memory", "malloc failed", "memory allocation of", "MemoryError")
"""What Go, C, Rust and Python say when there is none left."""
_LIMITED = """\
import ctypes, os, resource, sys
memory, cpu, files = (int(value) for value in sys.argv[1:4])
kinds = (resource.RLIMIT_DATA, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)
for kind, bound in zip(kinds, (memory, cpu, files, 0)):
    resource.setrlimit(kind, (bound, bound))
try:
    ctypes.CDLL(None).unshare(0x10000000 | 0x40000000)
except (OSError, AttributeError):
    pass
os.execv(sys.argv[4], sys.argv[4:])
"""
"""Sets the bounds in a process of its own and becomes the tool: code between fork and exec is not safe with threads.

The network is taken away where the kernel lets it go, by a user and a network namespace: proxies do not count for
loopback, where the worker's neighbours listen.
"""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a tool may use.

    Attributes:
        time: from start to end.
        memory: bytes of data; Go's runtime takes some 100 MB before it begins.
        output: bytes of what it prints.
    """

    time: timedelta = timedelta(seconds=30)
    memory: int = 1024 * _MEBIBYTE
    output: int = 64 * _MEBIBYTE


def environment(folder: Path) -> dict[str, str]:
    """Return the whole environment of a tool that works in ``folder``.

    An empty PATH leaves it nothing to start, and proxies that do not exist catch what would still go out.
    """
    nowhere = "http://127.0.0.1:1"
    return {
        "PATH": "/nonexistent",
        "HOME": "/nonexistent",
        "TMPDIR": str(folder),
        "LC_ALL": "C",
        "GOMAXPROCS": "2",
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
        "ALL_PROXY": nowhere,
    }


def run(command: Sequence[str], *, folder: Path, what: str, bounds: Bounds) -> bytes:
    """Run a tool in ``folder`` and return what it printed.

    Args:
        command: absolute path of the tool, and its arguments.
        folder: its working directory.
        what: is rendered, for messages.
        bounds: of the tool.

    Raises:
        ToolFailedError: it ended with an error; its last words are in the message.
        ToolBoundsError: it took too long, too much memory, or printed too much.
        ToolKilledError: something outside killed it.
        RendererMissingError: it cannot be started.
    """
    seconds = bounds.time.total_seconds()
    limited = [sys.executable, "-I", "-S", "-c", _LIMITED]
    numbers = [str(bounds.memory), str(int(seconds) + 1), str(bounds.output)]
    # beside the files that it reads: where those may lie in memory only, so may what comes out
    with tempfile.TemporaryFile(dir=folder) as out, tempfile.TemporaryFile(dir=folder) as err:
        try:
            process = subprocess.Popen(
                [*limited, *numbers, *command],
                cwd=folder,
                env=environment(folder),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        except OSError as error:
            message = f"{command[0]} cannot be started"
            raise RendererMissingError(message, remedy="Install it, or set FLOTILLA_KUSTOMIZE.") from error
        status = _ended(process, seconds)
        err.seek(0)
        words = err.read(64 << 10).decode(errors="replace")
        size = os.fstat(out.fileno()).st_size
        judge(status, words, what=what, printed=size, bounds=bounds)
        out.seek(0)
        return out.read()


def _ended(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """Wait for the tool; return its status, or None when it had to be killed for its time."""
    late = threading.Event()

    def kill() -> None:
        late.set()
        os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(seconds, kill)
    timer.daemon = True
    timer.start()
    try:
        status = process.wait()
    finally:
        timer.cancel()
    return None if late.is_set() else status


def judge(status: int | None, words: str, *, what: str, printed: int, bounds: Bounds) -> None:
    """Return if a tool ended well.

    Args:
        status: how it ended; negative for a signal, None when it was killed for its time.
        words: its last ones.
        what: is rendered, for messages.
        printed: bytes that it gave.
        bounds: that it had.

    Raises:
        ToolFailedError, ToolBoundsError, ToolKilledError: as ``run`` says.
    """
    if status is None or status == -signal.SIGXCPU:
        message = f"rendering {what} took longer than {bounds.time}"
        raise ToolBoundsError(message, remedy="Make the application smaller.")
    if printed >= bounds.output or status == -signal.SIGXFSZ or "file too large" in words:
        message = f"rendering {what} printed more than {bounds.output:,} bytes"
        raise ToolBoundsError(message, remedy="Split the application.")
    if status != 0 and any(sign in words for sign in _NO_MEMORY):
        message = f"rendering {what} took more than {bounds.memory:,} bytes of memory"
        raise ToolBoundsError(message, remedy="Make the application smaller.")
    if status < 0:
        message = f"rendering {what} was ended by signal {-status}"
        raise ToolKilledError(message, remedy="See that the worker has memory to spare.")
    if status != 0:
        said = " ".join(words.split())[-800:]
        message = f"{what} cannot be rendered: {said}"
        raise ToolFailedError(message, remedy="Correct the files and commit.")
