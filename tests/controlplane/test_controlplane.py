"""The clusters that other tests rely on are real, empty, and can be broken."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from tests.controlplane.fixtures import Clusters, Resettable
from tests.controlplane.runner import ControlPlane

APPLY = {"Content-Type": "application/apply-patch+yaml"}


def _config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_three_clusters_are_three_api_servers(clusters: Clusters) -> None:
    uids = set()
    for plane in clusters(3):
        with plane.client() as client:
            assert client.get("/version").json()["gitVersion"].startswith("v1.")
            uids.add(client.get("/api/v1/namespaces/kube-system").json()["metadata"]["uid"])
    assert len(uids) == 3


def test_a_conflict_names_the_field_and_its_owner(cluster: ControlPlane) -> None:
    path = "/api/v1/namespaces/default/configmaps/one"
    with cluster.client() as client:
        first = client.patch(path, params={"fieldManager": "a"}, json=_config_map("one", key="1"), headers=APPLY)
        second = client.patch(path, params={"fieldManager": "b"}, json=_config_map("one", key="2"), headers=APPLY)
    assert first.status_code == httpx.codes.CREATED
    assert second.status_code == httpx.codes.CONFLICT
    assert second.json()["details"]["causes"][0]["field"] == ".data.key"
    assert '"a"' in second.json()["details"]["causes"][0]["message"]


def test_a_cluster_is_empty_again_for_the_next_test(control_planes: Resettable) -> None:
    plane = control_planes.empty("alpha")
    with plane.client() as client:
        client.post("/api/v1/namespaces", json={"metadata": {"name": "left"}}).raise_for_status()
        client.post("/api/v1/namespaces/left/configmaps", json=_config_map("left")).raise_for_status()
        identity = client.get("/api/v1/namespaces/kube-system").json()["metadata"]["uid"]
        control_planes.empty("alpha")
        assert client.get("/api/v1/namespaces/left").status_code == httpx.codes.NOT_FOUND
        assert client.get("/api/v1/namespaces/kube-system").json()["metadata"]["uid"] == identity


def test_a_frozen_cluster_hangs_and_comes_back(control_planes: Resettable) -> None:
    plane = control_planes.empty("beta")
    with plane.client() as client:
        with control_planes.planes.frozen("beta"), pytest.raises(httpx.TimeoutException):
            client.get("/readyz", timeout=0.5)
        assert client.get("/readyz").is_success


def test_a_stopped_cluster_comes_back_with_its_objects(control_planes: Resettable) -> None:
    plane = control_planes.empty("gamma")
    with plane.client() as client:
        client.post("/api/v1/namespaces/default/configmaps", json=_config_map("kept")).raise_for_status()
    control_planes.planes.stop_cluster("gamma")
    with plane.client() as client, pytest.raises(httpx.ConnectError):
        client.get("/readyz")
    control_planes.planes.start_cluster("gamma")
    with plane.client() as client:
        assert client.get("/api/v1/namespaces/default/configmaps/kept").is_success


def test_workloads_of_a_live_cluster_become_available(live_cluster: ControlPlane) -> None:
    labels = {"app": "web"}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}},
        },
    }
    path = "/apis/apps/v1/namespaces/default/deployments"
    with live_cluster.client() as client:
        client.post(path, json=deployment).raise_for_status()
        until = time.monotonic() + 60
        while client.get(f"{path}/web").json().get("status", {}).get("availableReplicas") != 3:
            assert time.monotonic() < until, "the Deployment did not become available"
            time.sleep(0.2)
