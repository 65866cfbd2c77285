"""Kinds that the cluster itself fulfils: storage, addresses, scaling, and extensions of the API."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from common.domain.health import HealthReport
from common.domain.health_codes import HealthReason
from common.domain.status import Reason
from workers.sync.health.reading import (
    DEFAULT_CLASS,
    Context,
    Manifest,
    by_type,
    conditions,
    degraded,
    healthy,
    items,
    progressing,
    section,
    text,
)

_SCALER_CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"
_CLASS = "volume.beta.kubernetes.io/storage-class"
_DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
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
    if _class_of(manifest) in context.late_binding:
        return healthy(Reason(HealthReason.BINDS_LATE))
    return progressing(Reason(HealthReason.UNBOUND))


def class_awaited(manifest: Manifest) -> str:
    """Return the StorageClass that decides on a claim that is not bound yet; empty for everything else.

    It is ``DEFAULT_CLASS`` for a claim that names none.
    """
    if text(manifest, "kind") != "PersistentVolumeClaim" or text(section(manifest, "status"), "phase") != "Pending":
        return ""
    return _class_of(manifest)


def _class_of(manifest: Manifest) -> str:
    """Return the class of a claim; empty where it wants a volume without one.

    The annotation is older than the field, and wins over it, as in Kubernetes' own ``GetPersistentVolumeClaimClass``.
    """
    annotations = section(section(manifest, "metadata"), "annotations")
    if isinstance(annotations.get(_CLASS), str):
        return text(annotations, _CLASS)
    named = section(manifest, "spec").get("storageClassName")
    return named if isinstance(named, str) else DEFAULT_CLASS


def binds_late(storage_class: Manifest) -> bool:
    """Tell whether a StorageClass leaves a claim unbound until a pod uses it."""
    return text(storage_class, "volumeBindingMode") == "WaitForFirstConsumer"


def is_default(storage_class: Manifest) -> bool:
    """Tell whether a StorageClass is the one of claims that name none."""
    annotations = section(section(storage_class, "metadata"), "annotations")
    return any(annotations.get(name) == "true" for name in _DEFAULT)


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
    """Return the health of a HorizontalPodAutoscaler; ``autoscaling/v1`` has its conditions in an annotation."""
    found = conditions(manifest) or by_type(_annotated(manifest))
    for condition in found.values():
        failing = condition.reason.startswith("FailedGet") or condition.reason in _SCALER_FAILURES
        if condition.status == "False" and failing:
            return degraded(condition.why)
    return healthy() if found else progressing(Reason(HealthReason.NOT_LOOKED_AT))


def _annotated(manifest: Manifest) -> Sequence[Manifest]:
    """Return the conditions in an annotation; none where it is absent, or no list of them."""
    said = text(section(section(manifest, "metadata"), "annotations"), _SCALER_CONDITIONS)
    try:
        return items({"": orjson.loads(said)}, "") if said else ()
    except orjson.JSONDecodeError:
        return ()


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
    if (established := found.get("Established")) and established.reason == "InvalidCABundle":
        return degraded(established.why)
    if all((one := found.get(name)) and one.status == "True" for name in ("NamesAccepted", "Established")):
        return healthy()
    return progressing(Reason(HealthReason.NOT_ESTABLISHED))


def disruption_budget(manifest: Manifest, _context: Context) -> HealthReport:
    """Return the health of a PodDisruptionBudget: that its controller has looked at it is asked of all kinds."""
    allowed = conditions(manifest).get("DisruptionAllowed")
    if allowed is not None and allowed.status == "False" and allowed.reason == "SyncFailed":
        return degraded(allowed.why)
    return healthy()
