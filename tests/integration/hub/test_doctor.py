"""``flotilla doctor`` about clusters: who does not answer, and who else tracks what was taken over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from common.settings import Settings
from console.cli import doctor
from console.cli.doctor import Finding, examine
from tests.harness.hub import APPS, StepHub
from tests.harness.manifests import config_map
from tests.harness.seen import client

MAPS = "/api/v1/namespaces/web/configmaps"
ARGO = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "applications.argoproj.io"},
    "spec": {
        "group": "argoproj.io",
        "names": {
            "plural": "applications",
            "singular": "application",
            "kind": "Application",
            "listKind": "ApplicationList",
        },
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


@pytest.fixture
def config(database_url: str, tmp_path: Path, hub: StepHub, monkeypatch: pytest.MonkeyPatch) -> Settings:
    # There is none, and it takes seconds to be sure.
    monkeypatch.setattr(doctor, "_broker", lambda _: Finding("broker", "ok", ""))
    return Settings(home=tmp_path, database_url=database_url, credentials_dir=hub.settings.path("credentials"))


def made(http: httpx.Client, path: str, body: dict[str, Any]) -> None:
    http.post(path, json=body).raise_for_status()


@pytest.fixture
def adopted(hub: StepHub) -> StepHub:
    """A ConfigMap that Argo CD made and that was taken over, and another that was made here; Argo CD goes on."""
    hub.declare("eu", "us")
    with client(hub, "eu") as http:
        for name in ("web", "argocd"):
            made(http, "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        marked = {"name": "web", "annotations": {"argocd.argoproj.io/tracking-id": "web:/ConfigMap:web/web"}}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": marked, "data": {"v": "1"}}
        http.post(MAPS, json=body, params={"fieldManager": "argocd-controller"}).raise_for_status()
        made(http, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", CRD)
        resources = [{"kind": "ConfigMap", "namespace": "web", "name": name} for name in ("web", "own")]
        application = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": "web"},
            "spec": {
                "destination": {"server": "https://kubernetes.default.svc"},
                "syncPolicy": {"automated": {}},
            },
            "status": {"resources": resources},
        }
        made(http, ARGO, application)
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1") + config_map("own", v="1")})
    hub.application("web", targets="[{name: one, clusters: [eu]}]", more="  sync: {adopt: any}\n")
    hub.settle()
    assert hub.placement("eu/web").sync == "synced"
    return hub


def about_clusters(config: Settings) -> list[Finding]:
    return [one for one in examine(config) if one.what.startswith(("cluster", "adopted"))]


def test_who_still_tracks_what_was_taken_over_is_named_until_it_is_suspended(
    adopted: StepHub, config: Settings
) -> None:
    (contested, summary) = about_clusters(config)
    assert (contested.what, contested.state) == ("adopted by eu/web", "failed")
    assert contested.detail == "Application argocd/web is not suspended and still tracks ConfigMap web"
    assert "patch application web" in contested.remedy
    assert (summary.state, summary.detail) == ("ok", "2 of 2 answer to their credentials")
    with client(adopted, "eu") as http:
        patch = {"spec": {"syncPolicy": {"automated": None}}}
        headers = {"Content-Type": "application/merge-patch+json"}
        http.patch(f"{ARGO}/web", json=patch, headers=headers).raise_for_status()
    assert [one.state for one in about_clusters(config)] == ["ok"]


def test_a_cluster_that_does_not_take_its_credentials_is_named_and_the_others_are_asked(
    adopted: StepHub, config: Settings
) -> None:
    adopted.store("clusters/us", {"kubeconfig": b"not a kubeconfig"})
    found = {one.what: one for one in about_clusters(config)}
    assert found["cluster us"].state == "failed"
    assert found["cluster us"].remedy
    assert found["clusters"].detail == "1 of 2 answer to their credentials"
