"""What the supervisor runs is kept running, and within reach."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from console.processes.spec import ProcessSpec, fresh
from console.processes.supervisor import ProcessFailedError, Supervisor


def eventually(check: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not check():
        assert time.monotonic() < until, "not in time"
        time.sleep(0.02)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Supervisor:
    return Supervisor(tmp_path / "log", say=said.append)


def serving(path: Path) -> ProcessSpec:
    """A process that makes ``path`` when it starts and never again, as one that listens on a socket does."""
    there = fresh(path)
    return ProcessSpec("server", ("sh", "-c", f"touch {path}; exec sleep 600"), ready=there, intact=there)


def test_one_whose_socket_vanished_is_started_again(tmp_path: Path, supervisor: Supervisor, said: list[str]) -> None:
    path = tmp_path / "socket"
    supervisor.start(serving(path))
    first = supervisor.pid("server")
    path.unlink()
    watch = threading.Thread(target=supervisor.watch)
    watch.start()
    try:
        eventually(lambda: supervisor.pid("server") != first and path.exists())
        time.sleep(1.2)  # and that one is left alone
        assert said == ["server can no longer be reached; starting it again"]
    finally:
        supervisor.stop()
        watch.join()
        supervisor.end_all()


def test_what_a_former_process_left_is_no_sign_of_life(tmp_path: Path, supervisor: Supervisor) -> None:
    path = tmp_path / "socket"
    path.touch()
    spec = ProcessSpec("server", ("sh", "-c", "echo cannot listen; exit 3"), ready=fresh(path))
    with pytest.raises(ProcessFailedError, match="server ended with 3\ncannot listen"):
        supervisor.start(spec)


def test_one_that_ended_is_not_ready_whoever_answers(supervisor: Supervisor) -> None:
    def ready() -> bool:
        time.sleep(0.3)  # until it has ended
        return True

    spec = ProcessSpec("server", ("sh", "-c", "exit 3"), ready=ready)
    with pytest.raises(ProcessFailedError, match="server ended with 3"):
        supervisor.start(spec)
