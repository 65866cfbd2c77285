"""Registries of the largest sizes: what is refused, and what takes seconds at most."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from common.domain.fleet import (
    Application,
    Cluster,
    Fleet,
    GitSource,
    Ref,
    RefKind,
    Selector,
    Target,
    ValueLayer,
    explained,
)
from common.registry import FaultScope
from common.registry.ignore import read
from tests.harness.texts import parsed, registry


def test_too_many_documents_refuse_the_commit() -> None:
    many = {f"x{number}.yaml": "--- a\n" * 20_000 for number in range(3)}
    result = parsed({**registry(), **many})
    assert result.refused
    assert "the registry holds more than 50,000 documents" in [fault.what for fault in result.faults]


def fleet(*targets: Target, clusters: tuple[Cluster, ...] = ()) -> Fleet:
    some = clusters or tuple(Cluster(f"c{n}", "https://x", "ref", {"n": str(n)}) for n in range(3))
    source = GitSource("https://git.example.com/x", Ref(RefKind.BRANCH, "main"))
    app = Application("app", (source,), "ns", targets)
    return Fleet("acme", clusters={c.name: c for c in some}, applications={"app": app})


def test_explained_takes_time_in_proportion_to_the_values() -> None:
    many = {f"k{group}": {f"k{n}": n for n in range(200)} for group in range(200)}
    found = explained([ValueLayer("low", many), ValueLayer("high", many)])
    assert len(found) == 40_000
    assert {value.origin for value in found} == {"high"}


def test_a_hundred_thousand_placements_take_seconds_at_most() -> None:
    clusters = tuple(Cluster(f"c{n}", "https://x", "r", {"env": "prod", "n": str(n)}) for n in range(1000))
    one = fleet(Target("a", clusters=("c5",)), Target("b", select=Selector((("env", "prod"),))), clusters=clusters)
    app = one.applications["app"]
    large = replace(one, applications={f"a{n}": replace(app, name=f"a{n}") for n in range(100)})
    start = time.perf_counter()
    assert len(large.placements()) == 100_000
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize("pattern", ["a." * 240, "**/" + "x" * 470, "*?" * 240])
def test_patterns_that_are_too_much_together_refuse_the_commit(pattern: str) -> None:
    (fault,) = read("\n".join(f"{pattern}{number}" for number in range(130)).encode()).faults
    assert fault.scope is FaultScope.REFUSES
    assert "too much in all" in fault.what
