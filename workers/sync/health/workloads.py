"""Kinds that keep pods: Deployment, StatefulSet, DaemonSet, ReplicaSet."""

from __future__ import annotations

from common.domain.health import HealthReport
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
        return suspended("paused")
    if (condition := found.get("Progressing")) and condition.reason == "ProgressDeadlineExceeded":
        return degraded(condition.words)
    if (condition := found.get("ReplicaFailure")) and condition.status == "True":
        return degraded(condition.words)
    wanted = number(spec, "replicas", 1)
    updated = number(status, "updatedReplicas")
    if updated < wanted:
        return progressing(f"{updated} of {wanted} replicas updated")
    if number(status, "replicas") > updated:
        return progressing(f"{number(status, 'replicas') - updated} old replicas left")
    return _up(status, wanted, ("readyReplicas", "availableReplicas"))


def _up(status: Manifest, wanted: int, fields: tuple[str, ...]) -> HealthReport:
    for field in fields:
        count = number(status, field)
        if count < wanted:
            return progressing(f"{count} of {wanted} replicas {field.removesuffix('Replicas')}")
    return healthy()


def stateful_set(manifest: Manifest, _context: Context) -> HealthReport:
    """Return the health of a StatefulSet; with ``OnDelete`` nobody rolls it out, so it is as it should be."""
    spec, status = section(manifest, "spec"), section(manifest, "status")
    strategy = section(spec, "updateStrategy")
    if text(strategy, "type") == "OnDelete":
        return healthy()
    wanted = number(spec, "replicas", 1)
    if number(status, "readyReplicas") < wanted:
        return progressing(f"{number(status, 'readyReplicas')} of {wanted} replicas ready")
    partition = number(section(strategy, "rollingUpdate"), "partition")
    updated = number(status, "updatedReplicas")
    if partition:
        if updated < wanted - partition:
            return progressing(f"{updated} of {wanted - partition} replicas updated")
        return healthy()
    if text(status, "updateRevision") != text(status, "currentRevision"):
        return progressing(f"{updated} of {wanted} replicas updated")
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
            return progressing(f"{count} of {wanted} pods {word}")
    return healthy()


def replica_set(manifest: Manifest, _context: Context) -> HealthReport:
    """Return the health of a ReplicaSet."""
    if (condition := conditions(manifest).get("ReplicaFailure")) and condition.status == "True":
        return degraded(condition.words)
    wanted = number(section(manifest, "spec"), "replicas", 1)
    return _up(section(manifest, "status"), wanted, ("readyReplicas", "availableReplicas"))
