"""Objects that move between applications keep their uid, in whichever order the two runs come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from common.db.intents import IntentKind
from common.db.session import Database
from common.db.tables import AuditRow, InventoryRow, PlacementRow
from common.domain.refs import RunId
from tests.contract.semantics.conftest import Place, place
from tests.integration.hub.harness import APPS, REGISTRY, StepHub
from tests.integration.hub.test_waves import look
from workers.tasks.sync_run import carry_out

__all__ = ["place"]

KINDS = {
    "ConfigMap": "/api/v1/namespaces/shared/configmaps",
    "Secret": "/api/v1/namespaces/shared/secrets",
    "PersistentVolumeClaim": "/api/v1/namespaces/shared/persistentvolumeclaims",
    "Deployment": "/apis/apps/v1/namespaces/shared/deployments",
}
BOTH = ("old", "new")


def claim(name: str = "moved") -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def workload(name: str = "moved") -> dict[str, Any]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def values(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data or {"a": "1"}}


MOVED = {"ConfigMap": values("moved"), "PersistentVolumeClaim": claim(), "Deployment": workload()}


def text(*manifests: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(each)}\n---\n" for each in manifests)


class Shop:
    """A hub over one cluster with the applications ``old`` and ``new``, in one namespace."""

    def __init__(self, hub: StepHub, kubectl: httpx.Client) -> None:
        self.hub = hub
        self.kubectl = kubectl

    def declare(self, name: str, more: str = "", project: str = "default") -> None:
        document = (
            f"apiVersion: flotilla.dev/v1\nkind: Application\nmetadata: {{name: {name}}}\nspec:\n"
            f"  project: {project}\n"
            f"  source: {{repo: '{APPS}', path: {name}, ref: {{branch: main}}}}\n"
            f"  namespace: shared\n  createNamespace: true\n  targets: [{{name: all, select: {{all: true}}}}]\n{more}"
        )
        self.hub.git.commit(REGISTRY.repo, {f"{name}.yaml": document})

    def commit(self, **folders: tuple[dict[str, Any], ...]) -> None:
        self.hub.git.commit(APPS, {f"{name}/a.yaml": text(*manifests) for name, manifests in folders.items()})

    def begin(self, *manifests: dict[str, Any]) -> dict[str, str]:
        """Have ``old`` own these and both be synced; return their uids."""
        for name in BOTH:
            self.declare(name)
        self.commit(old=(values("keep"), *manifests), new=(values("other"),))
        self.until(lambda: self.synced("old") and self.synced("new"))
        return self.uids()

    def uids(self) -> dict[str, str]:
        found = {kind: self.kubectl.get(f"{path}/moved") for kind, path in KINDS.items()}
        return {kind: one.json()["metadata"]["uid"] for kind, one in found.items() if one.is_success}

    def said(self, name: str) -> str:
        """Return what the last run of an application says."""
        (run, *_) = self.hub.runs(f"eu/{name}")
        return f"{run.reason} {run.error}"

    def alive(self) -> bool:
        """Whether the moving ConfigMap is there, and not about to go."""
        found = self.kubectl.get(f"{KINDS['ConfigMap']}/moved")
        return found.is_success and "deletionTimestamp" not in found.json()["metadata"]

    def owner(self, kind: str) -> str:
        metadata = self.kubectl.get(f"{KINDS[kind]}/moved").raise_for_status().json()["metadata"]
        return str(metadata["annotations"]["flotilla.dev/owner"]).partition(":")[0]

    def synced(self, name: str) -> bool:
        with self.hub.database.read() as connection:
            query = select(PlacementRow.__table__).where(PlacementRow.application == name)
            row = connection.execute(query).one_or_none()
        if row is None or row.desired_source_digest is None:
            return False
        at = (row.applied_source_digest, row.applied_parameters_digest)
        wanted = (row.desired_source_digest, row.desired_parameters_digest)
        return self.hub.placement(f"eu/{name}").sync == "synced" and at == wanted

    def until(self, is_so: Any, turns: int = 12) -> None:
        for _ in range(turns):
            self.hub.settle(1)
            self.hub.make_due()
            look(self.hub)
            if is_so():
                return
        assert is_so(), self.hub.faults() + [
            (name, [(run.state, run.outcome, run.reason, run.error) for run in self.hub.runs(f"eu/{name}")[:2]])
            for name in BOTH
        ]

    def in_order(self, *names: str) -> None:
        """Plan what was committed, and carry out the first runs of it in this order."""
        for _ in range(3):
            self.hub.tick()
            messages = list(self.hub.sender.messages)
            runs = {name: self.hub.runs(f"eu/{name}")[0] for name in BOTH}
            if all(runs[name].state == "queued" for name in names):
                break
            self.hub.work()
        del messages
        self.hub.sender.messages.clear()
        for name in names:
            carry_out(self.hub.runtime, RunId(self.hub.runs(f"eu/{name}")[0].id))

    def rows(self, name: str) -> set[str]:
        with self.hub.database.read() as connection:
            query = select(InventoryRow.kind, InventoryRow.name).join(
                PlacementRow, PlacementRow.id == InventoryRow.placement_id
            )
            return {f"{kind}/{one}" for kind, one in connection.execute(query.where(PlacementRow.application == name))}


@pytest.fixture
def shop(place: Place, sqlite_database: Database, tmp_path: Path) -> Iterator[Shop]:
    """Return a hub on an empty API server, real or simulated."""
    made = StepHub(sqlite_database, place, tmp_path)
    made.declare("eu")
    yield Shop(made, place.people)
    made.close()


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


RULES = "repos: ['**'], clusters: {all: true}, namespaces: {allow: ['*'], create: true}"
TEAMS = "---\n".join(
    f"apiVersion: flotilla.dev/v1\nkind: Project\nmetadata: {{name: {name}}}\nspec: {{paths: [{file}], {RULES}}}\n"
    for name, file in (("a", "old.yaml"), ("b", "new.yaml"))
)


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


BROKEN = {"apiVersion": "apps/v1", "kind": "Deploymentt", "metadata": {"name": "bad"}}


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
    assert not shop.synced("old"), "it says that it has not removed all it is to"
    assert "nothing is removed yet: eu/new" in shop.said("old")
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
