"""Keeps a set of processes running until told to stop: starts in order, restarts what dies, ends all in reverse."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from common.domain.errors import PermanentError
from console.processes.spec import ProcessSpec

STOP_GRACE = 8.0
"""Seconds between asking a process to end and ending it."""
RESTART_PAUSE = 1.0
TAIL = 15
_PR_SET_PDEATHSIG = 1


class ProcessFailedError(PermanentError):
    """A process did not become ready; holds the end of its log."""

    code = "process.failed"

    def __init__(self, name: str, why: str, log: Path) -> None:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-TAIL:]) if log.exists() else ""
        super().__init__(f"{name} {why}\n{tail}".rstrip(), remedy=f"See {log}")


class StoppedError(Exception):
    """The supervisor was told to stop while a process was starting."""


def _die_with_parent() -> None:
    """Ask the kernel to end the child when this process is gone, however it went (Linux only)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass(slots=True)
class _Running:
    spec: ProcessSpec
    process: subprocess.Popen[bytes]
    was_intact: bool = False

    def is_lost(self) -> bool:
        """Return whether the process can no longer be reached, though it could be before."""
        intact = self.spec.intact()
        lost = self.was_intact and not intact
        self.was_intact = intact
        return lost


class Supervisor:
    """Runs processes; not thread-safe but for ``stop``.

    Args:
        logs: folder that gets one log file per process.
        say: receives a line for a person about every start, death and stop.
        inherit: descriptors that stay open in the processes.
    """

    def __init__(self, logs: Path, *, say: Callable[[str], None], inherit: tuple[int, ...] = ()) -> None:
        self._logs = logs
        self._inherit = inherit
        self._say = say
        self._running: list[_Running] = []
        self._stopping = threading.Event()
        logs.mkdir(parents=True, exist_ok=True, mode=0o700)

    def log_of(self, name: str) -> Path:
        """Return where the output of a process goes."""
        return self._logs / f"{name}.log"

    def start(self, *specs: ProcessSpec) -> None:
        """Start processes side by side and return once all are ready.

        Raises:
            ProcessFailedError: one ended, or was not ready in time.
            StoppedError: ``stop`` was called before all were ready.
        """
        started = [_Running(spec, self._spawn(spec)) for spec in specs]
        self._running += started
        for running in started:
            self._await_ready(running)

    def _await_ready(self, running: _Running) -> None:
        spec = running.spec
        until = time.monotonic() + spec.patience
        while not self._stopping.is_set():
            ready = spec.ready()
            if running.process.poll() is not None:
                raise ProcessFailedError(spec.name, f"ended with {running.process.returncode}", self.log_of(spec.name))
            if ready:
                running.was_intact = spec.intact()
                return
            if time.monotonic() > until:
                raise ProcessFailedError(spec.name, f"was not ready after {spec.patience:g} s", self.log_of(spec.name))
            self._stopping.wait(0.05)
        raise StoppedError

    def _spawn(self, spec: ProcessSpec) -> subprocess.Popen[bytes]:
        with self.log_of(spec.name).open("ab") as log:
            return subprocess.Popen(
                spec.argv,
                env={**os.environ, **spec.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=self._inherit,
                start_new_session=True,  # a Ctrl-C in the terminal reaches us alone, so that we end them in order
                preexec_fn=_die_with_parent,
            )

    def watch(self) -> None:
        """Restart whatever dies or can no longer be reached, until ``stop``."""
        while not self._stopping.wait(0.5):
            for running in self._running:
                if self._stopping.is_set():
                    return
                if running.process.poll() is not None:
                    self._say(f"{running.spec.name} ended with {running.process.returncode}; starting it again")
                elif running.is_lost():
                    self._say(f"{running.spec.name} can no longer be reached; starting it again")
                    _end(running.process, until=time.monotonic() + STOP_GRACE)
                else:
                    continue
                if self._stopping.wait(RESTART_PAUSE):
                    return
                running.was_intact = False
                running.process = self._spawn(running.spec)

    def stop(self) -> None:
        """Make ``watch`` return; safe in a signal handler."""
        self._stopping.set()

    @property
    def stopping(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stopping.is_set()

    def pid(self, name: str) -> int:
        """Return the process id of a running process.

        Raises:
            KeyError: there is none of that name.
        """
        for running in self._running:
            if running.spec.name == name:
                return running.process.pid
        raise KeyError(name)

    def end_all(self) -> None:
        """End every process: the last started first, each asked before it is made to."""
        self._stopping.set()
        for running in reversed(self._running):
            if running.process.poll() is None:
                running.process.terminate()
        until = time.monotonic() + STOP_GRACE
        for running in reversed(self._running):
            _end(running.process, until=until)
        self._running.clear()


def _end(process: subprocess.Popen[bytes], *, until: float) -> None:
    """Ask a process to end, and make it once ``until`` (of the monotonic clock) has passed."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, until - time.monotonic()))
    if process.poll() is None:
        process.kill()
        process.wait()
