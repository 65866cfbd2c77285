"""Cluster-scoped by omission, authorisation gaps: a project with an account of its own and cluster-scoped kinds.

Two locks: what the project does not name is refused before a request is sent, whatever the account may do; and what
it names is written in the account's name, so that the cluster refuses what the account may not do. Real API server.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from common.domain.fleet import EVERYTHING, Project
from tests.controlplane.accounts import KNOWN_WITHIN
from tests.controlplane.runner import ControlPlane
from tests.fakes.sync import Site, actions, annotated, config_map, details
from tests.harness.given import Given
from workers.kube import ClusterPool
from workers.sync.errors import PolicyError
from workers.sync.requests import Phase
from workers.sync.results import Ending

GROUP = "rbac.authorization.k8s.io"
RBAC = f"/apis/{GROUP}/v1"
ACCOUNT = "system:serviceaccount:default:team"
TEAM = Project(
    "team",
    clusters=EVERYTHING,
    namespaces=("default", "team-*"),
    create_namespaces=True,
    cluster_kinds=("scheduling.k8s.io/PriorityClass", f"{GROUP}/ClusterRole*", "storage.k8s.io/CSIDriver"),
    service_account="team",
)
HELD = (
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]},
    {"apiGroups": ["scheduling.k8s.io"], "resources": ["priorityclasses"], "verbs": ["get", "list", "create", "patch"]},
    # All verbs but ``escalate`` and ``bind``: with these it could give what it does not hold.
    {"apiGroups": [GROUP], "resources": ["clusterroles", "clusterrolebindings", "rolebindings"],
     "verbs": ["get", "list", "create", "patch", "update", "delete"]},
    {"apiGroups": ["node.k8s.io"], "resources": ["runtimeclasses"], "verbs": ["*"]},
)  # fmt: skip


def thing(api_version: str, kind: str, name: str = "team-x", **fields: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **fields}


PRIORITY = thing("scheduling.k8s.io/v1", "PriorityClass", value=10)
DRIVER = thing("storage.k8s.io/v1", "CSIDriver", spec={})
RUNTIME = thing("node.k8s.io/v1", "RuntimeClass", handler="runc")
NAMESPACE = thing("v1", "Namespace", "team-a")


def role(*rules: dict[str, Any]) -> dict[str, Any]:
    return thing(f"{GROUP}/v1", "ClusterRole", rules=list(rules))


def binding(kind: str, to: str, namespace: str) -> dict[str, Any]:
    reference = {"apiGroup": GROUP, "kind": "ClusterRole", "name": to}
    subject = {"kind": "ServiceAccount", "name": "victim", "namespace": namespace}
    return thing(f"{GROUP}/v1", kind, roleRef=reference, subjects=[subject])


@pytest.fixture
def kubectl(cluster: ControlPlane) -> Iterator[httpx.Client]:
    with cluster.client() as client:
        yield client


@pytest.fixture
def site(cluster: ControlPlane, kubectl: httpx.Client) -> Iterator[Site]:
    """Return a placement that is synced in the name of an account which holds ``HELD`` over the whole cluster."""
    granted = {"metadata": {"name": "granted"}, "rules": HELD}
    kubectl.post(f"{RBAC}/clusterroles", json=granted).raise_for_status()
    subject = {"kind": "ServiceAccount", "name": "team", "namespace": "default"}
    reference = {"apiGroup": GROUP, "kind": "ClusterRole", "name": "granted"}
    bound = {"metadata": {"name": "granted"}, "roleRef": reference, "subjects": [subject]}
    kubectl.post(f"{RBAC}/clusterrolebindings", json=bound).raise_for_status()
    _await(kubectl, "runtimeclasses")
    pool = ClusterPool(Given.of(cluster.kubeconfig()), timedelta(seconds=10))
    connection = pool.connect(cluster.name, server=cluster.server, credentials="clusters/it")
    yield Site(connection.session("flotilla/test (run r.1)", account=ACCOUNT))
    pool.close()


def _await(kubectl: httpx.Client, resource: str) -> None:
    attributes = {"verb": "create", "group": "node.k8s.io", "resource": resource}
    review = {"spec": {"user": ACCOUNT, "resourceAttributes": attributes}}
    until = time.monotonic() + KNOWN_WITHIN
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    while not kubectl.post(path, json=review).json()["status"]["allowed"]:
        assert time.monotonic() < until
        time.sleep(0.05)


def exists(kubectl: httpx.Client, path: str) -> bool:
    return kubectl.get(path).is_success


PRIORITIES = "/apis/scheduling.k8s.io/v1/priorityclasses/team-x"


def test_what_the_project_names_and_the_account_may_do_is_written(site: Site, kubectl: httpx.Client) -> None:
    mine = role(HELD[0], HELD[1])
    wanted = (PRIORITY, mine, binding("RoleBinding", "team-x", "default"), config_map())
    assert site.sync(*wanted, project=TEAM).ending is Ending.SUCCEEDED
    assert exists(kubectl, PRIORITIES)
    assert exists(kubectl, f"{RBAC}/clusterroles/team-x")


@pytest.mark.parametrize(
    ("manifest", "path", "words"),
    [
        (DRIVER, "/apis/storage.k8s.io/v1/csidrivers/team-x", "csidrivers"),
        (NAMESPACE, "/api/v1/namespaces/team-a", "namespaces"),
        (role({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}), f"{RBAC}/clusterroles/team-x",
         "attempting to grant RBAC permissions not currently held"),
        (role({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}), f"{RBAC}/clusterroles/team-x",
         "attempting to grant RBAC permissions not currently held"),
        (binding("ClusterRoleBinding", "cluster-admin", "default"), f"{RBAC}/clusterrolebindings/team-x",
         "attempting to grant RBAC permissions not currently held"),
        (binding("RoleBinding", "cluster-admin", "kube-system"), f"{RBAC}/namespaces/default/rolebindings/team-x",
         "attempting to grant RBAC permissions not currently held"),
    ],
    ids=["driver", "namespace", "role of one right more", "role of all rights", "cluster binding", "binding"],
)  # fmt: skip
def test_what_the_project_names_and_the_account_may_not_do_is_refused_by_the_cluster(
    site: Site, kubectl: httpx.Client, manifest: dict[str, Any], path: str, words: str
) -> None:
    result = site.sync(manifest, config_map(), project=TEAM)
    assert result.ending is Ending.FAILED
    said = " ".join(filter(None, details(result).values()))
    assert ACCOUNT in said
    assert words in said
    assert not exists(kubectl, path)
    assert not exists(kubectl, "/api/v1/namespaces/default/configmaps/settings"), "nothing of that wave is written"


def test_what_the_account_may_do_and_the_project_does_not_name_is_refused_before_anything_is_sent(
    site: Site, kubectl: httpx.Client
) -> None:
    for manifest in (RUNTIME, annotated(RUNTIME, **{"flotilla.dev/hook": "pre-sync"})):
        for phase in (Phase.CHECK, Phase.APPLY):
            with pytest.raises(PolicyError, match=r"RuntimeClass, which needs clusterKinds\.allow"):
                site.sync(manifest, project=TEAM, phase=phase)
    with pytest.raises(PolicyError, match=r"needs namespaces\.create"):
        site.sync(NAMESPACE, project=replace(TEAM, create_namespaces=False))
    with pytest.raises(PolicyError, match=r"does not allow: .*PriorityClass"):
        site.sync(PRIORITY, project=replace(TEAM, denied_kinds=("scheduling.k8s.io/*",)))
    assert not exists(kubectl, "/apis/node.k8s.io/v1/runtimeclasses/team-x")
    assert not {"apply", "dry-run", "delete"} & set(site.cluster.requests())


def test_what_the_account_may_not_delete_stays_and_is_kept_in_the_inventory(site: Site, kubectl: httpx.Client) -> None:
    assert site.sync(PRIORITY, config_map(), project=TEAM).ending is Ending.SUCCEEDED
    result = site.sync(config_map(), project=TEAM)
    assert actions(result)["PriorityClass/team-x"] == "failed"
    assert ACCOUNT in details(result)["PriorityClass/team-x"]
    assert exists(kubectl, PRIORITIES)
    again = site.sync(config_map(), project=TEAM)
    assert actions(again)["PriorityClass/team-x"] == "failed", "it is tried again"


def test_another_tenants_object_of_an_allowed_kind_is_not_taken(site: Site, kubectl: httpx.Client) -> None:
    other = {**PRIORITY, "metadata": {"name": "team-x", "annotations": {"flotilla.dev/owner": "f/c/b:x"}}}
    other["metadata"]["labels"] = {"flotilla.dev/placement": "0" * 20}
    kubectl.post("/apis/scheduling.k8s.io/v1/priorityclasses", json=other).raise_for_status()
    result = site.sync({**PRIORITY, "value": 10, "description": "mine"}, project=TEAM)
    assert result.ending is Ending.FAILED
    assert "description" not in kubectl.get(PRIORITIES).json()
