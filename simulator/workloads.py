"""Status that the controllers of a healthy cluster would write: workloads become ready by themselves.

An image with ``:broken`` in it never becomes ready: its Deployment exceeds the progress deadline, its Job fails, its
Pod stays in ImagePullBackOff.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Json = dict[str, Any]
BROKEN = ":broken"


def settled_status(group: str, kind: str, document: Json, now: str) -> Json | None:
    """Return the status after the controllers are done; None for kinds that no controller reports on.

    Args:
        group: of the kind.
        kind: as in manifests.
        document: the object as it is.
        now: RFC 3339 instant for conditions and start times.
    """
    rule = _RULES.get((group, kind))
    return rule(document, now) if rule is not None else None


def is_broken(pod_spec: Json) -> bool:
    """Say whether a pod of this spec can never start."""
    return any(BROKEN in container.get("image", "") for container in pod_spec.get("containers", ()))


def _condition(kind: str, status: str, reason: str, message: str, now: str) -> Json:
    return {"type": kind, "status": status, "lastTransitionTime": now, "reason": reason, "message": message}


def _observed(document: Json) -> Json:
    return {"observedGeneration": document["metadata"].get("generation", 1)}


def _pods_of(document: Json) -> Json:
    spec: Json = document["spec"].get("template", {}).get("spec", {})
    return spec


def _nonzero(**counts: int) -> Json:
    return {name: value for name, value in counts.items() if value}


def _deployment(document: Json, now: str) -> Json:
    wanted = document["spec"].get("replicas", 1)
    name = document["metadata"]["name"]
    if is_broken(_pods_of(document)):
        message = f'ReplicaSet "{name}" has timed out progressing.'
        conditions = [
            _dated("Available", "False", "MinimumReplicasUnavailable", "Deployment has no minimum availability.", now),
            _dated("Progressing", "False", "ProgressDeadlineExceeded", message, now),
        ]
        counts = _nonzero(replicas=wanted, updatedReplicas=wanted, unavailableReplicas=wanted)
        return {**_observed(document), **counts, "conditions": conditions}
    message = f'ReplicaSet "{name}" has successfully progressed.'
    conditions = [
        _dated("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", now),
        _dated("Progressing", "True", "NewReplicaSetAvailable", message, now),
    ]
    counts = _nonzero(replicas=wanted, updatedReplicas=wanted, readyReplicas=wanted, availableReplicas=wanted)
    return {**_observed(document), **counts, "conditions": conditions}


def _dated(kind: str, status: str, reason: str, message: str, now: str) -> Json:
    return {**_condition(kind, status, reason, message, now), "lastUpdateTime": now}


def _stateful_set(document: Json, _: str) -> Json:
    wanted = document["spec"].get("replicas", 1)
    revision = f"{document['metadata']['name']}-{document['metadata'].get('generation', 1)}"
    ready = 0 if is_broken(_pods_of(document)) else wanted
    return {
        **_observed(document),
        "replicas": wanted,
        "availableReplicas": ready,
        **_nonzero(readyReplicas=ready, currentReplicas=wanted, updatedReplicas=wanted),
        "currentRevision": revision,
        "updateRevision": revision,
        "collisionCount": 0,
    }


def _daemon_set(document: Json, _: str) -> Json:
    ready = 0 if is_broken(_pods_of(document)) else 1
    return {
        **_observed(document),
        "currentNumberScheduled": 1,
        "desiredNumberScheduled": 1,
        "numberMisscheduled": 0,
        "numberReady": ready,
        **_nonzero(numberAvailable=ready, updatedNumberScheduled=1, numberUnavailable=1 - ready),
    }


def _replica_set(document: Json, _: str) -> Json:
    wanted = document["spec"].get("replicas", 1)
    ready = 0 if is_broken(_pods_of(document)) else wanted
    counts = _nonzero(fullyLabeledReplicas=wanted, readyReplicas=ready, availableReplicas=ready)
    return {**_observed(document), "replicas": wanted, **counts}


def _job(document: Json, now: str) -> Json:
    if document["spec"].get("suspend"):
        return {"conditions": [_probed("Suspended", "JobSuspended", "Job suspended", now)], "ready": 0}
    wanted = document["spec"].get("completions", 1)
    status: Json = {"startTime": now, "terminating": 0, "ready": 0, "uncountedTerminatedPods": {}}
    if is_broken(_pods_of(document)):
        message = "Job has reached the specified backoff limit"
        conditions = [_probed(kind, "BackoffLimitExceeded", message, now) for kind in ("FailureTarget", "Failed")]
        return {**status, "failed": wanted, "conditions": conditions}
    message = "Reached expected number of succeeded pods"
    conditions = [_probed(kind, "CompletionsReached", message, now) for kind in ("SuccessCriteriaMet", "Complete")]
    return {**status, "completionTime": now, "succeeded": wanted, "conditions": conditions}


def _probed(kind: str, reason: str, message: str, now: str) -> Json:
    return {**_condition(kind, "True", reason, message, now), "lastProbeTime": now}


def _pod(document: Json, now: str) -> Json:
    spec = document["spec"]
    broken = is_broken(spec)
    containers = [_container(each, now, broken=broken) for each in spec.get("containers", ())]
    ready = "False" if broken else "True"
    kinds = (("PodScheduled", "True"), ("Initialized", "True"), ("ContainersReady", ready), ("Ready", ready))
    return {
        "phase": "Pending" if broken else "Running",
        "qosClass": document.get("status", {}).get("qosClass", "BestEffort"),
        "startTime": now,
        "conditions": [{"type": kind, "status": status, "lastTransitionTime": now} for kind, status in kinds],
        "containerStatuses": containers,
    }


def _container(container: Json, now: str, *, broken: bool) -> Json:
    image = container.get("image", "")
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}"'}}
    return {
        "name": container["name"],
        "image": image,
        "imageID": "",
        "ready": not broken,
        "started": not broken,
        "restartCount": 0,
        "state": waiting if broken else {"running": {"startedAt": now}},
    }


def _claim(document: Json, _: str) -> Json:
    spec = document["spec"]
    capacity = spec.get("resources", {}).get("requests", {})
    return {"phase": "Bound", "accessModes": spec.get("accessModes", []), "capacity": capacity}


def _service(document: Json, _: str) -> Json | None:
    if document["spec"].get("type") != "LoadBalancer":
        return None
    return {"loadBalancer": {"ingress": [{"ip": "203.0.113.10", "ipMode": "VIP"}]}}


def _ingress(_: Json, __: str) -> Json:
    return {"loadBalancer": {"ingress": [{"ip": "203.0.113.11"}]}}


def _autoscaler(document: Json, now: str) -> Json:
    replicas = document["spec"].get("minReplicas", 1)
    rows = (
        ("AbleToScale", "ReadyForNewScale", "recommended size matches current size"),
        ("ScalingActive", "ValidMetricFound", "the HPA was able to successfully calculate a replica count"),
        ("ScalingLimited", "DesiredWithinRange", "the desired count is within the acceptable range"),
    )
    conditions = [
        _condition(kind, "False" if kind == "ScalingLimited" else "True", reason, message, now)
        for kind, reason, message in rows
    ]
    return {"currentReplicas": replicas, "desiredReplicas": replicas, "conditions": conditions, "currentMetrics": None}


def _budget(document: Json, now: str) -> Json:
    message = "The disruption budget is satisfied"
    condition = {**_condition("DisruptionAllowed", "True", "SufficientPods", message, now), **_observed(document)}
    counts = {"disruptionsAllowed": 1, "currentHealthy": 1, "desiredHealthy": 0, "expectedPods": 1}
    return {**_observed(document), **counts, "conditions": [condition]}


def _available_service(document: Json, now: str) -> Json:
    local = "service" not in document["spec"]
    reason, message = ("Local", "Local APIServices are always available") if local else ("Passed", "all checks passed")
    return {"conditions": [_condition("Available", "True", reason, message, now)]}


def _volume(_: Json, __: str) -> Json:
    return {"phase": "Available"}


_RULES: dict[tuple[str, str], Callable[[Json, str], Json | None]] = {
    ("", "PersistentVolume"): _volume,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Pod"): _pod,
    ("", "Service"): _service,
    ("apiregistration.k8s.io", "APIService"): _available_service,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("batch", "Job"): _job,
    ("networking.k8s.io", "Ingress"): _ingress,
    ("policy", "PodDisruptionBudget"): _budget,
}


def watched_kinds() -> Iterable[tuple[str, str]]:
    """Return the kinds that some controller reports on."""
    return _RULES.keys()
