"""Argo Rollouts' Rollout: since 1.0 it says a phase; before that, it is read as a Deployment is.

Source: what ``status`` held in its versions 0.7 to 1.8, as its API reference and its CHANGELOG say.
"""

from __future__ import annotations

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
    integer,
    items,
    number,
    progressing,
    section,
    suspended,
    text,
)
from workers.sync.health.workloads import few

_GENERATION_OF_WORKLOAD = "rollout.argoproj.io/workload-generation"
_FAILED = frozenset({"RolloutAborted", "ProgressDeadlineExceeded"})
_ROLLING_OUT = Reason(HealthReason.ROLLING_OUT)


def rollout(manifest: Manifest, _context: Context) -> HealthReport:
    """Return the health of a Rollout, of whichever age its operator is."""
    status = section(manifest, "status")
    if not status:
        return progressing(Reason(HealthReason.NO_STATUS))
    if not _workload_observed(manifest):
        return progressing(Reason(HealthReason.UNSEEN))
    if "phase" in status:
        return _by_phase(status)
    return _failed(manifest) or _stopped(manifest) or _counted(manifest) or _switched(manifest) or healthy()


def _workload_observed(manifest: Manifest) -> bool:
    """Tell whether a change of the Deployment that it refers to was seen; before 1.1 nobody says."""
    spec, status = section(manifest, "spec"), section(manifest, "status")
    annotations = section(section(manifest, "metadata"), "annotations")
    if not section(spec, "workloadRef"):
        return True
    wanted = integer(annotations.get(_GENERATION_OF_WORKLOAD))
    return wanted is None or wanted == integer(status.get("workloadObservedGeneration"))


def _by_phase(status: Manifest) -> HealthReport:
    word = text(status, "phase")
    if not word:
        return progressing(Reason(HealthReason.NO_STATUS))
    why = foreign(HealthReason.PHASE, phase=word, message=text(status, "message"))
    if word == "Healthy":
        return healthy()
    if word == "Paused":
        return suspended(why)
    return degraded(why) if word == "Degraded" else progressing(why)


def _failed(manifest: Manifest) -> HealthReport | None:
    found = conditions(manifest)
    if (invalid := found.get("InvalidSpec")) and invalid.status != "False":
        return degraded(invalid.why)
    if (on_its_way := found.get("Progressing")) and on_its_way.reason in _FAILED:
        return degraded(on_its_way.why)
    return None


def _stopped(manifest: Manifest) -> HealthReport | None:
    paused = section(manifest, "spec").get("paused") is True
    if paused or items(section(manifest, "status"), "pauseConditions"):
        return suspended(Reason(HealthReason.PAUSED))
    return None


def _counted(manifest: Manifest) -> HealthReport | None:
    spec, status = section(manifest, "spec"), section(manifest, "status")
    if not text(status, "currentPodHash"):
        return progressing(Reason(HealthReason.NO_STATUS))
    wanted, updated = number(spec, "replicas", 1), number(status, "updatedReplicas")
    if updated < wanted:
        return few(updated, wanted, "updated")
    available = number(status, "availableReplicas")
    return few(available, updated, "available") if available < updated else None


def _switched(manifest: Manifest) -> HealthReport | None:
    """Return why its pods are the new ones and it is not at its end: traffic, an analysis, a step."""
    strategy, status = section(section(manifest, "spec"), "strategy"), section(manifest, "status")
    current = text(status, "currentPodHash")
    stable = text(status, "stableRS") or text(section(status, "canary"), "stableRS")
    if "blueGreen" in strategy:
        served = text(section(status, "blueGreen"), "activeSelector") == current
        return None if served and stable in {"", current} else progressing(_ROLLING_OUT)
    if "canary" not in strategy:
        return None
    if (old := number(status, "replicas") - number(status, "updatedReplicas")) > 0:
        return progressing(Reason(HealthReason.OLD_REPLICAS, {"count": old}))
    return None if stable == current else progressing(_ROLLING_OUT)
