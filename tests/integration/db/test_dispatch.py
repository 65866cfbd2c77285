"""What is sent next, what counts as sent, and that a hundred thousand queued runs cost no more than a few."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, String, case, cast, event, func, insert, literal, literal_column, select, text, true

from common.domain.refs import RunId
from common.domain.runs import AttemptOutcome, Priority, Trigger
from common.store.engine.session import Database
from common.store.queue import attempts, dispatch, runs
from common.store.queue.attempts import AttemptEnding
from common.store.queue.choice import Candidate
from common.store.queue.dispatch import QueueLoad
from common.store.schema.tables import Instant, OpenRunRow, PlacementRow, RunRow
from tests.factories import said
from tests.integration.db.rows import LEASE, NOW, SECOND, add_placements, claimed, new_run, queued, run_row

CLUSTERS, APPLICATIONS = 500, 200


def _candidates(
    database: Database, *, limit: int = 10, free: dict[str, int], queue: str = "default", now: datetime = NOW
) -> list[Candidate]:
    with database.read() as connection:
        load = dispatch.load(connection, now=now)
        return dispatch.candidates(connection, queue=queue, limit=limit, free=free, load=load, now=now)


def _queue(database: Database, *names: str, trigger: Trigger = Trigger.REVISION, queue: str = "default") -> list[RunId]:
    with database.write() as connection:
        placements = add_placements(connection, *names)
        wanted = [new_run(*pair, trigger=trigger, queue=queue) for pair in zip(placements, names, strict=True)]
        return runs.create_many(connection, wanted, now=NOW)


def _send(database: Database, *wanted: RunId, now: datetime = NOW) -> None:
    with database.write() as connection:
        assert dispatch.mark_sent(connection, wanted, now=now) == sorted(wanted)


def test_a_queued_run_is_a_candidate_of_its_queue(database: Database) -> None:
    (run,) = _queue(database, "eu/web", trigger=Trigger.MANUAL, queue="default.now")
    assert _candidates(database, free={"eu": 1}) == []
    (found,) = _candidates(database, free={"eu": 1}, queue="default.now")
    assert (found.run, str(found.ref), found.queue) == (run, "eu/web", "default.now")
    assert (found.priority, found.due) == (Priority.MANUAL, NOW)


def test_what_is_sent_running_waiting_or_ended_is_no_candidate(database: Database) -> None:
    _send(database, queued(database, "eu/sent"))
    claimed(database, "eu/running")
    waiting = claimed(database, "eu/waiting")
    ended = queued(database, "eu/ended")
    with database.write() as connection:
        attempts.end_attempt(connection, waiting.attempt, AttemptEnding(AttemptOutcome.WAITING), now=NOW)
        assert runs.supersede(connection, [4], reason=said("newer"), now=NOW) == [ended]
    assert _candidates(database, free={"eu": 9}) == []


def test_a_run_that_is_due_later_is_no_candidate_until_then(database: Database) -> None:
    run = queued(database, now=NOW + SECOND)
    assert _candidates(database, free={"eu": 1}) == []
    assert [found.run for found in _candidates(database, free={"eu": 1}, now=NOW + SECOND)] == [run]


def test_more_urgent_runs_go_first(database: Database) -> None:
    drift, revision, manual = (
        _queue(database, f"eu/{trigger}", trigger=trigger)[0]
        for trigger in (Trigger.DRIFT, Trigger.REVISION, Trigger.MANUAL)
    )
    assert [found.run for found in _candidates(database, free={"eu": 9})] == [manual, revision, drift]
    assert [found.run for found in _candidates(database, free={"eu": 9}, limit=1)] == [manual]


def test_fairness_and_room_hold_over_far_more_runs_than_are_looked_at(database: Database) -> None:
    full = [f"full/a{n}" for n in range(300)]
    big = [f"c{n}/big" for n in range(300)]
    _queue(database, *full, *big, "c0/small", "z/other")
    free = {"full": 0, "z": 5} | {f"c{n}": 5 for n in range(300)}
    found = [str(candidate.ref) for candidate in _candidates(database, limit=4, free=free)]
    assert {"c0/small", "z/other"} < set(found)
    assert len(found) == 4
    assert not any(name.startswith("full/") for name in found)


def test_old_runs_of_clusters_without_room_hide_nobody(database: Database) -> None:
    _queue(database, *[f"full/a{n}" for n in range(100)])
    with database.write() as connection:
        (placement,) = add_placements(connection, "young/a1")
        young = runs.create(connection, new_run(placement, "young/a1"), now=NOW + SECOND)
    found = _candidates(database, limit=2, free={"full": 0, "young": 1}, now=NOW + SECOND)
    assert [candidate.run for candidate in found] == [young]


def test_the_window_tells_what_lies_in_the_broker(database: Database) -> None:
    sent, other = queued(database, "eu/a"), queued(database, "eu/b")
    parked, running = claimed(database, "eu/c"), claimed(database, "us/d")
    retry = AttemptEnding(AttemptOutcome.RETRYING, not_before=NOW + LEASE)
    with database.write() as connection:
        attempts.end_attempt(connection, parked.attempt, retry, now=NOW)
        assert dispatch.park(connection, parked.attempt.run, limit=1)
    _send(database, sent)
    del other, running
    with database.read() as connection:
        assert dispatch.window(connection, now=NOW) == {"default": QueueLoad(sent=1, parked=1)}
        assert dispatch.window(connection, now=NOW + LEASE) == {"default": QueueLoad(sent=2, parked=0)}
        load = dispatch.load(connection, now=NOW)
    assert (load.clusters, load.applications) == ({"eu": 1, "us": 1}, {"a": 1, "d": 1})


def test_a_claim_takes_a_run_out_of_the_window(database: Database) -> None:
    run = queued(database)
    _send(database, run)
    with database.write() as connection:
        assert runs.claim(connection, run, worker="w", lease=LEASE, now=NOW) is not None
        assert dispatch.window(connection, now=NOW) == {}
        assert dispatch.mark_sent(connection, [run], now=NOW) == []


def test_a_wiped_broker_makes_everything_unsent(database: Database) -> None:
    sent, parked = queued(database, "eu/a"), claimed(database, "eu/b")
    retry = AttemptEnding(AttemptOutcome.RETRYING, not_before=NOW + LEASE)
    with database.write() as connection:
        attempts.end_attempt(connection, parked.attempt, retry, now=NOW)
        dispatch.park(connection, parked.attempt.run, limit=1)
    _send(database, sent)
    with database.write() as connection:
        assert dispatch.unsend_all(connection) == 2
        assert dispatch.unsend_all(connection) == 0
    assert [found.run for found in _candidates(database, free={"eu": 9})] == [sent]
    assert len(_candidates(database, free={"eu": 9}, now=NOW + LEASE)) == 2


def test_what_could_not_be_sent_is_sent_again(database: Database) -> None:
    run = queued(database)
    _send(database, run)
    with database.write() as connection:
        assert dispatch.unsend(connection, [run]) == [run]
    assert [found.run for found in _candidates(database, free={"eu": 9})] == [run]


def test_what_was_sent_long_ago_and_never_claimed_is_found(database: Database) -> None:
    old, young, parked = queued(database, "eu/a"), queued(database, "eu/b"), claimed(database, "eu/c")
    _send(database, old, now=NOW - timedelta(minutes=6))
    _send(database, young, now=NOW - timedelta(minutes=4))
    retry = AttemptEnding(AttemptOutcome.RETRYING, not_before=NOW + timedelta(minutes=3))
    with database.write() as connection:
        attempts.end_attempt(connection, parked.attempt, retry, now=NOW)
        dispatch.park(connection, parked.attempt.run, limit=1)

    def stale(now: datetime) -> list[RunId]:
        with database.read() as connection:
            older = now - timedelta(minutes=5)
            return [found.run for found in dispatch.stale_sent(connection, older_than=older, limit=10)]

    assert stale(NOW) == [old]
    assert stale(NOW + timedelta(minutes=7)) == [old, young]
    assert stale(NOW + timedelta(minutes=9)) == [old, young, parked.attempt.run]


def test_parking_has_its_bound(database: Database) -> None:
    first, second = claimed(database, "eu/a"), claimed(database, "eu/b")
    retry = AttemptEnding(AttemptOutcome.RETRYING, not_before=NOW + LEASE)
    with database.write() as connection:
        for found in (first, second):
            attempts.end_attempt(connection, found.attempt, retry, now=NOW)
        assert dispatch.park(connection, first.attempt.run, limit=1)
        assert not dispatch.park(connection, second.attempt.run, limit=1)
    assert run_row(database, second.attempt.run)["sent_at"] is None


@pytest.fixture
def crowded(database: Database) -> Database:
    """A hundred thousand runs in one queue, of which one in ten retries later."""
    _queue(database, *[f"c{n}/a0" for n in range(CLUSTERS)])
    number = select(literal(1).label("n")).cte(recursive=True)
    number = number.union_all(select(number.c.n + 1).where(number.c.n < APPLICATIONS - 1))
    application = literal("a") + cast(number.c.n, String)
    later = case((number.c.n % 10 == 0, literal(NOW + timedelta(hours=1), Instant())), else_=OpenRunRow.not_before)
    placement: dict[str, Any] = {"id": PlacementRow.id + number.c.n * CLUSTERS, "application": application}
    chance = {"sqlite": "hex(randomblob(16))", "postgresql": "gen_random_uuid()"}[database.dialect]
    standing: dict[str, Any] = {
        "run_id": literal_column(chance),
        "placement_id": OpenRunRow.placement_id + number.c.n * CLUSTERS,
        "application": application,
        "not_before": later,
    }
    decided = [column.name for column in RunRow.__table__.columns if column.name in OpenRunRow.__table__.columns]
    made: dict[str, Any] = {name: OpenRunRow.__table__.c[name] for name in decided}
    made |= {
        "id": OpenRunRow.run_id,
        "actor": literal("flotilla"),
        "snapshot_id": literal(1),
        "project": literal(""),
        "created_at": literal(NOW, Instant()),
    }
    with database.write() as connection:
        for row, changed in ((PlacementRow, placement), (OpenRunRow, standing)):
            stored = [column for column in row.__table__.columns if column.computed is None]
            columns = {column.name: column for column in stored} | changed
            copies = select(*columns.values()).select_from(row).join(number, true())
            connection.execute(insert(row).from_select(list(columns), copies))
            # Counted after each: an earlier test's counts of this database must not plan the next statement.
            connection.execute(text("ANALYZE"))
        there = select(*made.values()).where(OpenRunRow.run_id.not_in(select(RunRow.id)))
        connection.execute(insert(RunRow).from_select(list(made), there))
        connection.execute(text("ANALYZE"))
    return database


def _plan(connection: Connection, statement: str, parameters: Any) -> str:
    explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    return "\n".join(str(row) for row in connection.exec_driver_sql(f"{explain} {statement}", parameters))


def test_a_hundred_thousand_queued_runs_are_not_read(crowded: Database) -> None:
    free = {f"c{n}": n % 3 for n in range(CLUSTERS)}
    statements: dict[str, Any] = {}
    with crowded.read() as connection:
        assert connection.execute(select(func.count()).select_from(RunRow)).scalar_one() == CLUSTERS * APPLICATIONS
        event.listen(connection, "before_cursor_execute", lambda *given: statements.update({given[2]: given[3]}))
        took = []
        for _ in range(5):
            began = time.perf_counter()
            load = dispatch.load(connection, now=NOW)
            dispatch.window(connection, now=NOW)
            dispatch.stale_sent(connection, older_than=NOW, limit=100)
            found = dispatch.candidates(connection, queue="default", limit=32, free=free, load=load, now=NOW)
            took.append(time.perf_counter() - began)
    assert len({candidate.ref.application for candidate in found}) == 32
    assert all(free[candidate.ref.cluster] for candidate in found)
    # It takes some 30 ms; the least of five tries, and room for a busy host. The plans below are the proof.
    assert min(took) < 0.5
    with crowded.read() as connection:
        plans = [_plan(connection, *statement) for statement in statements.items()]
    assert len(plans) >= 7
    for plan in plans:
        assert "ix_open_runs_" in plan
        assert "Seq Scan on runs" not in plan
        assert "ix_open_runs_due" not in plan or ("Sort" not in plan and "TEMP B-TREE" not in plan)
