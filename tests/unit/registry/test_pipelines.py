"""Pipelines of a Project: whose they are is said, or nobody is let in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from common.domain.rights import Verb
from tests.harness import texts

OURS = {"issuer": "https://ci.example.com", "claims": {"repository": "acme/pay"}, "can": ["sync"]}


def faults(**change: Any) -> list[str]:
    rule = {**OURS, **change}
    files = texts.registry(projects=texts.project(more=f"  ci: {json.dumps([rule])}\n"))
    return [f"{fault.what}; {fault.remedy}" for fault in texts.parsed(files).faults]


def test_a_rule_has_all_that_it_says() -> None:
    both = {**OURS, "claims": {"sub": ["a", "b"]}}
    found = texts.in_order(texts.registry(projects=texts.project(more=f"  ci: {json.dumps([both])}\n"))).fleet
    assert found is not None
    (rule,) = found.projects["team"].ci
    assert (rule.issuer, rule.claims, rule.can) == ("https://ci.example.com", (("sub", ("a", "b")),), (Verb.SYNC,))


@pytest.mark.parametrize(
    "claims",
    [{}, {"ref": "refs/heads/main"}, {"ref": "main", "environment": "prod"}, {"aud": "https://hub.example.com"}],
    ids=str,
)
def test_claims_that_anybody_has_are_a_fault(claims: dict[str, Any]) -> None:
    assert any("whose the pipeline is" in fault for fault in faults(claims=claims))


@pytest.mark.parametrize(
    "change",
    [
        {"claims": {"repository": []}}, {"claims": {"repository": ""}}, {"claims": {"repository": 7}},
        {"claims": {"repository": "a", **{f"c{n}": "x" for n in range(30)}}}, {"can": []}, {"can": ["admin"]},
        {"issuer": "http://ci.example.com"}, {"issuer": "ci.example.com"}, {"issuer": ""},
        {"issuer": f"https://ci.example.com/{'x' * 600}"}, {"audience": "https://other.example.com"},
    ],
    ids=str,
)  # fmt: skip
def test_a_rule_that_lets_in_anybody_or_nobody_is_a_fault(change: dict[str, Any]) -> None:
    assert faults(**change)
