"""Two applications in one namespace of one cluster, between which objects move."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from common.domain.refs import RunId
from common.store.engine.session import Database
from common.store.schema.tables import InventoryRow, PlacementRow
from tests.fixtures.place import place
from tests.harness.hub import APPS, REGISTRY, StepHub
from tests.harness.place import Place
from tests.harness.seen import look
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


RULES = "repos: ['**'], clusters: {all: true}, namespaces: {allow: ['*'], create: true}, clusterKinds: {allow: ['*/*']}"
TEAMS = "---\n".join(
    f"apiVersion: flotilla.dev/v1\nkind: Project\nmetadata: {{name: {name}}}\nspec: {{paths: [{file}], {RULES}}}\n"
    for name, file in (("a", "old.yaml"), ("b", "new.yaml"))
)
BROKEN = {"apiVersion": "apps/v1", "kind": "Deploymentt", "metadata": {"name": "bad"}}
