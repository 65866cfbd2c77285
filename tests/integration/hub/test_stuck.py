"""A run whose thread hangs is given up: it says so, another attempt follows, and the process is replaced."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from common.broker import messages
from common.clock import SystemClock
from common.domain.codes import StuckReason
from common.domain.errors import PermanentError
from common.domain.fleet import Cluster
from common.domain.reasons import nested
from common.domain.refs import RunId
from common.domain.status import Reason
from common.domain.work import WorkerState
from common.store.queue import leases, workers
from tests.fakes.leases import StepKeeper
from tests.harness.hub import APPS, StepHub
from tests.harness.manifests import config_map
from tests.harness.scheduler import ManualClock
from workers.kube import Connection
from workers.tasks.heartbeat import REPLACE_ME, Heartbeat
from workers.tasks.renewer import Patience
from workers.tasks.resolve_source import resolve
from workers.tasks.runtime import Runtime
from workers.tasks.sync_run import carry_out
from workers.tasks.vitals import Vitals

LONG = timedelta(minutes=16)


def renew(runtime: Runtime) -> None:
    assert isinstance(runtime.leases, StepKeeper)
    runtime.leases.renew()


class Hanging(Runtime):
    """A process whose connections to clusters hang until they are let go, and then fail."""

    hung: threading.Event
    let_go: threading.Event

    def connect(self, cluster: Cluster) -> Connection:
        self.hung.set()
        self.let_go.wait(60)
        message = f"{cluster.name} was let go"
        raise PermanentError(message)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def hanging(hub: StepHub, clock: ManualClock) -> Runtime:
    patience = Patience(timedelta(minutes=15), timedelta(hours=1))
    keeper = StepKeeper(hub.database, clock, lease=timedelta(seconds=20), every=timedelta(seconds=5), patience=patience)
    values = {name: getattr(hub.runtime, name) for name in hub.runtime.__dataclass_fields__}
    made = Hanging(**values | {"clock": clock, "leases": keeper, "name": "hanging"})
    object.__setattr__(made, "hung", threading.Event())
    object.__setattr__(made, "let_go", threading.Event())
    return made


@pytest.fixture
def run_id(hub: StepHub) -> RunId:
    """A run that is sent and not claimed."""
    hub.declare("eu")
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1")})
    hub.application("web", targets="[{name: one, clusters: [eu]}]")
    hub.tick()
    hub.work()
    hub.tick()
    (found,) = (RunId(subject) for task, subject, _ in hub.sender.messages if task == messages.SYNC)
    hub.sender.messages.clear()
    return found


@contextmanager
def hangs(runtime: Runtime, run_id: RunId) -> Iterator[threading.Thread]:
    """Have a run hang inside the block; let it go at the end."""
    assert isinstance(runtime, Hanging)
    thread = threading.Thread(target=carry_out, args=(runtime, run_id))
    thread.start()
    assert runtime.hung.wait(30)
    try:
        yield thread
    finally:
        runtime.let_go.set()
        thread.join(30)
    assert not thread.is_alive()


def expire(hub: StepHub, run_id: RunId) -> None:
    """Have the lease of the run's attempt run out, and the reaper look."""
    with hub.database.write() as connection:
        now = hub.database.now(connection) - timedelta(minutes=1)
        assert leases.renew(connection, held(hub, run_id), lease=timedelta(0), now=now)
    hub.reaper = type(hub.reaper)(hub.database, SystemClock(), lease=timedelta(0))
    hub.reaper.tick()


def held(hub: StepHub, run_id: RunId) -> dict[str, str]:
    attempts = hub.run(run_id).attempts
    (name,) = (name for name in hub.leases() if name.startswith("placement:"))
    return {name: f"{run_id}.{attempts[-1].number}"}


def test_a_run_that_hangs_is_given_up_and_says_so(
    hub: StepHub, hanging: Runtime, clock: ManualClock, run_id: RunId
) -> None:
    with hangs(hanging, run_id):
        clock.seconds += LONG.total_seconds()
        renew(hanging)
        assert hanging.leases.stuck() == 1
        assert hub.run(run_id).attempts[0].outcome == "", "it holds its placement until its lease has run out"
        expire(hub, run_id)
        (attempt,) = hub.run(run_id).attempts
        assert (attempt.outcome, attempt.error_code) == ("interrupted", "run.stuck")
        assert "no progress for 900 s" in attempt.error
        assert attempt.error_params["why"] == nested(Reason(StuckReason.IDLE, {"seconds": 900.0}))
        assert hub.run(run_id).run.state == "queued"
        carry_out(hub.runtime, run_id)
    detail = hub.run(run_id)
    assert detail.run.outcome == "succeeded"
    assert [one.outcome for one in detail.attempts] == ["interrupted", "succeeded"]
    assert hub.placement("eu/web").sync == "synced"


def test_a_run_that_hangs_every_time_ends(hub: StepHub, hanging: Runtime, clock: ManualClock, run_id: RunId) -> None:
    assert isinstance(hanging, Hanging)
    for _ in range(3):
        hanging.hung.clear()
        hanging.let_go.clear()
        with hangs(hanging, run_id):
            clock.seconds += LONG.total_seconds()
            renew(hanging)
            expire(hub, run_id)
    run = hub.run(run_id).run
    assert (run.outcome, run.error_code) == ("interrupted", "run.stuck")
    assert "3 workers died or hung" in run.reason


def test_a_process_whose_work_all_hangs_asks_to_be_replaced(
    hub: StepHub, hanging: Runtime, clock: ManualClock, run_id: RunId
) -> None:
    ended: list[int] = []
    vitals = Vitals("hanging", ["default"], 2, clock=clock, busy=hanging.leases.count)
    heartbeat = Heartbeat(hanging, vitals, end=ended.append)
    with hangs(hanging, run_id):
        heartbeat.beat()
        assert not ended
        clock.seconds += LONG.total_seconds()
        renew(hanging)
        asked_at = clock.seconds
        with hanging.leases.keeping("sweep:eu", "t", asked_at=asked_at):
            heartbeat.beat()
            assert not ended, "something else still runs there"
            with hub.database.read() as connection:
                states = workers.states(connection, now=hub.database.now(connection))
        (state,) = (one for one in states if one.name == "hanging")
        assert (state.stuck, state.live_slots) == (1, 1)
        heartbeat.beat()
        assert ended == [REPLACE_ME]


def test_the_message_of_a_run_that_goes_on_hanging_is_harmless(
    hub: StepHub, hanging: Runtime, clock: ManualClock, run_id: RunId
) -> None:
    with hangs(hanging, run_id):
        clock.seconds += LONG.total_seconds()
        renew(hanging)
        carry_out(hub.runtime, run_id)
        assert len(hub.run(run_id).attempts) == 1, "the lease has not run out"
    # Let go before the lease ran out: it is still the holder's, and its own end counts.
    assert hub.run(run_id).run.outcome == "failed"


def test_each_application_of_a_source_is_progress(
    hub: StepHub, hanging: Runtime, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.declare("eu")
    hub.git.commit(APPS, {f"{name}/a.yaml": config_map(name, v="1") for name in ("a", "b", "c")})
    for name in ("a", "b", "c"):
        hub.application(name)
    hub.tick()
    (source,) = {subject for task, subject, _ in hub.sender.messages if task == messages.RESOLVE}
    stuck: list[int] = []
    real = hanging.renderers.resolve

    def slowly(*arguments: Any) -> Any:
        clock.seconds += 10 * 60
        renew(hanging)
        stuck.append(hanging.leases.stuck())
        return real(*arguments)

    monkeypatch.setattr(hanging.renderers, "resolve", slowly)
    resolve(hanging, int(source))
    assert stuck == [0, 0, 0]


def test_one_that_hangs_is_left_out_of_what_is_sent() -> None:
    state = replace(WorkerState("w", ("default",), 2), stuck=1)
    assert state.trial_slots == 1
