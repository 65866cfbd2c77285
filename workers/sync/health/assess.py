"""The common rules, and which rule belongs to which kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from common.domain.health import HealthReport
from common.domain.refs import ObjectId
from workers.sync.health import batch, cluster, workloads
from workers.sync.health.reading import (
    Condition,
    Context,
    Manifest,
    conditions,
    degraded,
    healthy,
    number,
    progressing,
    section,
    text,
)
from workers.sync.marks import HEALTH

Rule = Callable[[Manifest, Context], HealthReport]

_RULES: Mapping[tuple[str, str], Rule] = {
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("batch", "Job"): batch.job,
    ("batch", "CronJob"): batch.cron_job,
    ("", "Pod"): batch.pod,
    ("", "PersistentVolumeClaim"): cluster.claim,
    ("", "Service"): cluster.service,
    ("networking.k8s.io", "Ingress"): cluster.ingress,
    ("autoscaling", "HorizontalPodAutoscaler"): cluster.autoscaler,
    ("apiregistration.k8s.io", "APIService"): cluster.api_service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): cluster.definition,
    ("policy", "PodDisruptionBudget"): cluster.disruption_budget,
}
_BUILT_IN = frozenset(
    {
        "", "apps", "batch", "policy", "autoscaling", "networking.k8s.io", "storage.k8s.io",
        "rbac.authorization.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "scheduling.k8s.io",
        "admissionregistration.k8s.io",
        "coordination.k8s.io", "node.k8s.io", "certificates.k8s.io", "discovery.k8s.io", "events.k8s.io",
        "flowcontrol.apiserver.k8s.io", "resource.k8s.io",
    }
)  # fmt: skip
_TERMINAL = ("Failed", "Error", "Invalid", "Denied", "Misconfigured", "Unsupported")
"""Endings of reasons that no waiting cures."""


def waits_for_health(object_id: ObjectId) -> bool:
    """Tell whether objects of a kind take time to become healthy: they have a rule, or are custom."""
    return (object_id.group, object_id.kind) in _RULES or object_id.group not in _BUILT_IN


def assess(manifest: Manifest, context: Context) -> HealthReport:
    """Return the health of a live object.

    Args:
        manifest: the whole object, as read.
        context: the present, and what else a rule needs.
    """
    if section(section(manifest, "metadata"), "annotations").get(HEALTH) == "ignore":
        return healthy("health is ignored")
    common = _common(manifest)
    if common is not None:
        return common
    group = text(manifest, "apiVersion").rpartition("/")[0]
    rule = _RULES.get((group, text(manifest, "kind")))
    return rule(manifest, context) if rule is not None else _by_ready(conditions(manifest).get("Ready"))


def _common(manifest: Manifest) -> HealthReport | None:
    metadata, status = section(manifest, "metadata"), section(manifest, "status")
    if metadata.get("deletionTimestamp"):
        return progressing("being deleted")
    generation = number(metadata, "generation")
    if "observedGeneration" in status and number(status, "observedGeneration") < generation:
        return progressing("its controller has not seen the last change")
    found = conditions(manifest)
    if (condition := found.get("Reconciling")) and condition.status == "True":
        return progressing(condition.words)
    if (condition := found.get("Stalled")) and condition.status == "True":
        return degraded(condition.words)
    return None


def _by_ready(ready: Condition | None) -> HealthReport:
    if ready is None or ready.status == "True":
        return healthy()
    if ready.status == "False" and ready.reason.endswith(_TERMINAL):
        return degraded(ready.words)
    return progressing(ready.words or "not ready")
