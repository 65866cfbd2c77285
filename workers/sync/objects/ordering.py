"""In which order objects are written, and, backwards, removed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TypeVar

from common.domain.refs import ObjectId

NAMESPACE = ("", "Namespace")
CRD = ("apiextensions.k8s.io", "CustomResourceDefinition")

_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_EARLY: tuple[tuple[str, str], ...] = (
    NAMESPACE,
    ("scheduling.k8s.io", "PriorityClass"),
    ("node.k8s.io", "RuntimeClass"),
    ("resource.k8s.io", "DeviceClass"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("", "ResourceQuota"),
    ("", "LimitRange"),
    ("policy", "PodDisruptionBudget"),
    ("", "ServiceAccount"),
    ("", "Secret"),
    ("", "ConfigMap"),
    ("storage.k8s.io", "StorageClass"),
    ("", "PersistentVolume"),
    ("", "PersistentVolumeClaim"),
    CRD,
    (_RBAC, "ClusterRole"),
    (_RBAC, "ClusterRoleBinding"),
    (_RBAC, "Role"),
    (_RBAC, "RoleBinding"),
    ("", "Service"),
    ("apps", "DaemonSet"),
    ("", "Pod"),
    ("apps", "ReplicaSet"),
    ("apps", "Deployment"),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("apps", "StatefulSet"),
    ("batch", "Job"),
    ("batch", "CronJob"),
    ("networking.k8s.io", "IngressClass"),
    ("networking.k8s.io", "Ingress"),
    ("apiregistration.k8s.io", "APIService"),
)
_LATE = ((_ADMISSION, "MutatingWebhookConfiguration"), (_ADMISSION, "ValidatingWebhookConfiguration"))
_OTHERS = len(_EARLY)
_RANKS = {kind: rank for rank, kind in enumerate(_EARLY)} | {kind: _OTHERS + 1 + n for n, kind in enumerate(_LATE)}

KindKey = tuple[int, str, str]
Key = tuple[int, str, str, str, str]
T = TypeVar("T")


def kind_key(object_id: ObjectId) -> KindKey:
    """Return what orders kinds: the place in the list above, then the name."""
    return (_RANKS.get((object_id.group, object_id.kind), _OTHERS), object_id.group, object_id.kind)


def sort_key(object_id: ObjectId) -> Key:
    """Return what orders objects: by kind, then name; a total order over ids."""
    return (*kind_key(object_id), object_id.name, object_id.namespace)


def in_order(ids: Iterable[ObjectId]) -> tuple[ObjectId, ...]:
    """Return ``ids`` as they are written; reversed, as they are removed."""
    return tuple(sorted(ids, key=sort_key))


def batches(objects: Sequence[tuple[ObjectId, T]]) -> tuple[tuple[T, ...], ...]:
    """Return ``objects`` in order, those of one kind together: these are written concurrently."""
    ordered = sorted(objects, key=lambda pair: sort_key(pair[0]))
    groups = groupby(ordered, key=lambda pair: (pair[0].group, pair[0].kind))
    return tuple(tuple(value for _, value in group) for _, group in groups)
