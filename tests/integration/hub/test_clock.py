"""A worker whose clock is off says so, takes no work, and goes on by itself once its clock is right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from common.broker.transport import take_again
from common.clock import SystemClock
from common.domain.work import Condition, WorkerState
from common.settings import Settings
from common.store.engine.session import Database
from common.store.queue import workers
from console import work
from simulator.server import Simulator
from tests.harness.hub import StepHub
from workers.tasks.heartbeat import Heartbeat
from workers.tasks.vitals import Vitals


class Shifted(SystemClock):
    """This host's clock, off by what it is told."""

    def __init__(self) -> None:
        self.by = timedelta()

    def now(self) -> datetime:
        return super().now() + self.by


@pytest.fixture
def clock() -> Shifted:
    return Shifted()


@pytest.fixture
def shifted(postgres_url: str, clock: Shifted, simulator: Simulator, tmp_path: Path) -> Iterator[StepHub]:
    """A hub whose clock, unlike its database's, can be moved."""
    database = Database(postgres_url, clock=clock)
    made = StepHub(database, simulator, tmp_path)
    yield made
    take_again()
    made.close()
    database.dispose()


@pytest.fixture
def heartbeat(shifted: StepHub) -> Heartbeat:
    vitals = Vitals("w", ["default"], 4, clock=shifted.runtime.clock, busy=shifted.runtime.leases.count)
    return Heartbeat(replace(shifted.runtime, name="w"), vitals)


def state(hub: StepHub) -> WorkerState:
    with hub.database.read() as connection:
        found = workers.states(connection, now=hub.database.now(connection))
    return next(one for one in found if one.name == "w")


def codes(hub: StepHub) -> list[str]:
    with hub.database.read() as connection:
        return [one.code for one in work.look(connection, hub.database, Settings())]


@pytest.mark.parametrize(("hours", "word"), [(1, "ahead of"), (-1, "behind")])
def test_a_worker_says_by_how_much_its_clock_is_off_and_takes_no_work(
    shifted: StepHub,
    heartbeat: Heartbeat,
    clock: Shifted,
    capsys: pytest.CaptureFixture[str],
    hours: int,
    word: str,
) -> None:
    heartbeat.beat()
    assert (state(shifted).condition, state(shifted).clock_ahead) == (Condition.ALIVE, 0)
    clock.by = timedelta(hours=hours)
    heartbeat.beat()
    off = state(shifted)
    assert off.condition is Condition.CLOCK
    assert off.clock_ahead == pytest.approx(hours * 3600, abs=5)
    assert "worker.clock" in codes(shifted)
    with shifted.database.read() as connection:
        assert workers.sendable_slots(connection, now=shifted.database.now(connection)) == {"default": 0}
    said = capsys.readouterr()
    assert f"s {word} the database's: I take no work until it is right" in said.out + said.err
    clock.by = timedelta()
    heartbeat.beat()
    assert state(shifted).condition is Condition.ALIVE
    assert "worker.clock" not in codes(shifted)
    said = capsys.readouterr()
    assert "my clock is right again" in said.out + said.err


def test_what_a_question_takes_is_no_difference_of_clocks(shifted: StepHub) -> None:
    with shifted.database.read() as connection:
        assert shifted.database.clock_ahead(connection) == timedelta()
