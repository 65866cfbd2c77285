"""The rules of operators' kinds, one by one: what an operator writes when all is well, when not, and on the way.

The examples are data too, in ``tests/data/health``: for each health what the object says. ``{Ready: "False Expired"}``
under ``conditions`` stands for a condition with that status and reason; an example is a status, or a whole object if it
has a ``spec``, ``metadata`` or ``status`` of its own; ``none`` says why kinds have no example of a health.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.domain.health import Health
from workers.sync.health import Context, assess
from workers.sync.health.kinds import kind_rule
from workers.sync.health.operators import OPERATORS, OperatorRule, rule_for

CONTEXT = Context(now=datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
DATA = Path(__file__).parents[2] / "data"
LISTED = [
    (group, kind)
    for group, _, kind in (line.rpartition("/") for line in (DATA / "health_kinds.txt").read_text().splitlines())
]
"""Kinds that people run, ``_`` for any: those that Argo CD ships rules for."""
ALWAYS = {"healthy", "progressing", "degraded"}


@cache
def examples() -> Mapping[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for file in sorted((DATA / "health").glob("*.yaml")):
        for entry in yaml.safe_load(file.read_text()):
            for kind in entry["kinds"]:
                assert kind not in found, kind
                found[kind] = entry
    return found


def spelt_out(said: Any) -> Any:
    """Return what is said with conditions as a list, as the API has them."""
    if isinstance(said, list):
        return [spelt_out(each) for each in said]
    if not isinstance(said, dict):
        return said
    whole = {name: spelt_out(value) for name, value in said.items()}
    if isinstance(said.get("conditions"), dict):
        whole["conditions"] = [condition(name, text) for name, text in said["conditions"].items()]
    return whole


def condition(name: str, text: str) -> dict[str, str]:
    status, _, reason = text.partition(" ")
    return {"type": name, "status": status, "reason": reason, "message": ""}


def live(named: str, said: Mapping[str, Any]) -> dict[str, Any]:
    group, _, kind = named.rpartition("/")
    group, kind = group.replace("*", "s3"), kind.replace("*", "Some") if kind != "*" else "Bucket"
    whole = "spec" in said or "metadata" in said or isinstance(said.get("status"), dict)
    parts = spelt_out(said if whole else {"status": said})
    metadata = {"name": "x", "generation": 2, **parts.get("metadata", {})}
    given = {"spec": parts.get("spec", {}), "status": parts.get("status", {})}
    return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": metadata, **given}


def cases() -> Iterator[tuple[str, str, Any]]:
    for kind, entry in examples().items():
        yield from ((kind, health, said) for health, said in entry.items() if health not in {"kinds", "none"})


CASES = list(cases())


@pytest.mark.parametrize(("kind", "health", "said"), CASES, ids=[f"{kind}-{health}" for kind, health, _ in CASES])
def test_an_object_is_read_as_its_operator_means_it(kind: str, health: str, said: Any) -> None:
    report = assess(live(kind, said), CONTEXT)
    assert report.health is Health(health), report.reason


def test_every_rule_is_tried_in_every_health() -> None:
    assert {f"{group}/{kind}" for group, kind in OPERATORS} - {*examples()} == set()
    for kind, entry in examples().items():
        assert {*entry, *entry.get("none", {})} >= ALWAYS, kind
        assert not {*entry} & {*entry.get("none", {})}, kind
        assert all(entry.get("none", {"": "said"}).values()), kind


def named(group: str, kind: str) -> OperatorRule | None:
    return rule_for(group.replace("_", "s3"), kind.replace("_", "Bucket"))


def test_every_kind_that_people_run_has_a_rule_and_examples() -> None:
    in_code = [key for key in LISTED if kind_rule(key) is not None]
    of_operators = [key for key in LISTED if key not in in_code]
    assert len(LISTED) > 240
    assert [key for key in of_operators if named(*key) is None] == []
    assert [key for key in in_code if "/".join(key) not in examples()] == []
    tried = {id(named(*kind.replace("*", "_").rsplit("/", 1))) for kind in examples()}
    assert [key for key in of_operators if id(named(*key)) not in tried] == []


@pytest.mark.parametrize("kind", ["argoproj.io/CronWorkflow", "image.toolkit.fluxcd.io/ImageRepository"])
def test_what_its_spec_suspends_is_suspended(kind: str) -> None:
    assert assess(live(kind, {"spec": {"suspend": True}}), CONTEXT).health is Health.SUSPENDED


def test_a_kind_of_its_own_wins_over_the_family_of_its_group() -> None:
    own, family = rule_for("pkg.crossplane.io", "Provider"), rule_for("pkg.crossplane.io", "ProviderRevision")
    assert own is not None
    assert family is not None
    assert (own.group, family.group) == ("pkg.crossplane.io", "*.crossplane.io")
    assert rule_for("crossplane.io", "Provider") is None


def test_kinds_of_a_group_may_be_told_apart_by_how_they_end() -> None:
    policy, other = rule_for("microgateway.airlock.com", "RatePolicy"), rule_for("microgateway.airlock.com", "Limits")
    assert policy is not None
    assert other is not None
    assert (policy.kinds, other.kinds) == (("*Policy",), ("*",))
