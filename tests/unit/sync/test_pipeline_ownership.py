"""Whose an object is: conflicts, drift, adoption, ignored fields, races with others, and fencing."""

from __future__ import annotations

from typing import Any

import pytest

from common.domain.changes import Action
from common.domain.fleet import AdoptPolicy, ConflictPolicy, IgnoreRule, SyncSettings
from common.domain.refs import PlacementRef
from tests.fakes.cluster import FakeCluster
from tests.fakes.sync import Site, actions, annotated, config_map, deployment, details
from workers.sync.errors import ConflictError, UnsettledError
from workers.sync.ports import Applied, Ownership, Target, Write
from workers.sync.requests import DryRuns, Phase
from workers.sync.results import Ending

TAKE_OVER = SyncSettings(conflicts=ConflictPolicy.TAKE_OVER)
FORCEFUL = SyncSettings(conflicts=ConflictPolicy.TAKE_OVER, adopt=AdoptPolicy.ANY)
ADOPT_ANY = SyncSettings(adopt=AdoptPolicy.ANY)
ADOPT_NEVER = SyncSettings(adopt=AdoptPolicy.NEVER)
IGNORE_REPLICAS = SyncSettings(ignore=(IgnoreRule("Deployment", ("/spec/replicas",)),))


def data(cluster: FakeCluster) -> dict[str, str]:
    found: dict[str, str] = cluster.show("ConfigMap", "settings")["data"]
    return found


def labelled(manifest: dict[str, Any], **labels: str) -> dict[str, Any]:
    named = {key.replace("__", "/"): value for key, value in labels.items()}
    return {**manifest, "metadata": {**manifest["metadata"], "labels": named}}


def test_a_field_of_ours_that_somebody_changed_is_reclaimed(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map(key="ours"))
    cluster.edit("ConfigMap", "settings", {"data": {"key": "theirs"}}, manager="kubectl-edit")
    result = site.sync(config_map(key="ours"))
    assert actions(result) == {"ConfigMap/settings": "configured"}
    assert details(result)["ConfigMap/settings"] == "reclaimed from kubectl-edit"
    assert data(cluster) == {"key": "ours"}


def test_a_field_that_never_was_ours_is_a_conflict_that_names_field_and_owner(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map(key="ours"))
    cluster.edit("ConfigMap", "settings", {"data": {"other": "theirs"}}, manager="operator")
    result = site.sync(config_map(key="ours", other="mine"))
    assert result.ending is Ending.FAILED
    assert result.error_code == "apply.conflict"
    assert "field .data.other is owned by 'operator'" in details(result)["ConfigMap/settings"]
    assert data(cluster)["other"] == "theirs"


def test_a_conflict_is_forced_where_the_registry_says_take_over(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map(key="ours"))
    cluster.edit("ConfigMap", "settings", {"data": {"other": "theirs"}}, manager="operator")
    result = site.sync(config_map(key="ours", other="mine"), settings=TAKE_OVER)
    assert details(result)["ConfigMap/settings"] == "taken over from operator"
    assert data(cluster)["other"] == "mine"


def test_one_strange_field_among_drifted_ones_is_a_conflict(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map(key="ours"))
    cluster.edit("ConfigMap", "settings", {"data": {"key": "x", "other": "x"}}, manager="somebody")
    result = site.sync(config_map(key="ours", other="mine"))
    assert actions(result) == {"ConfigMap/settings": "conflict"}
    assert data(cluster)["key"] == "x"


def test_an_object_of_another_placement_is_never_taken(site: Site, cluster: FakeCluster) -> None:
    other = Site(cluster, ref=PlacementRef("alpha", "bank"))
    other.sync(config_map(key="bank"))
    result = site.sync(config_map(key="shop"), settings=FORCEFUL)
    assert details(result)["ConfigMap/settings"] == "conflict: owned by acme/alpha/bank"
    assert data(cluster) == {"key": "bank"}
    assert actions(other.sync(config_map(key="bank"))) == {"ConfigMap/settings": "unchanged"}


def test_an_object_of_another_fleet_is_never_taken(site: Site, cluster: FakeCluster) -> None:
    Site(cluster, fleet="rival").sync(config_map())
    assert details(site.sync(config_map(), settings=ADOPT_ANY))["ConfigMap/settings"].endswith("rival/alpha/shop")


def test_a_field_that_others_set_to_the_same_value_becomes_ours_too(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map(key="1"))
    cluster.edit("ConfigMap", "settings", {"data": {"more": "2"}}, manager="kubectl")
    result = site.sync(config_map(key="1", more="2"))
    assert actions(result) == {"ConfigMap/settings": "configured"}, "no value differs, and yet it is to be written"
    assert actions(site.sync(config_map(key="1", more="2"))) == {"ConfigMap/settings": "unchanged"}


def test_what_we_made_is_not_called_adopted_when_it_changes(site: Site) -> None:
    for value in "12":
        site.sync(config_map(key=value))
        assert [item.adopted for item in site.journal.inventory.values()] == [False]


def test_an_unmarked_object_is_adopted_and_then_pruned_like_any_other(site: Site, cluster: FakeCluster) -> None:
    cluster.put(config_map(key="1", old="x"), manager="kubectl-client-side-apply")
    result = site.sync(config_map(key="2"))
    assert actions(result) == {"ConfigMap/settings": "configured"}
    assert details(result)["ConfigMap/settings"] == "adopted"
    assert data(cluster) == {"key": "2"}, "what kubectl had applied moved to us, so that its removal works"
    assert len(site.lease.asked) == 2, "moving the fields is a write of its own"
    item = next(iter(site.journal.inventory.values()))
    assert item.adopted
    assert item.uid == cluster.stored("ConfigMap", "settings").uid
    site.sync(config_map(key="3"))
    assert next(iter(site.journal.inventory.values())).adopted
    site.sync(phase=Phase.REMOVE)
    assert not cluster.names("ConfigMap")


def test_a_controllers_fields_do_not_move_by_adoption(site: Site, cluster: FakeCluster) -> None:
    cluster.put(config_map(key="1", mine="x"), manager="some-controller")
    result = site.sync(config_map(other="2"))
    assert actions(result) == {"ConfigMap/settings": "configured"}
    assert data(cluster) == {"key": "1", "mine": "x", "other": "2"}


def test_adopting_conflicts_with_controllers_as_any_apply_does(site: Site, cluster: FakeCluster) -> None:
    cluster.put(config_map(key="theirs"), manager="some-controller")
    assert actions(site.sync(config_map(key="ours"))) == {"ConfigMap/settings": "conflict"}


def test_an_unmarked_object_is_refused_where_adoption_is_off(site: Site, cluster: FakeCluster) -> None:
    cluster.put(config_map(key="1"), manager="kubectl")
    result = site.sync(config_map(key="2"), settings=ADOPT_NEVER)
    assert actions(result) == {"ConfigMap/settings": "conflict"}
    assert data(cluster) == {"key": "1"}


@pytest.mark.parametrize(
    ("labels", "annotations", "tool"),
    [
        ({"argocd.argoproj.io__instance": "x"}, {}, "Argo CD application x"),
        ({}, {"argocd.argoproj.io/tracking-id": "x:apps/Deployment:y/z"}, "Argo CD application x"),
        ({"kustomize.toolkit.fluxcd.io__name": "x"}, {}, "Flux Kustomization /x"),
        (
            {"helm.toolkit.fluxcd.io__name": "x", "helm.toolkit.fluxcd.io__namespace": "n"},
            {},
            "Flux HelmRelease n/x",
        ),
        ({}, {"meta.helm.sh/release-name": "x"}, "Helm release /x"),
    ],
)
def test_an_object_of_another_tool_is_taken_only_with_adopt_any(
    site: Site, cluster: FakeCluster, labels: dict[str, str], annotations: dict[str, str], tool: str
) -> None:
    cluster.put(labelled(annotated(config_map(), **annotations), **labels), manager="helm")
    assert tool in details(site.sync(config_map()))["ConfigMap/settings"]
    assert actions(site.sync(config_map(), settings=ADOPT_ANY)) == {"ConfigMap/settings": "adopted"}


def test_an_object_that_differs_is_configured_by_adoption(site: Site, cluster: FakeCluster) -> None:
    cluster.put(config_map(key="theirs"), manager="helm")
    assert actions(site.sync(config_map(key="ours"), settings=ADOPT_ANY)) == {"ConfigMap/settings": "configured"}


def test_adoption_tells_the_annotations_that_go_with_it(site: Site, cluster: FakeCluster) -> None:
    given = annotated(config_map(), **{"note": "x", "meta.helm.sh/release-name": "shop"})
    cluster.put(given, manager="helm")
    (change,) = site.sync(config_map(), phase=Phase.CHECK, settings=ADOPT_ANY).changes
    assert change.action is Action.CONFIGURED
    assert "- .metadata.annotations.note" in change.diff.text
    assert "- .metadata.annotations.meta.helm.sh/release-name" in change.diff.text
    site.sync(config_map(), settings=ADOPT_ANY)
    assert set(cluster.show("ConfigMap", "settings")["metadata"]["annotations"]) == {"flotilla.dev/owner"}


def test_a_namespaces_own_label_does_not_go_with_the_client_that_made_it(site: Site, cluster: FakeCluster) -> None:
    def space(**labels: str) -> dict[str, Any]:
        metadata = {"name": "web", "labels": labels} if labels else {"name": "web"}
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}

    cluster.put(space(**{"kubernetes.io/metadata.name": "web"}), manager="argocd-controller")
    (change,) = site.sync(space(), phase=Phase.CHECK, settings=ADOPT_ANY).changes
    assert (change.action, "metadata.name" in change.diff.text) == (Action.ADOPTED, False)


def test_a_copied_mark_does_not_make_an_object_ours(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map())
    copied = cluster.show("ConfigMap", "settings")["metadata"]
    copy = {"name": "copy", "labels": copied["labels"], "annotations": copied["annotations"]}
    cluster.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": copy, "data": {"a": "1"}}, manager="kubectl")
    result = site.sync(config_map(), config_map("copy"), settings=ADOPT_NEVER)
    assert actions(result) == {"ConfigMap/copy": "conflict"}


def test_an_ignored_field_is_sent_once_kept_while_ours_and_left_once_taken(site: Site, cluster: FakeCluster) -> None:
    seen: list[int] = []

    def replicas() -> int:
        found: int = cluster.show("Deployment", "web")["spec"]["replicas"]
        seen.append(found)
        return found

    site.sync(deployment(replicas=6))
    assert replicas() == 6
    site.sync(deployment(replicas=None), settings=IGNORE_REPLICAS)
    assert replicas() == 6, "leaving it out would have removed it"
    cluster.edit("Deployment", "web", {"spec": {"replicas": 9}}, manager="kubectl", subresource="scale")
    for manifest in (deployment(replicas=1), deployment(replicas=None), deployment(replicas=6, image="new")):
        assert site.sync(manifest, settings=IGNORE_REPLICAS).ending is Ending.SUCCEEDED
        assert replicas() == 9
    assert set(seen) == {6, 9}


def test_an_ignored_field_is_set_at_creation(site: Site, cluster: FakeCluster) -> None:
    site.sync(deployment(replicas=4), settings=IGNORE_REPLICAS)
    assert cluster.show("Deployment", "web")["spec"]["replicas"] == 4


def test_replicas_are_left_to_an_autoscaler_of_the_same_placement(site: Site, cluster: FakeCluster) -> None:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": reference},
    }
    result = site.sync(deployment(replicas=2), scaler)
    assert "left to HorizontalPodAutoscaler web" in details(result)["Deployment/web"]
    cluster.edit("Deployment", "web", {"spec": {"replicas": 7}}, manager="controller", subresource="scale")
    assert actions(site.sync(deployment(replicas=2), scaler))["Deployment/web"] == "unchanged"
    assert cluster.show("Deployment", "web")["spec"]["replicas"] == 7


def test_an_ignored_field_of_an_adopted_object_keeps_its_value(site: Site, cluster: FakeCluster) -> None:
    cluster.put(deployment(replicas=6), manager="kubectl-client-side-apply")
    site.sync(deployment(replicas=1), settings=IGNORE_REPLICAS)
    assert cluster.show("Deployment", "web")["spec"]["replicas"] == 6


def test_an_ignore_rule_that_ends_enforces_the_manifest_again(site: Site, cluster: FakeCluster) -> None:
    site.sync(deployment(replicas=2), settings=IGNORE_REPLICAS)
    cluster.edit("Deployment", "web", {"spec": {"replicas": 7}}, manager="kubectl", subresource="scale")
    site.sync(deployment(replicas=2), settings=IGNORE_REPLICAS)
    site.sync(deployment(replicas=2), settings=TAKE_OVER)
    assert cluster.show("Deployment", "web")["spec"]["replicas"] == 2


def test_a_status_write_between_judging_and_writing_is_judged_again(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map(key="1"))
    moved = 3

    def busy(verb: str, _target: Target) -> None:
        nonlocal moved
        if verb == "apply" and moved:
            moved -= 1
            cluster.status("ConfigMap", "settings", tick=moved)

    cluster.before = busy
    assert actions(site.sync(config_map(key="2"))) == {"ConfigMap/settings": "configured"}
    assert data(cluster) == {"key": "2"}


@pytest.mark.parametrize("moment", ["dry-run", "apply"])
def test_an_object_that_never_rests_ends_the_attempt(site: Site, cluster: FakeCluster, moment: str) -> None:
    site.sync(config_map(key="1"))
    ticks = 0

    def busy(verb: str, _target: Target) -> None:
        nonlocal ticks
        if verb == moment:
            ticks += 1
            cluster.status("ConfigMap", "settings", tick=ticks)

    cluster.before = busy
    with pytest.raises(UnsettledError):
        site.sync(config_map(key="2"))
    assert ticks == 5


def test_an_object_that_appears_before_the_create_is_judged_as_it_is(site: Site, cluster: FakeCluster) -> None:
    def slip_in(verb: str, _target: Target) -> None:
        if verb == "apply" and not cluster.names("ConfigMap"):
            cluster.put(config_map(key="theirs"), manager="somebody")

    cluster.before = slip_in
    result = site.sync(config_map(key="ours"), settings=ADOPT_NEVER)
    assert actions(result) == {"ConfigMap/settings": "conflict"}
    assert data(cluster) == {"key": "theirs"}


def test_an_object_that_vanishes_while_it_is_judged_is_created(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map(key="1"))
    gone = False

    def vanish(verb: str, _target: Target) -> None:
        nonlocal gone
        if verb == "dry-run" and not gone:
            gone = True
            cluster.remove("ConfigMap", "settings")

    cluster.before = vanish
    assert actions(site.sync(config_map(key="2"))) == {"ConfigMap/settings": "created"}


def test_a_dry_run_answered_200_for_an_absent_object_is_no_creation(site: Site, cluster: FakeCluster) -> None:
    cluster.put(config_map(key="theirs"), manager="somebody")
    plain = cluster.apply

    def ignoring_preconditions(target: Target, body: bytes, **more: Any) -> Any:
        return plain(target, body.replace(b'"resourceVersion":"1"', b'"resourceVersion":""'), **more)

    cluster.apply = ignoring_preconditions  # type: ignore[method-assign]  # a server that does not know the trick
    result = site.sync(config_map(other="ours"), settings=ADOPT_NEVER)
    assert actions(result) == {"ConfigMap/settings": "conflict"}


def test_a_fenced_object_is_written_even_if_equal(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map(), deployment())
    before = {
        name: cluster.stored(kind, name).version for kind, name in (("ConfigMap", "settings"), ("Deployment", "web"))
    }
    fenced = frozenset(each for each in site.journal.inventory if each.kind == "ConfigMap")
    result = site.sync(config_map(), deployment(), fenced=fenced)
    assert actions(result) == {"ConfigMap/settings": "configured", "Deployment/web": "unchanged"}
    assert cluster.stored("ConfigMap", "settings").version > before["settings"]
    assert cluster.stored("Deployment", "web").version == before["web"]
    assert cluster.show("ConfigMap", "settings")["metadata"]["annotations"]["flotilla.dev/fence"].endswith(".2")


def test_a_fence_that_is_there_is_no_difference_later(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map())
    site.sync(config_map(), fenced=frozenset(site.journal.inventory))
    before = cluster.snapshot()
    assert actions(site.sync(config_map(), dry_runs=DryRuns.ALL)) == {"ConfigMap/settings": "unchanged"}
    assert cluster.snapshot() == before


@pytest.mark.parametrize("late", ["old", "new"])
def test_a_frozen_workers_late_write_is_refused_once_a_later_attempt_wrote(
    site: Site, cluster: FakeCluster, late: str
) -> None:
    site.sync(config_map("old", key="1"))
    frozen: list[tuple[Target, bytes, Ownership]] = []
    plain = cluster.apply

    def freeze(target: Target, body: bytes, *, write: Write, ownership: Ownership) -> Applied:
        if write is Write.REAL and target.name == late and not frozen:
            frozen.append((target, body, ownership))
            message = "frozen between its check and its write"
            raise UnsettledError(message)
        return plain(target, body, write=write, ownership=ownership)

    cluster.apply = freeze  # type: ignore[method-assign]  # stops one worker in the middle
    manifests = [config_map("old", key="2"), config_map("new", key="2")]
    with pytest.raises(UnsettledError):
        site.sync(*manifests)
    fenced = frozenset(change.object for change in site.journal.planned[1:])
    assert site.sync(*manifests, fenced=fenced).ending is Ending.SUCCEEDED
    before = cluster.snapshot()
    target, body, ownership = frozen[0]
    with pytest.raises(ConflictError):
        plain(target, body, write=Write.REAL, ownership=ownership)
    assert cluster.snapshot() == before


def test_merging_leaves_others_fields_to_them(site: Site, cluster: FakeCluster) -> None:
    cluster.put(config_map(key="1", theirs="x"), manager="kubectl")
    manifest = annotated(config_map(ours="2"), flotilla_apply="merge")
    assert actions(site.sync(manifest)) == {"ConfigMap/settings": "configured"}
    assert data(cluster) == {"key": "1", "theirs": "x", "ours": "2"}
    taking = annotated(config_map(key="2"), flotilla_apply="merge")
    assert actions(site.sync(taking, settings=TAKE_OVER)) == {"ConfigMap/settings": "conflict"}


def test_an_object_whose_field_record_was_wiped_is_owned_again(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map())
    cluster.stored("ConfigMap", "settings").owners.clear()
    assert actions(site.sync(config_map())) == {"ConfigMap/settings": "configured"}
    assert cluster.show("ConfigMap", "settings")["metadata"]["managedFields"][0]["manager"] == "flotilla"


def test_an_object_that_moves_between_two_dry_runs_is_judged_again(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map(key="ours"))
    cluster.edit("ConfigMap", "settings", {"data": {"key": "theirs"}}, manager="somebody")
    dry_runs = 0

    def busy(verb: str, _target: Target) -> None:
        nonlocal dry_runs
        dry_runs += verb == "dry-run"
        if verb == "dry-run" and dry_runs == 2:
            cluster.status("ConfigMap", "settings", tick=1)

    cluster.before = busy
    assert actions(site.sync(config_map(key="ours"))) == {"ConfigMap/settings": "configured"}
    assert data(cluster) == {"key": "ours"}
    assert dry_runs == 4
