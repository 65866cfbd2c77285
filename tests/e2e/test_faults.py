"""The hub is broken in every way an operator's night may bring; it converges, and nothing is lost or counted twice."""

from __future__ import annotations

import time
from typing import Any

import pytest
from sqlalchemy import text

from tests.controlplane.fixtures import LIVE
from tests.e2e.conftest import World, config_map
from tests.harness.processes import eventually


@pytest.fixture(autouse=True)
def history_is_whole(world: World) -> Any:
    """After every test: runs ended at most once, attempts are numbered without a gap, one unended run a placement."""
    yield
    questions = {
        "an attempt is missing": "SELECT count(*) FROM runs r LEFT JOIN open_runs o ON o.run_id = r.id "
        "WHERE COALESCE(o.attempts, r.attempts) <> (SELECT count(*) FROM attempts a WHERE a.run_id = r.id)",
        "a run is both open and over, or neither": "SELECT count(*) FROM runs r LEFT JOIN open_runs o "
        "ON o.run_id = r.id WHERE (r.outcome IS NULL) <> (o.run_id IS NOT NULL)",
        "an attempt of an ended run has not ended": "SELECT count(*) FROM attempts a JOIN runs r ON r.id = a.run_id "
        "WHERE r.outcome IS NOT NULL AND a.outcome IS NULL",
        "two unended runs": "SELECT count(*) FROM (SELECT placement_id FROM open_runs "
        "GROUP BY placement_id HAVING count(*) > 1) twice",
    }
    with world.database.read() as connection:
        for what, question in questions.items():
            assert connection.execute(text(question)).scalar_one() == 0, what


def _placed(world: World, name: str) -> None:
    world.apps.commit({f"{name}/a.yaml": config_map(name, v="1")})
    world.place(name)
    world.hub.await_synced(name, 3)


def _follows(world: World, name: str) -> None:
    commit = world.apps.commit({f"{name}/a.yaml": config_map(name, v=str(time.time()))})
    world.hub.await_synced(name, 3, commit=commit)


def test_a_wiped_broker_delays_and_loses_nothing(world: World) -> None:
    _placed(world, "wiped")
    world.apps.commit({"wiped/a.yaml": config_map("wiped", v="2")})
    for _ in range(5):
        world.redis.flush()
        time.sleep(0.3)
    _follows(world, "wiped")


def test_a_broker_that_restarts_is_found_again(world: World) -> None:
    _placed(world, "restarted")
    world.redis.stop()
    commit = world.apps.commit({"restarted/a.yaml": config_map("restarted", v="2")})
    time.sleep(4)
    world.redis.start()
    world.hub.await_synced("restarted", 3, commit=commit)


def test_a_database_outage_pauses_everybody(world: World) -> None:
    _placed(world, "paused")
    world.postgres.stop()
    commit = world.apps.commit({"paused/a.yaml": config_map("paused", v="2")})
    time.sleep(8)
    world.postgres.start()
    world.hub.await_synced("paused", 3, commit=commit)


def test_killed_workers_leave_their_runs_to_others(world: World) -> None:
    _placed(world, "killed")
    with world.planes.planes.frozen(LIVE[0]):
        commit = world.apps.commit({"killed/a.yaml": config_map("killed", v="2")})
        eventually("the run is under way", lambda: _state(world, "killed", LIVE[0]) == "running")
        world.hub.kill("worker-1", "worker-2")
    world.hub.start("worker-1", "worker-2")
    world.hub.await_synced("killed", 3, commit=commit)
    run = next(r for r in world.hub.runs("killed", LIVE[0]) if r["commit"] == commit)
    assert run["attempts"] >= 2
    outcomes = [a["outcome"] for a in world.hub.get(f"runs/{run['id']}")["attempts"]]
    assert outcomes[0] == "interrupted"
    assert outcomes[-1] == "succeeded"


def _state(world: World, application: str, cluster: str) -> str:
    runs = world.hub.runs(application, cluster)
    return runs[0]["state"] if runs else ""


def test_a_standby_takes_over_from_a_killed_leader(world: World) -> None:
    _placed(world, "led")
    world.hub.start("standby")
    time.sleep(3)
    world.hub.kill("scheduler")
    _follows(world, "led")
    world.hub.start("scheduler")
    assert world.hub.stop("standby") < 5
    _follows(world, "led")


def test_everything_killed_at_once_comes_back(world: World) -> None:
    _placed(world, "all")
    commit = world.apps.commit({"all/a.yaml": config_map("all", v="2")})
    time.sleep(1.5)
    names = ("scheduler", "worker-1", "worker-2", "worker-now", "api")
    world.hub.kill(*names)
    world.redis.flush()
    world.hub.start(*names)
    world.hub.await_ready()
    world.hub.await_synced("all", 3, commit=commit)


def test_an_unreachable_cluster_costs_the_others_nothing_and_is_never_shown_as_synced(world: World) -> None:
    _placed(world, "apart")
    world.planes.planes.stop_cluster(LIVE[1])
    try:
        commit = world.apps.commit({"apart/a.yaml": config_map("apart", v="2")})

        def others() -> bool:
            placed = world.hub.placements("apart")
            return all(placed[name]["commit"] == commit for name in (LIVE[0], LIVE[2]))

        eventually("the others are at the new commit", others)
        eventually("it is unknown", lambda: world.hub.placements("apart")[LIVE[1]]["sync"] == "unknown")
        assert world.hub.placements("apart")[LIVE[1]]["health"] != "healthy"
    finally:
        world.planes.planes.start_cluster(LIVE[1])
    world.hub.await_synced("apart", 3, commit=commit)


def test_a_worker_that_lost_its_lease_changes_nothing_after_the_next_attempt(world: World) -> None:
    _placed(world, "fenced")
    with world.planes.planes.frozen(LIVE[2]):
        commit = world.apps.commit({"fenced/a.yaml": config_map("fenced", v="2")})
        eventually("the run is under way", lambda: _state(world, "fenced", LIVE[2]) == "running")
        for name in ("worker-1", "worker-2"):
            world.hub.freeze(name)
    world.hub.start_extra("worker-3")
    try:
        world.hub.await_synced("fenced", 3, commit=commit)
        path = "/api/v1/namespaces/fenced/configmaps/fenced"
        with world.cluster(LIVE[2]).client() as client:
            before = client.get(path).json()["metadata"]["resourceVersion"]
            for name in ("worker-1", "worker-2"):
                world.hub.thaw(name)
            time.sleep(8)
            after = client.get(path).json()
        assert after["data"] == {"v": "2"}
        assert after["metadata"]["resourceVersion"] == before
    finally:
        world.hub.stop("worker-3")


def test_a_scheduler_ends_in_under_five_seconds(world: World) -> None:
    assert world.hub.stop("scheduler") < 5
    world.hub.start("scheduler")
    _placed(world, "after")
