"""What differs between two renderings, and equal differences told once."""

from __future__ import annotations

from typing import Any

from common.domain.changes import Action, Change
from common.domain.differences import ChangedField, Diff
from common.domain.reasons import sentence
from common.domain.refs import ObjectId, PlacementRef
from console.planning.changes import PlannedPlacement, compared, errors_of, grouped


def obj(kind: str, name: str, *, api: str = "v1", **body: Any) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "web"}, **body}


def _diff(before: str, after: str) -> Diff:
    return Diff((ChangedField(".data.k", before, after),))


def test_objects_are_created_changed_and_removed_and_what_is_equal_is_not_told() -> None:
    before = [obj("ConfigMap", "a", data={"k": "1"}), obj("ConfigMap", "b"), obj("ConfigMap", "same")]
    after = [obj("ConfigMap", "a", data={"k": "2"}), obj("ConfigMap", "c"), obj("ConfigMap", "same")]
    told = {change.object.name: (change.action, change.diff.text) for change in compared(before, after)}
    assert told == {
        "a": (Action.CONFIGURED, '~ .data.k: "1" -> "2"'),
        "b": (Action.PRUNED, ""),
        "c": (Action.CREATED, ""),
    }


def test_an_object_that_moves_to_another_api_version_is_the_same_object() -> None:
    (change,) = compared([obj("Job", "a", api="batch/v1beta1")], [obj("Job", "a", api="batch/v1")])
    assert (change.action, change.diff.text) == (Action.CONFIGURED, '~ .apiVersion: "batch/v1beta1" -> "batch/v1"')


def test_lists_are_taken_apart() -> None:
    whole = {"apiVersion": "v1", "kind": "List", "items": [obj("ConfigMap", "a"), obj("ConfigMap", "b")]}
    assert [change.object.name for change in compared([], [whole])] == ["a", "b"]


def test_values_of_secrets_appear_in_no_difference() -> None:
    (change,) = compared(
        [obj("Secret", "s", data={"k": "Y2FuYXJ5LTE="})], [obj("Secret", "s", data={"k": "Y2FuYXJ5LTI="})]
    )
    assert change.action is Action.CONFIGURED
    assert "Y2FuYXJ5" not in change.diff.text + sentence(change.detail)


def test_equal_changes_of_many_placements_are_told_once_the_widest_first() -> None:
    same = Change(ObjectId("", "ConfigMap", "web", "a"), Action.CONFIGURED, diff=_diff("1", "2"))
    other = Change(same.object, Action.CONFIGURED, diff=_diff("1", "3"))
    planned = [
        PlannedPlacement(PlacementRef("one", "web"), "changed", (other,)),
        *(PlannedPlacement(PlacementRef(f"c{n}", "web"), "changed", (same,)) for n in range(412)),
        PlannedPlacement(PlacementRef("one", "shop"), "changed", (same,)),
    ]
    told = [(one.application, one.change.diff, len(one.placements)) for one in grouped(planned)]
    assert told == [("shop", same.diff, 1), ("web", same.diff, 412), ("web", other.diff, 1)]


def test_equal_errors_are_told_once() -> None:
    planned = [PlannedPlacement(PlacementRef(f"c{n}", "web"), "changed", error="no chart") for n in range(3)]
    (one,) = errors_of(planned)
    assert (one.error, len(one.placements)) == ("no chart", 3)
