"""What leaves Git leaves the cluster, and nothing else does."""

from __future__ import annotations

import httpx
import pytest

from common.domain.fleet import PrunePolicy, SyncSettings
from common.domain.refs import ObjectId
from tests.fakes.sync import Site, actions, annotated, config_map, deployment, details
from tests.harness.hands import MAPS, gone, show
from tests.harness.place import Place
from workers.sync.ports import InventoryItem
from workers.sync.requests import Phase
from workers.sync.results import Ending


@pytest.fixture
def place(living: Place) -> Place:
    """Look at a cluster that clears away what is deleted."""
    return living


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


MANY = [config_map(f"many-{n}") for n in range(6)]


def test_what_left_the_manifests_is_removed_after_everything_was_applied(site: Site, kubectl: httpx.Client) -> None:
    site.sync(config_map("a"), config_map("b"))
    result = site.sync(config_map("a"), config_map("c"))
    assert actions(result) == {"ConfigMap/a": "unchanged", "ConfigMap/b": "pruned", "ConfigMap/c": "created"}
    assert [change.action.value for change in site.journal.recorded][-1] == "pruned"
    assert gone(kubectl, f"{MAPS}/b")


def test_nothing_is_removed_where_something_was_not_applied(site: Site, kubectl: httpx.Client) -> None:
    site.sync(config_map("a"), config_map("b"))
    assert site.sync(config_map("a"), deployment(replicas=-1)).ending is Ending.FAILED
    assert kubectl.get(f"{MAPS}/b").is_success


@pytest.mark.parametrize("guard", [PrunePolicy(max_objects=5), PrunePolicy(max_objects=20, max_percent=50)])
def test_over_a_guard_nothing_is_removed_and_leave_is_asked_for_that_very_list(
    site: Site, kubectl: httpx.Client, guard: PrunePolicy
) -> None:
    site.settings = SyncSettings(prune=guard)
    site.sync(config_map("kept"), *MANY)
    result = site.sync(config_map("kept"))
    assert result.ending is Ending.NEEDS_APPROVAL
    assert kubectl.get(f"{MAPS}/many-0").is_success
    asked = frozenset(ObjectId("", "ConfigMap", "default", f"many-{n}") for n in range(6))
    assert site.sync(config_map("kept"), approved=asked - {ObjectId("", "ConfigMap", "default", "many-5")}).ending
    assert kubectl.get(f"{MAPS}/many-5").is_success
    site.sync(config_map("kept"), approved=asked)
    assert gone(kubectl, f"{MAPS}/many-5")


def test_what_says_never_is_kept_and_what_holds_much_needs_leave(site: Site, kubectl: httpx.Client) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "space"}}
    site.sync(config_map("a"), annotated(config_map("b"), flotilla_prune="never"), space)
    result = site.sync(config_map("a"))
    assert actions(result)["ConfigMap/b"] == actions(result)["Namespace/space"] == "skipped"
    assert kubectl.get(f"{MAPS}/b").is_success
    assert kubectl.get("/api/v1/namespaces/space").is_success
