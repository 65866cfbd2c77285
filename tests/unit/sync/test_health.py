"""Health, kind by kind, as truth tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.domain.health import Health
from common.domain.inventory import HookState
from common.domain.reasons import sentence
from common.domain.refs import ObjectId, PlacementRef
from workers.sync.health import Context, assess, waits_for_health
from workers.sync.objects.live import Kind, by_id
from workers.sync.observe import reports
from workers.sync.ports import InventoryItem

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CONTEXT = Context(now=NOW, late_binding=frozenset({"local"}))
H, S, P, D = Health.HEALTHY, Health.SUSPENDED, Health.PROGRESSING, Health.DEGRADED
API = {
    "Deployment": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1", "ReplicaSet": "apps/v1",
    "Job": "batch/v1", "CronJob": "batch/v1", "Ingress": "networking.k8s.io/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2", "APIService": "apiregistration.k8s.io/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1", "PodDisruptionBudget": "policy/v1",
    "Gadget": "example.com/v1",
}  # fmt: skip


def condition(kind: str, status: str = "True", reason: str = "", **more: str) -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, **more}


def obj(kind: str, spec: Any = None, status: Any = None, **metadata: Any) -> dict[str, Any]:
    whole = {"apiVersion": API.get(kind, "v1"), "kind": kind, "metadata": {"name": "x", **metadata}}
    return whole | ({"spec": spec} if spec is not None else {}) | ({"status": status} if status is not None else {})


def replicas(updated: int = 2, ready: int = 2, available: int = 2, total: int = 2, **more: Any) -> dict[str, Any]:
    counts = {"updatedReplicas": updated, "readyReplicas": ready, "availableReplicas": available, "replicas": total}
    return counts | more


def pod(phase: str, *conditions: Any, waiting: str = "", init: str = "") -> dict[str, Any]:
    status: dict[str, Any] = {"phase": phase, "conditions": list(conditions)}
    if waiting:
        status["containerStatuses"] = [{"name": "c", "state": {"waiting": {"reason": waiting}}}]
    if init:
        status["initContainerStatuses"] = [{"name": "i", "state": {"waiting": {"reason": init}}}]
    return obj("Pod", {}, status)


def unschedulable(ago: timedelta) -> dict[str, str]:
    since = (NOW - ago).isoformat().replace("+00:00", "Z")
    return condition("PodScheduled", "False", "Unschedulable", lastTransitionTime=since)


def loadbalancer(kind: str, *ingress: Any) -> dict[str, Any]:
    return obj(kind, {"type": "LoadBalancer"}, {"loadBalancer": {"ingress": list(ingress)}})


def old_scaler(said: Any) -> dict[str, Any]:
    """Return an autoscaler as ``autoscaling/v1`` shows it: its conditions are JSON in an annotation."""
    annotations = {"autoscaling.alpha.kubernetes.io/conditions": said}
    whole = obj("HorizontalPodAutoscaler", {}, {"currentReplicas": 1}, annotations=annotations)
    return {**whole, "apiVersion": "autoscaling/v1"}


TABLE: list[tuple[str, dict[str, Any], Health]] = [
    ("being deleted", obj("ConfigMap", deletionTimestamp="2026-01-01T00:00:00Z"), P),
    ("not seen yet", obj("Deployment", {}, replicas(observedGeneration=1), generation=2), P),
    ("seen, and said as text", obj("Gadget", {}, {"observedGeneration": "2"}, generation=2), H),
    ("not seen yet, and said as text", obj("Gadget", {}, {"observedGeneration": "1"}, generation=2), P),
    ("seen, and said as a hash", obj("Gadget", {}, {"observedGeneration": "6f8b9d"}, generation=2), H),
    ("seen, and said as nothing", obj("Gadget", {}, {"observedGeneration": None}, generation=2), H),
    ("a new set of daemons", obj("DaemonSet", {}, {"desiredNumberScheduled": 0}, generation=1), P),
    ("a new set on delete", obj("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, {}, generation=1), P),
    (
        "ready, but for another spec",
        obj("Gadget", {}, {"conditions": [{**condition("Ready"), "observedGeneration": 1}]}, generation=2),
        P,
    ),
    ("reconciling", obj("Gadget", {}, {"conditions": [condition("Reconciling")]}), P),
    (
        "tried again, as Flux says it",
        obj(
            "Gadget",
            {},
            {
                "conditions": [
                    condition("Reconciling", reason="ProgressingWithRetry"),
                    condition("Ready", "False", "FetchFailed"),
                ]
            },
        ),
        D,
    ),
    ("stalled", obj("Gadget", {}, {"conditions": [condition("Stalled", reason="Bad")]}), D),
    ("stalled but not", obj("Gadget", {}, {"conditions": [condition("Stalled", "False")]}), H),
    (
        "ignored",
        obj("Job", {}, {"conditions": [condition("Failed")]}, annotations={"flotilla.dev/health": "ignore"}),
        H,
    ),
    ("a port on each node", obj("Service", {"type": "NodePort"}, {}), H),
    ("no type", obj("Service", {}, {}), H),
    ("no replicas named, none there", obj("StatefulSet", {}, {}), P),
    ("one replica set by default", obj("ReplicaSet", {}, replicas(0, 0, 0, 0)), P),
    ("all up", obj("Deployment", {"replicas": 2}, replicas()), H),
    ("one by default", obj("Deployment", {}, replicas(1, 1, 1, 1)), H),
    ("none wanted", obj("Deployment", {"replicas": 0}, {}), H),
    ("no status yet", obj("Deployment", {"replicas": 2}), P),
    ("paused", obj("Deployment", {"replicas": 2, "paused": True}, {}), S),
    (
        "too late",
        obj("Deployment", {}, {"conditions": [condition("Progressing", "False", "ProgressDeadlineExceeded")]}),
        D,
    ),
    (
        "cannot make its set",
        obj("Deployment", {}, {"conditions": [condition("Progressing", "False", "ReplicaSetCreateError")]}),
        D,
    ),
    (
        "all there, and some just lost",
        obj("Deployment", {"replicas": 2}, {**replicas(), "conditions": [condition("Available", "False", "Minimum")]}),
        P,
    ),
    (
        "all there and available",
        obj("Deployment", {"replicas": 2}, {**replicas(), "conditions": [condition("Available")]}),
        H,
    ),
    ("cannot create", obj("Deployment", {}, {"conditions": [condition("ReplicaFailure", reason="FailedCreate")]}), D),
    ("old ones left", obj("Deployment", {"replicas": 2}, replicas(total=3)), P),
    ("not all updated", obj("Deployment", {"replicas": 2}, replicas(updated=1)), P),
    ("not all ready", obj("Deployment", {"replicas": 2}, replicas(ready=1)), P),
    ("not all available", obj("Deployment", {"replicas": 2}, replicas(available=1)), P),
    ("set up", obj("StatefulSet", {"replicas": 2}, replicas(currentRevision="a", updateRevision="a")), H),
    ("set not ready", obj("StatefulSet", {"replicas": 2}, replicas(ready=1)), P),
    ("set rolling", obj("StatefulSet", {"replicas": 2}, replicas(currentRevision="a", updateRevision="b")), P),
    (
        "set up to its partition",
        obj(
            "StatefulSet",
            {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}},
            replicas(updated=1, ready=3, currentRevision="a", updateRevision="b"),
        ),
        H,
    ),
    (
        "set short of its partition",
        obj(
            "StatefulSet",
            {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 1}}},
            replicas(updated=1, ready=3),
        ),
        P,
    ),
    ("set on delete", obj("StatefulSet", {"replicas": 3, "updateStrategy": {"type": "OnDelete"}}, {}), H),
    (
        "daemons up",
        obj(
            "DaemonSet",
            {},
            {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberReady": 2, "numberAvailable": 2},
        ),
        H,
    ),
    ("daemons old", obj("DaemonSet", {}, {"desiredNumberScheduled": 2, "updatedNumberScheduled": 1}), P),
    ("daemons down", obj("DaemonSet", {}, {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2}), P),
    (
        "daemons not ready",
        obj("DaemonSet", {}, {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2}),
        P,
    ),
    ("daemons on delete", obj("DaemonSet", {"updateStrategy": {"type": "OnDelete"}}, {"desiredNumberScheduled": 2}), H),
    ("replica set up", obj("ReplicaSet", {"replicas": 2}, replicas()), H),
    ("replica set down", obj("ReplicaSet", {"replicas": 2}, replicas(ready=0)), P),
    ("replica set failing", obj("ReplicaSet", {}, {"conditions": [condition("ReplicaFailure")]}), D),
    ("job done", obj("Job", {}, {"conditions": [condition("Complete")]}), H),
    ("job failed", obj("Job", {}, {"conditions": [condition("Failed", reason="BackoffLimitExceeded")]}), D),
    ("job suspended", obj("Job", {"suspend": True}, {}), S),
    ("job runs", obj("Job", {}, {"active": 1}), P),
    ("cron suspended", obj("CronJob", {"suspend": True}, {"lastScheduleTime": "2026-01-01T00:00:00Z"}), S),
    ("cron runs", obj("CronJob", {}, {"active": [{}], "lastScheduleTime": "2026-01-01T00:00:00Z"}), P),
    ("cron never yet", obj("CronJob", {}, {}), H),
    ("cron never well", obj("CronJob", {}, {"lastScheduleTime": "2026-01-01T00:00:00Z"}), D),
    (
        "cron well",
        obj("CronJob", {}, {"lastScheduleTime": "2026-01-01T00:00:00Z", "lastSuccessfulTime": "2026-01-01T00:00:09Z"}),
        H,
    ),
    (
        "cron last one failed",
        obj("CronJob", {}, {"lastScheduleTime": "2026-01-02T00:00:00Z", "lastSuccessfulTime": "2026-01-01T00:00:09"}),
        D,
    ),
    ("pod done", pod("Succeeded"), H),
    ("pod failed", pod("Failed"), D),
    ("pod ready", pod("Running", condition("Ready")), H),
    ("pod not ready", pod("Running", condition("Ready", "False")), P),
    ("pod ready beside a stuck container", pod("Running", condition("Ready"), waiting="CrashLoopBackOff"), H),
    ("pod scheduled at last", pod("Pending", condition("PodScheduled", "True", "Unschedulable")), P),
    ("pod crashing", pod("Running", waiting="CrashLoopBackOff"), D),
    ("pod without image", pod("Pending", waiting="ErrImagePull"), D),
    ("pod misconfigured", pod("Pending", init="CreateContainerConfigError"), D),
    ("pod starting", pod("Pending", waiting="ContainerCreating"), P),
    ("pod just unschedulable", pod("Pending", unschedulable(timedelta(seconds=15))), P),
    ("pod long unschedulable", pod("Pending", unschedulable(timedelta(seconds=16))), D),
    ("pod unschedulable since", pod("Pending", condition("PodScheduled", "False", "Unschedulable")), P),
    (
        "claim of a class by its old annotation",
        obj(
            "PersistentVolumeClaim",
            {"storageClassName": "fast"},
            {"phase": "Pending"},
            annotations={"volume.beta.kubernetes.io/storage-class": "local"},
        ),
        H,
    ),
    ("claim of no class", obj("PersistentVolumeClaim", {"storageClassName": ""}, {"phase": "Pending"}), P),
    ("claim of the default class", obj("PersistentVolumeClaim", {}, {"phase": "Pending"}), P),
    ("claim bound", obj("PersistentVolumeClaim", {}, {"phase": "Bound"}), H),
    ("claim lost", obj("PersistentVolumeClaim", {}, {"phase": "Lost"}), D),
    ("claim pending", obj("PersistentVolumeClaim", {"storageClassName": "fast"}, {"phase": "Pending"}), P),
    ("claim bound late", obj("PersistentVolumeClaim", {"storageClassName": "local"}, {"phase": "Pending"}), H),
    ("service", obj("Service", {"type": "ClusterIP"}), H),
    ("balancer without address", loadbalancer("Service"), P),
    ("balancer", loadbalancer("Service", {"ip": "1.2.3.4"}), H),
    ("ingress without address", loadbalancer("Ingress"), P),
    ("ingress", loadbalancer("Ingress", {"hostname": "x"}), H),
    ("scaler unseen", obj("HorizontalPodAutoscaler", {}, {}), P),
    ("scaler well", obj("HorizontalPodAutoscaler", {}, {"conditions": [condition("AbleToScale")]}), H),
    ("old scaler unseen", old_scaler(None), P),
    ("old scaler well", old_scaler('[{"type": "AbleToScale", "status": "True"}]'), H),
    ("old scaler blind", old_scaler('[{"type": "ScalingActive", "status": "False", "reason": "FailedGetScale"}]'), D),
    ("old scaler at rest", old_scaler('[{"type": "ScalingActive", "status": "False", "reason": "Disabled"}]'), H),
    ("old scaler with none yet", old_scaler("[]"), P),
    ("old scaler with odd conditions", old_scaler('{"type": "ScalingActive"}'), P),
    ("old scaler with numbers", old_scaler("[7, null]"), P),
    ("old scaler with no JSON", old_scaler("[" * 5_000), P),
    ("old scaler with no text", old_scaler("\ud800"), P),
    (
        "scaler blind",
        obj(
            "HorizontalPodAutoscaler",
            {},
            {"conditions": [condition("ScalingActive", "False", "FailedGetResourceMetric")]},
        ),
        D,
    ),
    (
        "scaler at rest",
        obj("HorizontalPodAutoscaler", {}, {"conditions": [condition("ScalingActive", "False", "ScalingDisabled")]}),
        H,
    ),
    ("api there", obj("APIService", {}, {"conditions": [condition("Available")]}), H),
    ("api away", obj("APIService", {}, {"conditions": [condition("Available", "False", "MissingEndpoints")]}), P),
    ("api unseen", obj("APIService", {}, {}), P),
    (
        "definition there",
        obj("CustomResourceDefinition", {}, {"conditions": [condition("NamesAccepted"), condition("Established")]}),
        H,
    ),
    ("definition unseen", obj("CustomResourceDefinition", {}, {}), P),
    (
        "definition clashing",
        obj("CustomResourceDefinition", {}, {"conditions": [condition("NamesAccepted", "False")]}),
        D,
    ),
    (
        "definition whose webhook has no valid CA",
        obj("CustomResourceDefinition", {}, {"conditions": [condition("Established", "False", "InvalidCABundle")]}),
        D,
    ),
    (
        "budget that cannot be worked out",
        obj(
            "PodDisruptionBudget",
            {},
            {"observedGeneration": 1, "conditions": [condition("DisruptionAllowed", "False", "SyncFailed")]},
            generation=1,
        ),
        D,
    ),
    (
        "budget that is used up",
        obj(
            "PodDisruptionBudget",
            {},
            {"observedGeneration": 1, "conditions": [condition("DisruptionAllowed", "False", "InsufficientPods")]},
            generation=1,
        ),
        H,
    ),
    ("budget seen", obj("PodDisruptionBudget", {}, {"observedGeneration": 1}, generation=1), H),
    ("budget unseen", obj("PodDisruptionBudget", {}, {}, generation=1), P),
    ("custom ready", obj("Gadget", {}, {"conditions": [condition("Ready")]}), H),
    ("custom not ready", obj("Gadget", {}, {"conditions": [condition("Ready", "False", "Waiting")]}), P),
    ("custom unknown", obj("Gadget", {}, {"conditions": [condition("Ready", "Unknown", "CreateFailed")]}), P),
    ("custom failed", obj("Gadget", {}, {"conditions": [condition("Ready", "False", "CreateFailed")]}), D),
    ("custom silent", obj("Gadget"), H),
    ("data", obj("ConfigMap"), H),
    ("odd types", obj("Deployment", [], {"conditions": [7, {"type": 1}], "replicas": "many"}), P),
]


@pytest.mark.parametrize(("name", "live", "expected"), TABLE, ids=[name for name, *_ in TABLE])
def test_health_is_what_the_table_says(name: str, live: dict[str, Any], expected: Health) -> None:
    report = assess(live, CONTEXT)
    assert report.health is expected, f"{name}: {sentence(report.reason)}"
    if expected is not Health.HEALTHY:
        assert sentence(report.reason) not in {"", report.reason.code}


@pytest.mark.parametrize(("name", "live", "expected"), TABLE, ids=[name for name, *_ in TABLE])
def test_health_holds_no_ticking_fields(name: str, live: dict[str, Any], expected: Health) -> None:
    later = Context(now=NOW + timedelta(hours=1), late_binding=CONTEXT.late_binding)
    if name == "pod just unschedulable":
        assert assess(live, later).health is D
        return
    assert assess(live, later) == assess(live, CONTEXT), expected


def test_data_waits_for_nothing_and_custom_kinds_might() -> None:
    assert waits_for_health(ObjectId("apps", "Deployment", "n", "x"))
    assert waits_for_health(ObjectId("example.com", "Gadget", "n", "x"))
    assert not waits_for_health(ObjectId("", "ConfigMap", "n", "x"))
    assert not waits_for_health(ObjectId("rbac.authorization.k8s.io", "Role", "n", "x"))


# -- placements ------------------------------------------------------------------------------------------------

REF = PlacementRef("alpha", "shop")
WEB, DATA, GADGET = (
    InventoryItem(ObjectId("apps", "Deployment", "default", "web"), "v1"),
    InventoryItem(ObjectId("", "ConfigMap", "default", "data"), "v1"),
    InventoryItem(ObjectId("example.com", "Gadget", "default", "one"), "v1"),
)
OLD = InventoryItem(ObjectId("apps", "Deployment", "default", "old"), "v1", wanted=False)
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments", namespaced=True)


def listed(*objects: dict[str, Any]) -> dict[ObjectId, Any]:
    plain = [{**each, "metadata": {"name": "web", "namespace": "default"}} for each in objects]
    return dict(
        by_id(DEPLOYMENT, [{key: each[key] for key in each if key not in {"apiVersion", "kind"}} for each in plain])
    )


def test_a_placement_is_as_healthy_as_its_worst_object() -> None:
    live = {("apps", "Deployment"): listed(obj("Deployment", {"replicas": 2}, replicas(ready=1)))}
    (health,) = reports({REF: [WEB, DATA, OLD]}, live, CONTEXT)
    assert (health.report.health, sentence(health.report.reason)) == (P, "Deployment web: 1 of 2 replicas ready")
    assert [seen.object for seen in health.objects] == [WEB.object]


def test_a_placement_without_anything_to_wait_for_is_healthy() -> None:
    (health,) = reports({REF: [DATA]}, {}, CONTEXT)
    assert (health.report.health, sentence(health.report.reason)) == (H, "")


def test_missing_is_only_what_is_missing_whole() -> None:
    (health,) = reports({REF: [WEB]}, {("apps", "Deployment"): {}}, CONTEXT)
    assert health.report.health is Health.MISSING
    live: Any = {
        ("apps", "Deployment"): listed(obj("Deployment", {"replicas": 2}, replicas())),
        ("example.com", "Gadget"): {},
    }
    (health,) = reports({REF: [WEB, GADGET]}, live, CONTEXT)
    assert health.report.health is P


def test_what_could_not_be_read_is_unknown_and_never_missing() -> None:
    (health,) = reports({REF: [WEB]}, {("apps", "Deployment"): None}, CONTEXT)
    assert health.report.health is Health.UNKNOWN


@pytest.mark.parametrize(
    ("live", "health"),
    [
        (pod("Running", condition("Ready")), P),
        (pod("Succeeded"), H),
        (pod("Failed"), D),
        (obj("Job", {"suspend": True}, {"conditions": [condition("Suspended")]}), P),
        (obj("Job", {}, {"conditions": [condition("Complete")]}), H),
    ],
)
def test_a_hook_is_healthy_when_it_has_ended(live: dict[str, Any], health: Health) -> None:
    group = "batch" if live["kind"] == "Job" else ""
    hook = ObjectId(group, live["kind"], "", "x")
    ref = PlacementRef("eu", "web")
    item = InventoryItem(hook, "v1", uid="1", hook_run="r", hook_state=HookState.ACTIVE)
    (found,) = reports({ref: [item]}, {(group, live["kind"]): {hook: live}}, CONTEXT)
    assert found.report.health is health
