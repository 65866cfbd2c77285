"""One child process with a log, that never outlives its parent."""

from __future__ import annotations

import ctypes
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

GRACE = 10
TAIL = 20
_PR_SET_PDEATHSIG = 1


class StartError(RuntimeError):
    """A process did not become ready; holds the end of its log."""


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A program of the control plane.

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

    def start(self) -> None:
        """Start it; returns at once."""
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                self._argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_die_with_parent
            )

    def await_ready(self, ready: Callable[[], bool], *, within: float) -> None:
        """Return once ``ready`` says so.

        Raises:
            StartError: it ended or took longer than ``within`` seconds.
        """
        until = time.monotonic() + within
        while not ready():
            if self._child is None or self._child.poll() is not None or time.monotonic() > until:
                tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-TAIL:])
                message = f"{self.name} did not become ready; {self._log} ends:\n{tail}"
                raise StartError(message)
            time.sleep(0.05)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal (SIGSTOP freezes, SIGCONT thaws)."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)

    def stop(self) -> None:
        """End it, frozen or not."""
        if self._child is None:
            return
        self.signal(signal.SIGCONT)
        self._child.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(GRACE)
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        self._child = None

    def kill(self) -> None:
        """End it at once."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None
