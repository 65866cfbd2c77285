"""Cluster-scoped by omission: what lies in no namespace needs the project's word, on a real API server.

Class "cluster-scoped by omission": each cluster-scoped kind x a project that names none of them. The marker is the
object that must not be there. The engine runs as the hub's own all-mighty account.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from common.domain.errors import PermanentError
from common.domain.fleet import DEFAULT_PROJECT, EVERYTHING, Project
from tests.fakes.sync import Site, WallClock, actions, annotated, config_map, details
from tests.harness.definitions import definition, gadget
from workers.sync.errors import PolicyError
from workers.sync.requests import Phase
from workers.sync.results import Ending

TEAM = Project("team", clusters=EVERYTHING, namespaces=("default", "team-*"))
RBAC = "rbac.authorization.k8s.io"
ROLE: dict[str, Any] = {"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}
SUBJECT = {"kind": "ServiceAccount", "name": "default", "namespace": "default"}


def to(role: str) -> dict[str, Any]:
    return {"roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role}, "subjects": [SUBJECT]}


def thing(api_version: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "team-x"}, **fields}


HOST = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/"}}
OF_CLUSTER = {
    "clusterroles": thing(f"{RBAC}/v1", "ClusterRole", **ROLE),
    "clusterrolebindings": thing(f"{RBAC}/v1", "ClusterRoleBinding", **to("cluster-admin")),
    "mutatingwebhookconfigurations": thing("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    "validatingwebhookconfigurations": thing("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    "validatingadmissionpolicies": thing("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", spec={}),
    "apiservices": thing("apiregistration.k8s.io/v1", "APIService", spec={"groupPriorityMinimum": 1}),
    "persistentvolumes": thing("v1", "PersistentVolume", spec=HOST),
    "csidrivers": thing("storage.k8s.io/v1", "CSIDriver", spec={}),
    "nodes": thing("v1", "Node"),
    "priorityclasses": thing("scheduling.k8s.io/v1", "PriorityClass", value=1_000_000),
    "customresourcedefinitions": definition(),
    "namespaces": thing("v1", "Namespace"),
}
API = {"v1": "/api/v1"}


def absent(kubectl: httpx.Client, manifest: dict[str, Any], resource: str) -> bool:
    version = manifest["apiVersion"]
    path = f"{API.get(version, f'/apis/{version}')}/{resource}/{manifest['metadata']['name']}"
    return kubectl.get(path).status_code == 404


def hook(manifest: dict[str, Any], stage: str) -> dict[str, Any]:
    return annotated(manifest, **{"flotilla.dev/hook": stage})


def listed(manifest: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": manifest["apiVersion"], "kind": f"{manifest['kind']}List", "items": [manifest]}


def in_a_namespace(manifest: dict[str, Any]) -> dict[str, Any]:
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": "default"}}


def test_each_kind_is_refused_by_a_project_that_names_none_in_whatever_form(site: Site, kubectl: httpx.Client) -> None:
    for resource, manifest in OF_CLUSTER.items():
        forms = (
            manifest, in_a_namespace(manifest), listed(manifest), hook(manifest, "pre-sync"),
            hook(manifest, "sync-fail"), hook(manifest, "pre-delete"),
        )  # fmt: skip
        for form in forms:
            with pytest.raises(PolicyError, match=r"project team does not allow: .*(team-x|gadgets)"):
                site.sync(form, config_map(), project=TEAM)
            with pytest.raises(PolicyError):
                site.sync(form, project=TEAM, phase=Phase.CHECK)
        assert absent(kubectl, manifest, resource)
    assert kubectl.get("/api/v1/namespaces/default/configmaps/settings").status_code == 404
    assert "apply" not in site.cluster.requests()


def test_what_is_named_is_written_and_nothing_beside_it(site: Site, kubectl: httpx.Client) -> None:
    project = replace(TEAM, cluster_kinds=("scheduling.k8s.io/*", "/PersistentVolume"))
    wanted = OF_CLUSTER["priorityclasses"], OF_CLUSTER["persistentvolumes"]
    assert site.sync(*wanted, project=project).ending is Ending.SUCCEEDED
    with pytest.raises(PolicyError, match=r"CSIDriver, which needs clusterKinds\.allow"):
        site.sync(*wanted, OF_CLUSTER["csidrivers"], project=project)
    assert absent(kubectl, OF_CLUSTER["csidrivers"], "csidrivers")


def test_a_namespace_and_its_labels_need_create_and_an_allowed_name(site: Site, kubectl: httpx.Client) -> None:
    labelled = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default", "labels": {"free": "yes"}}}
    for project in (TEAM, replace(TEAM, cluster_kinds=("**",))):
        with pytest.raises(PolicyError, match=r"Namespace, which needs namespaces\.create"):
            site.sync(labelled, project=project)
    makes = replace(TEAM, create_namespaces=True)
    with pytest.raises(PolicyError, match="namespace kube-system"):
        site.sync({**labelled, "metadata": {"name": "kube-system"}}, project=makes)
    assert "free" not in kubectl.get("/api/v1/namespaces/default").json()["metadata"]["labels"]
    assert site.sync(OF_CLUSTER["namespaces"], project=makes).ending is Ending.SUCCEEDED


def test_without_an_account_what_gives_rights_must_be_named(site: Site, kubectl: httpx.Client) -> None:
    role = thing(f"{RBAC}/v1", "Role", **ROLE)
    binding = thing(f"{RBAC}/v1", "RoleBinding", **to("cluster-admin"))
    for one, resource in ((role, "roles"), (binding, "rolebindings")):
        with pytest.raises(PolicyError, match=r"which needs a serviceAccount or kinds\.allow"):
            site.sync(one, project=TEAM)
        assert kubectl.get(f"/apis/{RBAC}/v1/namespaces/default/{resource}/team-x").status_code == 404
    with pytest.raises(PolicyError):
        site.sync(OF_CLUSTER["clusterroles"], project=replace(TEAM, cluster_kinds=("**",)))
    named = replace(TEAM, allowed_kinds=(f"{RBAC}/Role",))
    assert site.sync(role, project=named).ending is Ending.SUCCEEDED
    with pytest.raises(PolicyError):
        site.sync(role, binding, project=named)


def test_a_kind_that_arrives_is_judged_by_the_scope_that_its_definition_has(site: Site, kubectl: httpx.Client) -> None:
    site.clock = WallClock()
    project = replace(TEAM, cluster_kinds=("apiextensions.k8s.io/*",))
    with pytest.raises(PolicyError, match=r"cluster-scoped kind tenant\.example\.com/Gadget"):
        site.sync(definition(scope="Cluster"), gadget(), project=project)
    assert site.sync(definition(), gadget(), project=project).ending is Ending.SUCCEEDED
    assert kubectl.get("/apis/tenant.example.com/v1/namespaces/default/gadgets/web").is_success


def test_what_a_project_does_not_allow_it_does_not_remove(site: Site, kubectl: httpx.Client) -> None:
    role, volume = OF_CLUSTER["clusterroles"], annotated(OF_CLUSTER["persistentvolumes"], flotilla_prune="allow")
    assert site.sync(role, volume, config_map(), config_map("old")).ending is Ending.SUCCEEDED
    result = site.sync(config_map(), project=TEAM)
    assert actions(result)["ConfigMap/old"] == "pruned"
    assert actions(result)["ClusterRole/team-x"] == actions(result)["PersistentVolume/team-x"] == "skipped"
    assert "project team does not allow it" in details(result)["ClusterRole/team-x"]
    with pytest.raises(PermanentError, match="ClusterRole"):
        site.sync(phase=Phase.REMOVE, project=TEAM)
    assert not absent(kubectl, role, "clusterroles")
    assert kubectl.get("/api/v1/namespaces/default/configmaps/settings").is_success
    removed = site.sync(phase=Phase.REMOVE)
    assert actions(removed)["ClusterRole/team-x"] == "pruned", "the project that may use everything"


def test_the_project_of_a_registry_without_any_keeps_all(site: Site) -> None:
    wanted = OF_CLUSTER["clusterroles"], OF_CLUSTER["namespaces"], OF_CLUSTER["csidrivers"]
    assert site.sync(*wanted, project=DEFAULT_PROJECT).ending is Ending.SUCCEEDED
