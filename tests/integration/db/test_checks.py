"""A run that only looks, beside the one that may write: neither stands in the other's way."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, text, update

from common.domain.changes import Action
from common.domain.refs import ObjectId, PlacementRef, RunId
from common.domain.runs import AttemptOutcome, RunKind, Trigger
from common.store.engine import upgrade
from common.store.engine.session import Database
from common.store.queue import attempts, leases, reaper, runs
from common.store.queue.attempts import AttemptEnding
from common.store.queue.runs import ClaimedRun
from common.store.schema.tables import OpenRunRow
from common.store.state import placements
from common.store.state.run_kinds import is_of
from tests.factories import said
from tests.integration.db.rows import LEASE, NOW, SECOND, attempt_rows, claimed, new_run, queued, run_row

EU = PlacementRef("eu", "web")
OVER = NOW + LEASE
DEAD_AFTER = timedelta(seconds=30)
POD = ObjectId("", "Pod", "shop", "web")


def looking(database: Database, placement_id: int = 1) -> RunId:
    """Make a run that only looks."""
    with database.write() as connection:
        made = runs.create(connection, new_run(placement_id, str(EU), trigger=Trigger.CHECK), now=NOW)
    assert made is not None
    return made


def claim(database: Database, run: RunId) -> ClaimedRun:
    with database.write() as connection:
        found = runs.claim(connection, run, worker="w1", lease=LEASE, now=NOW)
    assert found is not None
    return found


def test_a_placement_may_have_one_of_each_and_no_two(database: Database) -> None:
    run = queued(database)
    check = looking(database)
    with database.write() as connection:
        for trigger in (Trigger.CHECK, Trigger.MANUAL):
            assert runs.create(connection, new_run(1, str(EU), trigger=trigger), now=NOW) is None
        facts = placements.get(connection, EU)
        assert runs.open_check(connection, 1) == check
    assert facts is not None
    assert facts.run is not None
    assert facts.run.id == run


def test_sql_and_the_domain_agree_on_what_a_run_may_do(database: Database) -> None:
    queued(database)
    for trigger in Trigger:
        with database.write() as connection:
            connection.execute(update(OpenRunRow).values(trigger=trigger.value))
            (kind,) = (
                one for one in RunKind if connection.execute(select(OpenRunRow.run_id).where(is_of(one))).first()
            )
        assert kind is trigger.kind


def test_a_check_is_not_in_the_way_of_a_run(database: Database) -> None:
    done = claimed(database)
    with database.write() as connection:
        attempts.end_attempt(connection, done.attempt, AttemptEnding(AttemptOutcome.SUCCEEDED), now=NOW)
    looking(database)
    with database.write() as connection:
        assert runs.create(connection, new_run(1, str(EU)), now=NOW + SECOND) is not None


def test_both_are_carried_out_at_once_each_under_its_own_lease(database: Database) -> None:
    writing = claimed(database)
    check = claim(database, looking(database))
    with database.write() as connection:
        for run in (writing, check):
            assert leases.holds(connection, run.attempt, placement_id=1)
        assert leases.renew(connection, {leases.of_run(RunKind.CHECK, 1): str(check.attempt)}, lease=LEASE, now=NOW)
        assert attempts.end_attempt(connection, check.attempt, AttemptEnding(AttemptOutcome.SUCCEEDED), now=NOW)
        assert not leases.holds(connection, check.attempt, placement_id=1)
        assert leases.holds(connection, writing.attempt, placement_id=1)
    assert run_row(database, check.attempt.run)["outcome"] == "succeeded"
    assert run_row(database, writing.attempt.run)["state"] == "running"


def test_a_newer_revision_does_not_supersede_a_check(database: Database) -> None:
    run = queued(database)
    looking(database)
    with database.write() as connection:
        assert runs.supersede(connection, [1], reason=said("newer"), now=NOW) == [run]


def test_a_check_whose_worker_died_is_tried_again_and_costs_the_writer_nothing(database: Database) -> None:
    writing = claimed(database)
    check = claim(database, looking(database))
    mine = {leases.of_placement(1): str(writing.attempt)}
    with database.write() as connection:
        assert leases.renew(connection, mine, lease=LEASE, now=OVER)
        (reaped,) = reaper.reap(connection, now=OVER, dead_after=DEAD_AFTER)
    assert reaped.attempt == check.attempt
    assert run_row(database, check.attempt.run)["state"] == "queued"
    assert [row["outcome"] for row in attempt_rows(database, check.attempt.run)] == ["interrupted"]
    assert run_row(database, writing.attempt.run)["state"] == "running"


def test_a_check_makes_good_nothing_that_an_interrupted_attempt_had_planned(database: Database) -> None:
    lost = claimed(database)
    with database.write() as connection:
        attempts.plan(connection, lost.attempt, placement_id=1, changes=[(POD, Action.CONFIGURED)])
        reaper.reap(connection, now=OVER, dead_after=DEAD_AFTER)
    check = claim(database, looking(database))
    with database.write() as connection:
        attempts.end_attempt(connection, check.attempt, AttemptEnding(AttemptOutcome.SUCCEEDED), now=NOW)
        assert attempts.fenced_objects(connection, 1, check.attempt) == {POD}


def test_going_back_a_version_ends_what_only_looks(database: Database) -> None:
    run = queued(database)
    check = claim(database, looking(database))
    upgrade.downgrade(database, "0001")
    with database.read() as connection:  # by columns that the former version has too
        rows = connection.execute(text("SELECT id, coalesce(outcome, state) FROM runs"))
        found = {id_: state for id_, state in rows}
    assert found == {check.attempt.run: "superseded", run: "queued"}
    upgrade.upgrade(database)
    assert upgrade.is_current(database)
    assert [row["outcome"] for row in attempt_rows(database, check.attempt.run)] == ["interrupted"]
