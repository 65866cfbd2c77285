"""Health of a Rollout, of every age of its operator: by its phase, and before there was one by what it counts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from common.domain.health import Health
from common.domain.reasons import sentence
from workers.sync.health import Context, assess

CONTEXT = Context(now=datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
H, S, P, D = Health.HEALTHY, Health.SUSPENDED, Health.PROGRESSING, Health.DEGRADED
CANARY: dict[str, Any] = {"canary": {}}
BLUE_GREEN = {"blueGreen": {"activeService": "a"}}
UP = {"currentPodHash": "abc", "stableRS": "abc", "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
SERVED = {**UP, "blueGreen": {"activeSelector": "abc"}}


def rollout(status: Any, strategy: Any = CANARY, *, annotations: Any = None, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "x", "generation": 7, "annotations": annotations or {}},
        "spec": {"replicas": 2, "strategy": strategy, **spec},
        "status": status,
    }


def ended(reason: str) -> dict[str, Any]:
    return {**UP, "conditions": [{"type": "Progressing", "status": "False", "reason": reason}]}


REFERRED = {"workloadRef": {"kind": "Deployment", "name": "y"}}
SEEN = {"rollout.argoproj.io/workload-generation": "3"}
TABLE: list[tuple[str, dict[str, Any], Health]] = [
    ("new", rollout(None), P),
    ("new, and said so", rollout({}), P),
    ("a phase that is good", rollout({"phase": "Healthy"}), H),
    ("a phase that is bad", rollout({"phase": "Degraded"}), D),
    ("a phase that waits for a person", rollout({"phase": "Paused"}), S),
    ("a phase on its way", rollout({"phase": "Progressing"}), P),
    ("a phase of the wrong type", rollout({"phase": 7}), P),
    ("a phase wins over what it counts", rollout({**UP, "updatedReplicas": 0, "phase": "Healthy"}), H),
    ("of an older generation", rollout({**UP, "phase": "Healthy", "observedGeneration": "6"}), P),
    ("of this generation", rollout({**UP, "phase": "Healthy", "observedGeneration": "7"}), H),
    ("a hash for a generation", rollout({**UP, "observedGeneration": "5b6f7d8c9"}), H),
    ("a hash of digits for a generation", rollout({**UP, "observedGeneration": "575595564"}), H),
    ("another's change not seen yet", rollout({"phase": "Healthy"}, annotations=SEEN, **REFERRED), P),
    (
        "another's change seen",
        rollout({"phase": "Healthy", "workloadObservedGeneration": "3"}, annotations=SEEN, **REFERRED),
        H,
    ),
    ("another's change, by an operator that says nothing", rollout({"phase": "Healthy"}, **REFERRED), H),
    ("up", rollout(UP), H),
    ("up, by its old place", rollout({**UP, "stableRS": "", "canary": {"stableRS": "abc"}}), H),
    ("too late", rollout(ended("ProgressDeadlineExceeded")), D),
    ("aborted", rollout(ended("RolloutAborted")), D),
    ("an end that is good", rollout(ended("NewReplicaSetAvailable")), H),
    ("not valid", rollout({**UP, "conditions": [{"type": "InvalidSpec", "status": "True"}]}), D),
    ("paused by a step", rollout({**UP, "pauseConditions": [{"reason": "CanaryPauseStep"}]}), S),
    ("paused by a person", rollout(UP, paused=True), S),
    ("not looked at", rollout({"replicas": 2}), P),
    ("not all updated", rollout({**UP, "updatedReplicas": 1}), P),
    ("not all available", rollout({**UP, "availableReplicas": 1}), P),
    ("old ones left", rollout({**UP, "replicas": 3}), P),
    ("steps left", rollout({**UP, "stableRS": "old"}), P),
    ("served", rollout(SERVED, BLUE_GREEN), H),
    ("served, by an operator that knows no stable one", rollout({**SERVED, "stableRS": ""}, BLUE_GREEN), H),
    ("still served by the old one", rollout({**UP, "blueGreen": {"activeSelector": "old"}}, BLUE_GREEN), P),
    ("an analysis left", rollout({**SERVED, "stableRS": "old"}, BLUE_GREEN), P),
    ("odd types", rollout({**UP, "blueGreen": 7, "canary": [], "conditions": {}}, ["canary"]), H),
]


@pytest.mark.parametrize(("name", "live", "expected"), TABLE, ids=[name for name, *_ in TABLE])
def test_a_rollout_is_as_its_status_says(name: str, live: dict[str, Any], expected: Health) -> None:
    report = assess(live, CONTEXT)
    assert report.health is expected, f"{name}: {sentence(report.reason)}"
    assert expected is H or sentence(report.reason)
