"""What the sync engine relies on, said once for every cluster there is."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.contract.cluster_port.conftest import World
from tests.fakes.sync import Site, actions, config_map, deployment
from workers.sync.errors import ConflictError, NotFoundError, UnknownKindError
from workers.sync.objects import fieldset
from workers.sync.objects.fingerprint import fingerprint
from workers.sync.objects.live import Live
from workers.sync.plan import adoption
from workers.sync.plan.differ import sealed
from workers.sync.ports import Applied, Ownership, Target, Write
from workers.sync.requests import Phase

FORCE, RESPECT = Ownership.FORCE, Ownership.RESPECT


def target(world: World, kind: str = "ConfigMap", name: str = "settings") -> Target:
    group, version = ("apps", "v1") if kind == "Deployment" else ("", "v1")
    return Target(world.cluster.kind(group, version, kind), "default", name)


def apply(
    world: World, manifest: dict[str, Any], *, write: Write = Write.REAL, ownership: Ownership = RESPECT
) -> Applied:
    where = target(world, manifest["kind"], manifest["metadata"]["name"])
    return world.cluster.apply(where, orjson.dumps(manifest), write=write, ownership=ownership)


def live(world: World, kind: str = "ConfigMap", name: str = "settings") -> Live:
    found = world.cluster.get(target(world, kind, name))
    assert found is not None
    return found


def test_what_is_not_there_is_none(world: World) -> None:
    assert world.cluster.get(target(world)) is None


def test_the_first_apply_creates_and_the_second_does_not(world: World) -> None:
    assert apply(world, config_map()).created
    assert not apply(world, config_map()).created


def test_a_dry_run_says_what_would_be_and_changes_nothing(world: World) -> None:
    assert apply(world, config_map(), write=Write.DRY_RUN).created
    assert world.cluster.get(target(world)) is None
    apply(world, config_map(key="1"))
    before = live(world).body()
    answer = apply(world, config_map(key="2"), write=Write.DRY_RUN)
    assert answer.live.body()["data"] == {"key": "2"}
    assert live(world).body() == before


def test_a_no_op_apply_keeps_the_resource_version(world: World) -> None:
    first = apply(world, deployment()).live.meta
    assert apply(world, deployment()).live.meta.resource_version == first.resource_version


def test_a_dropped_field_is_removed(world: World) -> None:
    apply(world, config_map(a="1", b="2"))
    apply(world, config_map(a="1"))
    assert live(world).body()["data"] == {"a": "1"}


@pytest.mark.parametrize("write", list(Write))
def test_create_only_creates_what_is_absent_and_refuses_what_exists(world: World, write: Write) -> None:
    body = sealed(config_map(), None)
    assert world.cluster.apply(target(world), body, write=write, ownership=RESPECT).created
    apply(world, config_map())
    with pytest.raises(ConflictError) as caught:
        world.cluster.apply(target(world), body, write=write, ownership=RESPECT)
    assert not caught.value.fields


@pytest.mark.parametrize("write", list(Write))
def test_an_apply_sealed_to_an_older_state_is_refused_even_without_a_difference(world: World, write: Write) -> None:
    old = apply(world, config_map(key="1")).live.meta
    apply(world, config_map(key="2"))
    with pytest.raises(ConflictError) as caught:
        world.cluster.apply(target(world), sealed(config_map(key="2"), old), write=write, ownership=FORCE)
    assert not caught.value.fields


def test_an_apply_sealed_to_another_uid_or_to_what_is_gone_is_refused(world: World) -> None:
    gone = apply(world, config_map()).live.meta
    assert world.cluster.delete(target(world), uid=gone.uid, resource_version=gone.resource_version) == ()
    with pytest.raises(ConflictError):
        world.cluster.apply(target(world), sealed(config_map(), gone), write=Write.REAL, ownership=RESPECT)
    apply(world, config_map())
    with pytest.raises(ConflictError):
        world.cluster.apply(target(world), sealed(config_map(), gone), write=Write.REAL, ownership=RESPECT)


def test_a_conflict_names_each_field_and_its_manager(world: World) -> None:
    apply(world, deployment(replicas=2))
    applied = live(world, "Deployment", "web").meta.our_fields
    assert applied is not None
    world.others.edit("Deployment", "web", {"spec": {"replicas": 5}}, manager="kubectl-edit")
    with pytest.raises(ConflictError) as caught:
        apply(world, deployment(replicas=2), write=Write.DRY_RUN)
    assert [cause.field for cause in caught.value.fields] == [".spec.replicas"]
    assert "kubectl-edit" in caught.value.fields[0].message
    assert ".spec.replicas" in fieldset.Paths(applied.decoded())
    assert apply(world, deployment(replicas=2), ownership=FORCE).live.body()["spec"]["replicas"] == 2


def test_equal_values_are_shared_and_not_fought_over(world: World) -> None:
    apply(world, config_map(key="1"))
    world.others.edit("ConfigMap", "settings", {"data": {"other": "x"}}, manager="somebody")
    apply(world, config_map(key="1", other="x"))
    apply(world, config_map(key="1"))
    assert live(world).body()["data"] == {"key": "1", "other": "x"}


def test_a_status_write_moves_the_resource_version_and_no_fingerprint(world: World) -> None:
    before = apply(world, deployment()).live.meta
    world.others.status("Deployment", "web", observedGeneration=1, replicas=1)
    after = live(world, "Deployment", "web").meta
    assert after.resource_version != before.resource_version
    assert fingerprint(after) == fingerprint(before)


def test_a_fingerprint_is_the_same_from_apply_get_and_list_and_moves_with_an_edit(world: World) -> None:
    for manifest in (config_map(), deployment()):
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        manifest["metadata"]["labels"] = {"flotilla.dev/placement": "abc"}
        applied = fingerprint(apply(world, manifest).live.meta)
        where = target(world, kind, name)
        listed = world.cluster.list_meta(where.kind, namespace="default", selector="flotilla.dev/placement=abc")
        assert {fingerprint(meta) for meta in (*listed, live(world, kind, name).meta)} == {applied}
        world.others.edit(kind, name, {"metadata": {"labels": {"flotilla.dev/placement": "abd"}}}, manager="x")
        assert fingerprint(live(world, kind, name).meta) != applied


def test_lists_select_by_label_and_namespace(world: World) -> None:
    for number in range(3):
        manifest = config_map(f"c{number}")
        manifest["metadata"]["labels"] = {"flotilla.dev/placement": f"p{number % 2}"}
        apply(world, manifest)
    apply(world, config_map("unmarked"))
    kind = target(world).kind

    def names(selector: str, namespace: str = "") -> set[str]:
        return {meta.name for meta in world.cluster.list_meta(kind, namespace=namespace, selector=selector)}

    assert names("flotilla.dev/placement") == {"c0", "c1", "c2"}
    assert names("flotilla.dev/placement=p0") == {"c0", "c2"}
    assert names("flotilla.dev/placement", "kube-system") == set()
    whole = world.cluster.list_objects(kind, namespace="", selector="flotilla.dev/placement=p1")
    assert [each["data"] for each in whole] == [{"key": "value"}]


def test_a_delete_holds_only_for_the_state_that_was_seen(world: World) -> None:
    old = apply(world, config_map(key="1")).live.meta
    new = apply(world, config_map(key="2")).live.meta
    for uid, version in ((old.uid, old.resource_version), ("another", new.resource_version)):
        with pytest.raises(ConflictError):
            world.cluster.delete(target(world), uid=uid, resource_version=version)
    assert world.cluster.delete(target(world), uid=new.uid, resource_version=new.resource_version) == ()
    left = world.cluster.get(target(world))
    assert left is None or left.meta.deletion_timestamp, "in the foreground, it goes once what it owns is gone"


def test_deleting_what_is_not_there_says_so(world: World) -> None:
    assert world.cluster.delete(target(world), uid="x", resource_version="1") is None


def test_moved_fields_are_removed_with_the_manifest_and_only_in_the_state_that_was_seen(world: World) -> None:
    apply(world, config_map(key="1"))
    world.others.edit("ConfigMap", "settings", {"data": {"old": "x"}}, manager="kubectl-client-side-apply")
    meta = live(world).meta
    entries = adoption.migrated(meta)
    assert entries is not None
    world.cluster.patch(target(world), adoption.migration(meta, entries))
    with pytest.raises(ConflictError):
        world.cluster.patch(target(world), adoption.migration(meta, entries))
    apply(world, config_map(key="1"))
    assert live(world).body()["data"] == {"key": "1"}


def test_a_missing_namespace_and_an_unknown_kind_have_their_own_errors(world: World) -> None:
    nowhere = Target(target(world).kind, "nowhere", "settings")
    manifest = config_map(namespace="nowhere")
    with pytest.raises(NotFoundError, match="nowhere"):
        world.cluster.apply(nowhere, orjson.dumps(manifest), write=Write.DRY_RUN, ownership=RESPECT)
    assert world.cluster.get(nowhere) is None
    with pytest.raises(UnknownKindError):
        world.cluster.kind("example.com", "v1", "Gadget")


def test_a_whole_story_ends_alike(world: World) -> None:
    site = Site(world.cluster)
    told = [actions(site.sync(config_map(), deployment()))]
    told.append(actions(site.sync(config_map(), deployment())))
    world.others.edit("ConfigMap", "settings", {"data": {"key": "theirs"}}, manager="kubectl-edit")
    told.append(actions(site.sync(config_map(), deployment(image="two"))))
    told.append(actions(site.sync(deployment(image="two"))))
    told.append(actions(site.sync(deployment(image="two"), phase=Phase.RESUME)))
    told.append(actions(site.sync(phase=Phase.REMOVE)))
    assert told == [
        {"ConfigMap/settings": "created", "Deployment/web": "created"},
        {"ConfigMap/settings": "unchanged", "Deployment/web": "unchanged"},
        {"ConfigMap/settings": "configured", "Deployment/web": "configured"},
        {"Deployment/web": "unchanged"},
        {"ConfigMap/settings": "pruned"},
        {"Deployment/web": "pruned"},
    ]
