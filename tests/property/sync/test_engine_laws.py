"""Laws of the engine, tried on whatever hypothesis thinks of."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from common.domain.fleet import PrunePolicy, SyncSettings
from common.domain.refs import ObjectId, PlacementRef
from tests.fakes.cluster import FakeCluster
from tests.fakes.fields import fields_v1, flat, paths_of
from tests.fakes.sync import Site, actions, config_map, deployment
from workers.sync.objects import fieldset
from workers.sync.objects.ordering import in_order
from workers.sync.plan import prune
from workers.sync.plan.normalise import Naming, normalise
from workers.sync.ports import InventoryItem
from workers.sync.requests import DryRuns, Phase
from workers.sync.results import Ending
from workers.sync.sweep import Finding, compare

LIGHT = settings(max_examples=40)
NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
DATA = st.dictionaries(st.sampled_from(["x", "y", "z"]), st.sampled_from(["1", "2", "3"]), min_size=1)
NAMING = Naming("acme", PlacementRef("alpha", "shop"), "default", b"key")
PRUNE_FREELY = SyncSettings(prune=PrunePolicy(max_objects=1000, max_percent=100))


@st.composite
def manifests(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return ConfigMaps and Deployments with distinct names."""
    maps = draw(st.dictionaries(NAMES, DATA, min_size=1))
    workloads = draw(st.dictionaries(NAMES, st.integers(0, 5)))
    return [config_map(name, **data) for name, data in maps.items()] + [
        deployment(name, replicas=count) for name, count in workloads.items()
    ]


EDITS = st.lists(st.tuples(NAMES, DATA, st.sampled_from(["kubectl-edit", "operator"])), max_size=5)
IDS = st.builds(
    ObjectId,
    st.sampled_from(["", "apps", "example.com"]),
    st.sampled_from(["ConfigMap", "Namespace", "Deployment", "Gadget", "PersistentVolumeClaim"]),
    st.sampled_from(["", "default"]),
    NAMES,
)


@LIGHT
@given(manifests())
def test_applying_twice_changes_nothing(objects: list[dict[str, Any]]) -> None:
    cluster = FakeCluster()
    site = Site(cluster)
    site.sync(*objects)
    before = cluster.snapshot()
    assert set(actions(site.sync(*objects)).values()) == {"unchanged"}
    assert set(actions(site.sync(*objects, dry_runs=DryRuns.ALL)).values()) == {"unchanged"}
    assert cluster.snapshot() == before


@LIGHT
@given(manifests(), manifests())
def test_a_new_revision_leaves_exactly_its_objects(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> None:
    cluster = FakeCluster()
    site = Site(cluster, settings=PRUNE_FREELY)
    site.sync(*old)
    if site.sync(*new).ending is Ending.WAITING:
        assert site.sync(*new, phase=Phase.RESUME).ending is Ending.SUCCEEDED
    for kind in ("ConfigMap", "Deployment"):
        assert cluster.names(kind) == {each["metadata"]["name"] for each in new if each["kind"] == kind}
    for each in new:
        shown = cluster.show(each["kind"], each["metadata"]["name"])
        assert {key: shown.get(key) for key in ("data", "spec")} == {key: each.get(key) for key in ("data", "spec")}
    assert {item.object.name for item in site.journal.inventory.values()} == {each["metadata"]["name"] for each in new}


@LIGHT
@given(manifests(), EDITS)
def test_whatever_others_do_a_sync_either_enforces_or_says_no(
    objects: list[dict[str, Any]], edits: list[tuple[str, dict[str, str], str]]
) -> None:
    cluster = FakeCluster()
    site = Site(cluster)
    site.sync(*objects)
    for name, data, manager in edits:
        if name in cluster.names("ConfigMap"):
            cluster.edit("ConfigMap", name, {"data": data}, manager=manager)
    result = site.sync(*objects)
    assert result.ending is Ending.SUCCEEDED, "every field in the manifests was ours before"
    for each in objects:
        shown = cluster.show(each["kind"], each["metadata"]["name"])
        assert flat(each.get("data") or {}).items() <= flat(shown.get("data") or {}).items()
    items = tuple(site.journal.inventory.values())
    kinds = [cluster.kind("", "", "ConfigMap"), cluster.kind("apps", "", "Deployment")]
    lists = {(k.group, k.kind): cluster.list_meta(k, namespace="", selector="flotilla.dev/placement") for k in kinds}
    assert compare("acme", "alpha", {site.ref: items}, lists, key=b"").placements[0].finding is Finding.CONFIRMED


@LIGHT
@given(objects=manifests(), foreign=st.sets(NAMES), marked=st.booleans())
def test_removing_never_touches_what_is_not_in_the_inventory(
    *, objects: list[dict[str, Any]], foreign: set[str], marked: bool
) -> None:
    cluster = FakeCluster()
    Site(cluster, ref=PlacementRef("alpha", "other")).sync(*(config_map(f"other-{name}") for name in foreign))
    for name in foreign:
        manifest = config_map(f"foreign-{name}")
        if marked:
            manifest["metadata"]["labels"] = {"flotilla.dev/placement": NAMING.ref.mark("acme")}
        cluster.put(manifest, manager="kubectl")
    before = cluster.snapshot()
    site = Site(cluster)
    site.sync(*objects)
    site.sync(phase=Phase.REMOVE)
    assert cluster.snapshot() == before


@LIGHT
@given(
    st.lists(
        st.builds(InventoryItem, IDS, st.just("v1"), keep=st.booleans(), prune_allowed=st.booleans()), unique=True
    ),
    st.sets(IDS),
    st.integers(0, 10),
    st.integers(0, 100),
)
def test_no_plan_removes_what_is_wanted_kept_or_protected_and_none_over_its_bounds(
    inventory: list[InventoryItem], wanted: set[ObjectId], most: int, percent: int
) -> None:
    items = list({item.object: item for item in inventory}.values())
    policy = PrunePolicy(max_objects=most, max_percent=percent)
    left = prune.leftover(items, wanted)
    plan = prune.plan(left, policy, wanted=wanted, total=len(items), approved=None)
    removed = {item.object for item in plan.remove}
    assert removed.isdisjoint(wanted)
    assert removed | {object_id for object_id, _ in plan.kept} == {item.object for item in left}
    for item in plan.remove:
        assert not item.keep
        assert item.prune_allowed or (item.object.group, item.object.kind) not in prune.PROTECTED
    assert plan.over or len(removed) <= most
    assert plan.over or len(removed) < 4 or len(removed) * 100 <= percent * len(items)
    assert wanted or plan.over or not removed


@LIGHT
@given(manifests())
def test_normalising_the_normalised_changes_nothing(objects: list[dict[str, Any]]) -> None:
    kinds = FakeCluster().kind
    once = normalise(objects, NAMING, kinds).wanted
    twice = normalise([wanted.manifest for wanted in once], NAMING, kinds).wanted
    assert [wanted.digest for wanted in twice] == [wanted.digest for wanted in once]


@LIGHT
@given(st.sets(IDS), st.randoms())
def test_order_is_total_and_does_not_depend_on_where_objects_stood(ids: set[ObjectId], random: Any) -> None:
    shuffled = list(ids)
    random.shuffle(shuffled)
    assert in_order(shuffled) == in_order(ids)
    assert set(in_order(ids)) == ids


JSON = st.recursive(
    st.one_of(st.integers(0, 3), st.sampled_from(["a", "b"])),
    lambda inner: st.dictionaries(st.sampled_from(["p", "q", "r"]), inner, min_size=1),
    max_leaves=8,
).map(lambda value: {"root": value})


@LIGHT
@given(JSON, JSON)
def test_what_is_left_of_a_set_and_what_was_taken_make_up_the_set(left: dict[str, Any], right: dict[str, Any]) -> None:
    ours, theirs = fields_v1(flat(left)), fields_v1(flat(right))
    rest = fieldset.minus(ours, theirs)
    kept = paths_of(rest) if rest else set()
    assert kept <= paths_of(ours)
    assert kept.isdisjoint(paths_of(theirs))
    assert fieldset.projected(left, ours) == left
