"""Which application lies on which cluster, with which values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from common.domain.fleet import (
    EVERYTHING,
    NOTHING,
    Amount,
    Application,
    Cluster,
    Expect,
    Fleet,
    GitSource,
    Layered,
    Operator,
    Ref,
    RefKind,
    Requirement,
    Selector,
    Substitution,
    SubstitutionScope,
    Target,
    Undefined,
    Unit,
    ValueLayer,
    Where,
    explained,
    merged,
    parameters_digest,
)
from common.domain.refs import PlacementRef
from tests.factories import rendered_by
from tests.harness.texts import application, cluster, documents, in_order, registry

LABELS = {"env": "prod", "region": "eu"}


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        (Requirement("env", Operator.IN, ("prod", "dev")), True),
        (Requirement("env", Operator.IN, ("dev",)), False),
        (Requirement("none", Operator.IN, ("dev",)), False),
        (Requirement("env", Operator.NOT_IN, ("dev",)), True),
        (Requirement("env", Operator.NOT_IN, ("prod",)), False),
        (Requirement("none", Operator.NOT_IN, ("dev",)), True),
        (Requirement("env", Operator.EXISTS), True),
        (Requirement("none", Operator.EXISTS), False),
        (Requirement("env", Operator.DOES_NOT_EXIST), False),
        (Requirement("none", Operator.DOES_NOT_EXIST), True),
    ],
)
def test_requirements_match_as_in_kubernetes(requirement: Requirement, *, expected: bool) -> None:
    assert requirement.matches(LABELS) is expected
    assert Selector(requirements=(requirement,)).matches(LABELS) is expected


def test_all_rules_of_a_selector_must_hold() -> None:
    selector = Selector((("env", "prod"),), (Requirement("region", Operator.IN, ("us",)),))
    assert not selector.matches(LABELS)
    assert selector.matches({"env": "prod", "region": "us"})


def test_a_selector_without_rules_matches_nothing_unless_it_says_all() -> None:
    assert not NOTHING.matches(LABELS)
    assert EVERYTHING.matches({})


def fleet(*targets: Target, clusters: tuple[Cluster, ...] = ()) -> Fleet:
    some = clusters or tuple(Cluster(f"c{n}", "https://x", "ref", {"n": str(n)}) for n in range(3))
    source = GitSource("https://git.example.com/x", Ref(RefKind.BRANCH, "main"))
    app = Application("app", (source,), "ns", targets)
    return Fleet("acme", clusters={c.name: c for c in some}, applications={"app": app})


def test_the_first_target_that_matches_wins_and_no_match_is_not_placed() -> None:
    first = Target("first", clusters=("c1",), pin=Ref(RefKind.TAG, "v1"))
    second = Target("second", select=Selector((("n", "1"),)))
    third = Target("third", clusters=("c0",))
    placements = fleet(first, second, third).placements()
    assert [(str(p.ref), p.target.name) for p in placements] == [("c0/app", "third"), ("c1/app", "first")]


def test_a_pin_takes_the_place_of_the_ref() -> None:
    placed = fleet(Target("t", clusters=("c1",), pin=Ref(RefKind.TAG, "v1"))).placements()[0]
    assert placed.source.to_resolve.text == "refs/tags/v1"
    assert placed.pin == Ref(RefKind.TAG, "v1")
    assert fleet(Target("t", clusters=("c1",))).placements()[0].source.to_resolve.text == "refs/heads/main"


def test_one_placement_is_what_all_placements_hold() -> None:
    whole = fleet(Target("t", clusters=("c1", "c2")))
    assert [whole.placement(placement.ref) for placement in whole.placements()] == list(whole.placements())
    for missing in ("c0/app", "c9/app", "c1/other"):
        assert whole.placement(PlacementRef.parse(missing)) is None


def test_layers_merge_by_key_and_everything_else_is_replaced() -> None:
    layers = [
        ValueLayer("a", {"x": {"p": 1, "q": [1, 2]}, "y": 1, "z": {"k": 1}}),
        ValueLayer("b", {"x": {"q": [3]}, "y": {"n": 1}, "z": None}),
    ]
    assert merged(layers) == {"x": {"p": 1, "q": [3]}, "y": {"n": 1}, "z": None}
    assert layers[0].values["x"] == {"p": 1, "q": [1, 2]}


def test_explained_names_the_layer_and_line_of_each_leaf() -> None:
    low = ValueLayer("low", {"x": {"p": 1, "q": 2}, "y": 1}, Where("a", 5), {("x", "p"): 6, ("x", "q"): 7, ("y",): 8})
    high = ValueLayer("high", {"x": {"q": 3}, "y": {"n": 1}}, Where("b", 1), {("x", "q"): 2})
    assert [(v.path, v.value, v.origin, str(v.where)) for v in explained([low, high])] == [
        (("x", "p"), 1, "low", "a:6"),
        (("x", "q"), 3, "high", "b:2"),
        (("y", "n"), 1, "high", "b:1"),
    ]


def test_explained_and_merged_agree_where_empty_mappings_meet() -> None:
    low, high = ValueLayer("low", {"x": {"p": 1}}), ValueLayer("high", {"x": {}})
    assert merged([low, high]) == {"x": {"p": 1}}
    assert [(v.path, v.value) for v in explained([low, high])] == [(("x", "p"), 1)]


def test_values_come_from_application_groups_and_target_and_the_cluster_has_its_own() -> None:
    group = "kind: ClusterGroup\nmetadata: {name: %s}\nspec:\n  select: {matchLabels: {region: eu}}\n  priority: %d\n"
    files = registry(
        g=documents(
            group % ("high", 10) + "  values: {b: high, c: high, d: high}\n",
            group % ("low", 5) + "  values: {b: low, c: low}\n",
        ),
        app=application(target="clusters: [c1, c2], values: {d: target}", more="  values: {a: app, b: app}\n"),
    )
    files["clusters.yaml"] = documents(cluster("c1", more=", vars: {domain: d1}"), cluster("c2", region="us"))
    one, two = in_order(files).fleet.placements()  # type: ignore[union-attr]  # in_order asserts that there is one
    assert one.values == {"a": "app", "b": "high", "c": "high", "d": "target"}
    assert two.values == {"a": "app", "b": "app", "d": "target"}
    assert one.parameters["cluster"] == {
        "name": "c1",
        "labels": {"env": "prod", "region": "eu"},
        "vars": {"domain": "d1"},
    }
    origins = {".".join(v.path): (v.origin, str(v.where)) for v in one.explain()}
    assert origins["a"] == ("application pay", "app.yaml:7")
    assert origins["b"] == ("group high", "g.yaml:6")
    assert origins["d"] == ("target all", "app.yaml:6")
    assert origins["cluster.vars.domain"][0] == "cluster c1"


def test_a_value_called_cluster_stands_beside_the_clusters_own() -> None:
    files = registry(app=application(more="  values: {cluster: {name: home, id: 1}}\n"))
    files["clusters.yaml"] = documents(cluster("c1"))
    (placement,) = in_order(files).fleet.placements()  # type: ignore[union-attr]  # in_order asserts that there is one
    assert placement.values == {"cluster": {"name": "home", "id": 1}}
    assert placement.parameters["cluster"]["name"] == "c1"
    names = [(one.value, one.origin) for one in placement.explain() if one.path == ("cluster", "name")]
    assert names == [("home", "application pay, for charts"), ("c1", "cluster c1")]


def test_the_parameters_digest_moves_with_everything_that_shapes_manifests() -> None:
    base = fleet(Target("t", clusters=("c1",))).placements()[0]
    app = base.application
    others = [
        replace(base, layered=Layered((ValueLayer(values={"a": 1}),))),
        replace(base, layered=Layered((ValueLayer(values={"cluster": {"name": "home"}}),))),
        replace(base, cluster=replace(base.cluster, vars={"a": 1})),
        replace(base, cluster=replace(base.cluster, labels={})),
        replace(base, application=replace(app, substitute=Substitution())),
        replace(base, application=replace(app, substitute=Substitution(undefined=Undefined.EMPTY))),
        replace(base, application=replace(app, substitute=Substitution(scope=SubstitutionScope.YAML))),
        replace(base, application=replace(app, namespace="other")),
    ]
    digests = [base.parameters_digest(rendered_by("plain 1")), base.parameters_digest(rendered_by("plain 2"))]
    digests += [other.parameters_digest(rendered_by("plain 1")) for other in others]
    assert len(set(digests)) == len(digests)
    assert all(len(digest) == 64 for digest in digests)


def test_the_parameters_digest_does_not_move_with_order_or_what_shapes_nothing() -> None:
    assert parameters_digest({"a": 1, "b": {"c": 2, "d": 3}}) == parameters_digest({"b": {"d": 3, "c": 2}, "a": 1})
    base = fleet(Target("t", clusters=("c1",))).placements()[0]
    other = replace(base, cluster=replace(base.cluster, server="https://y", pool="eu"))
    assert base.parameters_digest(rendered_by("plain 1")) == other.parameters_digest(rendered_by("plain 1"))


def test_the_usual_substitution_has_the_digest_that_it_had_as_true() -> None:
    assert Substitution().as_json() is True


def test_the_parameters_digest_is_fixed_for_all_time() -> None:
    # sha256 of {"a":{},"é":[1,1.5,null,true]}: another value here makes every placement of a running fleet roll out.
    digest = "60eb5292d00d0847a693eb895afa2c1d4b4e90118e58cb6c9f8693027f2fec13"
    assert parameters_digest({"é": [1, 1.5, None, True], "a": {}}) == digest


@pytest.mark.parametrize(("amount", "total", "count"), [(Amount(5), 3, 5), (Amount(10, Unit.PERCENT), 29, 2)])
def test_a_percentage_rounds_down(amount: Amount, total: int, count: int) -> None:
    assert amount.of(total) == count


def test_expect_is_inclusive() -> None:
    assert [Expect(2, 3).admits(n) for n in (1, 2, 3, 4)] == [False, True, True, False]
    assert Expect(max=0).admits(0)
    assert str(Expect(2)) == "2 to any number"
