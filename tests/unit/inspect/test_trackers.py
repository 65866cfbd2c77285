"""What objects of Argo CD and Flux say they track."""

from __future__ import annotations

from typing import Any

import pytest

from common.domain.refs import ObjectId
from console.inspect.trackers import active

WEB = ObjectId("apps", "Deployment", "web", "web")
ROLE = ObjectId("rbac.authorization.k8s.io", "ClusterRole", "", "system:web")
HERE = {"server": "https://kubernetes.default.svc", "namespace": "web"}


def argo(automated: Any, destination: Any = HERE) -> dict[str, Any]:
    resources = [{"group": "apps", "kind": "Deployment", "namespace": "web", "name": "web"}, {"kind": "Broken"}]
    spec = {"destination": destination, "syncPolicy": {"automated": automated}}
    return {"metadata": {"name": "web", "namespace": "argocd"}, "spec": spec, "status": {"resources": resources}}


def flux(**spec: Any) -> dict[str, Any]:
    entries = [
        {"id": "web_web_apps_Deployment", "v": "v1"},
        {"id": "_system__web_rbac.authorization.k8s.io_ClusterRole"},
    ]
    return {
        "metadata": {"name": "web", "namespace": "flux-system"},
        "spec": spec,
        "status": {"inventory": {"entries": [*entries, {"id": "x"}, "y"]}},
    }


def test_an_application_that_syncs_by_itself_tracks_its_resources() -> None:
    for automated in ({}, {"prune": True}, {"enabled": True}):
        tracker = active("Application", argo(automated))
        assert tracker is not None
        assert (tracker.name, tracker.objects) == ("Application argocd/web", frozenset({WEB}))
        assert "patch application web" in tracker.suspend


@pytest.mark.parametrize("automated", [None, {"enabled": False}])
def test_an_application_without_automated_sync_is_suspended(automated: Any) -> None:
    assert active("Application", argo(automated)) is None


def test_an_application_for_another_cluster_tracks_nothing_here() -> None:
    tracker = active("Application", argo({}, {"server": "https://elsewhere:6443"}))
    assert tracker is not None
    assert tracker.objects == frozenset()


def test_a_kustomization_and_a_release_track_their_inventory() -> None:
    for kind, resource in (("Kustomization", "kustomization"), ("HelmRelease", "helmrelease")):
        tracker = active(kind, flux())
        assert tracker is not None
        assert tracker.objects == {WEB, ROLE}
        assert tracker.suspend == f"flux --namespace flux-system suspend {resource} web"
        assert active(kind, flux(suspend=True)) is None
        assert active(kind, flux(kubeConfig={"secretRef": {"name": "x"}})) is None


@pytest.mark.parametrize("found", [{}, {"metadata": None, "spec": [], "status": "x"}, {"status": {"inventory": []}}])
def test_whatever_an_object_holds_it_tracks_nothing_that_cannot_be_read(found: dict[str, Any]) -> None:
    for kind in ("Application", "Kustomization", "HelmRelease"):
        tracker = active(kind, found)
        assert tracker is None or tracker.objects == frozenset()
