"""Nobody writes for a leader that is none: one frozen at any write of a turn changes nothing once it goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

from common.clock import SystemClock
from common.domain.codes import CauseReason
from common.domain.runs import Trigger
from common.domain.status import Reason
from common.store.engine.connection import Connection
from common.store.engine.errors import DatabaseBusyError, DatabaseUnavailableError
from common.store.engine.session import Database
from common.store.queue.leadership import NotLeadingError
from common.store.schema.tables import (
    ApprovalRow,
    FindingRow,
    IntentRow,
    LeaseRow,
    OpenRunRow,
    PlacementRow,
    RunRow,
    SourceRow,
)
from common.store.state.findings import NewFinding
from common.store.state.intents import IntentKind
from scheduler.loop.leader import LONGEST_STEP, Leadership
from tests.harness import texts
from tests.harness.scheduler import LEASE, REGISTRY, Steps

MOST = 15
"""Writing transactions that the turn which is frozen has at most."""
IDLE_MS = 300
"""Milliseconds that the server lets a frozen leader's transaction idle."""
LATER = {**REGISTRY, "app.yaml": texts.application(more="  values: {replicas: 7}\n")}


def expire(database: Database) -> None:
    """Have the leader's lease run out."""
    with database.write() as connection:
        over = database.now(connection) - timedelta(seconds=1)
        connection.execute(update(LeaseRow).where(LeaseRow.name == "leader").values(expires_at=over))


def everything(database: Database) -> dict[str, list[Any]]:
    """Return the rows that a scheduler decides on."""
    tables = (PlacementRow, RunRow, OpenRunRow, FindingRow, IntentRow, ApprovalRow, SourceRow, LeaseRow)
    with database.read() as connection:
        return {
            table.__tablename__: [tuple(row) for row in connection.execute(select(*table.__table__.c))]
            for table in tables
        }


def busy(database: Database) -> Steps:
    """Return a leader whose next turn has something to do in every step."""
    leader = Steps(database)
    leader.workers()
    leader.outbox.key = "another broker"
    leader.resolve("a")
    leader.turns(2)
    leader.resolve("a")
    leader.turns(1)
    leader.repository.commits.append(LATER)
    leader.resolve("b")
    leader.ask(IntentKind.REFRESH, "")
    leader.file(NewFinding(leader.placement().id, Trigger.CHECK, Reason(CauseReason.TAKE_OVER)))
    leader.outbox.key = None
    leader.clock.seconds += 12
    return leader


def takes_over(database: Database) -> Steps:
    """Return a standby that leads by now and has planned what is newer than what the leader before has read."""
    standby = Steps(database, name="b")
    standby.repository.commits = [REGISTRY, LATER, {**LATER, "more.yaml": texts.cluster("c2")}]
    for _ in range(20):  # one turn waits for the registry no longer than a second
        standby.resolve("c")  # of sources that the leader before need not have got to storing
        standby.turns(1)
        if standby.wanted() == "c":
            return standby
    pytest.fail("the standby does not plan what is newer")


@contextmanager
def frozen(leader: Steps, position: int, meanwhile: Callable[[], object]) -> Iterator[list[int]]:
    """Have ``meanwhile`` happen before the leader's writing transaction number ``position``; yield what counts them."""
    begin, count = leader.led.write, [0]

    @contextmanager
    def write() -> Iterator[Connection]:
        if count[0] == position:
            meanwhile()
        count[0] += 1
        with begin() as connection:
            yield connection

    leader.led.write = write  # type: ignore[method-assign]  # it freezes
    yield count


def test_every_write_of_the_turn_is_frozen_once(database: Database) -> None:
    leader = busy(database)
    with frozen(leader, -1, lambda: None) as count:
        assert leader.turn()
    assert 8 < count[0] <= MOST


@pytest.mark.parametrize("position", range(MOST))
def test_a_leader_frozen_between_reading_and_writing_writes_nothing_afterwards(
    database: Database, position: int
) -> None:
    leader = busy(database)
    after: list[dict[str, list[Any]]] = []

    def another_leads() -> None:
        expire(database)
        takes_over(database)
        after.append(everything(database))

    with frozen(leader, position, another_leads):
        if leader.turn():
            assert after == [], "it wrote"
            return  # the turn has fewer writes
    assert [everything(database)] == after
    assert not leader.turn()
    assert [everything(database)] == after


def frozen_there(turn: Future[bool], reached: threading.Event) -> bool:
    """Wait until the turn is frozen; return False where it ended without."""
    while not reached.wait(0.05):
        if turn.done():
            assert turn.result()
            return False
    return True


def stopped(leader: Steps, position: int) -> tuple[threading.Event, threading.Event]:
    """Freeze the leader after its proof number ``position``; return what tells that it is, and what lets it go on."""
    prove, count, reached, on = leader.prove, [0], threading.Event(), threading.Event()

    def proves(connection: Connection) -> None:
        prove(connection)
        count[0] += 1
        if count[0] == position + 1:
            if connection.dialect.name == "postgresql":
                # From here on, so that a turn which is slow on a busy machine is not ended before it is frozen.
                connection.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = {IDLE_MS}"))
            reached.set()
            assert on.wait(30)

    leader.led._guard = proves
    return reached, on


@pytest.mark.parametrize("position", range(MOST))
def test_a_leader_frozen_after_its_proof_is_ended_by_the_server_and_a_standby_leads(
    postgres_database: Database, position: int
) -> None:
    leader = busy(postgres_database)
    reached, on = stopped(leader, position)
    with ThreadPoolExecutor(1) as thread:
        turn = thread.submit(leader.turn)
        if not frozen_there(turn, reached):
            return  # the turn has fewer writes
        expire(postgres_database)
        began = time.monotonic()
        standby = Leadership(postgres_database, SystemClock(), name="probe", lease=LEASE)
        while not leads(standby):
            assert time.monotonic() - began < 2 * LEASE.total_seconds()
        standby.resign()
        takes_over(postgres_database)
        after = everything(postgres_database)
        on.set()
        turn.result(20)
    assert everything(postgres_database) == after


@pytest.mark.parametrize("position", range(MOST))
def test_on_sqlite_a_leader_that_goes_on_after_its_proof_comes_before_whoever_takes_over(
    sqlite_database: Database, position: int
) -> None:
    leader = busy(sqlite_database)
    expire_later = threading.Timer(0.2, lambda: None)
    reached, on = stopped(leader, position)
    with ThreadPoolExecutor(1) as thread:
        turn = thread.submit(leader.turn)
        if not frozen_there(turn, reached):
            return  # the turn has fewer writes
        expire_later.function = on.set
        expire_later.start()
        expire(sqlite_database)  # waits for the write lock
        takes_over(sqlite_database)
        after = everything(sqlite_database)
        turn.result(20)
    assert everything(sqlite_database) == after


def leads(leadership: Leadership) -> bool:
    """Say whether a standby leads by now; it may have to try again."""
    try:
        return leadership.leads()
    except (DatabaseBusyError, DatabaseUnavailableError):
        return False


def test_a_leader_whose_work_is_stuck_loses_the_lead(steps: Steps) -> None:
    assert steps.leadership.leads()
    steps.clock.seconds += LONGEST_STEP.total_seconds() - 1
    steps.leadership.prolong()
    assert lasts(steps.db) > LEASE * 0.9
    steps.clock.seconds += 2
    with steps.db.write() as connection:
        soon = steps.db.now(connection) + timedelta(seconds=1)
        connection.execute(update(LeaseRow).values(expires_at=soon))
    steps.leadership.prolong()
    assert lasts(steps.db) < LEASE * 0.5


def test_a_lead_that_was_lost_and_taken_again_proves_nothing_of_the_turn_before(steps: Steps) -> None:
    assert steps.leadership.leads()
    other = Leadership(steps.db, steps.clock, name="b", lease=LEASE)
    expire(steps.db)
    assert other.leads()
    expire(steps.db)
    again = Leadership(steps.db, steps.clock, name="a", lease=LEASE)
    assert again.leads()
    assert not again.unbroken
    with pytest.raises(NotLeadingError), steps.db.guarded(steps.leadership.prove).write():
        pass


def lasts(database: Database) -> timedelta:
    """Return how long the leader's lease lasts."""
    with database.read() as connection:
        until = connection.execute(select(LeaseRow.expires_at).where(LeaseRow.name == "leader")).scalar_one()
        return until - database.now(connection)
