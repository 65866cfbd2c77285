"""Kinds that keep pods: Deployment, StatefulSet, DaemonSet, ReplicaSet."""

from __future__ import annotations

from common.domain.health import Health, HealthReport
from common.domain.health_codes import HealthReason
from common.domain.status import Reason
from workers.sync.health.reading import (
    Context,
    Manifest,
    conditions,
    degraded,
    healthy,
    number,
    progressing,
    section,
    suspended,
    text,
)

_POD_COUNTS = (("updatedNumberScheduled", "updated"), ("numberReady", "ready"), ("numberAvailable", "available"))


def deployment(manifest: Manifest, _context: Context) -> HealthReport:
    """Return the health of a Deployment: paused, failed, or how far its rollout is."""
    spec, status, found = section(manifest, "spec"), section(manifest, "status"), conditions(manifest)
    if spec.get("paused") is True:
        return suspended(Reason(HealthReason.PAUSED))
    rollout = found.get("Progressing")
    if rollout is not None and (rollout.status == "False" or rollout.reason == "ProgressDeadlineExceeded"):
        return degraded(rollout.why)
    if (condition := found.get("ReplicaFailure")) and condition.status == "True":
        return degraded(condition.why)
    wanted = number(spec, "replicas", 1)
    updated = number(status, "updatedReplicas")
    if updated < wanted:
        return few(updated, wanted, "updated")
    if (old := number(status, "replicas") - updated) > 0:
        return progressing(Reason(HealthReason.OLD_REPLICAS, {"count": old}))
    up = _up(status, wanted, ("readyReplicas", "availableReplicas"))
    available = found.get("Available")
    if up.health is Health.HEALTHY and available is not None and available.status == "False":
        return progressing(available.why)  # a pod that restarts is back soon: its deadline says when it is too late
    return up


def few(count: int, wanted: int, state: str, *, of: str = "replicas") -> HealthReport:
    """Return a report of progress: so many of those wanted are in a state."""
    return progressing(Reason(HealthReason.REPLICAS, {"count": count, "wanted": wanted, "of": of, "state": state}))


def _up(status: Manifest, wanted: int, fields: tuple[str, ...]) -> HealthReport:
    for field in fields:
        count = number(status, field)
        if count < wanted:
            return few(count, wanted, field.removesuffix("Replicas"))
    return healthy()


def stateful_set(manifest: Manifest, _context: Context) -> HealthReport:
    """Return the health of a StatefulSet; with ``OnDelete`` nobody rolls it out, so it is as it should be."""
    spec, status = section(manifest, "spec"), section(manifest, "status")
    strategy = section(spec, "updateStrategy")
    if text(strategy, "type") == "OnDelete":
        return healthy()
    wanted = number(spec, "replicas", 1)
    if number(status, "readyReplicas") < wanted:
        return few(number(status, "readyReplicas"), wanted, "ready")
    partition = number(section(strategy, "rollingUpdate"), "partition")
    updated = number(status, "updatedReplicas")
    if partition:
        if updated < wanted - partition:
            return few(updated, wanted - partition, "updated")
        return healthy()
    if text(status, "updateRevision") != text(status, "currentRevision"):
        return few(updated, wanted, "updated")
    return healthy()


def daemon_set(manifest: Manifest, _context: Context) -> HealthReport:
    """Return the health of a DaemonSet; with ``OnDelete`` nobody rolls it out, so it is as it should be."""
    spec, status = section(manifest, "spec"), section(manifest, "status")
    if text(section(spec, "updateStrategy"), "type") == "OnDelete":
        return healthy()
    wanted = number(status, "desiredNumberScheduled")
    for field, word in _POD_COUNTS:
        count = number(status, field)
        if count < wanted:
            return few(count, wanted, word, of="pods")
    return healthy()


def replica_set(manifest: Manifest, _context: Context) -> HealthReport:
    """Return the health of a ReplicaSet."""
    if (condition := conditions(manifest).get("ReplicaFailure")) and condition.status == "True":
        return degraded(condition.why)
    wanted = number(section(manifest, "spec"), "replicas", 1)
    return _up(section(manifest, "status"), wanted, ("readyReplicas", "availableReplicas"))
