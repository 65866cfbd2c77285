"""One tenant's programs hold no process that another needs, and leave nothing in one that another gets."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from common.domain.errors import FlotillaError
from tests.security.rendering.attacks import chart, processes_of, render
from workers.render.cache import RenderCache
from workers.render.faults import ToolBusyError, ToolLateError
from workers.render.pool import Owner, RenderProcesses
from workers.render.process import Library, RenderProcess
from workers.render.renderers import Renderers
from workers.render.request import RenderRequest
from workers.render.sandbox import Bounds

BOUNDS = Bounds(cpu=timedelta(seconds=4), wall=timedelta(seconds=4), memory=512 << 20, output=4 << 20)
ECHO = """
import json, os, sys, time
print(json.dumps({"version": "1"}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    time.sleep(asked.get("sleep", 0))
    print(json.dumps({"pid": os.getpid()}), flush=True)
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """A library that sleeps and says which process it is in."""
    monkeypatch.setattr("workers.render.process._CHILDREN", tmp_path)
    (child := tmp_path / "child.py").write_text(ECHO)
    return Library("echo", child, "none")


@pytest.fixture
def processes(library: Library) -> Iterator[RenderProcesses]:
    found = RenderProcesses(library, BOUNDS, most=3, of_one=2)
    yield found
    found.close()


def asked(processes: RenderProcesses, project: str, **more: Any) -> int:
    """Return the number of the process that answered."""
    answer: int = processes.ask(more, what="app", owner=Owner(project))["pid"]
    return answer


def begun(processes: RenderProcesses, project: str, count: int, seconds: float) -> list[threading.Thread]:
    """Have a project ask for what takes long, and return once all that may are at work."""

    def ask() -> None:
        try:
            asked(processes, project, sleep=seconds)
        except FlotillaError:
            return

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    while processes._busy[project] < min(count, 2):
        time.sleep(0.01)
    return threads


def test_two_projects_share_no_process_and_one_keeps_its_own(processes: RenderProcesses) -> None:
    first = asked(processes, "a")
    assert asked(processes, "a") == first
    assert asked(processes, "b") != first
    assert asked(processes, "a") == first


def test_what_was_decrypted_shares_no_process_with_what_was_not(processes: RenderProcesses) -> None:
    private = processes.ask({}, what="app", owner=Owner("a", private=True))["pid"]
    assert asked(processes, "a") != private


def test_who_asks_for_the_version_starts_a_process_for_whoever_comes_first(processes: RenderProcesses) -> None:
    assert processes.version() == "1"
    ((_, kept),) = processes._idle
    assert asked(processes, "a") == kept._process.pid


def test_many_projects_keep_no_more_processes_than_the_bound(processes: RenderProcesses) -> None:
    for number in range(6):
        asked(processes, f"p{number}")
    assert {owner.project for owner, _ in processes._idle} == {"p3", "p4", "p5"}


def test_a_project_that_never_ends_leaves_room_for_the_others(processes: RenderProcesses) -> None:
    threads = begun(processes, "greedy", 8, 60)
    began = time.monotonic()
    assert asked(processes, "modest")
    assert time.monotonic() - began < 2
    for thread in threads:
        thread.join()


def test_with_all_places_taken_the_one_with_the_fewest_at_work_is_next(processes: RenderProcesses) -> None:
    greedy, other = begun(processes, "greedy", 6, 1), begun(processes, "other", 1, 4)
    (modest,) = begun(processes, "modest", 1, 0.5)
    assert sum(thread.is_alive() for thread in greedy) >= 2, "those that came before it were all served first"
    for thread in (*greedy, *other, modest):
        thread.join()


def test_who_waits_too_long_comes_again_and_holds_no_thread_of_the_worker(library: Library) -> None:
    hasty = RenderProcesses(library, Bounds(timedelta(seconds=1), timedelta(hours=1)), most=3, of_one=1)
    with ThreadPoolExecutor(4) as executor:
        found = [executor.submit(asked, hasty, "greedy", sleep=4) for _ in range(4)]
        faults = [type(each.exception()) for each in as_completed(found)]
    assert faults == [*[ToolBusyError] * 3, type(None)], "who only waits lets go while another still renders"
    assert hasty._waiting == []
    assert hasty._busy.total() == 0
    hasty.close()


def test_a_process_that_reads_nothing_holds_a_thread_no_longer_than_the_bound(library: Library) -> None:
    library.child.write_text('import time\nprint(\'{"version": "1"}\', flush=True)\ntime.sleep(60)\n')
    deaf = RenderProcess(library, Bounds(wall=timedelta(seconds=1)))
    with pytest.raises(ToolLateError, match="did not end within 1 s"):
        deaf.ask({"files": "x" * (4 << 20)}, what="app")


def test_a_process_that_hangs_up_and_lives_on_holds_a_thread_no_longer_than_the_bound(library: Library) -> None:
    hangs_up = "import os, sys, time\nsys.stdin.readline()\nos.close(1)\ntime.sleep(60)\n"
    library.child.write_text(f'print(\'{{"version": "1"}}\', flush=True)\n{hangs_up}')
    gone = RenderProcess(library, Bounds(wall=timedelta(seconds=1)))
    began = time.monotonic()
    with pytest.raises(ToolLateError, match="did not end within 1 s"):
        gone.ask({}, what="app")
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("line", ["not JSON", "[1]", "[" * 5_000, "null"])
def test_an_answer_that_is_none_is_a_fault_of_the_application(library: Library, line: str) -> None:
    says = f"for _ in sys.stdin: print({line!r}, flush=True)\n"
    library.child.write_text(f'import sys\nprint(\'{{"version": "1"}}\', flush=True)\n{says}')
    lying = RenderProcess(library, BOUNDS)
    with pytest.raises(FlotillaError, match="gave no answer that can be read"):
        lying.ask({}, what="app")


def test_endless_charts_of_one_project_do_not_stop_anothers(tmp_path: Path) -> None:
    """Two charts that never end held both processes, and everybody waited."""
    renderers = Renderers(RenderCache(tmp_path), bounds=BOUNDS)
    render(renderers, chart(), RenderRequest.at("app", project="modest"))

    def loop(number: int) -> None:
        endless = chart("until 2147483647 | len", {"app/values.yaml": f"n: {number}"})
        with pytest.raises(FlotillaError):
            render(renderers, endless, RenderRequest.at("app", project="greedy"))

    threads = [threading.Thread(target=loop, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while processes_of(renderers, "helm")._busy["greedy"] < 2:
        time.sleep(0.01)
    began = time.monotonic()
    assert render(renderers, chart("2"), RenderRequest.at("app", project="modest")).manifests
    assert time.monotonic() - began < BOUNDS.cpu.total_seconds() - 1
    for thread in threads:
        thread.join()
    renderers.close()
