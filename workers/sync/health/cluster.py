"""Kinds that the cluster itself fulfils: storage, addresses, scaling, and extensions of the API."""

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
    items,
    progressing,
    section,
    text,
)

_SCALER_FAILURES = frozenset(
    {"FailedUpdateScale", "InvalidSelector", "AmbiguousSelector", "InvalidMetricSourceType"},
)


def claim(manifest: Manifest, context: Context) -> HealthReport:
    """Return the health of a PersistentVolumeClaim."""
    phase = text(section(manifest, "status"), "phase")
    if phase == "Bound":
        return healthy()
    if phase == "Lost":
        return degraded(Reason(HealthReason.VOLUME_LOST))
    if text(section(manifest, "spec"), "storageClassName") in context.late_binding:
        return healthy(Reason(HealthReason.BINDS_LATE))
    return progressing(Reason(HealthReason.UNBOUND))


def class_awaited(manifest: Manifest) -> str:
    """Return the StorageClass that decides on a claim that is not bound yet; empty for everything else."""
    if text(manifest, "kind") != "PersistentVolumeClaim" or text(section(manifest, "status"), "phase") != "Pending":
        return ""
    return text(section(manifest, "spec"), "storageClassName")


def binds_late(storage_class: Manifest) -> bool:
    """Tell whether a StorageClass leaves a claim unbound until a pod uses it."""
    return text(storage_class, "volumeBindingMode") == "WaitForFirstConsumer"


def service(manifest: Manifest, _context: Context) -> HealthReport:
    """Return the health of a Service: a load balancer needs an address."""
    if text(section(manifest, "spec"), "type") != "LoadBalancer":
        return healthy()
    return _addressed(manifest)


def ingress(manifest: Manifest, _context: Context) -> HealthReport:
    """Return the health of an Ingress."""
    return _addressed(manifest)


def _addressed(manifest: Manifest) -> HealthReport:
    balancer = section(section(manifest, "status"), "loadBalancer")
    return healthy() if items(balancer, "ingress") else progressing(Reason(HealthReason.NO_ADDRESS))


def autoscaler(manifest: Manifest, _context: Context) -> HealthReport:
    """Return the health of a HorizontalPodAutoscaler."""
    found = conditions(manifest)
    for condition in found.values():
        failing = condition.reason.startswith("FailedGet") or condition.reason in _SCALER_FAILURES
        if condition.status == "False" and failing:
            return degraded(condition.why)
    return healthy() if found else progressing(Reason(HealthReason.NOT_LOOKED_AT))


def api_service(manifest: Manifest, _context: Context) -> HealthReport:
    """Return the health of an APIService."""
    available = conditions(manifest).get("Available")
    if available is not None and available.status == "True":
        return healthy()
    return progressing(available.why if available is not None else Reason(HealthReason.NOT_AVAILABLE))


def definition(manifest: Manifest, _context: Context) -> HealthReport:
    """Return the health of a CustomResourceDefinition."""
    found = conditions(manifest)
    if (names := found.get("NamesAccepted")) and names.status == "False":
        return degraded(names.why)
    if all((one := found.get(name)) and one.status == "True" for name in ("NamesAccepted", "Established")):
        return healthy()
    return progressing(Reason(HealthReason.NOT_ESTABLISHED))


def disruption_budget(_manifest: Manifest, _context: Context) -> HealthReport:
    """Return the health of a PodDisruptionBudget: that its controller has looked at it is asked of all kinds."""
    return healthy()
