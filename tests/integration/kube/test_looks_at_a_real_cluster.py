"""Looks and operations on a real API server: the tree by real owner references, events, a log that no node has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from sqlalchemy import update

from common.store.engine.session import Database
from common.store.schema.tables import ClusterRow
from common.store.state.intents import IntentKind
from tests.controlplane.runner import ControlPlane
from tests.harness.hub import APPS, StepHub
from tests.harness.inspections import Asking
from tests.harness.place import Place

APPS_V1, CORE = "/apis/apps/v1/namespaces/web", "/api/v1/namespaces/web"
SPEC: dict[str, Any] = {"containers": [{"name": "main", "image": "registry.example.com/web:1"}]}
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": SPEC}
WORKLOAD = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE}
DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": WORKLOAD}
JOB = {"template": {"spec": SPEC | {"restartPolicy": "Never"}}}
CRON_JOB = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {"name": "nightly"},
    "spec": {"schedule": "0 0 * * *", "jobTemplate": {"spec": JOB}},
}


@pytest.fixture
def people(cluster: ControlPlane) -> Iterator[httpx.Client]:
    with cluster.client() as client:
        yield client


@pytest.fixture
def hub(cluster: ControlPlane, people: httpx.Client, sqlite_database: Database, tmp_path: Path) -> Iterator[StepHub]:
    """Return a hub whose placement is synced; what controllers would make of it is made by hand."""
    made = StepHub(sqlite_database, Place(cluster.server, cluster.kubeconfig(), people), tmp_path)
    made.declare("eu")
    made.git.commit(APPS, {"web/a.yaml": yaml.safe_dump_all([DEPLOYMENT, CRON_JOB])})
    made.application("web")
    made.settle()
    found = people.get(f"{APPS_V1}/deployments/web").json()
    replica_set = _made(people, f"{APPS_V1}/replicasets", _owned("web-1", "apps/v1", "Deployment", found), WORKLOAD)
    pod = _made(people, f"{CORE}/pods", _owned("web-1-x", "apps/v1", "ReplicaSet", replica_set), SPEC)
    gone = _owned("web-1-y", "apps/v1", "ReplicaSet", replica_set)
    _made(people, f"{CORE}/pods", gone, SPEC | {"nodeName": "gone"})
    _made(people, f"{CORE}/pods", {"name": "stranger", "labels": found["metadata"]["labels"]}, SPEC)
    for name, message in (("e.1", "first"), ("e.2", "last")):
        of = {"kind": "Pod", "namespace": "web", "name": "web-1-x", "uid": pod["metadata"]["uid"]}
        at = f"2026-01-01T00:00:0{name[-1]}Z"
        event = {"metadata": {"name": name}, "involvedObject": of, "message": message, "lastTimestamp": at}
        people.post(f"{CORE}/events", json=event).raise_for_status()
    yield made
    made.close()


def _made(http: httpx.Client, path: str, metadata: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    answer = http.post(path, json={"metadata": metadata, "spec": spec})
    assert answer.status_code == httpx.codes.CREATED, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _owned(name: str, api: str, kind: str, owner: dict[str, Any]) -> dict[str, Any]:
    of = {"apiVersion": api, "kind": kind, "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
    return {"name": name, "labels": {"app": "web"}, "ownerReferences": [of | {"controller": True}]}


def test_what_hangs_on_what_is_told_with_events_and_what_no_node_has_is_said(hub: StepHub) -> None:
    asking = Asking(hub, "eu/web")
    seen = asking("tree")
    deployment = next(node for node in seen["objects"] if node["kind"] == "Deployment")
    (replica_set,) = deployment["children"]
    pods = [(pod["name"], pod["containers"], pod["node"]) for pod in replica_set["children"]]
    assert pods == [("web-1-x", ["main"], ""), ("web-1-y", ["main"], "gone")]
    assert deployment["actions"] == ["restart"]
    events = asking("events", object="apps/Deployment:web/web")["events"]
    assert [(one["object"], one["message"]) for one in events] == [
        ("/Pod:web/web-1-x", "last"),
        ("/Pod:web/web-1-x", "first"),
    ]
    logs = asking("logs")
    assert [(log["pod"], log["lines"]) for log in logs["logs"]] == [("web-1-x", [])], "it runs nowhere yet"
    assert [note for note in logs["notes"] if note.startswith("the log of web-1-y, main cannot be read")]
    assert asking.failed("manifest", object="/Pod:web/stranger")["code"] == "inspection.object"


def test_what_is_done_is_kept_by_the_next_sync_and_is_no_drift(hub: StepHub, people: httpx.Client) -> None:
    asking = Asking(hub, "eu/web")
    for object_, action in (("apps/Deployment:web/web", "restart"), ("batch/CronJob:web/nightly", "suspend")):
        asked = {"placement": "eu/web", "object": object_, "action": action}
        id_ = asking.client.send_body("POST", "operations", asked)["id"]
        hub.dispatcher.tick()
        hub.work()
        assert asking.get(id_)["state"] == "answered", asking.get(id_)
    before = people.get(f"{APPS_V1}/deployments/web").json()
    with hub.database.write() as connection:
        connection.execute(update(ClusterRow).values(sweep_due_at=hub.database.now(connection), sweep_sent_at=None))
    hub.settle()
    hub.ask(IntentKind.SYNC, "eu/web")
    hub.settle()
    after = people.get(f"{APPS_V1}/deployments/web").json()
    assert after["spec"] == before["spec"]
    assert "restartedAt" in str(after["spec"]["template"]["metadata"]["annotations"])
    assert people.get("/apis/batch/v1/namespaces/web/cronjobs/nightly").json()["spec"]["suspend"] is True
    written = {run.counts.get("configured", 0) for run in hub.runs("eu/web") if run.trigger in {"drift", "manual"}}
    assert written <= {0}, "nothing of it was taken for drift"
