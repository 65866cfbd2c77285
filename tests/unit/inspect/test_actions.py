"""What can be done to a running object, by its kind and how it is now: pure."""

from __future__ import annotations

from typing import Any

import pytest

from common.domain.refs import ObjectId
from workers.inspect.actions import is_of_git, names, offered

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
MOVING = {"stableRS": "a", "currentPodHash": "b"}


def offers(group: str, kind: str, **more: Any) -> tuple[str, ...]:
    return names(ObjectId(group, kind, "n", "web"), {"kind": kind, "metadata": {}, **more})


def over(type_: str) -> dict[str, Any]:
    return {"conditions": [{"type": type_, "status": "True"}]}


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_workloads_are_restarted_as_kubectl_does(kind: str) -> None:
    assert offers("apps", kind, spec={}) == ("restart",)
    (action,) = offered(ObjectId("apps", kind, "n", "web"), {"kind": kind, "metadata": {}, "spec": {}})
    body = action.patch("2026-01-01T00:00:00Z")
    assert body == {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: "2026-01-01T00:00:00Z"}}}}}


@pytest.mark.parametrize(
    ("group", "kind", "more", "offered_now"),
    [
        ("apps", "Deployment", {"spec": {"paused": True}}, ()),
        ("apps", "ReplicaSet", {"spec": {}}, ()),
        ("", "Pod", {"spec": {}}, ()),
        ("batch", "CronJob", {"spec": {}}, ("suspend",)),
        ("batch", "CronJob", {"spec": {"suspend": True}}, ("resume",)),
        ("batch", "Job", {"spec": {"suspend": False}}, ("suspend",)),
        ("batch", "Job", {"spec": {"suspend": True}, "status": over("Complete")}, ()),
        ("batch", "Job", {"spec": {}, "status": over("Failed")}, ()),
        ("batch", "Job", {"spec": {"suspend": True}, "status": over("Suspended")}, ("resume",)),
        ("argoproj.io", "Rollout", {"status": MOVING}, ("promote-full", "abort")),
        (
            "argoproj.io",
            "Rollout",
            {"status": MOVING | {"pauseConditions": [{"reason": "CanaryPauseStep"}]}},
            ("promote", "promote-full", "abort"),
        ),
        ("argoproj.io", "Rollout", {"status": MOVING | {"promoteFull": True}}, ("abort",)),
        ("argoproj.io", "Rollout", {"status": MOVING | {"abort": True}}, ("retry",)),
        ("argoproj.io", "Rollout", {"status": {"stableRS": "a", "currentPodHash": "a"}}, ()),
        ("argoproj.io", "Rollout", {}, ()),
        ("apps", "Deployment", {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, ()),
        ("example.com", "Deployment", {"spec": {}}, ()),
        ("apps", "Deployment", {"spec": ["not", "a", "mapping"], "status": 1}, ("restart",)),
        ("batch", "Job", {"spec": None, "status": {"conditions": [1, {"type": []}]}}, ("suspend",)),
    ],
)
def test_what_is_offered_is_what_makes_sense_now(
    group: str, kind: str, more: dict[str, Any], offered_now: tuple[str, ...]
) -> None:
    assert offers(group, kind, **more) == offered_now


@pytest.mark.parametrize(
    ("manager", "operation", "fields", "is_ours"),
    [
        ("flotilla", "Apply", {"f:spec": {"f:suspend": {}}}, True),
        ("flotilla", "Apply", {"f:spec": {"f:schedule": {}}}, False),
        ("flotilla", "Apply", {"f:spec": {}}, True),
        ("flotilla-operate", "Update", {"f:spec": {"f:suspend": {}}}, False),
        ("kubectl", "Apply", {"f:spec": {"f:suspend": {}}}, False),
    ],
)
def test_what_git_has_is_not_offered(manager: str, operation: str, fields: dict[str, Any], is_ours: bool) -> None:  # noqa: FBT001 - parametrised
    entry = {"manager": manager, "operation": operation, "fieldsV1": fields}
    manifest = {"kind": "CronJob", "metadata": {"managedFields": [entry]}, "spec": {}}
    job = ObjectId("batch", "CronJob", "n", "nightly")
    (action,) = offered(job, manifest)
    assert is_of_git(action, manifest) is is_ours
    assert names(job, manifest) == (() if is_ours else ("suspend",))
