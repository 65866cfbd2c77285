"""Sweeps: confirmed, drifted, or not known; and what says it is ours without being in any inventory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from common.domain.codes import SweepReason
from common.domain.reasons import sentence
from common.domain.refs import PlacementRef
from tests.fakes.cluster import FakeCluster
from tests.fakes.sync import Site, config_map, deployment
from workers.sync.objects.live import LiveMeta
from workers.sync.ports import InventoryItem
from workers.sync.sweep import Finding, SweepResult, compare

SELECTOR = "flotilla.dev/placement"


def lists(cluster: FakeCluster) -> dict[tuple[str, str], Sequence[LiveMeta] | None]:
    kinds = [cluster.kind("", "", "ConfigMap"), cluster.kind("apps", "", "Deployment")]
    return {(kind.group, kind.kind): cluster.list_meta(kind, namespace="", selector=SELECTOR) for kind in kinds}


def swept(
    site: Site, cluster: FakeCluster, live: Mapping[tuple[str, str], Sequence[LiveMeta] | None] | None = None
) -> SweepResult:
    inventories = {site.ref: tuple(site.journal.inventory.values())}
    return compare("acme", "alpha", inventories, lists(cluster) if live is None else live, key=b"")


def test_what_is_as_we_left_it_is_confirmed(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map(), deployment())
    cluster.status("Deployment", "web", replicas=2)
    assert swept(site, cluster).placements[0].finding is Finding.CONFIRMED
    assert swept(site, cluster).strays == ()


def test_drift_behind_an_object_that_is_no_longer_wanted_is_found(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map("a"), config_map("b"))
    first = next(iter(site.journal.inventory))
    site.journal.inventory[first] = replace(site.journal.inventory[first], wanted=False)
    for name in "ab":
        cluster.remove("ConfigMap", name)
    (found,) = swept(site, cluster).placements
    assert [drift.object for drift in found.drifts] == [one for one in site.journal.inventory if one != first]


def test_drift_names_the_object_and_who_wrote_last(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map(), deployment())
    cluster.edit("ConfigMap", "settings", {"data": {"a": "1"}}, manager="early")
    cluster.edit("ConfigMap", "settings", {"data": {"key": "x"}}, manager="late")
    (found,) = swept(site, cluster).placements
    assert found.finding is Finding.DRIFTED
    assert [(drift.object.name, drift.manager) for drift in found.drifts] == [("settings", "late")]
    assert [drift.what for drift in found.drifts] == [SweepReason.CHANGED]


def test_what_is_gone_or_lost_its_mark_drifted(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map(), deployment())
    cluster.remove("ConfigMap", "settings")
    cluster.edit("Deployment", "web", {"metadata": {"annotations": {"flotilla.dev/owner": "me"}}}, manager="x")
    (found,) = swept(site, cluster).placements
    assert {drift.what for drift in found.drifts} == {SweepReason.GONE, SweepReason.UNMARKED}


def test_a_list_that_did_not_end_is_said_and_never_drift(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map())
    for live in ({("", "ConfigMap"): None}, {}):
        (found,) = swept(site, cluster, live).placements
        assert found.finding is Finding.PARTIAL
        assert not found.drifts


def test_what_was_never_applied_or_is_on_its_way_out_is_under_way(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map())
    cluster.stored("ConfigMap", "settings").deleting = True
    assert sentence(swept(site, cluster).placements[0].reason).endswith("is being deleted")
    (object_id,) = site.journal.inventory
    site.journal.inventory[object_id] = InventoryItem(object_id, "v1")
    (found,) = swept(site, cluster).placements
    assert (found.finding, found.hint) == (Finding.UNDER_WAY, "")
    assert sentence(found.reason).endswith("was not applied yet")


def test_a_hint_is_another_whenever_something_else_is_seen_and_the_same_while_nothing_moves(
    site: Site, cluster: FakeCluster
) -> None:
    site.sync(config_map())
    assert swept(site, cluster).placements[0].hint == ""
    cluster.edit("ConfigMap", "settings", {"data": {"a": "1"}}, manager="x")
    first = swept(site, cluster).placements[0].hint
    assert first == swept(site, cluster).placements[0].hint
    cluster.edit("ConfigMap", "settings", {"data": {"a": "2"}}, manager="x")
    second = swept(site, cluster).placements[0].hint
    cluster.remove("ConfigMap", "settings")
    assert len({"", first, second, swept(site, cluster).placements[0].hint}) == 4


def test_two_writes_within_one_second_are_two_hints(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map())
    seen = []
    for value in ("1", "2"):
        cluster.edit("ConfigMap", "settings", {"data": {"a": value}}, manager="x")
        seen.append(lists(cluster))
    first, second = ((found["", "ConfigMap"] or ())[0] for found in seen)
    second = msgspec.structs.replace(second, managed_fields=first.managed_fields)
    hints = [swept(site, cluster, {("", "ConfigMap"): [meta]}).placements[0].hint for meta in (first, second)]
    assert len({"", *hints}) == 3, "the times of managedFields are of whole seconds"


def test_what_waits_to_be_pruned_is_not_looked_at(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map())
    (object_id,) = site.journal.inventory
    site.journal.inventory[object_id] = replace(site.journal.inventory[object_id], wanted=False, fingerprint="x")
    assert swept(site, cluster).placements[0].finding is Finding.CONFIRMED


def test_an_object_that_names_us_and_is_in_no_inventory_is_a_stray(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map("late"))
    uid = cluster.stored("ConfigMap", "late").uid
    site.journal.inventory.clear()
    (stray,) = swept(site, cluster).strays
    assert (stray.ref, stray.object.name, stray.uid) == (site.ref, "late", uid)
    cluster.stored("ConfigMap", "late").deleting = True
    assert not swept(site, cluster).strays


def test_objects_of_a_placement_that_left_are_strays(site: Site, cluster: FakeCluster) -> None:
    Site(cluster, ref=PlacementRef("alpha", "gone")).sync(config_map())
    assert [str(stray.ref) for stray in swept(site, cluster).strays] == ["alpha/gone"]


def test_copies_and_other_fleets_are_no_strays(site: Site, cluster: FakeCluster) -> None:
    Site(cluster, fleet="rival").sync(config_map("theirs"))
    site.sync(config_map())
    metadata = cluster.show("ConfigMap", "settings")["metadata"]
    copy = {"name": "copy", "labels": metadata["labels"], "annotations": metadata["annotations"]}
    cluster.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": copy, "data": {}}, manager="kubectl")
    assert swept(site, cluster).strays == ()


def test_an_object_that_cannot_be_understood_is_no_drift_and_keeps_nobody_else_from_being_judged(
    site: Site, cluster: FakeCluster
) -> None:
    site.sync(config_map("a"), config_map("b"))
    listed = lists(cluster)
    broken = tuple(replace_fields(meta, b"3") if meta.name == "a" else meta for meta in listed["", "ConfigMap"] or ())
    (found,) = swept(site, cluster, {**listed, ("", "ConfigMap"): broken}).placements
    assert (found.finding, found.drifts) == (Finding.PARTIAL, ())
    assert "ConfigMap" in sentence(found.reason)
    cluster.remove("ConfigMap", "b")
    (found,) = swept(site, cluster, {**listed, ("", "ConfigMap"): broken[:1]}).placements
    assert [drift.object.name for drift in found.drifts] == ["b"]


def replace_fields(meta: LiveMeta, fields: bytes) -> LiveMeta:
    """Return metadata whose managedFields hold something else."""
    entries = (msgspec.structs.replace(entry, fields=msgspec.Raw(fields)) for entry in meta.managed_fields or ())
    return msgspec.structs.replace(meta, managed_fields=tuple(entries))
