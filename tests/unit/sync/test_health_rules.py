"""Rules of the registry: which one counts for a kind, and what a script's answer means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from common.domain.fleet import HealthRule
from common.domain.health import Health, HealthReport, worst
from common.domain.reasons import sentence
from common.domain.refs import ObjectId
from common.lua import LuaError, Verdict, run
from common.rules import HERE, Evaluator
from workers.sync.health import Context, assess, own_kinds, own_rules, waits_for_health

CONTEXT = Context(now=datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
SAYS = Evaluator(HERE.first, run)


def named(text: str, _subject: Mapping[str, Any]) -> Verdict:
    """Answer with the script, so that a test sees which was asked."""
    return Verdict("Degraded", text)


def box(group: str = "example.com", kind: str = "Box", **fields: Any) -> dict[str, Any]:
    return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": "x"}, **fields}


def shared(group: str, kind: str, lua: str) -> HealthRule:
    return HealthRule(kind, group, lua=lua, of="some")


RULES = [
    shared("*", "*", "everything"),
    shared("*.com", "*", "everything of com"),
    shared("*.example.com", "*", "everything below"),
    shared("example.com", "*", "everything of the group"),
    shared("example.com", "Box", "fleet"),
    HealthRule("Crate", "example.com", lua="own"),
    shared("example.com", "Crate", "fleet's crate"),
    HealthRule("Case*", "example.com", lua="own pattern"),
    shared("example.com", "Cases", "fleet's cases"),
]


@pytest.mark.parametrize(
    ("group", "kind", "expected"),
    [
        ("example.com", "Box", "fleet"),
        ("example.com", "Lid", "everything of the group"),
        ("sub.example.com", "Box", "everything below"),
        ("other.com", "Box", "everything of com"),
        ("example.org", "Box", "everything"),
        ("example.com", "Crate", "own"),
        ("example.com", "Cases", "own pattern"),
    ],
)
def test_of_several_rules_the_nearest_counts(group: str, kind: str, expected: str) -> None:
    for rules in (RULES, RULES[::-1]):
        report = assess(box(group, kind), CONTEXT, own_rules(rules, Evaluator(HERE.first, named)))
        assert sentence(report.reason) == expected


def test_kinds_with_a_rule_are_waited_for_by_patterns_too() -> None:
    config, kinds = ObjectId("", "ConfigMap", "n", "x"), own_kinds([shared("", "Config*", "x")])
    assert (waits_for_health(config), waits_for_health(config, kinds)) == (False, True)
    assert not waits_for_health(ObjectId("", "Secret", "n", "x"), kinds)


@pytest.mark.parametrize("health", Health)
def test_each_word_of_argo_cd_is_a_health(health: Health) -> None:
    script = f"return {{status = '{health.value.capitalize()}', message = 'why'}}"
    report = assess(box(), CONTEXT, own_rules([shared("example.com", "Box", script)], SAYS))
    assert (report.health, sentence(report.reason)) == (health, "" if health is Health.HEALTHY else "why")


def test_a_status_without_words_is_said() -> None:
    rules = own_rules([shared("example.com", "Box", "return {status = 'Degraded'}")], SAYS)
    assert sentence(assess(box(), CONTEXT, rules).reason) == "its health rule says Degraded"


@pytest.mark.parametrize("script", ["", "return", "return nil", "return {}", "return {status = 'Degraded'}, nil"])
def test_a_script_that_says_nothing_counts_for_nothing(script: str) -> None:
    report = assess(box(), CONTEXT, own_rules([shared("example.com", "Box", script or "local x = 1")], SAYS))
    assert (report.health, sentence(report.reason)) == (Health.HEALTHY, "its health rule says nothing")


def test_a_script_has_its_say_of_all_but_deletion() -> None:
    rules = own_rules([shared("example.com", "Box", "return {status = 'Healthy'}")], SAYS)
    stale = box(status={"observedGeneration": 1, "conditions": [{"type": "Stalled", "status": "True"}]})
    stale["metadata"]["generation"] = 2
    assert assess(stale, CONTEXT, rules).health is Health.HEALTHY
    stale["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert assess(stale, CONTEXT, rules).health is Health.PROGRESSING


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("return {status = 'Degraded', message = obj.data.a}", "its health rule says Degraded"),
        ("return {status = obj.data.a}", "its health rule gives no health: "),
        ("error(obj.data.a)", "its health rule cannot be used: it raises"),
    ],
)
def test_what_a_script_says_of_a_secret_is_not_told(script: str, words: str) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "data": {"a": "aHVudGVyMg=="}}
    assert sentence(assess(secret, CONTEXT, own_rules([shared("", "Secret", script)], SAYS)).reason) == words


def test_a_script_wins_over_the_rule_of_a_kind() -> None:
    rules = own_rules([shared("apps", "Deployment", "return {status = 'Suspended', message = 'x'}")], SAYS)
    assert assess(box("apps", "Deployment"), CONTEXT, rules).health is Health.SUSPENDED


def test_lua_is_refused_where_it_cannot_be_ended() -> None:
    rules = own_rules([shared("example.com", "Box", "return {status = 'Healthy'}")], HERE)
    report = assess(box(), CONTEXT, rules)
    assert (report.health, "workers only" in sentence(report.reason)) == (Health.UNKNOWN, True)
    with pytest.raises(LuaError):
        HERE.lua("return nil", {})


def test_a_script_that_calls_an_object_missing_keeps_its_words() -> None:
    rules = own_rules([shared("example.com", "Box", "return {status = 'Missing', message = 'no volume'}")], SAYS)
    report = worst([HealthReport(Health.HEALTHY), assess(box(), CONTEXT, rules)])
    assert (report.health, sentence(report.reason)) == (Health.PROGRESSING, "no volume")
