"""Fields that controllers own, and fields that exclude each other, on a real API server with its controllers."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from common.domain.fleet import ExtraFields, SyncSettings
from tests.controlplane.runner import ControlPlane
from tests.fakes.sync import Site, WallClock, actions, annotated, config_map, deployment, details
from tests.harness.hands import DEPLOYMENTS, MAPS, edit, show
from tests.harness.webhooks import in_force
from workers.sync.errors import UnsettledError
from workers.sync.requests import DryRuns
from workers.sync.results import Ending

ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
SERVICES = "/api/v1/namespaces/default/services"
SETS = "/apis/apps/v1/namespaces/default"
RULES = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]


@pytest.fixture
def cluster(live_cluster: ControlPlane) -> ControlPlane:
    """Look at a cluster with controllers."""
    return live_cluster


def synced(site: Site, *manifests: dict[str, Any]) -> dict[str, str]:
    """Sync, and return what was done."""
    done = site.sync(*manifests, dry_runs=DryRuns.ALL)
    assert done.ending is Ending.SUCCEEDED, done.reason
    return actions(done)


def role(name: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}, **more}


def test_rules_of_an_aggregated_role_are_the_controllers(site: Site, kubectl: httpx.Client) -> None:
    source = role("part", rules=RULES)
    source["metadata"]["labels"] = {"part": "yes"}
    whole = role("whole", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"part": "yes"}}]}, rules=[])
    assert synced(site, source, whole) == {"ClusterRole/part": "created", "ClusterRole/whole": "created"}
    in_force(lambda: show(kubectl, f"{ROLES}/whole").get("rules") == RULES)
    assert synced(site, source, whole) == {"ClusterRole/part": "unchanged", "ClusterRole/whole": "unchanged"}
    assert show(kubectl, f"{ROLES}/whole")["rules"] == RULES
    for name in ("part", "whole"):
        kubectl.delete(f"{ROLES}/{name}").raise_for_status()


def updated(manifest: dict[str, Any], field: str, strategy: str, **annotations: str) -> dict[str, Any]:
    return annotated({**manifest, "spec": {**manifest["spec"], field: {"type": strategy}}}, **annotations)


@pytest.mark.parametrize(
    ("kind", "field", "other"), [("Deployment", "strategy", "Recreate"), ("StatefulSet", "updateStrategy", "OnDelete")]
)
def test_a_strategy_whose_left_over_is_refused_offers_and_takes_a_new_object(
    site: Site, kubectl: httpx.Client, kind: str, field: str, other: str
) -> None:
    plain: dict[str, Any] = {**deployment(replicas=None), "kind": kind}
    if kind == "StatefulSet":
        plain["spec"]["serviceName"] = "web"
    path = f"{SETS}/{kind.lower()}s/web"
    site.clock = WallClock()
    assert synced(site, plain) == {f"{kind}/web": "created"}
    done = site.sync(updated(plain, field, other))
    said = details(done)[f"{kind}/web"]
    assert (done.ending, "flotilla.dev/force: recreate" in said) == (Ending.FAILED, True), said
    asked = updated(plain, field, other, flotilla_force="recreate", flotilla_prune="allow")
    assert synced(site, asked) == {f"{kind}/web": "configured"}
    assert show(kubectl, path)["spec"][field] == {"type": other}
    assert synced(site, asked) == {f"{kind}/web": "unchanged"}


def service(**spec: Any) -> dict[str, Any]:
    ports = [{"port": 80, "protocol": "TCP"}]
    whole = {"selector": {"app": "web"}, "ports": ports, **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": whole}


def test_a_service_is_switched_from_each_form_to_each(site: Site) -> None:
    forms = [
        service(),
        service(sessionAffinity="ClientIP"),
        service(sessionAffinity="None"),
        service(type="NodePort"),
        service(type="LoadBalancer"),
        service(clusterIP="", type="ClusterIP"),
        service(type="ExternalName", externalName="example.com"),
        service(),
    ]
    synced(site, forms[0])
    for form in forms[1:]:
        assert synced(site, form) in ({"Service/web": "configured"}, {"Service/web": "unchanged"})
        assert synced(site, form) == {"Service/web": "unchanged"}, form


def claim(size: str, **more: Any) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **more}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": spec}


def test_a_claim_that_is_not_bound_is_resized_once_it_is(site: Site) -> None:
    assert synced(site, claim("1Gi", volumeName="")) == {"PersistentVolumeClaim/data": "created"}
    assert synced(site, claim("1Gi", volumeName="")) == {"PersistentVolumeClaim/data": "unchanged"}
    with pytest.raises(UnsettledError) as caught:
        site.sync(claim("2Gi"), config_map("before"), deployment("after"))
    assert "is not bound yet, and its size cannot change before it is" in str(caught.value)
    owned = {item.object.name for item in site.journal.inventory.values() if item.uid}
    assert owned == {"data", "before"}, "what precedes it goes in, what follows it is held back"
    done = site.sync(claim("1Gi", accessModes=["ReadWriteMany"]))
    detail = details(done)["PersistentVolumeClaim/data"]
    assert (done.ending, "take the change back" in detail) == (Ending.FAILED, True), detail
    assert detail.index("take the change back") < detail.index("flotilla.dev/force: recreate")


def test_nulls_are_taken_as_kubectl_takes_them(site: Site, kubectl: httpx.Client) -> None:
    empty = {**config_map("a"), "data": None}
    empty["metadata"] = {"name": "a", "labels": None, "annotations": {"empty": None}}
    web = deployment(replicas=None)
    web["spec"] |= {"replicas": None, "minReadySeconds": None}
    assert synced(site, empty, web) == {"ConfigMap/a": "created", "Deployment/web": "created"}
    assert show(kubectl, "/api/v1/namespaces/default/configmaps/a")["metadata"]["annotations"]["empty"] == ""
    assert synced(site, empty, web) == {"ConfigMap/a": "unchanged", "Deployment/web": "unchanged"}
    assert show(kubectl, f"{DEPLOYMENTS}/web")["spec"]["replicas"] == 1


def test_a_namespace_as_it_was_exported_is_taken(site: Site) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "exported"}}
    exported = {**space, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
    assert synced(site, exported) == {"Namespace/exported": "created"}
    assert synced(site, exported) == {"Namespace/exported": "unchanged"}


def test_a_sidecar_and_a_key_that_somebody_added_are_told_and_removed_where_asked(
    site: Site, kubectl: httpx.Client
) -> None:
    web = deployment()
    synced(site, web, config_map("a"))
    side = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "example.com/side"}]}}}}
    strategic = {"Content-Type": "application/strategic-merge-patch+json"}
    who = {"fieldManager": "kubectl-edit"}
    kubectl.patch(f"{DEPLOYMENTS}/web", json=side, params=who, headers=strategic).raise_for_status()
    edit(kubectl, f"{MAPS}/a", {"data": {"extra": "1"}})
    edit(kubectl, f"{DEPLOYMENTS}/web", {"metadata": {"labels": {"controllers": "own"}}}, "some-controller")
    assert synced(site, web, config_map("a")) == {"ConfigMap/a": "unchanged", "Deployment/web": "unchanged"}
    told = {item.object.name: item.by_hand for item in site.journal.inventory.values()}
    assert told == {"a": ".data.extra", "web": '.spec.template.spec.containers[name="side"]'}
    site.settings = SyncSettings(extra_fields=ExtraFields.REMOVE)
    assert synced(site, web, config_map("a")) == {"ConfigMap/a": "configured", "Deployment/web": "configured"}
    live = show(kubectl, f"{DEPLOYMENTS}/web")
    assert [one["name"] for one in live["spec"]["template"]["spec"]["containers"]] == ["web"]
    assert live["metadata"]["labels"]["controllers"] == "own"
    assert show(kubectl, f"{MAPS}/a")["data"] == {"key": "value"}
    assert synced(site, web, config_map("a")) == {"ConfigMap/a": "unchanged", "Deployment/web": "unchanged"}
    assert {item.by_hand for item in site.journal.inventory.values()} == {""}
