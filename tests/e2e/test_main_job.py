"""A commit reaches many clusters, stays there, and every attempt is on record."""

from __future__ import annotations

import re
from functools import partial

import httpx

from tests.controlplane.fixtures import LIVE
from tests.e2e.conftest import World, config_map, deployment
from tests.harness.processes import eventually

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def test_a_commit_reaches_health_on_every_cluster(world: World) -> None:
    world.apps.commit({"web/web.yaml": deployment("web", replicas=2) + config_map("web", greeting="hello")})
    world.other_apps.commit({"tools/tools.yaml": config_map("tools", version="1")})
    world.place("web")
    world.place("tools", repo=world.other_apps)
    world.hub.await_synced("web", 3)
    world.hub.await_synced("tools", 3)
    for name in LIVE:
        with world.cluster(name).client() as client:
            status = client.get("/apis/apps/v1/namespaces/web/deployments/web").json()["status"]
            assert status["availableReplicas"] == 2
            assert client.get("/api/v1/namespaces/tools/configmaps/tools").json()["data"] == {"version": "1"}


def test_a_new_commit_follows_and_only_where_something_changed(world: World) -> None:
    world.apps.commit({"one/a.yaml": config_map("one", v="1"), "two/a.yaml": config_map("two", v="1")})
    world.place("one")
    world.place("two")
    world.hub.await_synced("one", 3)
    world.hub.await_synced("two", 3)
    before = len(world.hub.runs("two"))
    commit = world.apps.commit({"one/a.yaml": config_map("one", v="2")})
    world.hub.await_synced("one", 3, commit=commit)
    with world.cluster(LIVE[2]).client() as client:
        assert client.get("/api/v1/namespaces/one/configmaps/one").json()["data"] == {"v": "2"}
    assert len(world.hub.runs("two")) == before
    assert [run["trigger"] for run in world.hub.runs("one")].count("revision") == 6


def test_a_hand_edit_is_corrected_with_default_settings(world: World) -> None:
    world.apps.commit({"edited/a.yaml": config_map("edited", colour="green")})
    world.place("edited")
    world.hub.await_synced("edited", 3)
    path = "/api/v1/namespaces/edited/configmaps/edited"
    with world.cluster(LIVE[0]).client() as client:
        headers = {"Content-Type": "application/merge-patch+json"}
        client.patch(path, json={"data": {"colour": "red"}}, headers=headers).raise_for_status()
        eventually("it is green again", lambda: client.get(path).json()["data"]["colour"] == "green")
    run = next(run for run in world.hub.runs("edited", LIVE[0]) if run["trigger"] == "drift")
    detail = eventually("the drift run ended", lambda: _ended(world, run["id"]))
    assert detail["run"]["outcome"] == "succeeded"
    assert [o["action"] for o in detail["objects"]] == ["configured"]


def _ended(world: World, run_id: str) -> dict[str, dict[str, str]] | None:
    detail: dict[str, dict[str, str]] = world.hub.get(f"runs/{run_id}")
    return detail if detail["run"]["ended_at"] else None


def test_a_deleted_object_comes_back(world: World) -> None:
    world.apps.commit({"lost/a.yaml": config_map("lost", v="1")})
    world.place("lost")
    world.hub.await_synced("lost", 3)
    path = "/api/v1/namespaces/lost/configmaps/lost"
    with world.cluster(LIVE[1]).client() as client:
        client.delete(path).raise_for_status()
        eventually("it is back", lambda: client.get(path).is_success)


def is_gone(client: httpx.Client, path: str) -> bool:
    return client.get(path).status_code == httpx.codes.NOT_FOUND


def test_an_object_that_left_git_is_pruned_once_the_rest_is_healthy(world: World) -> None:
    files = {"pruned/kept.yaml": deployment("kept"), "pruned/gone.yaml": config_map("gone", v="1")}
    world.apps.commit(files)
    world.place("pruned")
    world.hub.await_synced("pruned", 3)
    commit = world.apps.commit({"pruned/gone.yaml": None})
    world.hub.await_synced("pruned", 3, commit=commit)
    for name in LIVE:
        with world.cluster(name).client() as client:
            eventually("it is gone", partial(is_gone, client, "/api/v1/namespaces/pruned/configmaps/gone"))
            assert client.get("/apis/apps/v1/namespaces/pruned/deployments/kept").is_success


def test_a_refused_registry_commit_changes_nothing_and_says_why(world: World) -> None:
    world.apps.commit({"stays/a.yaml": config_map("stays", v="1")})
    world.place("stays")
    world.hub.await_synced("stays", 3)
    fleet = (world.registry.folder / "fleet.yaml").read_text()
    in_force = world.hub.get("status")["fleet"]["commit"]
    refused = world.registry.commit({"fleet.yaml": fleet.replace("labels: {env: [test]}", "lables: {env: [test]}")})
    seen = eventually("the commit was seen", lambda: world.hub.get("status")["fleet"]["seen_commit"] == refused)
    assert seen
    status = world.hub.get("status")
    assert status["fleet"]["commit"] == in_force
    assert any("lables" in fault["what"] and fault["line"] == 5 for fault in status["faults"]), status["faults"]
    assert set(world.hub.placements("stays")) == set(LIVE)
    world.registry.commit({"fleet.yaml": fleet})
    eventually("the faults are gone", lambda: not [f for f in world.hub.get("status")["faults"] if f["file"]])


def test_a_manual_sync_has_an_actor_and_goes_first(world: World) -> None:
    world.apps.commit({"asked/a.yaml": config_map("asked", v="1")})
    world.place("asked")
    world.hub.await_synced("asked", 3)
    done = world.hub.cli("sync", f"{LIVE[0]}/asked", "--wait", "--reason", "to see")
    assert done.returncode == 0, done.stderr
    run = world.hub.runs("asked", LIVE[0])[0]
    assert (run["trigger"], run["actor"], run["cause"]) == ("manual", "operator", "to see")


def test_every_attempt_is_shown_with_what_it_did(world: World) -> None:
    commit = world.apps.commit({"shown/a.yaml": config_map("shown", v="1")})
    world.place("shown")
    world.hub.await_synced("shown", 3)
    run = world.hub.data("runs", f"{LIVE[0]}/shown")[-1]
    assert (run["trigger"], run["actor"], run["outcome"], run["commit"]) == (
        "revision",
        "flotilla",
        "succeeded",
        commit,
    )
    assert run["counts"] == {"created": 2}
    detail = world.hub.data("run", run["id"])
    (attempt,) = detail["attempts"]
    assert attempt["outcome"] == "succeeded"
    assert attempt["timings"]
    assert attempt["requests"]
    assert {o["object"] for o in detail["objects"]} == {"/ConfigMap:shown/shown", "/Namespace:/shown"}


def test_flower_shows_tasks_by_name_with_only_ids_in_them(world: World) -> None:
    world.apps.commit({"watched/a.yaml": config_map("watched", secret="not-to-be-seen")})
    world.place("watched")
    world.hub.await_synced("watched", 3)
    with world.hub.client() as client:

        def seen() -> dict[str, dict[str, str]] | None:
            shown: dict[str, dict[str, str]] = client.get("/flower/api/tasks").json()
            wanted = {"flotilla.sync", "flotilla.resolve", "flotilla.sweep"}
            return shown if wanted <= {task["name"] for task in shown.values()} else None

        # Flower collects what it sees from its own start on; a manual sync makes sure that there is something to see.
        assert world.hub.cli("sync", f"{LIVE[0]}/watched", "--wait").returncode == 0
        tasks = eventually("Flower has seen the tasks", seen)
        assert client.post("/flower/api/worker/shutdown/any").status_code == httpx.codes.METHOD_NOT_ALLOWED
    for task in tasks.values():
        assert re.fullmatch(rf"[\[(]'({UUID}|\d+|[a-z0-9-]+)',?[\])]", task["args"]), task["args"]
        assert task["kwargs"] == "{}"
    assert "not-to-be-seen" not in str(tasks)


def test_one_teams_bad_files_stop_nobody_else(world: World) -> None:
    world.apps.commit(
        {
            "good/a.yaml": config_map("good", v="1"),
            "garbled/a.yaml": "kind: [unclosed",
            "nameless/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n",
            "twice/a.yaml": config_map("same", v="1") + config_map("same", v="2"),
            "unknown/a.yaml": "apiVersion: example.com/v1\nkind: Nonsense\nmetadata: {name: x}\n",
        }
    )
    bad = ("absent", "garbled", "nameless", "twice", "unknown")
    for application in (*bad, "good"):
        world.place(application)
    world.hub.await_synced("good", 3)
    for application in bad:
        placed = eventually(f"{application} says why", partial(_all_say_why, world, application))
        assert all(p["sync"] != "synced" for p in placed.values())
    world.registry.commit({f"{application}.yaml": None for application in bad})


def _all_say_why(world: World, application: str) -> dict[str, dict[str, str]] | None:
    placed = world.hub.placements(application)
    return placed if len(placed) == len(LIVE) and all(p["reason"] for p in placed.values()) else None
