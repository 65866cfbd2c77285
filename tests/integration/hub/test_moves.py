"""Objects that move between applications keep their uid, in whichever order the two runs come."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from common.store.schema.tables import AuditRow
from common.store.state.intents import IntentKind
from tests.harness.hub import REGISTRY
from tests.harness.seen import look
from tests.integration.hub.moving import BOTH, BROKEN, KINDS, MOVED, TEAMS, Shop, claim, place, shop, values

__all__ = ["place", "shop"]


@pytest.mark.parametrize("first", BOTH)
def test_what_moves_in_one_commit_keeps_its_uid_whoever_is_first(shop: Shop, first: str) -> None:
    uids = shop.begin(*MOVED.values())
    assert set(uids) == set(MOVED)
    changed = {**MOVED, "ConfigMap": values("moved", a="2")}
    shop.commit(old=(values("keep"),), new=(values("other", a="2"), *changed.values()))
    shop.in_order(first, *(name for name in BOTH if name != first))
    shop.until(lambda: shop.synced("old") and shop.synced("new"))
    assert shop.uids() == uids
    assert {shop.owner(kind) for kind in MOVED} == {"test/eu/new"}
    assert shop.kubectl.get(f"{KINDS['ConfigMap']}/moved").json()["data"] == {"a": "2"}
    assert "ConfigMap/keep" in shop.rows("old")
    assert {f"{kind}/moved" for kind in MOVED} <= shop.rows("new")
    assert not {f"{kind}/moved" for kind in MOVED} & shop.rows("old")
    with shop.hub.database.read() as connection:
        (moved,) = connection.execute(select(AuditRow).where(AuditRow.action == "move")).all()
    assert (moved.subject, moved.detail["from"], len(moved.detail["objects"])) == ("eu/new", "eu/old", 3)
    shop.hub.make_due()
    shop.hub.settle()
    assert shop.uids() == uids, "and nobody takes it back, or removes it"
    assert not [fault for fault in shop.hub.faults() if "moved" in fault]


def test_the_new_one_waits_for_the_old_one_and_says_so(shop: Shop) -> None:
    shop.begin(MOVED["ConfigMap"])
    shop.commit(old=(values("keep"),), new=(values("other", a="2"), MOVED["ConfigMap"]))
    shop.in_order("new")
    (run, *_) = shop.hub.runs("eu/new")
    assert run.state == "waiting"
    assert "eu/old owns it and has not run its wanted revision yet" in run.reason
    assert shop.kubectl.get(f"{KINDS['ConfigMap']}/other").json()["data"] == {"a": "1"}, "nothing of it is written"


def test_two_that_move_something_to_each_other_do_not_wait_for_each_other(shop: Shop) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "moved"}, "stringData": {"a": "b"}}
    for name in BOTH:
        shop.declare(name)
    shop.commit(old=(values("keep"), values("moved")), new=(values("other"), secret))
    shop.until(lambda: shop.synced("old") and shop.synced("new"))
    uids = shop.uids()
    assert set(uids) == {"ConfigMap", "Secret"}
    shop.commit(old=(values("keep"), secret), new=(values("other"), values("moved")))
    shop.until(lambda: shop.synced("old") and shop.synced("new"))
    assert shop.uids() == uids
    assert (shop.owner("Secret"), shop.owner("ConfigMap")) == ("test/eu/old", "test/eu/new")


def test_two_that_both_render_it_stay_a_conflict(shop: Shop) -> None:
    uids = shop.begin(MOVED["ConfigMap"])
    shop.commit(new=(values("other"), values("moved", a="2")))
    shop.until(lambda: shop.hub.runs("eu/new")[0].outcome == "failed")
    assert "conflict: owned by eu/old, whose wanted revision renders it too" in shop.hub.runs("eu/new")[0].error
    assert shop.uids() == uids
    assert shop.owner("ConfigMap") == "test/eu/old"


def test_an_application_that_is_renamed_keeps_what_it_owns_where_what_leaves_is_deleted(shop: Shop) -> None:
    uids = shop.begin(*MOVED.values())
    shop.declare("old", more="  onUnmatch: delete\n")
    shop.hub.settle()
    shop.hub.git.commit(REGISTRY.repo, {"old.yaml": None})
    shop.declare("new", more="  movedFrom: {application: old}\n")
    shop.commit(new=(values("other"), values("keep"), *MOVED.values()))
    shop.until(lambda: shop.synced("new") and shop.hub.placement("eu/old").state in {"left", "retained"}, turns=20)
    assert shop.uids() == uids
    assert {shop.owner(kind) for kind in MOVED} == {"test/eu/new"}


@pytest.mark.parametrize("first", BOTH)
def test_what_moves_to_another_project_waits_for_a_person(shop: Shop, first: str) -> None:
    shop.hub.git.commit(REGISTRY.repo, {"projects.yaml": TEAMS})
    shop.declare("old", project="a")
    shop.declare("new", project="b")
    shop.commit(old=(values("keep"), claim()), new=(values("other"),))
    shop.until(lambda: shop.synced("old") and shop.synced("new"))
    uids = shop.uids()
    shop.commit(old=(values("keep"),), new=(values("other"), claim()))
    shop.in_order(first, *(name for name in BOTH if name != first))
    shop.until(lambda: bool(shop.hub.approvals()) and shop.synced("old"))
    (asked,) = shop.hub.approvals()
    assert (asked.kind, asked.subject) == ("move", "eu/new")
    assert "eu/old of project a owns it: waits for an approval to take it over" in asked.reason
    assert shop.owner("PersistentVolumeClaim") == "test/eu/old"
    shop.hub.ask(IntentKind.APPROVE, str(asked.id))
    shop.until(lambda: shop.synced("new"))
    assert shop.uids() == uids
    assert shop.owner("PersistentVolumeClaim") == "test/eu/new"


def hold_back(shop: Shop, why: str) -> None:
    """Have ``new`` not come to its next revision by itself; ``failed`` does so by what is committed."""
    if why == "manual":
        shop.declare("new", more="  sync: {mode: manual}\n")
        shop.hub.settle()
    if why == "paused":
        shop.hub.ask(IntentKind.PAUSE, "eu/new", reason="not now")
        shop.hub.settle()


def let_go(shop: Shop, why: str) -> None:
    """Undo what keeps ``new`` from its revision."""
    if why == "failed":
        shop.commit(new=(values("other"), values("moved")))
    elif why == "paused":
        shop.hub.ask(IntentKind.RESUME, "eu/new")
    else:
        shop.hub.ask(IntentKind.SYNC, "eu/new")


@pytest.mark.parametrize("why", ["failed", "paused", "manual"])
def test_a_prune_waits_for_a_new_owner_that_cannot_look(shop: Shop, why: str) -> None:
    uids = shop.begin(values("moved"))
    hold_back(shop, why)
    shop.commit(old=(values("keep"),), new=(values("other"), values("moved"), *([BROKEN] if why == "failed" else [])))
    for _ in range(4):
        shop.hub.settle(1)
        shop.hub.make_due()
        look(shop.hub)
    assert shop.alive()
    assert shop.uids() == uids
    if why == "failed":
        assert not shop.synced("old"), "it says that it has not removed all it is to"
        assert "nothing is removed yet: eu/new" in shop.said("old")
    else:
        assert "ConfigMap/moved" in shop.rows("old"), "the other was only looked at, and is to take it over"
        assert [run.trigger for run in shop.hub.runs("eu/new")].count("check") == 1
    let_go(shop, why)
    shop.until(lambda: shop.synced("old") and shop.synced("new"))
    assert shop.alive()
    assert (shop.uids(), shop.owner("ConfigMap")) == (uids, "test/eu/new")


def test_a_conflict_ends_when_the_owner_drops_the_object_later(shop: Shop) -> None:
    uids = shop.begin(values("moved"))
    shop.commit(new=(values("other"), values("moved")))
    shop.until(lambda: shop.hub.runs("eu/new")[0].outcome == "failed")
    shop.commit(old=(values("keep"),))
    shop.until(lambda: shop.synced("old") and shop.synced("new"))
    assert shop.alive()
    assert (shop.uids(), shop.owner("ConfigMap")) == (uids, "test/eu/new")


def test_two_that_both_only_remove_something_do_not_wait_for_each_other(shop: Shop) -> None:
    for name in BOTH:
        shop.declare(name)
    shop.commit(old=(values("keep"), values("moved")), new=(values("other"), values("gone")))
    shop.until(lambda: shop.synced("old") and shop.synced("new"))
    shop.commit(old=(values("keep"),), new=(values("other"),))
    shop.until(lambda: shop.synced("old") and shop.synced("new"))
    assert not shop.alive()


def test_a_move_that_a_person_rejected_is_not_asked_again(shop: Shop) -> None:
    shop.hub.git.commit(REGISTRY.repo, {"projects.yaml": TEAMS})
    shop.declare("old", project="a")
    shop.declare("new", project="b")
    shop.commit(old=(values("keep"), claim()), new=(values("other"),))
    shop.until(lambda: shop.synced("old") and shop.synced("new"))
    shop.commit(old=(values("keep"),), new=(values("other"), claim()))
    shop.until(lambda: bool(shop.hub.approvals()) and shop.synced("old"))
    (asked,) = shop.hub.approvals()
    shop.hub.ask(IntentKind.REJECT, str(asked.id), reason="it is theirs")
    for _ in range(3):
        shop.hub.settle(1)
        shop.hub.make_due()
    assert [one for one in shop.hub.approvals() if one.state == "open"] == []
    assert "rejected the move: it is theirs" in shop.said("new")
    runs = len(shop.hub.runs("eu/new"))
    shop.hub.make_due()
    shop.hub.settle(2)
    assert len(shop.hub.runs("eu/new")) == runs, "only a change helps, or a person"
