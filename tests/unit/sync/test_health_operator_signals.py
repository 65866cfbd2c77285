"""The language of the tables: what each form of a signal hears, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest

from common.domain.reasons import sentence
from workers.sync.health.operators import rule_for
from workers.sync.health.operators.signals import UNSEEN, View, read_path, read_signal
from workers.sync.health.reading import conditions


def condition(status: str, reason: str = "", **more: Any) -> dict[str, Any]:
    return {"type": "Ready", "status": status, "reason": reason, "message": "as it says", **more}


def heard(text: str, status: Any = None, spec: Any = None, *said: dict[str, Any], **metadata: Any) -> str | None:
    """Return the sentence that a signal makes of an object; None where it hears nothing."""
    whole = {"metadata": metadata, "spec": spec, "status": {"conditions": list(said), **(status or {})}}
    why = read_signal(text).heard(View(whole, conditions(whole), 2, "more"))
    return None if why is None else sentence(why)


@pytest.mark.parametrize(
    ("text", "said", "expected"),
    [
        ("Ready", condition("True"), "as it says"),
        ("Ready", condition("False"), None),
        ("Ready=False", condition("False", "Gone"), "Gone: as it says"),
        ("Ready=False|Unknown", condition("Unknown"), "as it says"),
        ("Ready=False", condition("Unknown"), None),
        ("Ready=* Gone", condition("anything", "Gone"), "Gone: as it says"),
        ("Ready=False Lost|Gone", condition("False", "Gone"), "Gone: as it says"),
        ("Ready=False Lost|Gone", condition("False", "Here"), None),
        ("Ready=False not Lost|Gone", condition("False", "Here"), "Here: as it says"),
        ("Ready=False not Lost|Gone", condition("False", "Lost"), None),
        ("Other", condition("True"), None),
        ("*=False", condition("False", "Gone"), "Gone: as it says"),
        ("*=False", condition("True", "Gone"), None),
    ],
)
def test_a_condition_is_heard_by_its_status_and_reason(text: str, said: dict[str, Any], expected: str | None) -> None:
    assert heard(text, None, None, said) == expected


def test_a_condition_of_an_older_generation_says_only_that() -> None:
    found = {"Ready": condition("True", observedGeneration=1)}
    view = View({}, conditions({"status": {"conditions": list(found.values())}}), 2)
    assert read_signal("Ready").heard(view) is UNSEEN
    assert read_signal("Ready=False").heard(view) is None


@pytest.mark.parametrize(
    ("text", "status", "expected"),
    [
        (".status.error", {"error": "no disk"}, "no disk: more"),
        (".status.error", {"error": ""}, None),
        (".status.failed", {"failed": True}, "failed: more"),
        (".status.failed", {"failed": ["a"]}, "failed: more"),
        (".status.failed", {"failed": []}, None),
        (".status.failed", {"failed": 3}, "3: more"),
        ("not .status.uid", {}, "its operator has said nothing yet"),
        ("not .status.uid", {"uid": "a"}, None),
        (".status.state=Failed|In need", {"state": "In need"}, "In need: more"),
        (".status.state=Failed|In need", {"state": "In"}, None),
        (".status.ok=false", {"ok": False}, "false: more"),
        (".status.ok=false", {}, None),
        (".status.state=3", {"state": 3}, "3: more"),
        (".status.state=3", {"state": 10**5000}, None),
        (".status.state=3", {"state": 3.0}, None),
        (".status.a.b=x", {"a": ["b"]}, None),
        (".status.readyReplicas < .status.replicas", {"readyReplicas": 1, "replicas": 3}, "1 of 3 replicas ready"),
        (".status.readyReplicas < .status.replicas", {"replicas": 3}, "0 of 3 replicas ready"),
        (".status.readyReplicas < .status.replicas", {"readyReplicas": 3, "replicas": 3}, None),
        (".status.readyReplicas < .status.replicas", {"readyReplicas": "1", "replicas": True}, None),
        (".status.readyReplicas < .status.replicas", {"replicas": 2**80}, None),
        (".status.readyReplicas < .status.replicas or 1", {}, "0 of 1 replicas ready"),
        (".status.updatedReplicas < .status.all - .status.kept", {"all": 3, "kept": 2}, "0 of 1 replicas updated"),
        (".status.updatedReplicas < .status.all - .status.kept", {"all": 3, "kept": 3}, None),
        (".status.members < .status.all", {"members": ["a"], "all": [1, 2]}, "1 of 2 members there"),
        (".status.ready short", {"ready": "1/3"}, "1 of 3 replicas ready"),
        (".status.ready short", {"ready": "3/3"}, None),
        (".status.ready short", {"ready": "1/3 "}, None),
        (".status.ready short", {"ready": "9" * 10_000 + "/" + "9" * 20_000}, None),
        (".status.now != .status.then", {"now": "a", "then": "b"}, "a: more"),
        (".status.now != .status.then", {"now": "a", "then": "a"}, None),
        (".status.now != .status.then", {"now": "a"}, None),
        ("in .status.racks .up < .all", {"racks": {"a": {"up": 1, "all": 1}, "b": {"all": 2}}}, "0 of 2 up there"),
        ("in .status.parts .state=bad", {"parts": [3, None, {"state": "bad", "message": "own"}]}, "bad: own"),
        ("in .status.parts .state=bad", {"parts": {"state": "bad"}}, None),
        ("in .status.parts .state=bad", {"parts": "bad"}, None),
        ("in .status.parts Ready=False", {"parts": [{"conditions": [condition("False")]}]}, "as it says"),
        (".status.a=x and not .status.b", {"a": "x"}, "x: more"),
        (".status.a=x and not .status.b", {"a": "x", "b": 1}, None),
        ("in .status.parts Ready=False", {"parts": [{"conditions": {"Ready": "False"}}]}, None),
    ],
)  # fmt: skip
def test_a_field_is_heard_by_what_stands_in_it(text: str, status: dict[str, Any], expected: str | None) -> None:
    assert heard(text, status) == expected


def test_what_the_spec_stops_is_suspended_and_needs_no_more_words() -> None:
    assert heard(".spec.paused", None, {"paused": True}) == "suspended"
    assert heard(".spec.paused", None, {"paused": False}) is None
    assert heard(".spec.paused", None, None) is None


def test_names_that_hold_dots_are_quoted() -> None:
    label = '.metadata.labels."example.com/state"=bad'
    assert heard(label, labels={"example.com/state": "bad"}) == "bad: more"
    assert heard(label, labels={"example": {"com/state": "bad"}}) is None
    assert read_path('.a."b.c".d') == ("a", "b.c", "d")


@pytest.mark.parametrize("text", ["status.phase", ".", ".a..b", ".a b", '."a', ""])
def test_what_is_no_way_to_a_field_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not the way to a field"):
        read_path(text)


def test_entries_that_are_out_of_date_count_only_where_no_other_is_there() -> None:
    rule = rule_for("gateway.networking.k8s.io", "HTTPRoute")
    assert rule is not None

    def parent(status: str, generation: int) -> dict[str, Any]:
        names = ("Accepted", "ResolvedRefs")
        return {"conditions": [{"type": name, "status": status, "observedGeneration": generation} for name in names]}

    def health(*parents: dict[str, Any]) -> str:
        return rule.assess({"metadata": {"generation": 2}, "status": {"parents": list(parents)}}).health.value

    assert health(parent("False", 1), parent("True", 2)) == "healthy"
    assert health(parent("True", 1), parent("False", 2)) == "degraded"
    assert health(parent("True", 1)) == "progressing"
