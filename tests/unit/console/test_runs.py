"""Identical failures and drifts are told once: of one placement again and again, and of several at once."""

from __future__ import annotations

from typing import Any

from console.cli.reports import _group
from console.cli.runs import fold


def run(ref: str, outcome: str = "failed", error: str = "no such field", **more: Any) -> dict[str, Any]:
    return {"ref": ref, "outcome": outcome, "error_code": "apply.invalid", "error": error, "commit": "c1",
            "created_at": "2026-11-30T10:00:00+00:00", **more}  # fmt: skip


def test_the_same_failure_on_several_placements_is_one() -> None:
    (only,) = fold([run("a/web"), run("b/web"), run("c/web"), run("b/web")])
    assert only.run["ref"] == "a/web"
    assert only.others == ["b/web", "c/web"]
    assert only.count == 4
    assert only.same.startswith("the same on 2 more: b/web, c/web; 4 runs since ")


def test_what_came_of_a_placement_in_between_parts_its_failures() -> None:
    folds = fold([run("a/web"), run("a/web", "succeeded", ""), run("a/web")])
    assert [one.count for one in folds] == [1, 1, 1]


def test_another_failure_or_commit_is_another() -> None:
    folds = fold([run("a/web"), run("b/web", error="another"), run("c/web", commit="c2")])
    assert [one.count for one in folds] == [1, 1, 1]


def test_what_succeeded_alike_is_not_folded() -> None:
    assert len(fold([run("a/web", "succeeded", ""), run("b/web", "succeeded", "")])) == 2


def test_drift_is_told_with_its_first_fields_and_who_else_has_it() -> None:
    field = {"path": ".spec.replicas", "before": "5", "after": "3", "owner": "kubectl-edit", "masked": False}
    changed = {"kind": "Deployment", "name": "web", "fields": [field] * 30, "more_fields": 0, "diff": ""}
    group = {"state": "by-hand", "said": ["1 object differs"], "corrections": 0, "last": None, "placements": 412}
    row = _group({**group, "refs": ["a/web", "b/web", "c/web"], "objects": [changed, {**changed, "fields": []}]})
    assert row.cells == ("a/web", "unmanaged", "", "never", "1 object differs")
    head, line, *_, more, others = row.below
    assert (head, line) == ("Deployment web:", "  ~ .spec.replicas: 5 -> 3  (held by kubectl-edit)")
    assert (more, len(row.below)) == ("… and 19 more lines", 14)
    assert others.startswith("the same on 411 more: b/web, c/web and 409 more")
