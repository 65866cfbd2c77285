"""The process that renews leases: whatever holds the interpreter, until the worker ends or work takes too long."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from common.clock import SystemClock
from common.domain.errors import LeaseLostError
from common.domain.work import WorkerState
from common.store.engine.session import Database
from common.store.engine.upgrade import upgrade
from common.store.queue import leases, workers
from common.store.schema.tables import LeaseRow
from workers.tasks.board import Board, State
from workers.tasks.leases import LeaseKeeper
from workers.tasks.renewals import RenewalProcess
from workers.tasks.renewer import Patience, Report, Terms

LEASE = timedelta(seconds=4)
NAME = "sweep:c1"
NOTHING = timedelta(0)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The database that this process and the one that renews reach."""
    sqlite = f"sqlite:///{tmp_path}/hub.db"
    url = sqlite if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    for name, value in {"HOME": str(tmp_path), "DATABASE_URL": url, "LEASE": "PT4S", "LEASE_RENEWAL": "PT0.5S"}.items():
        monkeypatch.setenv(f"FLOTILLA_{name}", value)
    monkeypatch.setenv("FLOTILLA_ATTEMPT_LIMIT", "PT1H")
    made = Database(url)
    if request.param == "sqlite":
        upgrade(made)
    yield made
    made.dispose()


@pytest.fixture
def renewals(database: Database) -> Iterator[RenewalProcess]:  # noqa: ARG001 - it must be there
    made = RenewalProcess(Board())
    yield made
    made.close()


@pytest.fixture
def keeper(renewals: RenewalProcess) -> Iterator[LeaseKeeper]:
    terms = Terms(LEASE, timedelta(seconds=0.5), Patience(timedelta(minutes=15), timedelta(hours=1)))
    made = LeaseKeeper(renewals, renewals.board, SystemClock(), terms=terms, ensure=renewals.ensure)
    made.start()
    yield made
    made.stop()


def take(database: Database) -> tuple[str, float]:
    asked_at = time.monotonic()
    with database.write() as connection:
        token = leases.take(connection, NAME, holder="w", lease=LEASE, now=database.now(connection))
    assert token is not None
    return token, asked_at


def is_held(database: Database) -> bool:
    with database.read() as connection:
        return leases.is_held(connection, NAME, now=database.now(connection))


def await_that(what: Callable[[], bool], *, within: float = 30) -> None:
    deadline = time.monotonic() + within
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def await_first_renewal(keeper: LeaseKeeper, deadline: float) -> None:
    await_that(lambda: keeper.board.deadlines[0] > deadline)


def hold_the_interpreter(seconds: float) -> None:
    """Let no other thread of this process run, as a C function does that does not give the lock away."""
    ctypes.PyDLL(None).usleep(int(seconds * 1_000_000))


@pytest.fixture
def warm(keeper: LeaseKeeper, database: Database) -> LeaseKeeper:
    """A keeper whose process has started: it renewed a lease."""
    token, asked_at = take(database)
    with keeper.keeping(NAME, token, asked_at=asked_at):
        await_first_renewal(keeper, asked_at + LEASE.total_seconds())
    with database.write() as connection:
        leases.release(connection, NAME, token)
    return keeper


def test_who_holds_the_interpreter_loses_no_lease(warm: LeaseKeeper, database: Database) -> None:
    token, asked_at = take(database)
    with warm.keeping(NAME, token, asked_at=asked_at) as held:
        hold_the_interpreter(1.5 * LEASE.total_seconds())
        held.check(NOTHING)
        assert is_held(database)
        with database.read() as connection:
            assert connection.execute(select(LeaseRow.token)).scalar_one() == token


def test_a_renewer_that_stands_still_lets_nobody_write_and_keeps_nobody_waiting(
    warm: LeaseKeeper, renewals: RenewalProcess, database: Database
) -> None:
    token, asked_at = take(database)
    with warm.keeping(NAME, token, asked_at=asked_at) as held:
        os.kill(renewals.pid, signal.SIGSTOP)
        began = time.monotonic()
        for number in range(2_000):
            renewals.hold(100 + number, f"sweep:{number}", f"t{number}")
        assert time.monotonic() - began < 2
        await_that(lambda: time.monotonic() > held.deadline)
        with pytest.raises(LeaseLostError):
            held.check(NOTHING)
        for number in range(2_000):
            renewals.drop(f"t{number}")


def test_a_renewer_that_died_is_started_again_and_told_everything(
    warm: LeaseKeeper, renewals: RenewalProcess, database: Database
) -> None:
    token, asked_at = take(database)
    with warm.keeping(NAME, token, asked_at=asked_at) as held:
        former = renewals.pid
        os.kill(former, signal.SIGKILL)
        await_that(lambda: renewals.pid != former)
        before = time.monotonic() + LEASE.total_seconds()
        await_that(lambda: held.deadline > before)


def test_work_beyond_its_limit_is_given_up_though_the_interpreter_is_held(
    database: Database, renewals: RenewalProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOTILLA_ATTEMPT_LIMIT", "PT3S")
    terms = Terms(LEASE, timedelta(seconds=0.5), Patience(timedelta(minutes=15), timedelta(seconds=3)))
    keeper = LeaseKeeper(renewals, renewals.board, SystemClock(), terms=terms, ensure=renewals.ensure)
    renewals.ensure()
    token, asked_at = take(database)
    with keeper.keeping(NAME, token, asked_at=asked_at) as held:
        await_first_renewal(keeper, asked_at + LEASE.total_seconds())
        hold_the_interpreter(4)
        assert held.state is State.LONG
        with pytest.raises(LeaseLostError):
            held.check(NOTHING)
        await_that(lambda: held.told)


@pytest.mark.usefixtures("warm")
def test_the_worker_counts_as_alive_while_it_works_and_is_forgotten_when_it_leaves(
    renewals: RenewalProcess, database: Database
) -> None:
    with database.read() as connection:
        started_at = database.now(connection)
    renewals.beat(Report(WorkerState("w", ("default",), 4), started_at, time.monotonic()))

    def states() -> tuple[WorkerState, ...]:
        with database.read() as connection:
            return workers.states(connection, now=database.now(connection))

    await_that(lambda: [one.name for one in states()] == ["w"])
    renewals.leave("w")
    await_that(lambda: not states())


_WORKER = """
import time
from workers.tasks.board import Board
from workers.tasks.renewals import RenewalProcess
made = RenewalProcess(Board())
made.ensure()
print(made.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.usefixtures("database")
def test_it_ends_with_its_worker(how: signal.Signals) -> None:
    worker = subprocess.Popen([sys.executable, "-c", _WORKER], stdout=subprocess.PIPE)
    assert worker.stdout is not None
    pid = int(worker.stdout.readline())
    worker.stdout.close()
    worker.send_signal(how)
    worker.wait()
    await_that(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2])
