"""A program says why it did not start, and never outlives who started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.controlplane.process import Process, StartError

SLEEP = ("sleep", "600")
PARENT = """
import sys, time
from pathlib import Path
from tests.controlplane.process import Process
child = Process("child", ("sleep", "600"), Path(sys.argv[1]))
child.start()
print(child.pid, flush=True)
time.sleep(600)
"""


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"


def test_a_program_that_ends_shows_the_end_of_its_log(tmp_path: Path) -> None:
    program = Process("crasher", ("sh", "-c", "echo the port is taken; exit 3"), tmp_path / "log")
    program.start()
    with pytest.raises(StartError, match=r"crasher ended(.|\n)*the port is taken"):
        program.await_ready(lambda: False, within=10)


def test_a_program_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    program = Process("dreamer", SLEEP, tmp_path / "log")
    program.start()
    try:
        with pytest.raises(StartError, match="dreamer is not ready"):
            program.await_ready(lambda: False, within=0.1)
    finally:
        program.kill()


def test_a_frozen_program_can_be_ended(tmp_path: Path) -> None:
    program = Process("frozen", SLEEP, tmp_path / "log")
    program.start()
    pid = program.pid
    program.signal(signal.SIGSTOP)
    program.stop()
    assert is_gone(pid)
    assert not program.running


def test_starting_twice_starts_once(tmp_path: Path) -> None:
    program = Process("one", SLEEP, tmp_path / "log")
    program.start()
    first = program.pid
    program.start()
    assert program.pid == first
    program.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_program_dies_with_its_parent(tmp_path: Path, number: signal.Signals) -> None:
    command = (sys.executable, "-c", PARENT, str(tmp_path / "log"))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert not is_gone(child)
        parent.send_signal(number)
    until = time.monotonic() + 5
    while not is_gone(child):
        assert time.monotonic() < until, f"{child} outlives its parent"
        time.sleep(0.02)
