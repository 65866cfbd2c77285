"""The worker's end of the process that renews its leases: started, told, and started again where it died."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

import msgspec

from common.telemetry.logs import logger
from workers.tasks.board import Board
from workers.tasks.renewer import Report

log = logger(__name__)
_ENDS_WITHIN = 10.0
"""Seconds; it may be within a statement."""


class Renewals(Protocol):
    """Whatever renews: a process, or in tests the renewer itself."""

    def hold(self, place: int, name: str, token: str, /) -> None:
        """Renew a lease from now on."""
        ...

    def drop(self, token: str, /) -> None:
        """Renew a lease no more."""
        ...

    def beat(self, report: Report, /) -> None:
        """Say how the worker does, now and again until the next report."""
        ...

    def leave(self, name: str, /) -> None:
        """Have the worker forgotten, and beat no more."""
        ...


class RenewalProcess:
    """The process that renews the leases of this one. Safe to use from several threads.

    One of them calls ``ensure`` now and then, which makes up for what the process could not be told.

    Args:
        board: that both show things on.
    """

    def __init__(self, board: Board) -> None:
        self.board = board
        self._lock = threading.Lock()
        self._held: dict[str, tuple[int, str]] = {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process's id; 0 while none runs."""
        process = self._process
        return process.pid if process is not None else 0

    def ensure(self) -> None:
        """Start the process where it does not run, and tell it all that is held."""
        process = self._process
        if process is not None and process.poll() is None:
            return
        if process is not None:
            log.warning("lease.renewer-died", status=process.returncode)
            _close_input(process)
        self._process = self._started()
        with self._lock:
            held = dict(self._held)
        for token, (place, name) in held.items():
            self._tell({"hold": [place, name, token]})
        with self._lock:
            dropped = set(held) - set(self._held)
        for token in dropped:  # it may have been told so before it was told to hold it
            self._tell({"drop": token})

    def _started(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "workers.tasks.renewing", str(self.board.descriptor), str(os.getpid())]
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=(self.board.descriptor,),
            start_new_session=True,  # a Ctrl-C in the terminal is for the worker
        )
        assert process.stdin is not None  # noqa: S101 - the type cannot say it
        os.set_blocking(process.stdin.fileno(), False)  # who does not read keeps nobody waiting
        return process

    def hold(self, place: int, name: str, token: str) -> None:
        """Renew a lease from now on."""
        with self._lock:
            self._held[token] = (place, name)
        self._tell({"hold": [place, name, token]})

    def drop(self, token: str) -> None:
        """Renew a lease no more."""
        with self._lock:
            self._held.pop(token, None)
        self._tell({"drop": token})

    def beat(self, report: Report) -> None:
        """Say how the worker does, now and again until the next report."""
        self._tell({"beat": report})

    def leave(self, name: str) -> None:
        """Have the worker forgotten, and beat no more."""
        self._tell({"leave": name})

    def close(self) -> None:
        """End the process, once it has done what it was told."""
        process, self._process = self._process, None
        if process is None:
            return
        _close_input(process)
        try:
            process.wait(_ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _tell(self, message: Mapping[str, Any]) -> None:
        """Write a line; a process that does not take it is ended, and the next one is told everything.

        Lines of several threads do not mix: Linux holds a pipe while it takes one write, and one that it took in part
        ends the process.
        """
        process = self._process
        if process is None or process.stdin is None:
            return
        line = msgspec.json.encode(message) + b"\n"
        try:
            written = os.write(process.stdin.fileno(), line)
        except (BrokenPipeError, BlockingIOError, ValueError):
            written = 0
        if written != len(line):
            process.kill()


def _close_input(process: subprocess.Popen[bytes]) -> None:
    """Close its standard input: the process ends."""
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.close()
