"""Selection: deterministic, first match wins, values merge lawfully, every value is explained."""

from __future__ import annotations

from hypothesis import given, settings

from common.domain.fleet import ClusterState, Disposition, Fleet, ValueLayer, merged
from common.registry import parse
from tests.property.registry.strategies import registries, values

SETTINGS = settings(max_examples=40)


def fleet_of(files: dict[str, bytes]) -> Fleet:
    fleet = parse(files).fleet
    assert fleet is not None
    return fleet


@SETTINGS
@given(registries())
def test_the_first_target_that_takes_a_cluster_wins_and_nothing_else_is_placed(files: dict[str, bytes]) -> None:
    fleet = fleet_of(files)
    placed = {placement.ref: placement for placement in fleet.placements()}
    assert len(placed) == len(fleet.placements())
    for application in fleet.applications.values():
        for cluster in fleet.clusters.values():
            first = next((target for target in application.targets if target.matches(cluster)), None)
            found = [
                p for ref, p in placed.items() if (ref.cluster, ref.application) == (cluster.name, application.name)
            ]
            assert [placement.target for placement in found] == ([] if first is None else [first])


@SETTINGS
@given(registries())
def test_selection_is_deterministic_and_single_placements_agree(files: dict[str, bytes]) -> None:
    fleet = fleet_of(files)
    placements = fleet.placements()
    assert placements == fleet_of(files).placements()
    assert [fleet.placement(placement.ref) for placement in placements] == list(placements)
    order = [(placement.ref.application, placement.ref.cluster) for placement in placements]
    assert order == sorted(order)


@SETTINGS
@given(registries())
def test_nothing_is_written_where_the_cluster_forbids_it(files: dict[str, bytes]) -> None:
    for placement in fleet_of(files).placements():
        if placement.cluster.state not in {ClusterState.ACTIVE, ClusterState.DRAINING}:
            assert placement.disposition not in {Disposition.SYNC, Disposition.REMOVE}


@SETTINGS
@given(registries())
def test_every_value_is_explained_by_a_line_that_is_there(files: dict[str, bytes]) -> None:
    for placement in fleet_of(files).placements():
        rebuilt: dict[str, object] = {}
        for value in placement.explain():
            inner = rebuilt
            for step in value.path[:-1]:
                inner = inner.setdefault(step, {})  # type: ignore[assignment]  # built of mappings only
            inner[value.path[-1]] = value.value
            assert 1 <= value.where.line <= files[value.where.file].count(b"\n") + 1
        assert rebuilt == placement.parameters


@settings(max_examples=200)
@given(values, values, values)
def test_merging_goes_layer_by_layer_and_a_layer_twice_is_a_layer_once(
    one: dict[str, object], two: dict[str, object], three: dict[str, object]
) -> None:
    a, b, c = (ValueLayer(values=value) for value in (one, two, three))
    assert merged([a, b, c]) == merged([ValueLayer(values=merged([a, b])), c])
    assert merged([a, a]) == merged([a]) == one
