"""The clusters that other tests rely on are real and can be broken."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.controlplane.accounts import Rule, limited_token
from tests.controlplane.fixtures import Clusters
from tests.controlplane.reset import Resettable
from tests.controlplane.runner import ControlPlane

APPLY = {"Content-Type": "application/apply-patch+yaml"}
DEFAULT = "/api/v1/namespaces/default"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def deployment(name: str, replicas: int) -> dict[str, Any]:
    labels = {"app": name}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "main:1"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def eventually(what: str, true: Callable[[], bool], within: float = 60) -> None:
    until = time.monotonic() + within
    while not true():
        assert time.monotonic() < until, f"{what}: not within {within} s"
        time.sleep(0.05)


def available(client: httpx.Client, name: str) -> int:
    return int(client.get(f"{DEPLOYMENTS}/{name}").json().get("status", {}).get("availableReplicas", 0))


def test_three_clusters_are_three_api_servers(clusters: Clusters) -> None:
    uids = set()
    for plane in clusters(3):
        with plane.client() as client:
            assert client.get("/version").json()["gitVersion"].startswith("v1.")
            uids.add(client.get("/api/v1/namespaces/kube-system").json()["metadata"]["uid"])
    assert len(uids) == 3


def test_a_conflict_names_the_field_and_its_owner(cluster: ControlPlane) -> None:
    path = f"{DEFAULT}/configmaps/one"
    with cluster.client() as client:
        first = client.patch(path, params={"fieldManager": "a"}, json=config_map("one", key="1"), headers=APPLY)
        second = client.patch(path, params={"fieldManager": "b"}, json=config_map("one", key="2"), headers=APPLY)
    assert first.status_code == httpx.codes.CREATED
    assert second.status_code == httpx.codes.CONFLICT
    assert second.json()["details"]["causes"][0]["field"] == ".data.key"
    assert '"a"' in second.json()["details"]["causes"][0]["message"]


def test_nobody_gets_in_without_a_token(cluster: ControlPlane) -> None:
    with cluster.client("nobody") as client:
        assert client.get(f"{DEFAULT}/configmaps").status_code == httpx.codes.UNAUTHORIZED


@pytest.mark.parametrize("namespace", ["", "default"])
def test_a_limited_account_may_do_what_it_may_and_no_more(cluster: ControlPlane, namespace: str) -> None:
    rule: Rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}
    token = limited_token(cluster, [rule], namespace=namespace)
    with cluster.client(token) as client:
        assert client.get(f"{DEFAULT}/configmaps").is_success
        assert client.get(f"{DEFAULT}/secrets").status_code == httpx.codes.FORBIDDEN
        assert client.get("/api/v1/configmaps").is_success == (not namespace)


def test_a_frozen_cluster_hangs_and_comes_back(control_planes: Resettable) -> None:
    plane = control_planes.empty("beta")
    with plane.client() as client:
        with control_planes.planes.frozen("beta"), pytest.raises(httpx.TimeoutException):
            client.get("/readyz", timeout=0.5)
        assert client.get("/readyz").is_success


def test_a_stopped_cluster_comes_back_with_its_objects(control_planes: Resettable) -> None:
    plane = control_planes.empty("gamma")
    with plane.client() as client:
        client.post(f"{DEFAULT}/configmaps", json=config_map("kept")).raise_for_status()
    control_planes.planes.stop_cluster("gamma")
    with plane.client() as client, pytest.raises(httpx.ConnectError):
        client.get("/readyz")
    control_planes.planes.start_cluster("gamma")
    with plane.client() as client:
        assert client.get(f"{DEFAULT}/configmaps/kept").is_success


def test_a_cluster_that_a_test_left_dead_is_started_for_the_next(control_planes: Resettable) -> None:
    control_planes.planes.kill_cluster("gamma")
    with control_planes.empty("gamma").client() as client:
        assert client.get("/readyz").is_success


def test_workloads_of_a_live_cluster_become_available(live_cluster: ControlPlane) -> None:
    with live_cluster.client() as client:
        client.post(DEPLOYMENTS, json=deployment("web", 3)).raise_for_status()
        eventually("available", lambda: available(client, "web") == 3)


def test_a_live_cluster_finishes_deletes(live_cluster: ControlPlane) -> None:
    with live_cluster.client() as client:
        client.post("/api/v1/namespaces", json={"metadata": {"name": "going"}}).raise_for_status()
        client.post("/api/v1/namespaces/going/configmaps", json=config_map("in")).raise_for_status()
        client.post(DEPLOYMENTS, json=deployment("web", 2)).raise_for_status()
        eventually("available", lambda: available(client, "web") == 2)
        client.delete("/api/v1/namespaces/going").raise_for_status()
        client.delete(f"{DEPLOYMENTS}/web").raise_for_status()
        eventually("namespace gone", lambda: client.get("/api/v1/namespaces/going").status_code == 404)
        eventually("pods gone", lambda: not client.get(f"{DEFAULT}/pods").json()["items"])
