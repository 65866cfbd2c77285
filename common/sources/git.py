"""Runs git: the only file that imports GitPython, and every git process starts here.

GitPython hands its whole environment down and waits without a bound, so processes are started through it and are
stripped (``env -u``), bounded and ended here.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO

import git

from common.domain.errors import FlotillaError
from common.sources.environment import KEPT, SETTINGS, base_environment
from common.sources.faults import FileTooLargeError, TimedOutError
from common.sources.urls import PlainHttp

_STDOUT_LIMIT = 64 << 20
_STDERR_LIMIT = 64 << 10
_LOOK = 0.2
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What a git process said before it ended."""

    status: int
    stdout: bytes = field(repr=False)
    stderr: str = field(repr=False)


class GitRunner:
    """Git on this machine, in the hardened environment."""

    def __init__(self, plain_http: PlainHttp = PlainHttp.REFUSED) -> None:
        self.plain_http = plain_http

    def run(
        self,
        folder: Path,
        arguments: Sequence[str],
        *,
        timeout: timedelta,
        variables: Mapping[str, str] | None = None,
        lock: int | None = None,
        watch: Callable[[], FlotillaError | None] | None = None,
    ) -> Answer:
        """Run git in ``folder`` until it ends, and return what it said, whatever its exit status.

        Args:
            folder: a bare repository, or the parent of one to be.
            arguments: after ``git``; whatever came from outside stands behind ``--end-of-options``.
            timeout: after it, git and what it started are killed.
            variables: credentials.
            lock: descriptor that git inherits.
            watch: asked every fifth of a second; a fault it returns ends the process and is raised.

        Raises:
            TimedOutError: git did not end in time.
            FileTooLargeError: it said more than 64 MiB.
        """
        with self.process(folder, arguments, variables=variables, lock=lock) as process:
            out = Drain(process.stdout, _STDOUT_LIMIT)
            err = Drain(process.stderr, _STDERR_LIMIT)
            deadline = time.monotonic() + timeout.total_seconds()
            while not (out.ended(_LOOK) and _exited(process)):
                self._check(out, deadline, watch)
            err.ended(_LOOK)
            self._check(out, None, watch)
            return Answer(process.returncode, out.content, err.content.decode(errors="replace"))

    @staticmethod
    def _check(out: Drain, deadline: float | None, watch: Callable[[], FlotillaError | None] | None) -> None:
        if deadline is not None and time.monotonic() > deadline:
            message = "git did not end in time"
            raise TimedOutError(message, remedy="It is tried again; see that the server is not overloaded.")
        if out.overflowed:
            message = "git said more than is taken from it"
            raise FileTooLargeError(message, remedy="Use a repository with fewer refs.")
        fault = None if watch is None else watch()
        if fault is not None:
            raise fault

    @contextmanager
    def process(
        self,
        folder: Path,
        arguments: Sequence[str],
        *,
        variables: Mapping[str, str] | None = None,
        lock: int | None = None,
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Start git in ``folder`` with pipes; at the end it and what it started are gone."""
        process = self.start(folder, arguments, variables=variables, lock=lock)
        try:
            yield process
        finally:
            end(process)

    def start(
        self,
        folder: Path,
        arguments: Sequence[str],
        *,
        variables: Mapping[str, str] | None = None,
        lock: int | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start git in ``folder`` with pipes; the caller ends it with ``end``."""
        environment = {**base_environment(self.plain_http), **(variables or {})}
        unset = [part for name in sorted(os.environ) if name not in KEPT | environment.keys() for part in ("-u", name)]
        settings = [part for setting in SETTINGS for part in ("-c", setting)]
        command = ["env", *unset, "git", *settings, *arguments]
        wrapper = git.Git(folder).execute(
            command,
            istream=subprocess.PIPE,
            as_process=True,
            env=environment,
            start_new_session=True,
            pass_fds=() if lock is None else (lock,),
        )
        process: subprocess.Popen[bytes] = wrapper.proc  # type: ignore[assignment]  # set until it was waited for
        wrapper.proc = None  # its finaliser would wait without a bound
        return process


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process of ``GitRunner.start`` and its children, whether or not it ended by itself."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            try:
                stream.close()
            except BrokenPipeError:
                pass


def _exited(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(timeout=_LOOK)
    except subprocess.TimeoutExpired:
        return False
    return True


class Drain:
    """Reads a pipe to its end so that the writer never blocks; keeps the first ``limit`` bytes."""

    def __init__(self, stream: IO[bytes] | None, limit: int) -> None:
        self.overflowed = False
        self._stream = stream
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._thread = threading.Thread(target=self._read, daemon=True, name="git-output")
        self._thread.start()

    def _read(self) -> None:
        while self._stream is not None:
            try:
                part = os.read(self._stream.fileno(), _CHUNK)
            except (OSError, ValueError):  # closed by ``end``
                return
            if not part:
                return
            if self._size < self._limit:
                self._parts.append(part[: self._limit - self._size])
            self._size += len(part)
            self.overflowed = self._size > self._limit

    def ended(self, patience: float) -> bool:
        """Wait at most ``patience`` seconds for the end of the pipe; tell whether it came."""
        self._thread.join(timeout=patience)
        return not self._thread.is_alive()

    @property
    def content(self) -> bytes:
        """What was kept so far."""
        return b"".join(self._parts)
