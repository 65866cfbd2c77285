"""What hangs on what: pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.domain.health import Health, HealthReport
from common.domain.refs import ObjectId
from workers.inspect.tree import (
    JOB,
    POD,
    REPLICA_SET,
    WORKLOADS,
    Kind,
    Met,
    Node,
    Seen,
    grown,
    is_spent,
    reached,
    wanted_kinds,
)

WEB = ObjectId("apps", "Deployment", "n", "web")
FINE = HealthReport(Health.HEALTHY)


def met(kind: Kind, name: str, *owners: str) -> Met:
    return Met(ObjectId(*kind, "n", name), name, owners)


def names(nodes: tuple[Node, ...]) -> dict[str, object]:
    return {node.object.name: names(node.children) for node in nodes}


@pytest.mark.parametrize(
    ("owned", "looked_for"),
    [
        (("apps", "Deployment"), {REPLICA_SET, POD}),
        (("apps", "StatefulSet"), {POD}),
        (("batch", "CronJob"), {JOB, POD}),
        (("", "ConfigMap"), set()),
        (("networking.k8s.io", "Ingress"), set()),
        (("postgresql.cnpg.io", "Cluster"), set(WORKLOADS)),
        (("gateway.networking.k8s.io", "Gateway"), set(WORKLOADS)),
    ],
)
def test_only_what_may_hang_on_a_kind_is_looked_for(owned: Kind, looked_for: set[Kind]) -> None:
    assert wanted_kinds([owned]) == looked_for


def test_what_hangs_on_others_is_left_out() -> None:
    everything = [met(REPLICA_SET, "a", "web"), met(POD, "b", "a"), met(POD, "c", "other"), met(POD, "d")]
    found, left_out = reached({"web": "n"}, everything, most=10)
    assert ([one.uid for one in found], left_out) == (["a", "b"], 0)


def test_the_tree_is_bounded_and_says_what_it_left_out() -> None:
    pods = [met(POD, f"p{number}", "web") for number in range(5)]
    found, left_out = reached({"web": "n"}, pods, most=2)
    assert ([one.uid for one in found], left_out) == (["p0", "p1"], 3)


def test_what_claims_an_owner_in_another_namespace_does_not_hang_on_it() -> None:
    strangers = Met(ObjectId(*POD, "elsewhere", "p"), "p", ("web",))
    ours = met(POD, "q", "web")
    assert reached({"web": "n"}, [strangers, ours], most=9) == ((ours,), 0)
    assert reached({"web": ""}, [strangers], most=9) == ((strangers,), 0), "what is in no namespace may own anything"


def test_a_hundred_thousand_that_hang_on_one_are_counted_and_bounded() -> None:
    many = [met(POD, f"p{number:06}", "web") for number in range(100_000)]
    found, left_out = reached({"web": "n"}, many, most=200)
    assert (len(found), left_out) == (200, 99_800)


def test_a_tree_holds_what_hangs_on_each_root() -> None:
    everything = (met(POD, "b", "a"), met(REPLICA_SET, "a", "web"))
    (tree,) = grown([(WEB, "web")], everything, {WEB: FINE}, {}, {})
    assert (tree.report, names((tree,))) == (Seen(Health.HEALTHY), {"web": {"a": {"b": {}}}})


def test_nothing_hangs_on_what_does_not_exist() -> None:
    (tree,) = grown([(WEB, "")], (met(POD, "b", ""),), {}, {}, {})
    assert tree.children == ()


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("abcde")), max_size=12))
def test_owners_in_a_circle_end(pairs: list[tuple[str, str]]) -> None:
    owners: dict[str, list[str]] = {}
    for child, owner in pairs:
        owners.setdefault(child, []).append(owner)
    everything = [met(POD, child, *above) for child, above in owners.items()]
    found, _ = reached({"a": "n"}, everything, most=100)
    assert len({one.uid for one in found}) == len(found) <= 4
    grown([(WEB, "a")], found, {}, {}, {})


@pytest.mark.parametrize(
    ("manifest", "spent"),
    [
        ({"kind": "ReplicaSet", "spec": {"replicas": 0}, "status": {"replicas": 0}}, True),
        ({"kind": "ReplicaSet", "spec": {"replicas": 0}, "status": {"replicas": 1}}, False),
        ({"kind": "ReplicaSet", "spec": {"replicas": 1}}, False),
        ({"kind": "StatefulSet", "spec": {"replicas": 0}}, False),
        ({}, False),
    ],
)
def test_an_older_replica_set_is_history(manifest: dict[str, object], spent: bool) -> None:  # noqa: FBT001 - parametrised
    assert is_spent(manifest) is spent
