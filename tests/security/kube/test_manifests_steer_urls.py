"""Manifests steer URLs or kinds: no definition, name or discovery leads the hub's account to another object.

Class "manifests steer URLs or kinds": a Deployment of another tenant is the marker. Each attack runs through the sync
engine against a real API server, as the hub's own all-mighty account.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from common.domain.errors import FlotillaError
from tests.fakes.sync import Site, WallClock, actions, config_map, deployment
from tests.harness.definitions import NEVER, VICTIM, definition, gadget
from tests.harness.hands import show
from tests.harness.webhooks import in_force
from workers.sync.errors import AddressError, ManifestsError
from workers.sync.objects.live import Kind
from workers.sync.ports import Ownership, Target, Write
from workers.sync.results import Ending, SyncResult

SCALE = "apps/v1/namespaces/victim/deployments/web/scale?force=true&fieldManager=x#"
UP = f"../../{SCALE}"
FROM_A_NAMESPACE = f"../../../../{SCALE}"
THERE = "gadgets.tenant.example.com"
"""A definition that an administrator wrote: whoever waits until it is healthy goes on."""
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
Attack = tuple[dict[str, Any], ...]


@pytest.fixture
def victim(kubectl: httpx.Client) -> Callable[[], dict[str, Any]]:
    """Return what shows another tenant's Deployment; a sound definition is there too, for others to pose as."""
    kubectl.post("/api/v1/namespaces", json={"metadata": {"name": "victim"}}).raise_for_status()
    kubectl.post(VICTIM.removesuffix("/web"), json=deployment("web", replicas=3)).raise_for_status()
    kubectl.post(DEFINITIONS, json=definition()).raise_for_status()
    in_force(lambda: kubectl.get("/apis/tenant.example.com/v1/gadgets").is_success)

    def show() -> dict[str, Any]:
        found: dict[str, Any] = kubectl.get(VICTIM).raise_for_status().json()
        return {"uid": found["metadata"]["uid"], "spec": found["spec"], "labels": found["metadata"].get("labels")}

    return show


def tried(site: Site, *manifests: dict[str, Any]) -> SyncResult | FlotillaError:
    site.clock = WallClock()
    try:
        return site.sync(*manifests)
    except FlotillaError as error:
        return error


def hook(manifest: dict[str, Any], stage: str) -> dict[str, Any]:
    annotations = {"flotilla.dev/hook": stage}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}}


def lying(plural: str = UP, **more: Any) -> dict[str, Any]:
    """Return a definition of ``scale``'s kind, which no API server serves as a kind of its own."""
    given = {"group": "autoscaling", "kind": "Scale", "scope": "Cluster", "annotations": NEVER, "name": THERE, **more}
    return definition(plural=plural, **given)


def scale(*, group: str = "autoscaling", version: str = "v1") -> dict[str, Any]:
    """Return what takes a Deployment to nothing, if it gets to the right place."""
    return gadget(group=group, version=version, kind="Scale")


ATTACKS: dict[str, Attack] = {
    "a plural that climbs": (lying(), scale()),
    "a plural that climbs out of a namespace": (lying(FROM_A_NAMESPACE, scope="Namespaced"), scale()),
    "a plural that climbs, quoted": (lying(UP.replace("/", "%2f")), scale()),
    "a plural with dots that are quoted": (lying(UP.replace("..", "%2e%2e")), scale()),
    "a plural with a query": (lying(f"x/../{UP}"), scale()),
    "a plural that climbs, to be written": (lying(annotations={}), scale()),
    "a plural that climbs, under an honest name": (lying(name="scales.autoscaling"), scale()),
    "a plural that climbs, under a name to match": (lying(name=f"{UP}.autoscaling"), scale()),
    "a plural that climbs, in a group of the tenant": (
        lying(group="tenant.example.com"), scale(group="tenant.example.com"),
    ),
    "a version that climbs": (
        lying("scales", version=f"../{SCALE}"), scale(version=f"../{SCALE}"),
    ),
    "a group that climbs": (
        lying("scales", group=f"../apis/{SCALE}"), scale(group=f"../apis/{SCALE}"),
    ),
    "a hook of a kind that is never written": (lying(), hook(scale(), "pre-sync")),
    "a hook for a failure": (lying(), hook(scale(), "sync-fail"), config_map(namespace="nowhere")),
    "a definition that is a hook": (hook(lying(annotations={}), "post-sync"), hook(scale(), "pre-sync")),
    "a definition of no API": ({**lying(), "apiVersion": "v1"}, scale()),
    "a definition in a List": ({"apiVersion": "v1", "kind": "List", "items": [lying(), scale()]},),
    "a definition of another List": (
        {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinitionList", "items": [lying()]}, scale(),
    ),
    "a version that is not served": (lying(served=False), scale()),
    "a group of the API server's own": (lying("scales"), scale()),
    "a namespace that climbs": (config_map(namespace="../../apis"),),
    "a name that climbs": (config_map(name=".."),),
    "a namespace with a query": (config_map(namespace="default?x"),),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_a_victims_deployment_is_as_it_was(site: Site, victim: Callable[[], dict[str, Any]], name: str) -> None:
    before = victim()
    found = tried(site, *ATTACKS[name])
    assert isinstance(found, FlotillaError) or found.ending in {Ending.FAILED, Ending.WAITING}
    assert not isinstance(found, FlotillaError) or found.code != "internal"
    assert victim() == before


@pytest.mark.parametrize("hidden", [False, True], ids=["served", "promised"])
def test_a_kind_that_lies_elsewhere_than_its_definition_says_is_not_asked_for(
    site: Site, kubectl: httpx.Client, *, hidden: bool
) -> None:
    kubectl.post(DEFINITIONS, json=definition()).raise_for_status()
    in_force(lambda: kubectl.get("/apis/tenant.example.com/v1/gadgets").is_success)
    site.cluster.refresh_kinds()
    served = site.cluster.kind("tenant.example.com", "v1", "Gadget")
    assert (served.resource, served.namespaced) == ("gadgets", True)
    if hidden:
        refused(site, Target(replace(served, resource="", namespaced=False), "", "web"))
    else:
        found = tried(site, definition(scope="Cluster", annotations=NEVER), gadget())
        assert not isinstance(found, FlotillaError), found
        assert [one["metadata"]["namespace"] for one in shown(kubectl)] == ["default"], "as the cluster says"


def test_an_honest_definition_and_its_objects_arrive_in_one_run(site: Site, kubectl: httpx.Client) -> None:
    site.clock = WallClock()
    definitions = definition(), definition(scope="Cluster", plural="gizmos", kind="Gizmo")
    result = site.sync(*definitions, gadget(), gadget(kind="Gizmo"))
    assert result.ending is Ending.SUCCEEDED, result.reason
    assert set(actions(result).values()) == {"created"}
    for path in ("namespaces/default/gadgets", "gizmos"):
        assert kubectl.get(f"/apis/tenant.example.com/v1/{path}/web").is_success


@pytest.mark.parametrize(
    "target",
    [
        Target(Kind("", "v1", "ConfigMap", "configmaps/../secrets", namespaced=True), "default", "a"),
        Target(Kind("..", "v1", "ConfigMap", "configmaps", namespaced=True), "default", "a"),
        Target(Kind("", "v1/../v1", "ConfigMap", "configmaps", namespaced=True), "default", "a"),
        Target(Kind("", "v1", "ConfigMap", "configmaps", namespaced=True), "../kube-system", "a"),
        Target(Kind("", "v1", "ConfigMap", "configmaps", namespaced=True), "", "a"),
        Target(Kind("", "v1", "ConfigMap", "configmaps", namespaced=True), "default", "a/../../b"),
        Target(Kind("", "v1", "ConfigMap", "configmaps", namespaced=True), "default", "a%2f..%2fb"),
    ],
    ids=str,
)
def test_no_target_whose_parts_lead_elsewhere_is_asked_for(site: Site, target: Target) -> None:
    refused(site, target)


def refused(site: Site, target: Target) -> None:
    before = dict(site.cluster.requests())
    cluster = site.cluster
    asks: tuple[Callable[[], object], ...] = (
        lambda: cluster.get(target),
        lambda: cluster.apply(target, b"{}", write=Write.REAL, ownership=Ownership.FORCE),
        lambda: cluster.patch(target, []),
        lambda: cluster.delete(target, uid="u", resource_version="1"),
    )
    for ask in asks:
        with pytest.raises(AddressError):
            ask()
    assert dict(cluster.requests()) == before


def shown(kubectl: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = show(kubectl, "/apis/tenant.example.com/v1/gadgets")["items"]
    return found


def test_what_is_refused_names_the_kind(site: Site) -> None:
    with pytest.raises(ManifestsError, match=r"serves no kind Gadget in tenant\.example\.com/v1"):
        site.sync(definition(plural=UP, scope="Cluster", annotations=NEVER), gadget())
    with pytest.raises(ManifestsError, match="serves no kind Scale in autoscaling/v1"):
        site.sync(lying(), scale())
