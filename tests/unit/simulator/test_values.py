"""Field sets, merging, patches, quantities, selectors: pure functions over values."""

from __future__ import annotations

import pytest

from simulator import fieldset, typed
from simulator.decode import canonical_quantity, quantity
from simulator.errors import ApiError
from simulator.kinds import builtin_kinds
from simulator.lists import label_selector
from simulator.patches import json_patch, merge_patch, strategic_merge
from simulator.schema import Node
from simulator.typed import MISSING


def _node(kind: str) -> Node:
    return next(each.node for each in builtin_kinds() if each.kind == kind)


def test_a_path_is_spelled_with_its_keys() -> None:
    path = ("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}', "f:name")
    assert fieldset.spelled(path) == '.spec.ports[port=80,protocol="TCP"].name'


def test_a_field_set_names_list_items_by_key_and_atomic_values_whole() -> None:
    spec = {"ports": [{"port": 80, "name": "web"}], "selector": {"app": "a"}}
    found = typed.field_set(_node("Service"), {"spec": spec})
    key = 'k:{"port":80,"protocol":"TCP"}'
    assert ("f:spec", "f:selector") in found
    assert ("f:spec", "f:ports", key) in found
    assert ("f:spec", "f:ports", key, "f:name") in found


def test_merging_keeps_what_the_configuration_does_not_say() -> None:
    live = {"data": {"a": "1", "b": "2"}}
    assert typed.merge(_node("ConfigMap"), live, {"data": {"b": "3"}}) == {"data": {"a": "1", "b": "3"}}


def test_merged_lists_follow_the_configuration_and_keep_the_rest_near_its_neighbours() -> None:
    def env(*names: str) -> dict[str, object]:
        variables = [{"name": name} for name in names]
        return {"spec": {"containers": [{"name": "c", "env": variables}]}}

    merged = typed.merge(_node("Pod"), env("a", "b", "c"), env("c", "x", "a"))
    [container] = merged["spec"]["containers"]
    assert [variable["name"] for variable in container["env"]] == ["b", "c", "x", "a"]


def test_a_comparison_tells_added_changed_and_removed_apart() -> None:
    difference = typed.compare(_node("ConfigMap"), {"data": {"a": "1", "b": "1"}}, {"data": {"a": "2", "c": "1"}})
    assert difference.modified == {("f:data", "f:a")}
    assert difference.added == {("f:data", "f:c")}
    assert difference.removed == {("f:data", "f:b")}


def test_true_is_not_one() -> None:
    assert not typed.same({"a": [True]}, {"a": [1]})
    assert typed.same({"a": [1.0]}, {"a": [1]})


def test_removing_takes_list_items_by_key() -> None:
    value = {"spec": {"ports": [{"port": 80}, {"port": 81}]}}
    doomed = frozenset({("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}')})
    assert typed.remove(_node("Service"), value, doomed) == {"spec": {"ports": [{"port": 81}]}}


def test_an_associative_item_without_its_key_is_an_error() -> None:
    with pytest.raises(typed.SchemaError, match="omits key field"):
        typed.field_set(_node("Pod"), {"spec": {"containers": [{"image": "x"}]}})


def test_a_missing_value_is_not_null() -> None:
    assert typed.merge(_node("ConfigMap"), {"data": {"a": "1"}}, MISSING) == {"data": {"a": "1"}}


@pytest.mark.parametrize(
    ("given", "printed"),
    [
        ("0.5", "500m"),
        ("1000m", "1"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        (1, "1"),
        ("1e3", "1k"),
        ("100", "100"),
        ("0", "0"),
        ("12E", "12E"),
        ("odd", "odd"),
    ],
)
def test_quantities_are_printed_canonically(given: object, printed: str) -> None:
    assert canonical_quantity(given) == printed


def test_quantities_compare_as_numbers() -> None:
    assert quantity("1Gi") == quantity("1024Mi")
    assert quantity("nonsense") is None


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("", True),
        ("a=1", True),
        ("a==1,b", True),
        ("a!=1", False),
        ("c!=1", True),
        ("!c", True),
        ("!a", False),
        ("a in (1, 2)", True),
        ("a notin (1)", False),
        ("c notin (1)", True),
        ("a in (1),b=3", False),
    ],
)
def test_label_selectors(selector: str, *, matches: bool) -> None:
    assert label_selector(selector)({"a": "1", "b": "2"}) is matches


def test_a_selector_that_does_not_parse_is_refused() -> None:
    with pytest.raises(ApiError) as refused:
        label_selector("a ~ b")
    assert refused.value.code == 400


def test_a_merge_patch_removes_by_null() -> None:
    assert merge_patch({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}) == {"a": {"c": 2}}


def test_a_strategic_patch_merges_lists_by_their_merge_key() -> None:
    live = {"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}}
    change = {"spec": {"containers": [{"name": "b", "image": "2"}, {"name": "a", "$patch": "delete"}]}}
    merged = strategic_merge(_node("Pod"), live, change)
    assert merged["spec"]["containers"] == [{"name": "b", "image": "2"}]


def test_a_json_patch_applies_in_order() -> None:
    operations = [
        {"op": "add", "path": "/l/-", "value": 3},
        {"op": "replace", "path": "/a~1b", "value": 2},
        {"op": "move", "from": "/x", "path": "/y"},
        {"op": "copy", "from": "/y", "path": "/z"},
    ]
    patched = json_patch({"l": [1], "a/b": 1, "x": "v"}, operations)
    assert patched == {"l": [1, 3], "a/b": 2, "y": "v", "z": "v"}


def test_a_json_patch_to_nowhere_is_refused() -> None:
    with pytest.raises(ApiError) as refused:
        json_patch({}, [{"op": "remove", "path": "/a"}])
    assert refused.value.code == 422
