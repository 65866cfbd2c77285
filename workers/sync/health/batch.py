"""Kinds that run to an end: Job, CronJob, Pod."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from common.domain.foreign import foreign
from common.domain.health import HealthReport
from common.domain.health_codes import HealthReason
from common.domain.status import Reason
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
        return degraded(condition.why)
    if (condition := found.get("Complete")) and condition.status == "True":
        return healthy()
    if section(manifest, "spec").get("suspend") is True:
        return suspended(Reason(HealthReason.SUSPENDED))
    return progressing(Reason(HealthReason.RUNNING))


def cron_job(manifest: Manifest, _context: Context) -> HealthReport:
    """Return the health of a CronJob: whether its last run came to a good end."""
    status = section(manifest, "status")
    if section(manifest, "spec").get("suspend") is True:
        return suspended(Reason(HealthReason.SUSPENDED))
    if items(status, "active"):
        return progressing(Reason(HealthReason.JOB_RUNS))
    scheduled, succeeded = instant(status, "lastScheduleTime"), instant(status, "lastSuccessfulTime")
    if scheduled is None:
        return healthy(Reason(HealthReason.NEVER_SCHEDULED))
    if succeeded is None or scheduled > succeeded:
        return degraded(Reason(HealthReason.JOB_FAILED))
    return healthy()


def pod(manifest: Manifest, context: Context) -> HealthReport:
    """Return the health of a Pod."""
    status, found = section(manifest, "status"), conditions(manifest)
    phase = text(status, "phase")
    if phase == "Succeeded":
        return healthy()
    if phase == "Failed":
        why = foreign(HealthReason.POD_FAILED, reason=text(status, "reason"), message=text(status, "message"))
        return degraded(why)
    if phase == "Running" and (ready := found.get("Ready")) and ready.status == "True":
        return healthy()
    if reason := next(_stuck(status), None):
        return degraded(reason)
    scheduled = found.get("PodScheduled")
    if scheduled is not None and scheduled.status == "False" and scheduled.reason == "Unschedulable":
        waited = context.now - (scheduled.since or context.now)
        return degraded(scheduled.why) if waited > UNSCHEDULABLE_GRACE else progressing(scheduled.why)
    return progressing(foreign(HealthReason.PHASE, phase=phase.lower() or "pending"))


def _stuck(status: Manifest) -> Iterator[Reason]:
    """Yield why containers wait, where waiting will not help: ``CrashLoopBackOff``, ``ErrImagePull``, …."""
    for field in ("initContainerStatuses", "containerStatuses"):
        for container in items(status, field):
            reason = text(section(section(container, "state"), "waiting"), "reason")
            if reason.endswith(("Error", "BackOff")) or reason.startswith("Err"):
                yield foreign(HealthReason.CONTAINER, container=text(container, "name"), reason=reason)
