"""One child process with a log, that never outlives its parent."""

from __future__ import annotations

import atexit
import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

GRACE = 10
"""Seconds between being asked to end and being ended."""
TAIL = 20
"""Lines of the log that an error shows."""
_PR_SET_PDEATHSIG = 1
# Loaded here: between fork and exec it is too late to import or to open anything.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class StartError(RuntimeError):
    """A process did not become ready; holds the end of its log."""


def _die_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A program of the control plane.

    It ends with its parent, however that ends. On Linux "parent" is the *thread* that started it: start programs from
    a thread that lives as long as they should.

    Args:
        name: for messages.
        argv: the command line.
        log: gets its output.
    """

    def __init__(self, name: str, argv: Sequence[str], log: Path) -> None:
        self.name = name
        self._argv = tuple(argv)
        self._log = log
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the running program."""
        assert self._child is not None, f"{self.name} is not running"
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Start it, unless it runs; returns at once."""
        if self.running:
            return
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,
                # A session of its own: Ctrl-C is for the parent, which ends its children in order.
                start_new_session=True,
            )
        atexit.register(self.kill)

    def await_ready(self, ready: Callable[[], bool], *, within: float) -> None:
        """Return once ``ready`` says so.

        Raises:
            StartError: it ended or took longer than ``within`` seconds.
        """
        until = time.monotonic() + within
        while not ready():
            if not self.running or time.monotonic() > until:
                raise StartError(self.complaint())
            time.sleep(0.05)

    def complaint(self) -> str:
        """Return what is wrong with it, with the end of its log."""
        tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-TAIL:])
        what = "is not ready" if self.running else "ended"
        return f"{self.name} {what}; {self._log} ends:\n{tail}"

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal (SIGSTOP freezes, SIGCONT thaws)."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)

    def stop(self) -> None:
        """End it as its operator would, frozen or not; it may take up to ``GRACE``."""
        if self._child is not None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(GRACE)
        self.kill()

    def kill(self) -> None:
        """End it at once."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None
            atexit.unregister(self.kill)
