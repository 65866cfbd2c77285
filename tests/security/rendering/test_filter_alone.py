"""On a kernel whose Landlock knows nothing of signals, the filter of system calls alone keeps a program to itself."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.sandbox import launcher
from common.sandbox.calls import program_for
from tests.fixtures.services import unavailable

SIGNALS_BY = {
    "an owner": "fcntl.fcntl(r, fcntl.F_SETOWN, worker)",
    "a thread as owner": "fcntl.fcntl(r, 15, struct.pack('ii', 0, worker))",
    "a process as owner": "fcntl.fcntl(r, 15, struct.pack('ii', 1, worker))",
    "its group as owner": "fcntl.fcntl(r, fcntl.F_SETOWN, -os.getpgid(worker))",
}
"""Ways to have the kernel send SIGKILL to another process of the same user once a pipe has something to read."""
PROGRAM = """
import fcntl, os, struct, sys
sys.path.insert(0, {folder!r})
import launcher
if os.geteuid() == 0:
    os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
launcher.confine_calls(sys.argv[2])
worker = int(sys.argv[1])
r, w = os.pipe()
try:
    {attempt}
    fcntl.fcntl(r, 10, 9)
except OSError:
    pass
fcntl.fcntl(r, fcntl.F_SETFL, fcntl.fcntl(r, fcntl.F_GETFL) | os.O_ASYNC)
os.write(w, b"x")
"""


def _other_user() -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[bytes]]:
    """A process of the same user as the program."""
    found = subprocess.Popen(["/bin/sleep", "60"], preexec_fn=_other_user, start_new_session=True)
    yield found
    found.kill()
    found.wait()


def _ends(worker: subprocess.Popen[bytes], attempt: str, program: str) -> bool:
    """Run the program under a filter; tell whether it ended the worker."""
    code = PROGRAM.format(folder=str(Path(launcher.__file__).parent), attempt=attempt)
    command = [sys.executable, "-c", code, str(worker.pid), program]
    subprocess.run(command, check=False, capture_output=True, timeout=30)
    end = time.monotonic() + 0.3
    while worker.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    return worker.poll() is not None


@pytest.mark.parametrize("way", SIGNALS_BY)
def test_no_signal_reaches_another_process_through_a_file(way: str, worker: subprocess.Popen[bytes]) -> None:
    program = program_for(platform.machine())
    if not program:
        unavailable("a filter of system calls", "run on x86_64 or aarch64")
    assert not _ends(worker, SIGNALS_BY[way], program.hex())


def test_where_nothing_filters_it_does(worker: subprocess.Popen[bytes]) -> None:
    """Else the test above would tell nothing."""
    allow_all = (b"\x06\x00\x00\x00\x00\x00\xff\x7f").hex()
    assert _ends(worker, SIGNALS_BY["an owner"], allow_all)
