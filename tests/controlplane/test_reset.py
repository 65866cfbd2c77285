"""Each test gets clusters as they were after their start, at little cost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.controlplane.fixtures import LIVE
from tests.controlplane.reset import Resettable
from tests.controlplane.runner import ControlPlane
from tests.controlplane.test_controlplane import DEFAULT, DEPLOYMENTS, available, config_map, deployment, eventually

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
ROUNDS = 3


@pytest.fixture
def alpha(cluster: ControlPlane) -> Iterator[httpx.Client]:
    """Return a client of an empty cluster."""
    with cluster.client() as client:
        yield client


def _widgets() -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget"}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    return {"metadata": {"name": "widgets.example.com"}, "spec": spec}


def _widget(name: str) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}}


def _kinds_with_objects(client: httpx.Client) -> dict[str, int]:
    """Count the objects of every kind that can be listed."""
    counts = {}
    groups = [("api/v1", "v1")]
    for group in client.get("/apis").json()["groups"]:
        version = group["preferredVersion"]["groupVersion"]
        groups.append((f"apis/{version}", version))
    for path, version in groups:
        for resource in client.get(f"/{path}").json()["resources"]:
            if "list" in resource["verbs"] and resource["name"] not in {"leases", "componentstatuses"}:
                items = client.get(f"/{path}/{resource['name']}").json()["items"]
                counts[f"{version}/{resource['name']}"] = len(items)
    return counts


def test_objects_of_every_kind_are_gone(control_planes: Resettable, alpha: httpx.Client) -> None:
    before = _kinds_with_objects(alpha)
    alpha.post("/api/v1/namespaces", json={"metadata": {"name": "left"}}).raise_for_status()
    alpha.post("/api/v1/namespaces/left/configmaps", json=config_map("left")).raise_for_status()
    alpha.post(f"{DEFAULT}/configmaps", json=config_map("left")).raise_for_status()
    alpha.post(f"{RBAC}/clusterroles", json={"metadata": {"name": "left"}, "rules": []}).raise_for_status()
    lease = {"metadata": {"name": "left"}, "spec": {}}
    alpha.post("/apis/coordination.k8s.io/v1/namespaces/default/leases", json=lease).raise_for_status()
    alpha.post(CRDS, json=_widgets()).raise_for_status()
    eventually("served", lambda: alpha.post(WIDGETS, json=_widget("left")).is_success)
    assert _kinds_with_objects(alpha) != before
    control_planes.empty("alpha")
    assert _kinds_with_objects(alpha) == before
    assert not alpha.get("/apis/coordination.k8s.io/v1/namespaces/default/leases").json()["items"]


def test_what_a_cluster_had_is_put_back(control_planes: Resettable, alpha: httpx.Client) -> None:
    roles = alpha.get(f"{RBAC}/clusterroles").json()["items"]
    merge = {"Content-Type": "application/merge-patch+json"}
    alpha.patch(DEFAULT, json={"metadata": {"labels": {"mine": "yes"}}}, headers=merge).raise_for_status()
    alpha.delete(f"{RBAC}/clusterroles/view").raise_for_status()
    control_planes.empty("alpha")
    assert "mine" not in alpha.get(DEFAULT).json()["metadata"]["labels"]
    assert [r["metadata"]["name"] for r in alpha.get(f"{RBAC}/clusterroles").json()["items"]] == [
        r["metadata"]["name"] for r in roles
    ]


def test_a_definition_can_come_and_go_and_come_again(control_planes: Resettable, alpha: httpx.Client) -> None:
    for _ in range(ROUNDS):
        alpha.post(CRDS, json=_widgets()).raise_for_status()
        eventually("served", lambda: alpha.post(WIDGETS, json=_widget("one")).is_success)
        control_planes.empty("alpha")
        assert "example.com" not in {group["name"] for group in alpha.get("/apis").json()["groups"]}


def test_a_node_port_can_be_had_again(control_planes: Resettable, alpha: httpx.Client) -> None:
    spec = {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]}
    for _ in range(ROUNDS):
        alpha.post(f"{DEFAULT}/services", json={"metadata": {"name": "web"}, "spec": spec}).raise_for_status()
        control_planes.empty("alpha")


def test_a_namespace_that_was_being_deleted_can_be_used_again(control_planes: Resettable, alpha: httpx.Client) -> None:
    for _ in range(ROUNDS):
        alpha.post("/api/v1/namespaces", json={"metadata": {"name": "again"}}).raise_for_status()
        alpha.post("/api/v1/namespaces/again/configmaps", json=config_map("one")).raise_for_status()
        # Nothing finishes this delete: there are no controllers here.
        alpha.delete("/api/v1/namespaces/again").raise_for_status()
        control_planes.empty("alpha")


def test_an_identity_stays_until_it_is_changed_and_comes_back(control_planes: Resettable, alpha: httpx.Client) -> None:
    def uid() -> str:
        return str(alpha.get(KUBE_SYSTEM).json()["metadata"]["uid"])

    first = uid()
    control_planes.empty("alpha")
    assert uid() == first
    control_planes.change_identity("alpha")
    assert uid() != first
    control_planes.empty("alpha")
    assert uid() == first


def test_emptying_costs_little(control_planes: Resettable, alpha: httpx.Client) -> None:
    for number in range(50):
        alpha.post(f"{DEFAULT}/configmaps", json=config_map(f"left-{number}")).raise_for_status()
    began = time.monotonic()
    control_planes.empty("alpha")
    used = time.monotonic() - began
    began = time.monotonic()
    control_planes.empty("alpha")
    unused = time.monotonic() - began
    # Seen: 0.02 s and 0.003 s; the bounds leave room for a busy machine, not for deleting one by one.
    assert used < 2
    assert unused < 1


def test_controllers_do_not_bring_back_what_was_removed(live_control_planes: Resettable) -> None:
    plane = live_control_planes.empty(LIVE[0])
    with plane.client() as client:
        before = _kinds_with_objects(client)
        for _ in range(ROUNDS):
            for name in ("one", "two"):
                client.post(DEPLOYMENTS, json=deployment(name, 3)).raise_for_status()
            eventually("available", lambda: available(client, "one") + available(client, "two") == 6)
            live_control_planes.empty(LIVE[0])
            after = _kinds_with_objects(client)
            assert {kind: n for kind, n in after.items() if "events" not in kind} == {
                kind: n for kind, n in before.items() if "events" not in kind
            }
