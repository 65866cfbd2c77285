"""The way the work goes, as both databases tell it; and at what cost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, insert, text, update

from common.domain.codes import MessageReason
from common.domain.work import Condition, Due, Late, SendingState, WorkerState
from common.store.engine.session import Database
from common.store.queue import leases, sending, workers
from common.store.reads import work
from common.store.schema.tables import ClusterRow, OpenRunRow, SourceRow
from tests.integration.db.rows import NOW, SECOND, queued

MINUTE = timedelta(minutes=1)
WORKER = WorkerState(
    "w1",
    ("default",),
    8,
    stuck=2,
    clock_ahead=-31.5,
    refused=3,
    refused_code=MessageReason.UNSIGNED,
    deaf_for=1.5,
)


def test_a_worker_is_read_as_it_said_it_is(database: Database) -> None:
    with database.write() as connection:
        workers.beat(connection, WORKER, started_at=NOW, now=NOW)
        assert workers.states(connection, now=NOW + workers.DEAD_AFTER) == (WORKER,)
        assert workers.states(connection, now=NOW + workers.DEAD_AFTER + SECOND) == ()
        assert WORKER.condition is Condition.CLOCK
        assert workers.sendable_slots(connection, now=NOW) == {"default": 0}
        assert not workers.lives(connection, "w", now=NOW)
        well = WorkerState("w1", ("default",), 8)
        workers.beat(connection, well, started_at=NOW, now=NOW)
        assert workers.states(connection, now=NOW) == (well,)
        assert workers.lives(connection, "w", now=NOW)


def test_since_when_sending_fails_stays_until_it_goes_again(database: Database) -> None:
    with database.write() as connection:
        assert sending.state(connection) is None
        sending.note(connection, error_code="broker.full", clock_ahead=1.5, now=NOW)
        sending.note(connection, error_code="broker.unavailable", clock_ahead=2.5, now=NOW + MINUTE)
        assert sending.state(connection) == SendingState(NOW + MINUTE, NOW, "broker.unavailable", 2.5)
        sending.note(connection, error_code="", clock_ahead=0.0, now=NOW + 2 * MINUTE)
        assert sending.state(connection) == SendingState(NOW + 2 * MINUTE)
        sending.note(connection, error_code="broker.full", clock_ahead=0.0, now=NOW + 3 * MINUTE)
        found = sending.state(connection)
        assert found is not None
        assert found.failing_since == NOW + 3 * MINUTE


def _cluster(connection: Connection, name: str, **columns: object) -> None:
    row = {"name": name, "declared": True, "state": "active", "pool": "default", "server": "s", "credentials": "c"}
    connection.execute(insert(ClusterRow).values(row | columns))


def test_the_oldest_of_what_is_due_is_found_by_kind_and_queue(database: Database) -> None:
    old, older = NOW - MINUTE, NOW - 2 * MINUTE
    for number in range(3):
        queued(database, f"eu/a{number}")
    with database.write() as connection:
        connection.execute(update(OpenRunRow).values(not_before=NOW + MINUTE))
        first, second, _ = connection.execute(
            text("SELECT CAST(run_id AS varchar) FROM open_runs ORDER BY run_id")
        ).scalars()
        connection.execute(update(OpenRunRow).where(OpenRunRow.run_id == first).values(not_before=old))
        connection.execute(update(OpenRunRow).where(OpenRunRow.run_id == second).values(not_before=older, sent_at=NOW))
        _cluster(connection, "c1", sweep_due_at=old, observe_due_at=NOW + MINUTE)
        _cluster(connection, "c2", sweep_due_at=older, observe_due_at=old)
        _cluster(connection, "c3", sweep_due_at=old - 9 * MINUTE, declared=False)
        _cluster(connection, "c4", sweep_due_at=old - 9 * MINUTE, state="removed")
        _cluster(connection, "c5", pool="edge", sweep_due_at=None)
        source = {"credentials": "", "ref": "main", "pool": "default", "used": True}
        connection.execute(insert(SourceRow).values(source | {"repo": "r", "due_at": older}))
        leases.take(connection, leases.LEADER, holder="a", lease=MINUTE, now=NOW)
    with database.read() as connection:
        facts = work.facts(connection, now=NOW)
        (depth,) = work.depths(connection, now=NOW)
    assert facts.leads
    assert facts.queues == {"default", "default.now", "edge", "edge.now"}
    assert (depth.queue, depth.due, depth.later, depth.since) == ("default", 2, 1, older)
    assert set(facts.late) == {
        Late(Due.RUNS, "default", older),
        Late(Due.SWEEPS, "default", older, "c2"),
        Late(Due.OBSERVATIONS, "default", old, "c2"),
        Late(Due.SOURCES, "default", older, "r"),
    }


def test_nothing_that_is_due_later_is_late(database: Database) -> None:
    queued(database, "eu/a")
    with database.write() as connection:
        connection.execute(update(OpenRunRow).values(not_before=NOW + MINUTE))
        assert work.facts(connection, now=NOW).late == ()
        assert [depth.since for depth in work.depths(connection, now=NOW)] == [None]


@pytest.mark.parametrize("statement", work.QUEUED)
def test_the_history_is_not_read_for_what_is_queued(postgres_database: Database, statement: object) -> None:
    with postgres_database.write() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        explained = text(f"EXPLAIN {statement}")
        plan = "\n".join(connection.execute(explained, {"now": NOW}).scalars())
    assert "Index" in plan, plan
    assert "ix_open_runs_due" in plan or "ix_open_runs_sent" in plan, plan
