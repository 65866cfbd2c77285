"""Removing: only what the inventory holds, only what is still ours, and never too much unasked."""

from __future__ import annotations

from typing import Any

import pytest

from common.domain.errors import LeaseLostError
from common.domain.fleet import PrunePolicy, SyncSettings
from common.domain.reasons import sentence
from common.domain.refs import ObjectId, PlacementRef
from tests.fakes.cluster import FakeCluster
from tests.fakes.sync import Lease, Site, actions, annotated, config_map, deployment, details
from workers.sync.errors import ForbiddenError, ServerError, UnauthorisedError, UnsettledError
from workers.sync.ports import InventoryItem, Target
from workers.sync.requests import Phase
from workers.sync.results import Ending

CLAIM = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "disk"}, "spec": {"size": 1}}


def maps(*names: str) -> list[dict[str, Any]]:
    return [config_map(name) for name in names]


def test_what_left_the_manifests_is_pruned_at_once_where_nothing_waits_on_health(
    site: Site, cluster: FakeCluster
) -> None:
    site.sync(*maps("a", "b"))
    result = site.sync(*maps("a"))
    assert result.ending is Ending.SUCCEEDED
    assert actions(result) == {"ConfigMap/a": "unchanged", "ConfigMap/b": "pruned"}
    assert cluster.names("ConfigMap") == {"a"}
    assert {each.name for each in site.journal.inventory} == {"a"}


def test_pruning_waits_until_the_rest_is_healthy(site: Site, cluster: FakeCluster) -> None:
    site.sync(deployment(), *maps("a"))
    result = site.sync(deployment())
    assert result.ending is Ending.WAITING
    assert [each.name for each in result.prune] == ["a"]
    assert cluster.names("ConfigMap") == {"a"}
    assert site.journal.inventory[result.prune[0]].wanted is False
    done = site.sync(deployment(), phase=Phase.RESUME)
    assert (done.ending, actions(done)) == (Ending.SUCCEEDED, {"ConfigMap/a": "pruned"})
    assert not cluster.names("ConfigMap")


def test_an_object_that_comes_back_is_not_pruned(site: Site, cluster: FakeCluster) -> None:
    site.sync(deployment(), *maps("a"))
    site.sync(deployment())
    result = site.sync(deployment(), *maps("a"))
    assert result.ending is Ending.SUCCEEDED
    assert cluster.names("ConfigMap") == {"a"}
    assert all(item.wanted for item in site.journal.inventory.values())


def test_nothing_is_pruned_after_a_failed_apply(site: Site, cluster: FakeCluster) -> None:
    site.sync(*maps("a", "b"))

    def refuse(verb: str, _target: Target) -> None:
        if verb == "apply":
            message = "no"
            raise ForbiddenError(message)

    cluster.before = refuse
    assert site.sync(*maps("b", "c")).ending is Ending.FAILED
    assert cluster.names("ConfigMap") == {"a", "b"}


def test_too_many_removals_ask_for_an_approval_and_remove_nothing(site: Site, cluster: FakeCluster) -> None:
    site.sync(*maps("a", "b", "c", "d", "e"))
    result = site.sync(*maps("a"))
    assert result.ending is Ending.NEEDS_APPROVAL
    assert sentence(result.reason) == "4 of 5 objects would be removed, more than maxPercent 30"
    assert len(result.prune) == 4
    assert len(cluster.names("ConfigMap")) == 5
    approved = frozenset(result.prune[:3])
    done = site.sync(*maps("a"), approved=approved)
    assert done.ending is Ending.SUCCEEDED
    assert len(cluster.names("ConfigMap")) == 2
    assert "not on the approved list" in "".join(details(done).values())


def test_a_prune_phase_over_the_bounds_asks_too(site: Site, cluster: FakeCluster) -> None:
    site.sync(*maps("a", "b", "c", "d", "e"))
    assert site.sync(*maps("a"), phase=Phase.RESUME).ending is Ending.NEEDS_APPROVAL
    assert len(cluster.names("ConfigMap")) == 5


def test_removals_over_the_fleets_budget_ask_and_an_approved_list_does_not(site: Site, cluster: FakeCluster) -> None:
    site.journal.budget = 1
    site.sync(*maps("a", "b", "c"))
    result = site.sync(*maps("a"))
    assert result.ending is Ending.NEEDS_APPROVAL
    assert "pruneBudget" in sentence(result.reason)
    assert len(result.prune) == 2
    assert cluster.names("ConfigMap") == {"a", "b", "c"}
    assert site.sync(*maps("a"), approved=frozenset(result.prune)).ending is Ending.SUCCEEDED
    assert cluster.names("ConfigMap") == {"a"}
    assert site.journal.budget == 1, "a person decided: nothing is counted"


def test_a_prune_phase_spends_the_fleets_budget(site: Site, cluster: FakeCluster) -> None:
    site.journal.budget = 0
    site.sync(*maps("a", "b"))
    assert site.sync(*maps("a"), phase=Phase.RESUME).ending is Ending.NEEDS_APPROVAL
    assert cluster.names("ConfigMap") == {"a", "b"}


def test_a_leaving_placement_asks_no_budget(site: Site, cluster: FakeCluster) -> None:
    site.journal.budget = 0
    site.sync(*maps("a"))
    assert site.sync(phase=Phase.REMOVE).ending is Ending.SUCCEEDED
    assert not cluster.names("ConfigMap")


def test_a_new_name_by_kustomizes_hash_spends_no_budget(site: Site, cluster: FakeCluster) -> None:
    site.journal.budget = 0
    site.sync(*maps("a-2456789bcd"))
    assert site.sync(*maps("a-fghkmt2456")).ending is Ending.SUCCEEDED
    assert cluster.names("ConfigMap") == {"a-fghkmt2456"}


def test_an_empty_render_stops_and_asks(site: Site, cluster: FakeCluster) -> None:
    site.sync(*maps("a"))
    result = site.sync()
    assert result.ending is Ending.NEEDS_APPROVAL
    assert "the manifests are empty" in sentence(result.reason)
    assert cluster.names("ConfigMap") == {"a"}


def test_pruning_that_is_off_keeps_everything(site: Site, cluster: FakeCluster) -> None:
    site.sync(*maps("a", "b"))
    result = site.sync(*maps("a"), settings=SyncSettings(prune=PrunePolicy(enabled=False)))
    assert details(result)["ConfigMap/b"] == "not removed: pruning is off"
    assert cluster.names("ConfigMap") == {"a", "b"}


def test_a_kept_object_stays_even_when_the_placement_leaves(site: Site, cluster: FakeCluster) -> None:
    site.sync(annotated(config_map("a"), flotilla_prune="never"), config_map("b"))
    result = site.sync(phase=Phase.REMOVE)
    assert actions(result) == {"ConfigMap/a": "skipped", "ConfigMap/b": "pruned"}
    assert cluster.names("ConfigMap") == {"a"}


def test_data_is_removed_only_with_leave(site: Site, cluster: FakeCluster) -> None:
    site.sync(CLAIM)
    assert actions(site.sync(phase=Phase.REMOVE)) == {"PersistentVolumeClaim/disk": "skipped"}
    site.sync(annotated(CLAIM, flotilla_prune="allow"))
    assert actions(site.sync(phase=Phase.REMOVE)) == {"PersistentVolumeClaim/disk": "pruned"}
    assert not cluster.names("PersistentVolumeClaim")


def test_a_leaving_placement_removes_everything_in_reverse_order(site: Site, cluster: FakeCluster) -> None:
    site.sync(deployment(), *maps("a", "b"))
    cluster.log.clear()
    result = site.sync(phase=Phase.REMOVE)
    assert result.ending is Ending.SUCCEEDED
    assert cluster.log == [("delete", "web"), ("delete", "b"), ("delete", "a")]
    assert not site.journal.inventory
    assert site.sync(phase=Phase.REMOVE).ending is Ending.SUCCEEDED


def test_removals_are_planned_before_the_first_delete(site: Site, cluster: FakeCluster) -> None:
    site.sync(*maps("a"))
    seen: list[int] = []

    def look(verb: str, _target: Target) -> None:
        if verb == "delete":
            seen.append(sum(change.action == "pruned" for change in site.journal.planned))

    cluster.before = look
    site.sync(phase=Phase.REMOVE)
    assert seen == [1]


def test_an_object_that_lost_our_mark_is_never_removed(site: Site, cluster: FakeCluster) -> None:
    site.sync(*maps("a"))
    cluster.edit("ConfigMap", "a", {"metadata": {"annotations": {"flotilla.dev/owner": "mine"}}}, manager="kubectl")
    result = site.sync(phase=Phase.REMOVE)
    assert details(result) == {"ConfigMap/a": "not removed: it does not carry our mark any more"}
    assert next(iter(site.journal.inventory.values())).refused
    assert cluster.names("ConfigMap") == {"a"}


def test_an_object_that_another_placement_owns_now_is_left_and_forgotten(site: Site, cluster: FakeCluster) -> None:
    other = Site(cluster, ref=PlacementRef("alpha", "bank"))
    other.sync(*maps("a"))
    stolen = ObjectId("", "ConfigMap", "default", "a")
    site.journal.inventory[stolen] = InventoryItem(stolen, "v1", uid=cluster.stored("ConfigMap", "a").uid)
    assert details(site.sync(phase=Phase.REMOVE)) == {"ConfigMap/a": "not removed: owned by acme/alpha/bank"}
    assert cluster.names("ConfigMap") == {"a"}
    assert not site.journal.inventory


def test_an_object_with_another_uid_is_never_removed(site: Site, cluster: FakeCluster) -> None:
    site.sync(*maps("a"))
    cluster.stored("ConfigMap", "a").uid = "another"
    assert details(site.sync(phase=Phase.REMOVE)) == {"ConfigMap/a": "not removed: another object took its place"}


def test_a_removal_whose_uid_was_never_learnt_goes_by_the_mark(site: Site) -> None:
    site.sync(*maps("a"))
    planned = ObjectId("", "ConfigMap", "default", "a")
    site.journal.inventory[planned] = InventoryItem(planned, "v1")
    assert actions(site.sync(phase=Phase.REMOVE)) == {"ConfigMap/a": "pruned"}


def test_what_is_gone_already_is_forgotten(site: Site, cluster: FakeCluster) -> None:
    site.sync(*maps("a"))
    cluster.remove("ConfigMap", "a")
    assert details(site.sync(phase=Phase.REMOVE)) == {"ConfigMap/a": "already gone"}
    assert not site.journal.inventory


def test_what_is_being_deleted_is_not_deleted_twice(site: Site, cluster: FakeCluster) -> None:
    site.sync(*maps("a"))
    cluster.stored("ConfigMap", "a").deleting = True
    assert details(site.sync(phase=Phase.REMOVE)) == {"ConfigMap/a": "it is being deleted already"}
    assert "delete" not in site.cluster.requests()


def test_an_object_whose_kind_is_no_longer_served_is_gone(site: Site) -> None:
    left = ObjectId("example.com", "Gadget", "default", "one")
    site.journal.inventory[left] = InventoryItem(left, "v1")
    assert "no longer serves its kind" in details(site.sync(phase=Phase.REMOVE))["Gadget/one"]


def test_an_object_that_moved_is_looked_at_again_before_it_is_removed(site: Site, cluster: FakeCluster) -> None:
    site.sync(*maps("a"))
    moves = 2

    def busy(verb: str, _target: Target) -> None:
        nonlocal moves
        if verb == "delete" and moves:
            moves -= 1
            cluster.status("ConfigMap", "a", tick=moves)

    cluster.before = busy
    assert actions(site.sync(phase=Phase.REMOVE)) == {"ConfigMap/a": "pruned"}
    site.sync(*maps("a"))
    moves = 100
    with pytest.raises(UnsettledError):
        site.sync(phase=Phase.REMOVE)


def test_a_refused_removal_stays_in_the_inventory_and_is_tried_again(site: Site, cluster: FakeCluster) -> None:
    site.sync(*maps("a", "b"))

    def refuse(verb: str, target: Target) -> None:
        if verb == "delete" and target.name == "a":
            message = "no"
            raise ForbiddenError(message)

    cluster.before = refuse
    result = site.sync(phase=Phase.REMOVE)
    assert result.ending is Ending.FAILED
    assert actions(result) == {"ConfigMap/a": "failed", "ConfigMap/b": "pruned"}
    assert [(item.refused.code, sentence(item.refused), item.wanted) for item in site.journal.inventory.values()] == [
        ("cluster.forbidden", "no", False)
    ]
    cluster.before = lambda _verb, _target: None
    assert site.sync(phase=Phase.REMOVE).ending is Ending.SUCCEEDED


@pytest.mark.parametrize("error", [ServerError("down"), UnauthorisedError("who")])
def test_a_cluster_that_fails_ends_the_removal_and_keeps_the_rest(
    site: Site, cluster: FakeCluster, error: Exception
) -> None:
    site.sync(*maps("a", "b"))

    def fail(verb: str, target: Target) -> None:
        if verb == "delete" and target.name == "a":
            raise error

    cluster.before = fail
    with pytest.raises(type(error)):
        site.sync(phase=Phase.REMOVE)
    assert {each.name for each in site.journal.inventory} == {"a"}


def test_a_lost_lease_stops_before_the_delete(site: Site, cluster: FakeCluster) -> None:
    site.sync(*maps("a"))
    site.lease = Lease(held=False)
    with pytest.raises(LeaseLostError):
        site.sync(phase=Phase.REMOVE)
    assert cluster.names("ConfigMap") == {"a"}


def test_nothing_is_removed_because_a_list_or_a_read_failed(site: Site, cluster: FakeCluster) -> None:
    site.sync(*maps("a", "b"))
    before = cluster.snapshot()
    for failing in ("list", "get"):

        def fail(verb: str, _target: Target, failing: str = failing) -> None:
            if verb == failing:
                message = "cannot say"
                raise ServerError(message)

        cluster.before = fail
        with pytest.raises(ServerError):
            site.sync(*maps("a"))
        assert cluster.snapshot() == before
    assert len(site.journal.inventory) == 2


def test_a_list_that_is_forbidden_over_all_namespaces_is_made_in_each(site: Site, cluster: FakeCluster) -> None:
    names = ("one", "two", "three")
    namespaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names]
    for each in namespaces:
        cluster.put(each, manager="kubectl")
    objects = [config_map(namespace=name) for name in names]
    site.sync(*objects)

    def limited(verb: str, target: Target) -> None:
        if verb == "list" and not target.namespace:
            message = "not over all namespaces"
            raise ForbiddenError(message)

    assert site.sync(*objects).requests["list"] == 1
    cluster.before = limited
    result = site.sync(*objects)
    assert [change.action for change in result.changes] == ["unchanged"] * 3
    two = site.sync(*objects[:2])
    assert {"unchanged", "pruned"} == {change.action.value for change in two.changes}


def test_a_list_that_is_forbidden_everywhere_is_told(site: Site, cluster: FakeCluster) -> None:
    site.sync(*maps("a"))

    def limited(verb: str, _target: Target) -> None:
        if verb == "list":
            message = "no lists"
            raise ForbiddenError(message)

    cluster.before = limited
    with pytest.raises(ForbiddenError):
        site.sync(*maps("a"))
