"""ReplicaSets and Pods of simulated workloads: they come, change and go with what they are of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from simulator import api
from simulator.request import Answer, Request
from simulator.store import Cluster, ClusterOptions

APPS, CORE, BATCH = (
    "/apis/apps/v1/namespaces/default",
    "/api/v1/namespaces/default",
    "/apis/batch/v1/namespaces/default",
)
SPEC: dict[str, Any] = {"containers": [{"name": "main", "image": "example.com/web:1"}]}


class Clock:
    """Goes on a second with each request, so that controllers have been there."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def cluster() -> Cluster:
    made = Cluster("it", ClusterOptions(timedelta(milliseconds=300), pods=True), Clock())
    api.furnish(made)
    return made


def asked(cluster: Cluster, method: str, path: str, body: dict[str, Any] | None = None, **query: str) -> Answer:
    assert isinstance(cluster.clock, Clock)
    cluster.clock.now += timedelta(seconds=1)
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    return api.handle(
        cluster, Request(method, path, query, {"content-type": kind}, orjson.dumps(body) if body else b"")
    )


def names(cluster: Cluster, path: str) -> list[str]:
    return [each["metadata"]["name"] for each in orjson.loads(asked(cluster, "GET", path).body)["items"]]


def workload(name: str, **spec: Any) -> dict[str, Any]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": SPEC}
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": labels}, "template": template, **spec}}


def test_a_deployments_pods_hang_on_its_replica_set_and_are_ready(cluster: Cluster) -> None:
    assert asked(cluster, "POST", f"{APPS}/deployments", workload("web", replicas=2)).code == 201
    (replica_set,) = names(cluster, f"{APPS}/replicasets")
    pods = orjson.loads(asked(cluster, "GET", f"{CORE}/pods").body)["items"]
    assert len(pods) == 2
    for pod in pods:
        (owner,) = pod["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["controller"]) == ("ReplicaSet", replica_set, True)
        assert (pod["status"]["phase"], pod["spec"]["nodeName"]) == ("Running", "node-1")


def test_they_follow_what_it_wants(cluster: Cluster) -> None:
    asked(cluster, "POST", f"{APPS}/deployments", workload("web", replicas=2))
    before, pods = names(cluster, f"{APPS}/replicasets"), names(cluster, f"{CORE}/pods")
    asked(cluster, "PATCH", f"{APPS}/deployments/web", {"spec": {"replicas": 1}})
    assert (names(cluster, f"{APPS}/replicasets"), len(names(cluster, f"{CORE}/pods"))) == (before, 1)
    restart = {"spec": {"template": {"metadata": {"annotations": {"at": "now"}}}}}
    asked(cluster, "PATCH", f"{APPS}/deployments/web", restart)
    assert names(cluster, f"{APPS}/replicasets") != before
    assert not {*names(cluster, f"{CORE}/pods")} & {*pods}
    asked(cluster, "DELETE", f"{APPS}/deployments/web")
    assert (names(cluster, f"{APPS}/replicasets"), names(cluster, f"{CORE}/pods")) == ([], [])


def test_a_huge_workload_has_some_of_its_pods(cluster: Cluster) -> None:
    asked(cluster, "POST", f"{APPS}/statefulsets", workload("db", replicas=10_000, serviceName="db"))
    assert names(cluster, f"{CORE}/pods") == [f"db-{n}" for n in range(10)]


def test_a_jobs_pod_has_ended(cluster: Cluster) -> None:
    job = {"metadata": {"name": "once"}, "spec": {"template": {"spec": SPEC | {"restartPolicy": "Never"}}}}
    assert asked(cluster, "POST", f"{BATCH}/jobs", job).code == 201
    (pod,) = orjson.loads(asked(cluster, "GET", f"{CORE}/pods").body)["items"]
    assert pod["status"]["phase"] == "Succeeded"


def test_their_logs_are_read_as_an_api_server_gives_them(cluster: Cluster) -> None:
    asked(cluster, "POST", f"{APPS}/statefulsets", workload("db", replicas=1, serviceName="db"))
    whole = asked(cluster, "GET", f"{CORE}/pods/db-0/log")
    assert (whole.code, whole.body.count(b"\n")) == (200, 120)
    last = asked(cluster, "GET", f"{CORE}/pods/db-0/log", container="main", tailLines="3")
    assert last.body == b"".join(whole.body.splitlines(keepends=True)[-3:])
    assert len(asked(cluster, "GET", f"{CORE}/pods/db-0/log", limitBytes="10").body) == 10
    assert asked(cluster, "GET", f"{CORE}/pods/db-0/log", container="other").code == 400
    assert asked(cluster, "GET", f"{CORE}/pods/absent/log").code == 404


def test_what_cannot_start_says_so(cluster: Cluster) -> None:
    broken = workload("db", replicas=1, serviceName="db")
    broken["spec"]["template"]["spec"] = {"containers": [{"name": "main", "image": "example.com/web:broken"}]}
    asked(cluster, "POST", f"{APPS}/statefulsets", broken)
    assert asked(cluster, "GET", f"{CORE}/pods/db-0/log").code == 400


def test_without_the_option_there_are_none() -> None:
    plain = Cluster("it", ClusterOptions(timedelta(milliseconds=300)), Clock())
    api.furnish(plain)
    asked(plain, "POST", f"{APPS}/deployments", workload("web"))
    assert names(plain, f"{CORE}/pods") == []
