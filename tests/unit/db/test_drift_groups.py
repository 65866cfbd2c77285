"""Which placements have drifted alike, and what is said of those that have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import Connection

from common.domain.differences import ChangedField
from common.domain.rights import ALL
from common.store.reads import drift_groups
from common.store.reads.drift import DriftView
from common.store.reads.drift_groups import CAUSES, ChangedObject, DriftGroup

CHANGED = (
    ChangedObject("apps", "Deployment", "x", "web", "configured", (ChangedField(".spec.replicas", "3", "2"),), 0),
)


def grouped(monkeypatch: pytest.MonkeyPatch, *views: DriftView) -> tuple[DriftGroup, ...]:
    """Return the groups of placements whose runs all say the same."""
    same: Mapping[str, tuple[ChangedObject, ...]] = {one.run: CHANGED for one in views}
    monkeypatch.setattr(drift_groups, "drift", lambda *_, **__: views)
    monkeypatch.setattr(drift_groups, "_objects", lambda *_: same)
    return drift_groups.drift_groups(cast("Connection", None), ALL, since=datetime.now(UTC)).groups


def test_what_is_said_of_one_is_not_said_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    alice = DriftView("a/web", corrections=1, cause="by alice", run="1")
    others = [DriftView(f"{name}/web", corrections=1, cause="by hpa", run=name) for name in "bc"]
    (group,) = grouped(monkeypatch, alice, *others)
    assert group.said == ("by hpa (2 of 3)", "by alice (1 of 3)")
    (group,) = grouped(monkeypatch, *others)
    assert group.said == ("by hpa",)
    (group,) = grouped(monkeypatch, alice, DriftView("d/web", corrections=1, run="2"))
    assert group.said == ("by alice (1 of 2)",), "of the other nothing is said"


def test_fields_of_one_that_were_added_by_hand_are_not_anothers(monkeypatch: pytest.MonkeyPatch) -> None:
    one = DriftView("a/web", corrections=1, by_hand=("Deployment web: .metadata.labels.mine",), run="1")
    found = grouped(monkeypatch, one, DriftView("b/web", corrections=1, run="2"))
    assert [(group.refs, group.said) for group in found] == [(("a/web",), one.by_hand), (("b/web",), ())]


def test_causes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    views = [DriftView(f"c{n:02}/web", corrections=1, cause=f"by {n:02}", run=str(n)) for n in range(50)]
    (group,) = grouped(monkeypatch, *views)
    assert len(group.said) == CAUSES + 1
    assert group.said[-1] == f"{50 - CAUSES} other causes"


def test_a_run_of_which_half_was_read_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = {"group": "", "kind": "ConfigMap", "namespace": "x", "action": "configured", "fields": None}
    rows = [SimpleNamespace(run_id=run, name=name, **shared) for run in ("1", "2") for name in ("a", "b")]

    class Limited:
        def execute(self, query: Any) -> list[SimpleNamespace]:
            return rows[: query._limit]

    monkeypatch.setattr(drift_groups, "_MOST_RESULTS", 3)
    found = drift_groups._objects(cast("Connection", Limited()), ["1", "2"])
    assert {run: len(objects) for run, objects in found.items()} == {"1": 2}
