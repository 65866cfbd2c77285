"""Leases, and the reaper that clears those nobody renews."""

from __future__ import annotations

from datetime import timedelta

import pytest

from common.domain.changes import Action
from common.domain.refs import AttemptRef, ObjectId
from common.domain.runs import AttemptOutcome
from common.store.engine.session import Database
from common.store.queue import attempts, claims, leases, reaper, runs
from common.store.queue.attempts import AttemptEnding
from tests.integration.db.rows import LEASE, NOW, SECOND, attempt_rows, claimed, heartbeat, new_run, queued, run_row

OVER = NOW + LEASE
DEAD_AFTER = timedelta(seconds=30)
POD, MAP = ObjectId("", "Pod", "shop", "web"), ObjectId("", "ConfigMap", "shop", "web")


def test_a_lease_has_one_holder_until_it_runs_out(database: Database) -> None:
    with database.write() as connection:
        first = leases.take(connection, leases.LEADER, holder="a", lease=LEASE, now=NOW)
        assert first is not None
        for holder in ("a", "b"):
            assert leases.take(connection, leases.LEADER, holder=holder, lease=LEASE, now=OVER - SECOND) is None
        second = leases.take(connection, leases.LEADER, holder="b", lease=LEASE, now=OVER)
        assert second not in {None, first}
        assert not leases.release(connection, leases.LEADER, first)
        assert leases.renew(connection, {leases.LEADER: first}, lease=LEASE, now=OVER) == frozenset()


def test_a_released_lease_is_free(database: Database) -> None:
    with database.write() as connection:
        token = leases.take(connection, "sweep:eu", holder="a", lease=LEASE, now=NOW)
        assert token is not None
        assert leases.release(connection, "sweep:eu", token)
        assert not leases.release(connection, "sweep:eu", token)
        assert leases.take(connection, "sweep:eu", holder="b", lease=LEASE, now=NOW) is not None


def test_renewing_prolongs_what_is_held_and_says_so(database: Database) -> None:
    with database.write() as connection:
        mine = leases.take(connection, "sweep:eu", holder="a", lease=LEASE, now=NOW)
        assert mine is not None
        tokens = {"sweep:eu": mine, "sweep:us": "not ours", "sweep:asia": "never was"}
        leases.take(connection, "sweep:us", holder="b", lease=LEASE, now=NOW)
        assert leases.renew(connection, tokens, lease=LEASE, now=NOW + SECOND) == {"sweep:eu"}
        assert leases.take(connection, "sweep:eu", holder="b", lease=LEASE, now=OVER) is None
        assert leases.renew(connection, {}, lease=LEASE, now=NOW) == frozenset()


def test_a_lease_that_ran_out_is_still_its_holders_until_somebody_clears_it(database: Database) -> None:
    found = claimed(database)
    name, token = leases.of_placement(found.placement_id), str(found.attempt)
    long_after = NOW + timedelta(minutes=10)
    with database.write() as connection:
        assert leases.renew(connection, {name: token}, lease=LEASE, now=long_after) == {name}
        assert reaper.reap(connection, now=long_after + SECOND, dead_after=DEAD_AFTER) == []
        assert len(reaper.reap(connection, now=long_after + LEASE, dead_after=DEAD_AFTER)) == 1
        assert leases.renew(connection, {name: token}, lease=LEASE, now=long_after + LEASE) == frozenset()


def test_reaping_ends_the_attempt_and_queues_the_run_again(database: Database) -> None:
    heartbeat(database, "w1", started=NOW - SECOND, seen=OVER)
    found = claimed(database)
    with database.write() as connection:
        (reaped,) = reaper.reap(connection, now=OVER, dead_after=DEAD_AFTER)
        assert reaper.reap(connection, now=OVER, dead_after=DEAD_AFTER) == []
    assert (reaped.attempt, reaped.placement_id, reaped.ref, reaped.worker) == (found.attempt, 1, found.ref, "w1")
    assert (reaped.died, reaped.ended) == (False, False)
    run = run_row(database, found.attempt.run)
    assert (run["state"], run["interruptions"], run["retries"], run["not_before"]) == ("queued", 0, 0, OVER)
    assert attempt_rows(database, found.attempt.run)[0]["outcome"] == "interrupted"
    with database.write() as connection:
        again = runs.claim(connection, found.attempt.run, worker="w2", lease=LEASE, now=OVER)
    assert again is not None
    assert again.attempt.number == 2


def test_a_late_end_changes_nothing(database: Database) -> None:
    found = claimed(database)
    with database.write() as connection:
        reaper.reap(connection, now=OVER, dead_after=DEAD_AFTER)
        assert not attempts.end_attempt(connection, found.attempt, AttemptEnding(AttemptOutcome.SUCCEEDED), now=OVER)
        again = runs.claim(connection, found.attempt.run, worker="w2", lease=LEASE, now=OVER)
        assert again is not None
        assert not attempts.end_attempt(connection, found.attempt, AttemptEnding(AttemptOutcome.SUCCEEDED), now=OVER)
        assert not leases.holds(connection, found.attempt, placement_id=1)
        assert leases.holds(connection, again.attempt, placement_id=1)
    assert [row["outcome"] for row in attempt_rows(database, found.attempt.run)] == ["interrupted", None]
    assert run_row(database, found.attempt.run)["state"] == "running"


def test_an_interruption_counts_only_if_the_worker_died(database: Database) -> None:
    heartbeat(database, "alive", started=NOW - SECOND, seen=OVER)
    heartbeat(database, "silent", started=NOW - SECOND, seen=OVER - DEAD_AFTER - SECOND)
    heartbeat(database, "restarted", started=NOW + SECOND, seen=OVER)
    for name in ("alive", "silent", "restarted", "gone"):
        claimed(database, f"eu/{name}", worker=name)
    with database.write() as connection:
        reaped = {found.worker: found.died for found in reaper.reap(connection, now=OVER, dead_after=DEAD_AFTER)}
    assert reaped == {"alive": False, "silent": True, "restarted": True, "gone": True}


def test_a_run_that_kills_worker_after_worker_ends_interrupted(database: Database) -> None:
    run, now = queued(database), NOW
    for death in (1, 2, 3):
        with database.write() as connection:
            assert runs.claim(connection, run, worker="gone", lease=LEASE, now=now) is not None
            now += LEASE
            (reaped,) = reaper.reap(connection, now=now, dead_after=DEAD_AFTER, poison_limit=3)
        assert reaped.ended == (death == 3)
    row = run_row(database, run)
    assert (row["state"], row["outcome"], row["interruptions"], row["attempts"]) == ("ended", "interrupted", 3, 3)
    assert [attempt["outcome"] for attempt in attempt_rows(database, run)] == ["interrupted"] * 3


def test_the_plans_of_interrupted_attempts_add_up_until_one_has_written_everything(database: Database) -> None:
    first = claimed(database)
    with database.write() as connection:
        assert attempts.plan(connection, first.attempt, placement_id=1, changes=[(POD, Action.CONFIGURED)])
        assert attempts.plan(connection, first.attempt, placement_id=1, changes=[(POD, Action.PRUNED)])
        reaper.reap(connection, now=OVER, dead_after=DEAD_AFTER)
        assert not attempts.plan(connection, first.attempt, placement_id=1, changes=[(MAP, Action.PRUNED)])
        second = runs.claim(connection, first.attempt.run, worker="w", lease=LEASE, now=OVER)
        assert second is not None
        assert attempts.fenced_objects(connection, 1, second.attempt) == {POD}
        attempts.plan(connection, second.attempt, placement_id=1, changes=[(MAP, Action.CREATED)])
        reaper.reap(connection, now=OVER + LEASE, dead_after=DEAD_AFTER)
        third = runs.claim(connection, first.attempt.run, worker="w", lease=LEASE, now=OVER + LEASE)
        assert third is not None
        assert attempts.fenced_objects(connection, 1, third.attempt) == {POD, MAP}
        attempts.plan(
            connection, third.attempt, placement_id=1, changes=[(ObjectId("", "Secret", "", "x"), Action.CREATED)]
        )
        retry = AttemptEnding(AttemptOutcome.RETRYING, not_before=OVER)
        assert attempts.end_attempt(connection, third.attempt, retry, now=OVER + LEASE)
        fourth = runs.claim(connection, first.attempt.run, worker="w", lease=LEASE, now=OVER + LEASE)
        assert fourth is not None
        assert attempts.fenced_objects(connection, 1, fourth.attempt) == {POD, MAP}
        done = AttemptEnding(AttemptOutcome.SUCCEEDED)
        assert attempts.end_attempt(connection, fourth.attempt, done, now=OVER + LEASE)
        assert attempts.fenced_objects(connection, 1, fourth.attempt) == frozenset()


@pytest.mark.parametrize("outcome", [AttemptOutcome.SUCCEEDED, AttemptOutcome.WAITING])
def test_an_attempt_that_was_not_to_write_everything_leaves_former_plans_to_the_next(
    database: Database, outcome: AttemptOutcome
) -> None:
    """It waits between waves, or only checked: what an interrupted one may still write was not fenced off."""
    first = claimed(database)
    with database.write() as connection:
        assert attempts.plan(connection, first.attempt, placement_id=1, changes=[(POD, Action.CONFIGURED)])
        reaper.reap(connection, now=OVER, dead_after=DEAD_AFTER)
        second = runs.claim(connection, first.attempt.run, worker="w", lease=LEASE, now=OVER)
        assert second is not None
        ending = AttemptEnding(outcome, partial=True)
        assert attempts.end_attempt(connection, second.attempt, ending, now=OVER)
        later = AttemptRef(first.attempt.run, 3)
        assert attempts.fenced_objects(connection, 1, later) == {POD}


def test_an_object_that_an_interrupted_attempt_was_to_create_may_turn_up_for_ever(database: Database) -> None:
    first = claimed(database)
    planned = [(POD, Action.CREATED), (MAP, Action.CONFIGURED)]
    with database.write() as connection:
        assert attempts.plan(connection, first.attempt, placement_id=1, changes=planned)
        reaper.reap(connection, now=OVER, dead_after=DEAD_AFTER)
        second = runs.claim(connection, first.attempt.run, worker="w", lease=LEASE, now=OVER)
        assert second is not None
        assert claims.facts_of(connection, first).last is None
        assert claims.facts_of(connection, second).last is AttemptOutcome.INTERRUPTED
        assert attempts.fenced_objects(connection, 1, second.attempt) == {POD, MAP}
        assert attempts.end_attempt(connection, second.attempt, AttemptEnding(AttemptOutcome.SUCCEEDED), now=OVER)
        run = runs.create(connection, new_run(1, "eu/web"), now=OVER)
        assert run is not None
        third = runs.claim(connection, run, worker="w", lease=LEASE, now=OVER)
        assert third is not None
        assert attempts.fenced_objects(connection, 1, third.attempt) == frozenset()
        assert attempts.possible_late_creates(connection, 1) == {POD}
