"""Kinds that keep pods: Deployment, StatefulSet, DaemonSet, ReplicaSet."""

from __future__ import annotations

from common.domain.codes import HealthReason
from common.domain.health import HealthReport
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


def deployment(manifest: Manifest, _context: Context) -> HealthReport:
    """Return the health of a Deployment: paused, failed, or how far its rollout is."""
    spec, status, found = section(manifest, "spec"), section(manifest, "status"), conditions(manifest)
    if spec.get("paused") is True:
        return suspended(Reason(HealthReason.PAUSED))
    if (condition := found.get("Progressing")) and condition.reason == "ProgressDeadlineExceeded":
        return degraded(condition.why)
    if (condition := found.get("ReplicaFailure")) and condition.status == "True":
        return degraded(condition.why)
    wanted = number(spec, "replicas", 1)
    updated = number(status, "updatedReplicas")
    if updated < wanted:
        return _few(updated, wanted, "updated")
    if (old := number(status, "replicas") - updated) > 0:
        return progressing(Reason(HealthReason.OLD_REPLICAS, {"count": old}))
    return _up(status, wanted, ("readyReplicas", "availableReplicas"))


def _few(count: int, wanted: int, state: str, *, of: str = "replicas") -> HealthReport:
    return progressing(Reason(HealthReason.REPLICAS, {"count": count, "wanted": wanted, "of": of, "state": state}))


def _up(status: Manifest, wanted: int, fields: tuple[str, ...]) -> HealthReport:
    for field in fields:
        count = number(status, field)
        if count < wanted:
            return _few(count, wanted, field.removesuffix("Replicas"))
    return healthy()


def stateful_set(manifest: Manifest, _context: Context) -> HealthReport:
    """Return the health of a StatefulSet; with ``OnDelete`` nobody rolls it out, so it is as it should be."""
    spec, status = section(manifest, "spec"), section(manifest, "status")
    strategy = section(spec, "updateStrategy")
    if text(strategy, "type") == "OnDelete":
        return healthy()
    wanted = number(spec, "replicas", 1)
    if number(status, "readyReplicas") < wanted:
        return _few(number(status, "readyReplicas"), wanted, "ready")
    partition = number(section(strategy, "rollingUpdate"), "partition")
    updated = number(status, "updatedReplicas")
    if partition:
        if updated < wanted - partition:
            return _few(updated, wanted - partition, "updated")
        return healthy()
    if text(status, "updateRevision") != text(status, "currentRevision"):
        return _few(updated, wanted, "updated")
    return healthy()


def daemon_set(manifest: Manifest, _context: Context) -> HealthReport:
    """Return the health of a DaemonSet; with ``OnDelete`` nobody rolls it out, so it is as it should be."""
    spec, status = section(manifest, "spec"), section(manifest, "status")
    if text(section(spec, "updateStrategy"), "type") == "OnDelete":
        return healthy()
    wanted = number(status, "desiredNumberScheduled")
    for field, word in (("updatedNumberScheduled", "updated"), ("numberAvailable", "available")):
        count = number(status, field)
        if count < wanted:
            return _few(count, wanted, word, of="pods")
    return healthy()


def replica_set(manifest: Manifest, _context: Context) -> HealthReport:
    """Return the health of a ReplicaSet."""
    if (condition := conditions(manifest).get("ReplicaFailure")) and condition.status == "True":
        return degraded(condition.why)
    wanted = number(section(manifest, "spec"), "replicas", 1)
    return _up(section(manifest, "status"), wanted, ("readyReplicas", "availableReplicas"))
