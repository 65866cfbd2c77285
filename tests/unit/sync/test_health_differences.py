"""Where health differs from what Argo CD and Flux say: the cases of the table in the reference, for our column."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from common.domain.health import Health, HealthReport, worst
from workers.sync.health import Context, assess

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "health.md"
CONTEXT = Context(now=datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
UP = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
STUCK = {"state": {"waiting": {"reason": "ImagePullBackOff"}}, "name": "c"}


def condition(kind: str, status: str, reason: str = "", since: str = "") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "lastTransitionTime": since}


def obj(kind: str, spec: Any = None, status: Mapping[str, Any] | None = None, *said: dict[str, str]) -> dict[str, Any]:
    api, _, name = kind.rpartition(" ")
    seen = {"observedGeneration": 2} if api == "apps/v1" else {}
    return {
        "apiVersion": api or "v1",
        "kind": name,
        "metadata": {"name": "x", "generation": 2},
        "spec": spec or {},
        "status": {**seen, **(status or {}), "conditions": list(said)},
    }


CASES: list[tuple[str, Sequence[Any]]] = [
    (
        "any kind: one of several objects is not there",
        [HealthReport(Health.MISSING), obj("apps/v1 Deployment", {"replicas": 2}, UP)],
    ),
    ("any kind: `observedGeneration` is text", [obj("example.com/v1 Gadget", {}, {"observedGeneration": "2"})]),
    (
        "kind without a rule: `Ready` is false",
        [obj("example.com/v1 Gadget", {}, {}, condition("Ready", "False", "Waiting"))],
    ),
    (
        "kind without a rule: `Ready` is false with the reason `CreateFailed`",
        [obj("example.com/v1 Gadget", {}, {}, condition("Ready", "False", "CreateFailed"))],
    ),
    (
        "Deployment: pods cannot be made (`ReplicaFailure`)",
        [obj("apps/v1 Deployment", {"replicas": 2}, {}, condition("ReplicaFailure", "True", "FailedCreate"))],
    ),
    (
        "Deployment: `Progressing` is false for another reason than its deadline",
        [obj("apps/v1 Deployment", {"replicas": 2}, {}, condition("Progressing", "False", "ReplicaSetCreateError"))],
    ),
    ("Deployment: paused", [obj("apps/v1 Deployment", {"replicas": 2, "paused": True}, UP)]),
    (
        "ReplicaSet: pods cannot be made (`ReplicaFailure`)",
        [obj("apps/v1 ReplicaSet", {"replicas": 2}, {}, condition("ReplicaFailure", "True", "FailedCreate"))],
    ),
    (
        "StatefulSet: `OnDelete`, pods not ready",
        [obj("apps/v1 StatefulSet", {"replicas": 2, "updateStrategy": {"type": "OnDelete"}}, {"replicas": 2})],
    ),
    (
        "DaemonSet: `OnDelete`, old pods",
        [obj("apps/v1 DaemonSet", {"updateStrategy": {"type": "OnDelete"}}, {"desiredNumberScheduled": 2})],
    ),
    ("Job: runs", [obj("batch/v1 Job", {}, {"active": 1, "startTime": "2026-11-23T11:00:00Z"})]),
    ("Job: suspended", [obj("batch/v1 Job", {"suspend": True}, {}, condition("Suspended", "True", "JobSuspended"))]),
    (
        "Job: runs again after it was suspended",
        [obj("batch/v1 Job", {"suspend": False}, {"active": 1}, condition("Suspended", "False", "JobResumed"))],
    ),
    (
        "CronJob: the last run failed",
        [
            obj(
                "batch/v1 CronJob",
                {},
                {"lastScheduleTime": "2026-11-23T11:00:00Z", "lastSuccessfulTime": "2026-11-23T10:01:00Z"},
            )
        ],
    ),
    ("Pod: failed", [obj("Pod", {}, {"phase": "Failed"})]),
    (
        "Pod: its image cannot be pulled, it restarts never",
        [obj("Pod", {"restartPolicy": "Never"}, {"phase": "Pending", "containerStatuses": [STUCK]})],
    ),
    (
        "Pod: its init container cannot start",
        [obj("Pod", {"restartPolicy": "Always"}, {"phase": "Pending", "initContainerStatuses": [STUCK]})],
    ),
    (
        "Pod: unschedulable for longer than 15 s",
        [
            obj(
                "Pod",
                {},
                {"phase": "Pending"},
                condition("PodScheduled", "False", "Unschedulable", "2026-11-23T11:59:00Z"),
            )
        ],
    ),
    (
        "Pod: runs and is ready, it restarts never",
        [obj("Pod", {"restartPolicy": "Never"}, {"phase": "Running"}, condition("Ready", "True"))],
    ),
    ("PersistentVolumeClaim: lost", [obj("PersistentVolumeClaim", {}, {"phase": "Lost"})]),
    (
        "Service of type LoadBalancer: no address",
        [obj("Service", {"type": "LoadBalancer", "clusterIP": "10.0.0.1"}, {"loadBalancer": {}})],
    ),
    ("Ingress: no address", [obj("networking.k8s.io/v1 Ingress", {}, {"loadBalancer": {}})]),
    (
        "HorizontalPodAutoscaler: cannot read a metric",
        [
            obj(
                "autoscaling/v2 HorizontalPodAutoscaler",
                {},
                {},
                condition("AbleToScale", "True", "SucceededGetScale"),
                condition("ScalingActive", "False", "FailedGetExternalMetric"),
            )
        ],
    ),
    (
        "CustomResourceDefinition: names accepted, not established yet",
        [
            obj(
                "apiextensions.k8s.io/v1 CustomResourceDefinition",
                {},
                {},
                condition("NamesAccepted", "True", "NoConflicts"),
                condition("Established", "False", "Installing"),
            )
        ],
    ),
]


def _told() -> dict[str, str]:
    """Return what the page says of each case: our column, by the first."""
    section = PAGE.read_text().partition("## Where this differs")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (?!kind: |---)([^|]+) \| [^|]+ \| [^|]+ \| (\w+) \| [^|]+ \|$", section, re.MULTILINE)
    assert section.count("\n| ") == len(rows) + 2
    return dict(rows)


def _report(each: Any) -> HealthReport:
    return each if isinstance(each, HealthReport) else assess(each, CONTEXT)


def test_the_page_and_the_cases_name_the_same() -> None:
    assert list(_told()) == [name for name, _ in CASES]


@pytest.mark.parametrize(("name", "objects"), CASES, ids=[name for name, _ in CASES])
def test_our_column_is_what_the_code_says(name: str, objects: Sequence[Any]) -> None:
    report = worst(_report(each) for each in objects)
    assert report.health.value == _told()[name], report.reason
