"""What comes while something else is under way is carried out afterwards, at once, and exactly once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from common.domain.placements import PlacementState
from common.domain.refs import PlacementRef
from common.domain.runs import AttemptOutcome
from common.domain.status import Found, Reason, Remedy
from common.store.engine.connection import Connection
from common.store.engine.session import Database
from common.store.queue import waits
from common.store.queue.attempts import AttemptEnding
from common.store.queue.runs import ClaimedRun
from common.store.schema.tables import LeaseRow, PlacementRow, RunRow
from common.store.state import clusters, observations, outcomes, sources
from common.store.state.outcomes import Failed
from scheduler.loop import planner
from scheduler.planning import due
from scheduler.planning.due import Decision
from tests.factories import said
from tests.harness import texts
from tests.harness.scheduler import REGISTRY, Steps

RETIRED = REGISTRY | {"app.yaml": texts.application(more="  state: retired\n")}


def test_a_commit_during_a_run_that_then_waits_for_health_is_carried_out(steps: Steps) -> None:
    steps.synced("a")
    steps.resolve("b")
    steps.planner.tick()
    run = steps.claim()
    steps.resolve("d")
    steps.planner.tick()

    def waits(connection: Connection, now: datetime) -> None:
        observations.reached(connection, [run.placement_id], now=now)
        outcomes.record_found(connection, run.placement_id, Reason(Found.WAITS, {"what": "waits"}))

    steps.end(run, AttemptEnding(AttemptOutcome.WAITING, reason=said("prune after health")), waits)
    steps.turns()
    assert steps.wanted() == "d"


def test_a_commit_during_a_run_that_then_fails_does_not_wait_for_its_back_off(steps: Steps) -> None:
    steps.synced("a")
    steps.resolve("b")
    steps.planner.tick()
    run = steps.claim()
    steps.resolve("d")
    steps.planner.tick()

    def failed(connection: Connection, now: datetime) -> None:
        later = now + timedelta(minutes=3)
        failed = Failed(run.attempt.run, "x", {"message": "no"}, Remedy.TIME, later)
        outcomes.record_failure(connection, run.placement_id, failed, now=now)

    steps.end(run, AttemptEnding(AttemptOutcome.FAILED), failed)
    steps.turns()
    assert steps.wanted() == "d"


def test_a_burst_of_commits_comes_down_to_the_last(steps: Steps) -> None:
    steps.synced("a")
    for digest in "bde":
        steps.resolve(digest)
        steps.planner.tick()
    assert steps.wanted() == "e"
    with steps.db.read() as connection:
        outcomes = [str(one) for one in connection.execute(select(RunRow.outcome)).scalars()]
    assert sorted(outcomes) == ["None", "succeeded", "superseded", "superseded"]


def test_a_placement_wanted_again_while_it_was_being_removed_comes_back(steps: Steps) -> None:
    steps.synced("a")
    steps.commit(RETIRED)
    steps.planner.tick()
    run = steps.claim()
    assert run.revision is None
    steps.commit(REGISTRY)
    steps.resolve("a")
    steps.planner.tick()
    steps.end(
        run,
        AttemptEnding(AttemptOutcome.SUCCEEDED),
        lambda connection, _now: outcomes.record_left(connection, run.placement_id),
    )
    steps.turns()
    assert (steps.placement().state, steps.wanted()) == (PlacementState.PLACED, "a")


def test_leaving_goes_on_once_its_cluster_is_no_longer_blocked(steps: Steps) -> None:
    steps.synced("a")
    with steps.db.write() as connection:
        clusters.record_identity(connection, "c1", "uid-1")
        assert clusters.record_identity(connection, "c1", "uid-2")
    steps.commit(RETIRED)
    steps.planner.tick()
    assert (steps.placement().state, steps.placement().run) == (PlacementState.LEAVING, None)
    with steps.db.write() as connection:
        clusters.accept_identity(connection, "c1", "uid-2", now=steps.db.now(connection))
    steps.turns()
    assert steps.placement().run is not None


def test_a_run_that_kills_its_workers_ends_and_its_placement_says_so(steps: Steps) -> None:
    steps.look()
    steps.resolve("a")
    steps.planner.tick()
    run = steps.placement().run
    assert run is not None
    steps.reaper.tick()
    for _ in range(3):
        steps.claim(run.id)
        with steps.db.write() as connection:
            over = steps.db.now(connection) - timedelta(seconds=1)
            connection.execute(update(LeaseRow).where(LeaseRow.name != "leader").values(expires_at=over))
        for _ in range(30):
            steps.clock.seconds += 1
            steps.reaper.tick()
    with steps.db.read() as connection:
        assert connection.execute(select(RunRow.outcome)).scalar_one() == "interrupted"
    steps.turns()
    with steps.db.read() as connection:
        row = connection.execute(select(PlacementRow.retry_at, PlacementRow.failure_code)).one()
    assert (row.retry_at is not None, row.failure_code) == (True, "run.poison")


def test_a_run_claimed_while_planning_does_not_swallow_the_newer_revision(
    postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps(postgres_database)
    steps.synced("a")
    steps.resolve("b")
    steps.planner.tick()
    run = steps.placement().run
    assert run is not None
    steps.resolve("d")
    claimed: list[ClaimedRun] = []

    def decide(*args: object, **named: object) -> Decision:
        if not claimed:  # another process claims, between the planner's reading and its superseding
            claimed.append(steps.claim(run.id))
        return real(*args, **named)  # type: ignore[arg-type]  # handed through as it came

    real = due.decide
    monkeypatch.setattr(planner, "decide", decide)
    steps.planner.tick()
    monkeypatch.undo()
    steps.end(claimed[0], AttemptEnding(AttemptOutcome.SUPERSEDED, reason=said("a newer revision")))
    steps.turns()
    assert steps.wanted() == "d"


def test_a_resolution_that_is_committed_late_is_planned(postgres_database: Database) -> None:
    web = texts.application("web").replace("pay.git", "web.git")
    steps = Steps(postgres_database, REGISTRY | {"web.yaml": web})
    steps.look()
    steps.workers()
    with steps.db.read() as connection:
        ids = {ref.repo.rsplit("/", 1)[1]: id_ for ref, id_ in sources.ids(connection).items()}

    def store(connection: Connection, name: str, digest: str) -> None:
        steps.store(connection, ids[f"{name}.git"], digest, [name], steps.db.now(connection))

    for name in ("pay", "web"):
        with steps.db.write() as connection:
            store(connection, name, "a")
    steps.planner.tick()
    with steps.db.write() as slow:
        store(slow, "pay", "b")
        with steps.db.write() as quick:
            store(quick, "web", "b")
        steps.planner.tick()
    steps.turns()
    assert (steps.wanted(PlacementRef("c1", "web")), steps.wanted()) == ("b", "b")


def test_a_refresh_during_a_resolve_is_not_lost(steps: Steps) -> None:
    steps.synced("a")
    with steps.db.write() as connection:
        sources.refresh(connection, now=steps.db.now(connection))
    steps.dispatcher.tick()
    steps.commit(REGISTRY | {"b.yaml": texts.application("b")})  # while the task is under way, with the old snapshot
    steps.resolve("a")
    steps.outbox.sent.clear()
    steps.dispatcher.tick()
    assert steps.outbox.of("resolve"), "the new application would wait a whole source interval"


def test_a_waiting_run_resumed_for_an_old_revision_makes_room_for_the_new(steps: Steps) -> None:
    steps.synced("a")
    steps.resolve("b")
    steps.planner.tick()
    run = steps.claim()
    steps.end(run, AttemptEnding(AttemptOutcome.WAITING, reason=said("prune after health")))
    with steps.db.write() as connection:
        assert waits.resume(connection, run.attempt.run, now=steps.db.now(connection))
    steps.resolve("d")
    steps.turns()
    assert steps.wanted() == "d"
