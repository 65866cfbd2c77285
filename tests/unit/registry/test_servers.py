"""Two live clusters with one server are told before they block each other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from common.registry import Documents, FaultScope
from tests.harness.texts import application, cluster, documents, in_order, parsed, registry

C1 = "https://c1.example.com"


def copy(server: str = C1, *, name: str = "c9", more: str = "") -> str:
    return cluster(name, more=more).replace(f"https://{name}.example.com", server)


@pytest.mark.parametrize("server", [C1, f"{C1}/", f"{C1}:443", "https://C1.Example.com"])
def test_a_copy_of_a_cluster_that_runs_refuses_the_commit_and_the_one_that_runs_stays(server: str) -> None:
    files = registry(app=application())
    good = in_order(files)
    result = parsed({**files, "a_copy.yaml": copy(server)}, good)
    assert result.refused
    (fault,) = result.faults
    assert (fault.file, fault.line, fault.scope) == ("a_copy.yaml", 3, FaultScope.REFUSES)
    assert "Cluster c9 names the same server as Cluster c1 (clusters.yaml:1)" in fault.what
    assert "both are blocked, c1 too" in fault.what
    assert fault.remedy == "correct spec.server, or set state: retired on one of the two"
    assert result.fleet == good.fleet


def test_without_anything_in_force_the_later_one_is_told() -> None:
    (fault,) = parsed({**registry(), "z.yaml": copy()}).faults
    assert fault.file == "z.yaml"


@pytest.mark.parametrize(
    "other",
    [
        copy("https://c1.example.com:6443"),
        copy("https://c1.example.com/k8s/clusters/c-1"),
        copy(more=", state: retired"),
        copy(more=", pool: site-2"),
        copy(more=", proxy: {url: 'socks5://bastion.example.com:1080'}"),
    ],
)
def test_another_server_a_retired_cluster_and_another_network_are_in_order(other: str) -> None:
    in_order({**registry(), "z.yaml": other})


def test_what_is_in_force_already_is_only_noticed() -> None:
    stored = in_order({**registry(), "z.yaml": cluster("c9")}).documents
    key = ("Cluster", "c9")
    # as an earlier version, which did not look, has left it
    former = Documents({**stored.sources, key: replace(stored.sources[key], text=copy())})
    result = parsed({**registry(app=application()), "z.yaml": copy()}, former)
    assert not result.refused
    assert [(notice.name, notice.scope) for notice in result.notices] == [("c9", FaultScope.NOTICE)]
    assert parsed({**registry(), "z.yaml": copy(), "y.yaml": copy(name="c8")}, former).refused


def test_a_cluster_under_a_new_name_is_told_that_the_former_still_counts() -> None:
    files = registry()
    renamed = {**files, "clusters.yaml": documents(copy(name="c1-new"), cluster("c2", region="us"))}
    (fault,) = parsed(renamed, in_order(files)).faults
    assert "c1 (clusters.yaml:1), which has left the registry and is treated as frozen" in fault.what
    retired = cluster("c1", more=", state: retired")
    renamed["clusters.yaml"] = documents(copy(name="c1-new"), cluster("c2", region="us"), retired)
    in_order(renamed, in_order(files))
