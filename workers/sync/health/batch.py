"""Kinds that run to an end: Job, CronJob, Pod."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from common.domain.health import HealthReport
from workers.sync.health.reading import (
    Context,
    Manifest,
    conditions,
    degraded,
    healthy,
    instant,
    items,
    progressing,
    section,
    suspended,
    text,
)

UNSCHEDULABLE_GRACE = timedelta(seconds=15)
"""A node may be on its way: a pod that does not fit yet is not ill before this."""


def job(manifest: Manifest, _context: Context) -> HealthReport:
    """Return the health of a Job."""
    found = conditions(manifest)
    if (condition := found.get("Failed")) and condition.status == "True":
        return degraded(condition.words)
    if (condition := found.get("Complete")) and condition.status == "True":
        return healthy()
    if section(manifest, "spec").get("suspend") is True:
        return suspended("suspended")
    return progressing("running")


def cron_job(manifest: Manifest, _context: Context) -> HealthReport:
    """Return the health of a CronJob: whether its last run came to a good end."""
    status = section(manifest, "status")
    if section(manifest, "spec").get("suspend") is True:
        return suspended("suspended")
    if items(status, "active"):
        return progressing("a job is running")
    scheduled, succeeded = instant(status, "lastScheduleTime"), instant(status, "lastSuccessfulTime")
    if scheduled is None:
        return healthy("never scheduled yet")
    if succeeded is None or scheduled > succeeded:
        return degraded("the last job did not succeed")
    return healthy()


def pod(manifest: Manifest, context: Context) -> HealthReport:
    """Return the health of a Pod."""
    status, found = section(manifest, "status"), conditions(manifest)
    phase = text(status, "phase")
    if phase == "Succeeded":
        return healthy()
    if phase == "Failed":
        return degraded(
            ": ".join(part for part in (text(status, "reason"), text(status, "message")) if part) or "failed"
        )
    if phase == "Running" and (ready := found.get("Ready")) and ready.status == "True":
        return healthy()
    if reason := next(_stuck(status), ""):
        return degraded(reason)
    scheduled = found.get("PodScheduled")
    if scheduled is not None and scheduled.status == "False" and scheduled.reason == "Unschedulable":
        waited = context.now - (scheduled.since or context.now)
        return degraded(scheduled.words) if waited > UNSCHEDULABLE_GRACE else progressing(scheduled.words)
    return progressing(phase.lower() or "pending")


def _stuck(status: Manifest) -> Iterator[str]:
    """Yield why containers wait, where waiting will not help: ``CrashLoopBackOff``, ``ErrImagePull``, …."""
    for field in ("initContainerStatuses", "containerStatuses"):
        for container in items(status, field):
            reason = text(section(section(container, "state"), "waiting"), "reason")
            if reason.endswith(("Error", "BackOff")) or reason.startswith("Err"):
                yield f"container {text(container, 'name')}: {reason}"
