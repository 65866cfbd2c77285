"""Processor time is the application's own doing; the time of the clock is also that of all else on the machine."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from common.domain.errors import PermanentError, TransientError
from common.sandbox.launch import Strictness
from workers.render import sandbox
from workers.render.faults import ToolBoundsError, ToolKilledError, ToolLateError
from workers.render.process import Library, RenderProcess
from workers.render.sandbox import Bounds

AN_HOUR = timedelta(hours=1)
SPIN = "while True: pass"
CHILD = """
import json, sys, time
print(json.dumps({"version": "1"}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    time.sleep(asked.get("sleep", 0))
    while time.process_time() < asked.get("until", 0): pass
    print(json.dumps({"used": time.process_time()}), flush=True)
"""


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def tool(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """A library that sleeps, and works until its process has used so much of the processor."""
    monkeypatch.setattr("workers.render.process._CHILDREN", tmp_path)
    (child := tmp_path / "child.py").write_text(CHILD)
    return Library("busy", child, "none")


@contextmanager
def starved(number: int) -> Iterator[None]:
    """Let a process have the processor for a small part of the time, as where others have it."""
    over = threading.Event()

    def starve() -> None:
        while not over.wait(0.02):
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGSTOP)
                over.wait(0.2)
                os.kill(number, signal.SIGCONT)

    thread = threading.Thread(target=starve)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_tool_that_spins_breaks_its_bound_however_far_off_the_clocks_is(tmp_path: Path) -> None:
    with pytest.raises(ToolBoundsError, match="rendering app used more than 1 CPU seconds") as caught:
        sandbox.run(tool(SPIN), folder=tmp_path, what="app", bounds=Bounds(cpu=seconds(1), wall=AN_HOUR))
    assert isinstance(caught.value, PermanentError)


def test_a_tool_that_waits_for_ever_ends_and_may_come_again(tmp_path: Path) -> None:
    bounds = Bounds(cpu=seconds(20), wall=seconds(1))
    with pytest.raises(ToolLateError, match=r"rendering app did not end within 1 s, and had 0\.\d of its 20") as caught:
        sandbox.run(tool("import time; time.sleep(600)"), folder=tmp_path, what="app", bounds=bounds)
    assert isinstance(caught.value, TransientError)
    assert caught.value.code == "render.late"


def test_a_tool_that_is_stopped_may_come_again(tmp_path: Path) -> None:
    said = tmp_path / "pid"
    code = f"import os; open({str(said)!r}, 'w').write(str(os.getpid()))\n{SPIN}"
    faults: list[BaseException] = []

    def run() -> None:
        with pytest.raises(ToolLateError, match="of its 20 CPU seconds") as caught:
            sandbox.run(tool(code), folder=tmp_path, what="app", bounds=bounds)
        faults.append(caught.value)

    bounds = Bounds(cpu=seconds(20), wall=seconds(3))
    thread = threading.Thread(target=run)
    thread.start()
    while not (said.exists() and said.read_text()):
        time.sleep(0.01)
    os.kill(int(said.read_text()), signal.SIGSTOP)
    thread.join()
    assert len(faults) == 1


def test_a_tool_that_others_start_for_it_is_counted_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing confines it, a tool may hand its work to others; none of them outlives it."""
    monkeypatch.setattr("common.sandbox.launch.program_for", lambda _: b"")
    said = tmp_path / "pids"
    said.mkdir(mode=0o777)
    code = (
        "import os, time\n"
        "for _ in range(3):\n"
        "    if os.fork() == 0:\n"
        f"        open({str(said)!r} + '/' + str(os.getpid()), 'w').close()\n"
        "        while True: pass\n"
        "time.sleep(600)"
    )
    bounds = Bounds(cpu=seconds(2), wall=AN_HOUR, strictness=Strictness.WARN)
    with pytest.raises(ToolBoundsError, match="used more than 2 CPU seconds"):
        sandbox.run(tool(code), folder=tmp_path, what="app", bounds=bounds)
    children = [int(each.name) for each in said.iterdir()]
    assert len(children) == 3
    for child in children:
        _gone(child)


def _gone(number: int) -> None:
    """Wait until a process runs no more."""
    while (state := Path(f"/proc/{number}/stat")).exists() and b") Z" not in state.read_bytes():
        time.sleep(0.01)


def test_each_rendering_has_its_own_processor_time(library: Library) -> None:
    """A limit of the kernel counts over a process' life, and would end the one that rendered a hundred charts well."""
    process = RenderProcess(library, Bounds(cpu=seconds(1), wall=AN_HOUR))
    used = [process.ask({"until": number * 0.7}, what="app")["used"] for number in (1, 2, 3)]
    assert used[-1] > 2
    process.close()


def test_a_library_that_spins_breaks_its_bound(library: Library) -> None:
    process = RenderProcess(library, Bounds(cpu=seconds(1), wall=AN_HOUR))
    with pytest.raises(ToolBoundsError, match="rendering app used more than 1 CPU seconds"):
        process.ask({"until": 1_000}, what="app")
    assert not process.usable


def test_a_library_that_waits_for_ever_ends_and_may_come_again(library: Library) -> None:
    process = RenderProcess(library, Bounds(cpu=seconds(1), wall=seconds(1)))
    with pytest.raises(ToolLateError, match="rendering app did not end within 1 s"):
        process.ask({"sleep": 600}, what="app")
    assert not process.usable


def test_a_library_that_gets_no_processor_may_come_again(library: Library) -> None:
    process = RenderProcess(library, Bounds(cpu=seconds(20), wall=seconds(2)))
    with starved(process._process.pid), pytest.raises(ToolLateError, match="of its 20 CPU seconds"):
        process.ask({"until": 1_000}, what="app")


def test_a_library_that_starts_late_is_not_missing(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.render.process._STARTING", Bounds(wall=seconds(0.5)))
    library.child.write_text("import time; time.sleep(600)")
    with pytest.raises(ToolLateError, match="the library of busy did not end within"):
        RenderProcess(library, Bounds())


def test_a_library_that_is_killed_as_it_starts_is_not_missing(library: Library) -> None:
    library.child.write_text("import os; os.kill(os.getpid(), 9)")
    with pytest.raises(ToolKilledError, match="as it started"):
        RenderProcess(library, Bounds())
