"""Health of kinds without a rule: the standard conditions by their polarity, words as a guess, and nothing at all."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from common.domain.health import Health
from common.domain.health_codes import HealthReason
from common.domain.reasons import sentence
from workers.sync.health import Context, assess, generic

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "health.md"
CONTEXT = Context(now=datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
H, S, P, D = Health.HEALTHY, Health.SUSPENDED, Health.PROGRESSING, Health.DEGRADED


def obj(status: Any = None, kind: str = "Gadget", group: str = "example.com/v1") -> dict[str, Any]:
    whole = {"apiVersion": group, "kind": kind, "metadata": {"name": "x", "generation": 2}}
    return whole if status is None else {**whole, "status": status}


def said(*conditions: tuple[Any, ...], **more: Any) -> dict[str, Any]:
    names = ("type", "status", "reason", "observedGeneration")
    return {"conditions": [dict(zip(names, one, strict=False)) for one in conditions], **more}


def attached(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"ancestors": list(entries)}


TABLE: list[tuple[str, Any, Health]] = [
    *[(f"{name} is true", said((name, "True")), H) for name in generic.POSITIVE],
    *[(f"{name} is false", said((name, "False", "Waiting")), P) for name in generic.POSITIVE],
    *[(f"{name} is not known", said((name, "Unknown")), P) for name in generic.POSITIVE],
    *[(f"{name} is true", said((name, "True")), D) for name in generic.NEGATIVE],
    *[(f"{name} is false", said((name, "False")), H) for name in generic.NEGATIVE],
    *[(f"{name} is true", said((name, "True")), P) for name in generic.UNFINISHED],
    *[(f"reason {word}Mount", said(("Ready", "False", f"{word}Mount")), D) for word in generic.BEGINNINGS],
    *[(f"reason Mount{word}", said(("Ready", "False", f"Mount{word}")), D) for word in generic.ENDINGS],
    *[(f"phase {word}", {"phase": word}, health) for health, words in generic.WORDS.items() for word in sorted(words)],
    *[(f"{field} failed", {field: "Failed"}, D) for field in generic.FIELDS],
    ("one of two is false", said(("Ready", "True"), ("Synced", "False", "Waiting")), P),
    ("one of two failed", said(("Ready", "True"), ("Synced", "False", "ReconcileError")), D),
    ("ready, and degraded too", said(("Ready", "True"), ("Degraded", "True")), D),
    ("not known with a reason that sounds bad", said(("Ready", "Unknown", "CreateFailed")), P),
    ("ready of an older generation", said(("Ready", "True", "", 1)), P),
    ("failed in an older generation", said(("Ready", "False", "CreateFailed", 1)), P),
    ("degraded in an older generation", said(("Degraded", "True", "", 1)), P),
    ("failed in this one, beside an older", said(("Ready", "False", "CreateFailed", 2), ("Synced", "True", "", 1)), D),
    ("ready of this generation", said(("Ready", "True", "", 2)), H),
    ("a condition nobody knows", said(("Sideways", "False", "CreateFailed")), H),
    ("a boolean for a status", said(("Ready", True)), H),
    ("a boolean for a status that is bad", said(("Degraded", True)), D),
    ("taken by what it hangs on", attached(said(("Accepted", "True"))), H),
    ("refused by one of two", attached(said(("Accepted", "True")), said(("Accepted", "False", "Invalid"))), D),
    ("left one of two", attached(said(("Accepted", "False", "Invalid", 1)), said(("Accepted", "True", "", 2))), H),
    ("not looked at yet", attached(said(("Accepted", "True", "", 1))), P),
    ("conditions win over words", said(("Ready", "True"), phase="Failed"), H),
    ("of two words the worst", {"phase": "Ready", "health": "red"}, D),
    ("a word in other letters", {"state": "In-Progress"}, P),
    ("a word nobody knows", {"phase": "Sideways"}, H),
    ("a sentence", {"state": "error " * 20}, H),
    ("nothing", None, H),
    ("nothing but a status", {}, H),
    ("no mapping", ["Failed"], H),
    ("conditions of the wrong type", {"conditions": {"Ready": "False"}}, H),
    ("fields of the wrong type", said((["Ready"], "False", "CreateFailed")), H),
    ("a reason of the wrong type", said(("Ready", "False", {"a": 1})), P),
    ("a generation of the wrong type", said(("Ready", "True", "", [2])), H),
    ("a word of the wrong type", {"phase": 7, "state": {"a": 1}}, H),
    ("what it hangs on of the wrong type", {"ancestors": [7, {"conditions": 7}], "parents": "x"}, H),
]  # fmt: skip


@pytest.mark.parametrize(("name", "status", "expected"), TABLE, ids=[name for name, *_ in TABLE])
def test_a_kind_without_a_rule_is_as_its_status_says(name: str, status: Any, expected: Health) -> None:
    report = assess(obj(status), CONTEXT)
    assert report.health is expected, f"{name}: {sentence(report.reason)}"


def test_a_word_is_told_as_a_guess() -> None:
    report = assess(obj({"phase": "Failed", "message": "no disk"}), CONTEXT)
    assert (report.reason.code, sentence(report.reason)) == (
        HealthReason.GUESSED, "a guess, by its phase: Failed: no disk",
    )  # fmt: skip
    assert assess(obj({"phase": "Running"}), CONTEXT).reason.code == HealthReason.GUESSED


def test_a_kind_that_says_nothing_is_healthy_with_a_note_and_kubernetes_own_without() -> None:
    assert assess(obj(), CONTEXT).reason.code == HealthReason.NO_RULE
    assert assess(obj({"phase": "Sideways"}), CONTEXT).reason.code == HealthReason.NO_RULE
    assert assess(obj(kind="ConfigMap", group="v1"), CONTEXT).reason.code == ""
    assert assess(obj(said(("Ready", "True"))), CONTEXT).reason.code == ""


def test_a_huge_status_costs_a_moment() -> None:
    many = [{"type": f"C{n}", "status": "False", "reason": "x" * 100} for n in range(20_000)]
    failed = {"type": "Ready", "status": "False", "reason": "Failed" * 200_000, "message": "m" * 10**6}
    huge = {
        "conditions": [*many, failed],
        "ancestors": [said(("Accepted", "True", "", 1)) for _ in range(20_000)],
        "phase": "Failed" * 10**6,
    }
    began = time.process_time()
    report = assess(obj(huge), CONTEXT)
    assert time.process_time() - began < 2
    assert len(sentence(report.reason)) < 10_000


def test_the_words_of_two_healths_are_not_the_same_and_have_the_form_that_is_looked_up() -> None:
    words = [word for of_one in generic.WORDS.values() for word in of_one]
    assert len(words) == len(set(words))
    assert all(re.fullmatch("[a-z]+", word) for word in words)


def test_the_reference_has_the_tables() -> None:
    page = PAGE.read_text(encoding="utf-8")
    shown = dict(re.findall(r"^\| (.*?) \| (.*?) \|$", page, re.MULTILINE))
    assert _listed(shown["conditions that are true of what is as it should be"]) == list(generic.POSITIVE)
    assert _listed(shown["conditions that are true of what is out of order"]) == list(generic.NEGATIVE)
    assert _listed(shown["conditions that are true of what is on its way"]) == list(generic.UNFINISHED)
    assert _listed(shown["beginnings of reasons that no waiting cures"]) == list(generic.BEGINNINGS)
    assert _listed(shown["endings of reasons that no waiting cures"]) == list(generic.ENDINGS)
    assert _listed(shown["lists whose entries have conditions"]) == [f"status.{name}" for name in generic.ATTACHED]
    assert _listed(shown["fields with a word"]) == [f"status.{name}" for name in generic.FIELDS]
    for health, words in generic.WORDS.items():
        assert _listed(shown[f"words for {health}"]) == sorted(words)


def _listed(cell: str) -> list[str]:
    return re.findall(r"`(.+?)`", cell)


def test_what_is_not_understood_is_named_and_healthy() -> None:
    failing = {"type": "Mounted", "status": "False", "reason": "DiskGone"}
    for status, said in (
        ({"conditions": [{"type": "Seen", "status": "True"}, failing]}, "Mounted is false (DiskGone)"),
        ({"phase": "Sideways"}, "its phase Sideways"),
        ({}, "says nothing of its health"),
    ):
        report = assess(obj(status), CONTEXT)
        assert report.health is Health.HEALTHY
        assert said in sentence(report.reason)
