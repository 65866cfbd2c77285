"""What the engine promises, on a real API server."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from common.domain.fleet import AdoptPolicy, IgnoreRule, SyncSettings
from common.domain.refs import ObjectId, PlacementRef
from tests.fakes.sync import Site, WallClock, actions, annotated, config_map, deployment, details
from workers.sync.errors import ConflictError, ManifestsError, UnsettledError
from workers.sync.ports import ClusterPort, Ending, InventoryItem, Ownership, Phase, Target, Write
from workers.sync.sweep import Finding, compare

MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
MERGE = {"Content-Type": "application/merge-patch+json"}
APPLY = {"Content-Type": "application/apply-patch+yaml"}


def edit(client: httpx.Client, path: str, change: dict[str, Any], manager: str = "kubectl-edit") -> None:
    answer = client.patch(path, params={"fieldManager": manager}, json=change, headers=MERGE)
    assert answer.is_success, answer.text


def show(client: httpx.Client, path: str) -> dict[str, Any]:
    answer = client.get(path)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_applying_twice_writes_nothing_the_second_time(site: Site, kubectl: httpx.Client) -> None:
    first = site.sync(config_map(), deployment())
    assert set(actions(first).values()) == {"created"}
    assert dict(first.requests) == {"dry-run": 2, "apply": 2}
    version = show(kubectl, f"{MAPS}/settings")["metadata"]["resourceVersion"]
    again = site.sync(config_map(), deployment())
    assert set(actions(again).values()) == {"unchanged"}
    assert dict(again.requests) == {"dry-run": 2, "apply": 2, "list": 2}
    full = site.sync(config_map(), deployment(), full_check=True)
    assert set(actions(full).values()) == {"unchanged"}
    assert show(kubectl, f"{MAPS}/settings")["metadata"]["resourceVersion"] == version


def test_ignored_replicas_are_never_one_and_never_six_again(site: Site, kubectl: httpx.Client) -> None:
    path, ignore = f"{DEPLOYMENTS}/web", SyncSettings(ignore=(IgnoreRule("Deployment", ("/spec/replicas",)),))
    site.sync(deployment(replicas=6))
    assert show(kubectl, path)["spec"]["replicas"] == 6
    assert site.sync(deployment(replicas=None, image="two"), settings=ignore).ending is Ending.SUCCEEDED
    assert show(kubectl, path)["spec"]["replicas"] == 6
    scale = show(kubectl, f"{path}/scale")
    scale["spec"]["replicas"] = 9
    assert kubectl.put(f"{path}/scale", json=scale, params={"fieldManager": "kubectl"}).is_success
    for manifest in (deployment(replicas=6), deployment(replicas=None), deployment(replicas=1, image="three")):
        assert site.sync(manifest, settings=ignore).ending is Ending.SUCCEEDED
        assert show(kubectl, path)["spec"]["replicas"] == 9


def test_an_ignored_field_of_one_container_survives_a_reordering(site: Site, kubectl: httpx.Client) -> None:
    rule = IgnoreRule("Deployment", ("/spec/template/spec/containers/0/image",))
    site.sync(deployment(image="one"))
    change = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "theirs"}]
    answer = kubectl.patch(
        f"{DEPLOYMENTS}/web",
        json=change,
        params={"fieldManager": "image-updater"},
        headers={"Content-Type": "application/json-patch+json"},
    )
    assert answer.is_success
    result = site.sync(deployment(image="two", replicas=3), settings=SyncSettings(ignore=(rule,)))
    assert actions(result) == {"Deployment/web": "configured"}
    found = show(kubectl, f"{DEPLOYMENTS}/web")["spec"]
    assert (found["replicas"], found["template"]["spec"]["containers"][0]["image"]) == (3, "theirs")


def test_drift_is_reclaimed_and_says_from_whom(site: Site, kubectl: httpx.Client) -> None:
    site.sync(deployment(replicas=2), config_map(key="ours"))
    edit(kubectl, f"{DEPLOYMENTS}/web", {"spec": {"replicas": 5}})
    edit(kubectl, f"{MAPS}/settings", {"data": {"key": "theirs"}})
    result = site.sync(deployment(replicas=2), config_map(key="ours"))
    assert details(result) == dict.fromkeys(("Deployment/web", "ConfigMap/settings"), "reclaimed from kubectl-edit")
    assert show(kubectl, f"{DEPLOYMENTS}/web")["spec"]["replicas"] == 2
    assert show(kubectl, f"{MAPS}/settings")["data"] == {"key": "ours"}


def test_a_conflict_names_field_and_owner_and_changes_nothing(site: Site, kubectl: httpx.Client) -> None:
    site.sync(config_map(key="ours"))
    edit(kubectl, f"{MAPS}/settings", {"data": {"other": "theirs"}}, "operator")
    result = site.sync(config_map(key="ours", other="mine"), deployment())
    assert result.ending is Ending.FAILED
    assert "field .data.other is owned by 'operator'" in details(result)["ConfigMap/settings"]
    assert kubectl.get(f"{DEPLOYMENTS}/web").status_code == 404


def test_what_kubectl_applied_is_adopted_and_loses_what_left_the_manifest(site: Site, kubectl: httpx.Client) -> None:
    manifest = deployment(replicas=4)
    manifest["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "x"}
    created = kubectl.post(DEPLOYMENTS, json=manifest, params={"fieldManager": "kubectl-client-side-apply"})
    assert created.is_success
    result = site.sync(deployment(replicas=2))
    assert actions(result) == {"Deployment/web": "configured"}
    assert details(result)["Deployment/web"] == "adopted"
    found = show(kubectl, f"{DEPLOYMENTS}/web")
    assert found["spec"]["replicas"] == 2
    assert set(found["metadata"]["annotations"]) == {"flotilla.dev/owner"}
    assert {entry["manager"] for entry in found["metadata"]["managedFields"]} == {"flotilla"}
    assert next(iter(site.journal.inventory.values())).uid == created.json()["metadata"]["uid"]
    site.sync(phase=Phase.REMOVE)
    assert kubectl.get(f"{DEPLOYMENTS}/web").status_code in {200, 404}


def test_an_object_that_exists_unmarked_is_found_although_no_list_shows_it(site: Site, kubectl: httpx.Client) -> None:
    assert kubectl.post(MAPS, json=config_map(key="theirs")).is_success
    result = site.sync(config_map(other="ours"), settings=SyncSettings(adopt=AdoptPolicy.NEVER))
    assert actions(result) == {"ConfigMap/settings": "conflict"}
    assert show(kubectl, f"{MAPS}/settings")["data"] == {"key": "theirs"}


def test_an_object_of_another_placement_is_never_taken(site: Site, kubectl: httpx.Client) -> None:
    Site(site.cluster, ref=PlacementRef("alpha", "bank")).sync(config_map(key="bank"))
    result = site.sync(config_map(key="shop"), settings=SyncSettings(adopt=AdoptPolicy.ANY))
    assert details(result)["ConfigMap/settings"] == "conflict: owned by acme/alpha/bank"
    assert show(kubectl, f"{MAPS}/settings")["data"] == {"key": "bank"}


def test_a_copied_mark_is_never_pruned(site: Site, kubectl: httpx.Client) -> None:
    site.sync(config_map())
    metadata = show(kubectl, f"{MAPS}/settings")["metadata"]
    copy = {"name": "copy", "labels": metadata["labels"], "annotations": metadata["annotations"]}
    uid = kubectl.post(MAPS, json={"metadata": copy}).json()["metadata"]["uid"]
    forged = InventoryItem(ObjectId("", "ConfigMap", "default", "copy"), "v1", uid=uid)
    site.journal.inventory[forged.object] = forged
    result = site.sync(phase=Phase.REMOVE)
    assert actions(result) == {"ConfigMap/settings": "pruned", "ConfigMap/copy": "skipped"}
    assert kubectl.get(f"{MAPS}/copy").is_success


def test_an_object_with_another_uid_is_never_pruned(site: Site, kubectl: httpx.Client) -> None:
    site.sync(config_map())
    found = show(kubectl, f"{MAPS}/settings")
    kubectl.delete(f"{MAPS}/settings")
    marks = {key: found["metadata"][key] for key in ("name", "labels", "annotations")}
    assert kubectl.post(MAPS, json={"metadata": marks}).is_success
    result = site.sync(phase=Phase.REMOVE)
    assert details(result)["ConfigMap/settings"] == "not removed: another object took its place"
    assert kubectl.get(f"{MAPS}/settings").is_success


def test_refused_dry_runs_are_all_told_and_nothing_is_written(site: Site, kubectl: httpx.Client) -> None:
    unknown = {**config_map("unknown"), "dta": {}}
    invalid = deployment(replicas=-1)
    result = site.sync(config_map("fine"), unknown, invalid)
    assert actions(result) == {"ConfigMap/unknown": "failed", "Deployment/web": "failed"}
    assert "field not declared in schema" in details(result)["ConfigMap/unknown"]
    assert kubectl.get(f"{MAPS}/fine").status_code == 404


class Busy:
    """A cluster on which somebody always writes between judging and writing.

    Args:
        cluster: the real one.
        interfere: called before each real apply.
    """

    def __init__(self, cluster: ClusterPort, interfere: Any) -> None:
        self._cluster = cluster
        self._interfere = interfere

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def apply(self, target: Target, body: bytes, *, write: Write, ownership: Ownership) -> Any:
        if write is Write.REAL:
            self._interfere(target, body, ownership)
        return self._cluster.apply(target, body, write=write, ownership=ownership)


def test_a_status_write_in_between_is_judged_again_and_an_endless_one_ends_it(
    site: Site, kubectl: httpx.Client
) -> None:
    site.sync(deployment(replicas=2))
    left = 3

    def write_status(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            status = {"status": {"observedGeneration": 1, "replicas": left + 1}}
            answer = kubectl.patch(f"{DEPLOYMENTS}/web/status", json=status, headers=MERGE)
            assert answer.is_success, answer.text

    real = site.cluster
    site.cluster = Busy(real, write_status)
    assert actions(site.sync(deployment(replicas=3))) == {"Deployment/web": "configured"}
    assert left < 0
    left = 100
    with pytest.raises(UnsettledError):
        site.sync(deployment(replicas=4))
    assert left == 95


@pytest.mark.parametrize("first", [None, "1"])
def test_a_frozen_workers_late_write_is_refused_although_the_revision_is_the_same(
    site: Site, kubectl: httpx.Client, first: str | None
) -> None:
    if first is not None:
        site.sync(config_map(key=first))
    frozen: list[tuple[Target, bytes, Ownership]] = []

    def freeze(*request: Any) -> None:
        frozen.append(request)
        message = "frozen"
        raise UnsettledError(message)

    real = site.cluster
    site.cluster = Busy(real, freeze)
    with pytest.raises(UnsettledError):
        site.sync(config_map(key="2"))
    site.cluster = real
    fenced = frozenset(change.object for change in site.journal.planned)
    assert site.sync(config_map(key="2"), fenced=fenced).ending is Ending.SUCCEEDED
    before = show(kubectl, f"{MAPS}/settings")
    target, body, ownership = frozen[0]
    with pytest.raises(ConflictError):
        real.apply(target, body, write=Write.REAL, ownership=ownership)
    assert show(kubectl, f"{MAPS}/settings") == before


def test_a_reverted_revision_is_written_again_so_that_a_late_write_is_refused(
    site: Site, kubectl: httpx.Client
) -> None:
    site.sync(config_map(key="1"))
    frozen: list[Any] = []

    def freeze(*request: Any) -> None:
        frozen.append(request)
        message = "frozen"
        raise UnsettledError(message)

    real = site.cluster
    site.cluster = Busy(real, freeze)
    with pytest.raises(UnsettledError):
        site.sync(config_map(key="2"))
    site.cluster = real
    fenced = frozenset(change.object for change in site.journal.planned[1:])
    result = site.sync(config_map(key="1"), fenced=fenced)
    assert actions(result) == {"ConfigMap/settings": "configured"}
    target, body, ownership = frozen[0]
    with pytest.raises(ConflictError):
        real.apply(target, body, write=Write.REAL, ownership=ownership)
    assert show(kubectl, f"{MAPS}/settings")["data"] == {"key": "1"}


def test_a_definition_and_its_objects_arrive_in_one_run(site: Site, kubectl: httpx.Client) -> None:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    spec = {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget", "listKind": "GadgetList"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
    }
    api = "apiextensions.k8s.io/v1"
    crd = {
        "apiVersion": api,
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.example.com"},
        "spec": spec,
    }
    gadget = {"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "one"}, "spec": {"size": 1}}
    site.clock = WallClock()
    result = site.sync(gadget, crd)
    assert result.ending is Ending.SUCCEEDED
    assert kubectl.get("/apis/example.com/v1/namespaces/default/gadgets/one").is_success
    assert set(actions(site.sync(gadget, crd)).values()) == {"unchanged"}


def test_a_namespace_and_its_objects_arrive_in_one_run(site: Site, kubectl: httpx.Client) -> None:
    site.namespace = "shop"
    assert site.sync(config_map(), create_namespace=True).ending is Ending.SUCCEEDED
    assert kubectl.get("/api/v1/namespaces/shop/configmaps/settings").is_success


def test_a_sweep_confirms_what_it_finds_and_names_who_drifted(site: Site, kubectl: httpx.Client) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web"}}
    manifests = [deployment(), config_map("a"), config_map("b"), account]
    site.sync(*manifests)

    def swept() -> Any:
        items = tuple(site.journal.inventory.values())
        lists = {}
        for group, version, kind in {(item.object.group, item.version, item.object.kind) for item in items}:
            found = site.cluster.kind(group, version, kind)
            lists[group, kind] = site.cluster.list_meta(found, namespace="", selector="flotilla.dev/placement")
        return compare("acme", "alpha", {site.ref: items}, lists).verdicts[0]

    assert swept().finding is Finding.CONFIRMED
    status = {"status": {"observedGeneration": 1, "replicas": 1}}
    assert kubectl.patch(f"{DEPLOYMENTS}/web/status", json=status, headers=MERGE).is_success
    assert swept().finding is Finding.CONFIRMED
    edit(kubectl, f"{MAPS}/a", {"data": {"key": "theirs"}})
    edit(kubectl, f"{DEPLOYMENTS}/web", {"metadata": {"annotations": {"flotilla.dev/owner": None}}}, "somebody")
    kubectl.delete(f"{MAPS}/b")
    verdict = swept()
    assert verdict.finding is Finding.DRIFTED
    assert {(drift.object.name, drift.manager) for drift in verdict.drifts} == {
        ("a", "kubectl-edit"), ("b", ""), ("web", "")
    }  # fmt: skip
    assert site.sync(*manifests).ending is Ending.SUCCEEDED
    assert swept().finding is Finding.CONFIRMED


def test_labels_and_annotations_of_ours_are_guarded_too(site: Site, kubectl: httpx.Client) -> None:
    site.sync(annotated(deployment(), note="ours"))
    edit(kubectl, f"{DEPLOYMENTS}/web", {"metadata": {"annotations": {"note": "theirs"}}})
    result = site.sync(annotated(deployment(), note="ours"))
    assert details(result)["Deployment/web"] == "reclaimed from kubectl-edit"
    assert show(kubectl, f"{DEPLOYMENTS}/web")["metadata"]["annotations"]["note"] == "ours"


def test_an_api_version_that_is_no_longer_served_is_explained(site: Site, kubectl: httpx.Client) -> None:
    old = {
        "apiVersion": "extensions/v1beta1",
        "kind": "Ingress",
        "metadata": {"name": "web"},
        "spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}},
    }
    with pytest.raises(ManifestsError, match=r"no kind Ingress in extensions/v1beta1, but in networking\.k8s\.io/v1"):
        site.sync(old, config_map())
    assert kubectl.get(f"{MAPS}/settings").status_code == 404
    assert site.sync({**old, "apiVersion": "networking.k8s.io/v1"}, config_map()).ending is Ending.SUCCEEDED


def test_a_served_api_version_may_change_and_the_object_stays(site: Site, kubectl: httpx.Client) -> None:
    scaler = {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
    }
    path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/web"
    assert site.sync(scaler).ending is Ending.SUCCEEDED
    uid = show(kubectl, path)["metadata"]["uid"]
    newer = site.sync({**scaler, "apiVersion": "autoscaling/v2"})
    assert newer.ending is Ending.SUCCEEDED, newer.reason
    assert show(kubectl, path)["metadata"]["uid"] == uid
    assert len(site.journal.inventory) == 1
