"""Who owns what, and what a write may change."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from common.domain.fleet import AdoptPolicy, ConflictPolicy, IgnoreRule, SyncSettings
from common.domain.refs import PlacementRef
from tests.fakes.sync import Site, actions, annotated, config_map, deployment, details
from tests.harness.hands import DEPLOYMENTS, MAPS, MERGE, Busy, edit, show
from workers.sync.errors import ConflictError, UnsettledError
from workers.sync.ports import Ownership, Target, Write
from workers.sync.requests import Phase
from workers.sync.results import Ending


def test_drift_is_reclaimed_and_says_from_whom(site: Site, kubectl: httpx.Client) -> None:
    site.sync(deployment(replicas=2), config_map(key="ours"))
    edit(kubectl, f"{DEPLOYMENTS}/web", {"spec": {"replicas": 5}})
    edit(kubectl, f"{MAPS}/settings", {"data": {"key": "theirs"}})
    result = site.sync(deployment(replicas=2), config_map(key="ours"))
    assert details(result) == dict.fromkeys(("Deployment/web", "ConfigMap/settings"), "reclaimed from kubectl-edit")
    assert show(kubectl, f"{DEPLOYMENTS}/web")["spec"]["replicas"] == 2
    assert show(kubectl, f"{MAPS}/settings")["data"] == {"key": "ours"}


def test_labels_and_annotations_of_ours_are_guarded_too(site: Site, kubectl: httpx.Client) -> None:
    site.sync(annotated(deployment(), note="ours"))
    edit(kubectl, f"{DEPLOYMENTS}/web", {"metadata": {"annotations": {"note": "theirs"}}})
    result = site.sync(annotated(deployment(), note="ours"))
    assert details(result)["Deployment/web"] == "reclaimed from kubectl-edit"
    assert show(kubectl, f"{DEPLOYMENTS}/web")["metadata"]["annotations"]["note"] == "ours"


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


def test_an_object_of_another_placement_is_never_taken(site: Site, kubectl: httpx.Client) -> None:
    Site(site.cluster, ref=PlacementRef("alpha", "bank")).sync(config_map(key="bank"))
    result = site.sync(config_map(key="shop"), settings=SyncSettings(adopt=AdoptPolicy.ANY))
    assert details(result)["ConfigMap/settings"] == "conflict: owned by acme/alpha/bank"
    assert show(kubectl, f"{MAPS}/settings")["data"] == {"key": "bank"}


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


def test_what_an_ignored_manager_owns_stays_its_own(site: Site, kubectl: httpx.Client) -> None:
    rule = IgnoreRule("Deployment", managers=("image-updater",))
    settings = SyncSettings(ignore=(rule,))
    site.sync(deployment(image="one", replicas=2), settings=settings)
    body = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "theirs"}]}}}}
    answer = kubectl.patch(
        f"{DEPLOYMENTS}/web",
        json=body,
        params={"fieldManager": "image-updater"},
        headers={"Content-Type": "application/strategic-merge-patch+json"},
    )
    assert answer.is_success, answer.text
    assert actions(site.sync(deployment(image="one", replicas=2), settings=settings)) == {"Deployment/web": "unchanged"}
    result = site.sync(deployment(image="two", replicas=3), settings=settings)
    assert actions(result) == {"Deployment/web": "configured"}
    found = show(kubectl, f"{DEPLOYMENTS}/web")["spec"]
    assert (found["replicas"], found["template"]["spec"]["containers"][0]["image"]) == (3, "theirs")
    assert actions(site.sync(deployment(image="two", replicas=3))) == {"Deployment/web": "conflict"}


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


def test_take_over_forces_a_field_that_never_was_ours_and_fail_does_not(site: Site, kubectl: httpx.Client) -> None:
    site.sync(config_map(key="ours"))
    edit(kubectl, f"{MAPS}/settings", {"data": {"other": "theirs"}}, "operator")
    wanted = config_map(key="ours", other="mine")
    assert site.sync(wanted).ending is Ending.FAILED
    taking = SyncSettings(conflicts=ConflictPolicy.TAKE_OVER)
    assert site.sync(wanted, settings=taking).ending is Ending.SUCCEEDED
    assert show(kubectl, f"{MAPS}/settings")["data"] == {"key": "ours", "other": "mine"}


def test_a_field_that_leaves_the_manifest_leaves_the_object(site: Site, kubectl: httpx.Client) -> None:
    site.sync(config_map(a="1", b="2"))
    site.sync(config_map(a="1"))
    assert show(kubectl, f"{MAPS}/settings")["data"] == {"a": "1"}


def test_if_absent_writes_once_and_never_again(site: Site, kubectl: httpx.Client) -> None:
    wanted = annotated(config_map(key="first"), flotilla_apply="if-absent")
    assert actions(site.sync(wanted)) == {"ConfigMap/settings": "created"}
    edit(kubectl, f"{MAPS}/settings", {"data": {"key": "theirs"}})
    changed = annotated(config_map(key="second"), flotilla_apply="if-absent")
    assert actions(site.sync(changed)) == {"ConfigMap/settings": "unchanged"}
    assert show(kubectl, f"{MAPS}/settings")["data"] == {"key": "theirs"}


def test_never_writes_nothing(site: Site, kubectl: httpx.Client) -> None:
    result = site.sync(annotated(config_map(), flotilla_apply="never"))
    assert actions(result) == {"ConfigMap/settings": "skipped"}
    assert kubectl.get(f"{MAPS}/settings").status_code == 404


def test_merge_leaves_to_others_what_is_theirs(site: Site, kubectl: httpx.Client) -> None:
    kubectl.post(MAPS, json=config_map(theirs="1"), params={"fieldManager": "kubectl-create"}).raise_for_status()
    wanted = annotated(config_map(ours="2"), flotilla_apply="merge")
    assert site.sync(wanted).ending is Ending.SUCCEEDED
    assert show(kubectl, f"{MAPS}/settings")["data"] == {"theirs": "1", "ours": "2"}
