"""Authorisation gaps: what a project's account may not do does not happen, though the hub's own may do everything.

Class "authorisation gaps": the header is there with every request for objects.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import yaml

from tests.controlplane.accounts import KNOWN_WITHIN
from tests.controlplane.runner import ControlPlane
from tests.fakes.sync import Site, actions, config_map, deployment, details
from tests.harness.given import Given
from tests.harness.hub import APPS, StepHub
from workers.kube import ClusterPool
from workers.kube.client import Answer, Client
from workers.sync.requests import Phase
from workers.sync.results import Ending

TEAM = "system:serviceaccount:default:team"
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
def site(cluster: ControlPlane) -> Iterator[Site]:
    """Return a placement that is synced in the name of an account which may do everything to ConfigMaps there."""
    with cluster.client() as admin:
        rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}
        admin.post(f"{RBAC}/roles", json={"metadata": {"name": "team"}, "rules": [rule]}).raise_for_status()
        subject = {"kind": "ServiceAccount", "name": "team", "namespace": "default"}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "team"}
        binding = {"metadata": {"name": "team"}, "roleRef": reference, "subjects": [subject]}
        admin.post(f"{RBAC}/rolebindings", json=binding).raise_for_status()
        _await_bound(admin)
    pool = ClusterPool(Given.of(cluster.kubeconfig()), timedelta(seconds=10))
    connection = pool.connect(cluster.name, server=cluster.server, credentials="clusters/it")
    yield Site(connection.session("flotilla/test (run r.1)", account=TEAM))
    pool.close()


def _await_bound(admin: httpx.Client) -> None:
    attributes = {"verb": "create", "resource": "configmaps", "namespace": "default"}
    review = {"spec": {"user": TEAM, "resourceAttributes": attributes}}
    until = time.monotonic() + KNOWN_WITHIN
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    while not admin.post(path, json=review).json()["status"]["allowed"]:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_what_the_account_may_do_is_done_in_its_name(site: Site) -> None:
    assert site.sync(config_map()).ending is Ending.SUCCEEDED
    assert site.sync(phase=Phase.REMOVE).ending in {Ending.SUCCEEDED, Ending.WAITING}


def test_what_it_may_not_do_is_refused_with_account_verb_and_resource_and_leaves_all_as_it_was(
    site: Site, cluster: ControlPlane
) -> None:
    result = site.sync(config_map(), deployment())
    assert result.ending is Ending.FAILED
    assert actions(result) == {"Deployment/web": "failed"}
    said = details(result)["Deployment/web"]
    assert all(word in said for word in (TEAM, "patch", "deployments")), said
    with cluster.client() as admin:
        assert admin.get(f"{MAPS}/settings").status_code == 404


def test_another_namespace_is_out_of_reach(site: Site, cluster: ControlPlane) -> None:
    assert site.sync(config_map(namespace="kube-system")).ending is Ending.FAILED
    with cluster.client() as admin:
        assert admin.get("/api/v1/namespaces/kube-system/configmaps/settings").status_code == 404


def test_every_request_of_a_run_for_objects_bears_the_projects_account(
    hub: StepHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str, str, str]] = []
    real = Client.send

    def recording(self: Client, method: str, path: str, headers: Any, body: Any = None) -> Answer:
        sent.append((method, path, headers.get("Impersonate-User", ""), headers.get("User-Agent", "")))
        return real(self, method, path, headers, body)

    monkeypatch.setattr(Client, "send", recording)
    project = (
        "apiVersion: flotilla.dev/v1\nkind: Project\nmetadata: {name: team}\n"
        "spec: {paths: ['web.yaml'], repos: ['**'], clusters: {all: true}, namespaces: {allow: ['*'], create: true},"
        " clusterKinds: {},"
        " serviceAccount: deployer}\n"
    )
    hub.declare("eu", extra=project)
    hub.git.commit(APPS, {"web/a.yaml": yaml.safe_dump(config_map("a"))})
    hub.application("web", more="  project: team\n")
    hub.settle()
    hub.git.commit(APPS, {"web/a.yaml": yaml.safe_dump(config_map("b"))})
    hub.settle()
    assert hub.placement("eu/web").sync == "synced", hub.faults()
    of_runs = [
        one for one in sent if "run " in one[3] and one[1].partition("?")[0] not in {"/api", "/apis", "/version"}
    ]
    assert {method for method, *_ in of_runs} >= {"GET", "PATCH", "DELETE"}
    assert {account for _, _, account, _ in of_runs} == {"system:serviceaccount:web:deployer"}
    others = [account for _, _, account, agent in sent if "run " not in agent]
    assert set(others) <= {""}
