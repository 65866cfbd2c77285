"""What only moved is never deleted: the former owner's removal waits for every new owner that may still render it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from common.domain.approvals import ApprovalKind
from common.domain.refs import RunId
from common.store.state.approvals import approved
from common.store.state.intents import IntentKind
from tests.harness.hub import APPS, REGISTRY
from tests.harness.seen import look
from tests.integration.hub.moving import BOTH, TEAMS, Shop, claim, place, shop, text, values, workload
from workers.tasks.sync_run import carry_out

__all__ = ["place", "shop"]


def turns(shop: Shop, count: int = 4) -> None:
    """Take turns in which everything is due that could be."""
    for _ in range(count):
        shop.hub.settle(1)
        shop.hub.make_due()
        look(shop.hub)


def in_wave(manifest: dict[str, Any], wave: int) -> dict[str, Any]:
    """Return the manifest with a wave."""
    metadata = {**manifest["metadata"], "annotations": {"flotilla.dev/wave": str(wave)}}
    return {**manifest, "metadata": metadata}


def never_ready() -> dict[str, Any]:
    """Return a workload that never gets healthy, since nothing runs it."""
    made = workload("slow")
    return {**made, "spec": {**made["spec"], "replicas": 1}}


@pytest.mark.parametrize("first", BOTH)
def test_what_a_later_wave_of_the_new_owner_renders_is_not_removed(shop: Shop, first: str) -> None:
    uids = shop.begin(values("moved"), claim())
    late = (in_wave(values("moved"), 1), in_wave(claim(), 1))
    shop.commit(old=(values("keep"),), new=(values("other"), never_ready(), *late))
    shop.in_order(first, *(name for name in BOTH if name != first))
    turns(shop)
    assert shop.hub.runs("eu/new")[0].state == "waiting"
    assert shop.alive()
    assert shop.uids() == uids
    shop.commit(new=(values("other"), never_ready(), values("moved"), claim()))
    shop.until(lambda: shop.synced("old") and shop.synced("new"))
    assert (shop.uids(), shop.owner("PersistentVolumeClaim")) == (uids, "test/eu/new")


def test_what_a_new_owner_in_mode_warn_renders_is_not_removed(shop: Shop) -> None:
    uids = shop.begin(values("moved"), claim())
    shop.declare("new", more="  sync: {mode: warn}\n")
    shop.hub.settle()
    shop.commit(old=(values("keep"),), new=(values("other"), values("moved"), claim()))
    shop.in_order("new", "old")
    turns(shop)
    assert shop.alive()
    assert shop.uids() == uids
    shop.declare("new")
    shop.until(lambda: shop.synced("old") and shop.synced("new"))
    assert (shop.uids(), shop.owner("ConfigMap")) == (uids, "test/eu/new")


def moved_before_new_is_declared(shop: Shop) -> dict[str, str]:
    """Have what ``old`` owned lie in the folder of an application that is not declared yet; return the uid."""
    shop.declare("old")
    shop.commit(old=(values("keep"), values("moved")), new=(values("other"),))
    shop.until(lambda: shop.synced("old"))
    uids = shop.uids()
    shop.commit(old=(values("keep"),), new=(values("other"), values("moved")))
    shop.hub.tick()
    shop.hub.work()  # the source is resolved for the fleet without the new one
    return uids


def test_a_new_application_whose_source_was_not_resolved_yet_is_waited_for(shop: Shop) -> None:
    uids = moved_before_new_is_declared(shop)
    shop.declare("new")
    shop.hub.ask(IntentKind.SYNC, "eu/old")
    shop.hub.registry.look(jitter=1.0)
    shop.hub.planner.tick()
    shop.hub.intents.tick()
    assert shop.hub.placement("eu/new")
    carry_out(shop.hub.runtime, RunId(shop.hub.runs("eu/old")[0].id))
    assert "nothing is removed yet: eu/new" in shop.said("old")
    assert shop.alive()
    shop.until(lambda: shop.synced("old") and shop.synced("new"))
    assert (shop.uids(), shop.owner("ConfigMap")) == (uids, "test/eu/new")


def test_a_new_application_that_is_not_planned_yet_is_waited_for(shop: Shop) -> None:
    uids = moved_before_new_is_declared(shop)
    shop.hub.planner.tick()
    shop.declare("new")
    shop.hub.registry.look(jitter=1.0)
    carry_out(shop.hub.runtime, RunId(shop.hub.runs("eu/old")[0].id))
    assert "nothing is removed yet: eu/new" in shop.said("old")
    assert shop.alive()
    shop.until(lambda: shop.synced("old") and shop.synced("new"))
    assert (shop.uids(), shop.owner("ConfigMap")) == (uids, "test/eu/new")


@pytest.mark.parametrize("why", ["paused", "manual", "unrendered"])
def test_a_new_owner_of_an_earlier_commit_that_could_not_look_is_waited_for(shop: Shop, why: str) -> None:
    uids = shop.begin(values("moved"))
    if why == "manual":
        shop.declare("new", more="  sync: {mode: manual}\n")
    if why == "paused":
        shop.hub.ask(IntentKind.PAUSE, "eu/new", reason="not now")
    shop.hub.settle()
    shop.commit(new=(values("other"), values("moved"), *([{"kind": "ConfigMap"}] if why == "unrendered" else [])))
    turns(shop, 2)
    shop.commit(old=(values("keep"),))
    turns(shop)
    assert shop.alive()
    assert shop.uids() == uids
    if why == "unrendered":
        assert "nothing is removed yet: eu/new" in shop.said("old")
        shop.commit(new=(values("other"), values("moved")))
    elif why == "paused":
        shop.hub.ask(IntentKind.RESUME, "eu/new")
    else:
        shop.hub.ask(IntentKind.SYNC, "eu/new")
    shop.until(lambda: shop.synced("old") and shop.synced("new"))
    assert (shop.uids(), shop.owner("ConfigMap")) == (uids, "test/eu/new")


def test_an_application_without_its_folder_is_named_and_holds_up_no_removal_for_ever(shop: Shop) -> None:
    shop.begin(values("moved"))
    shop.declare("old", more="  sync: {deadline: 3s, retry: {limit: 0}}\n")
    shop.hub.settle()
    shop.hub.git.commit(APPS, {"new/a.yaml": None, "old/a.yaml": text(values("keep"))})
    turns(shop, 2)
    run = shop.hub.runs("eu/old")[0]
    assert run.outcome == "failed"
    assert "Reason(" not in str(run.error)
    time.sleep(3)  # the deadline
    shop.until(lambda: not shop.alive())


def test_an_application_that_nobody_can_mend_holds_up_no_removal_for_ever(shop: Shop) -> None:
    shop.begin(values("moved"))
    shop.declare("old", more="  sync: {deadline: 3s}\n")
    shop.hub.settle()
    shop.commit(new=(values("other"), {"kind": "ConfigMap"}))
    turns(shop, 2)
    shop.commit(old=(values("keep"),))
    shop.until(lambda: shop.hub.placement("eu/old").failure is not None)
    assert "nothing is removed yet: eu/new" in shop.said("old")
    assert shop.alive()
    time.sleep(3)  # the deadline
    shop.until(lambda: shop.synced("old"))
    assert not shop.alive()


@pytest.mark.parametrize("why", ["paused", "manual"])
def test_a_removal_goes_on_once_the_other_was_looked_at_and_does_not_render_it(shop: Shop, why: str) -> None:
    shop.begin(values("moved"))
    if why == "manual":
        shop.declare("new", more="  sync: {mode: manual}\n")
    if why == "paused":
        shop.hub.ask(IntentKind.PAUSE, "eu/new", reason="not now")
    shop.hub.settle()
    shop.commit(old=(values("keep"),), new=(values("other", a="2"),))
    shop.until(lambda: shop.synced("old"))
    assert not shop.alive(), "nobody renders it"
    assert shop.kubectl.get("/api/v1/namespaces/shared/configmaps/other").json()["data"] == {"a": "1"}


def test_one_that_waits_for_one_owner_keeps_what_another_has_released(shop: Shop) -> None:
    shop.declare("third")
    shop.commit(third=(values("elsewhere"), values("late")))
    uids = shop.begin(values("moved"))
    shop.until(lambda: shop.synced("third"))
    shop.hub.ask(IntentKind.PAUSE, "eu/third", reason="not now")
    shop.hub.settle()
    shop.commit(
        old=(values("keep"),), third=(values("elsewhere"),), new=(values("other"), values("moved"), values("late"))
    )
    for name in ("new", "old", "new", "old"):
        turns(shop, 1)
        del name
    assert shop.hub.runs("eu/new")[0].state == "waiting"
    assert shop.alive()
    assert shop.uids() == uids
    shop.hub.ask(IntentKind.RESUME, "eu/third")
    shop.until(lambda: all(map(shop.synced, ("old", "new", "third"))))
    assert (shop.uids(), shop.owner("ConfigMap")) == (uids, "test/eu/new")


def projects(shop: Shop) -> dict[str, str]:
    """Have ``old`` own the moving ConfigMap in one project, and ``new`` be in another; return the uid."""
    shop.hub.git.commit(REGISTRY.repo, {"projects.yaml": TEAMS})
    shop.declare("old", project="a")
    shop.declare("new", project="b")
    shop.commit(old=(values("keep"), values("moved")), new=(values("other"),))
    shop.until(lambda: shop.synced("old") and shop.synced("new"))
    return shop.uids()


@pytest.mark.parametrize("first", BOTH)
def test_what_moves_to_another_project_in_one_commit_stays_until_a_person_decides(shop: Shop, first: str) -> None:
    uids = projects(shop)
    shop.commit(old=(values("keep"),), new=(values("other"), values("moved")))
    shop.in_order(first, *(name for name in BOTH if name != first))
    shop.until(lambda: bool(shop.hub.approvals()) and shop.synced("old"))
    assert shop.alive()
    (asked,) = shop.hub.approvals()
    shop.hub.ask(IntentKind.APPROVE, str(asked.id))
    shop.until(lambda: shop.synced("new"))
    assert (shop.uids(), shop.owner("ConfigMap")) == (uids, "test/eu/new")
    with shop.hub.database.read() as connection:
        assert approved(connection, ApprovalKind.MOVE) == (), "it allows nothing any more"


def test_what_a_person_refused_to_another_project_is_removed_by_its_owner(shop: Shop) -> None:
    projects(shop)
    shop.commit(old=(values("keep"),), new=(values("other"), values("moved")))
    shop.until(lambda: bool(shop.hub.approvals()) and shop.synced("old"))
    (asked,) = shop.hub.approvals()
    assert shop.alive()
    shop.hub.ask(IntentKind.REJECT, str(asked.id), reason="it is theirs")
    turns(shop, 3)
    shop.hub.ask(IntentKind.SYNC, "eu/old")
    turns(shop, 2)
    assert not shop.alive()


def test_one_of_another_project_that_cannot_be_read_holds_nobody_up_for_ever(shop: Shop) -> None:
    projects(shop)
    shop.commit(new=({"kind": "ConfigMap"},))
    turns(shop, 2)
    shop.commit(old=(values("keep"),))
    shop.until(lambda: shop.synced("old"))
    assert not shop.alive()


def test_requests_to_several_owners_stand_beside_each_other_and_end_with_their_use(shop: Shop) -> None:
    teams = TEAMS.replace("paths: [old.yaml]", "paths: [old.yaml, third.yaml]")
    shop.hub.git.commit(REGISTRY.repo, {"projects.yaml": teams})
    for name, project in (("old", "a"), ("third", "a"), ("new", "b")):
        shop.declare(name, project=project)
    shop.commit(old=(values("keep"), claim()), third=(values("elsewhere"), values("moved")), new=(values("other"),))
    shop.until(lambda: all(map(shop.synced, ("old", "third", "new"))))
    uids = shop.uids()
    moved = (values("moved"), claim())
    shop.commit(old=(values("keep"),), third=(values("elsewhere"),), new=(values("other"), *moved))
    shop.until(lambda: len(shop.hub.approvals()) == 2 and shop.synced("old") and shop.synced("third"))
    turns(shop, 2)
    asked = [one for one in shop.hub.approvals() if one.state == "open"]
    assert len(asked) == 2, "neither makes the other void"
    for one in asked:
        shop.hub.ask(IntentKind.APPROVE, str(one.id))
    shop.until(lambda: shop.synced("new"))
    assert shop.uids() == uids
    with shop.hub.database.read() as connection:
        assert approved(connection, ApprovalKind.MOVE) == ()


def test_a_renamed_application_removes_what_it_renders_no_longer(shop: Shop) -> None:
    uids = shop.begin(values("moved"), values("gone"))
    shop.hub.git.commit(REGISTRY.repo, {"old.yaml": None})
    shop.declare("new", more="  movedFrom: {application: old}\n")
    shop.commit(new=(values("other"), values("keep"), values("moved")))
    shop.until(lambda: shop.synced("new") and shop.hub.placement("eu/old").state in {"left", "retained"}, turns=20)
    assert shop.uids() == uids
    there = shop.kubectl.get("/api/v1/namespaces/shared/configmaps").json()["items"]
    names = {one["metadata"]["name"] for one in there if "deletionTimestamp" not in one["metadata"]}
    assert {"keep", "moved", "other"} <= names
    assert "gone" not in names
    assert shop.rows("old") <= {"Namespace/shared"}, "which whoever came first has made, and both leave alone"
