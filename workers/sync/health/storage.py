"""Which StorageClasses bind a claim only once a pod uses it: what the health of a claim needs besides the claim."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from common.domain.errors import PermanentError, TransientError
from workers.sync.health.cluster import binds_late, class_awaited, is_default
from workers.sync.health.reading import DEFAULT_CLASS, section, text
from workers.sync.ports import ClusterPort, Target


def late_binding(cluster: ClusterPort, live: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return those StorageClasses of the claims among ``live`` that bind late; no unbound claim, no request.

    A class that cannot be read counts as one that binds at once: its claims are waited for.
    """
    named = {name for each in live if (name := class_awaited(each))}
    return frozenset(name for name in sorted(named) if _binds_late(cluster, name))


def late_classes(manifests: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return the StorageClasses among ``manifests`` that bind a claim only once a pod uses it."""
    classes = [each for each in manifests if each.get("kind") == "StorageClass"]
    late = frozenset(text(section(each, "metadata"), "name") for each in classes if binds_late(each))
    return late | {DEFAULT_CLASS} if _default_binds_late(classes) else late


def _binds_late(cluster: ClusterPort, name: str) -> bool:
    try:
        kind = cluster.kind("storage.k8s.io", "", "StorageClass")
        if name == DEFAULT_CLASS:
            return _default_binds_late(cluster.list_objects(kind, namespace="", selector=""))
        found = cluster.get(Target(kind, "", name))
    except (PermanentError, TransientError):
        return False
    return found is not None and binds_late(found.body())


def _default_binds_late(classes: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether the default class binds late; of several, the newest is it, as Kubernetes' admission has it."""
    defaults = [each for each in classes if is_default(each)]
    metadata = ((section(each, "metadata"), each) for each in defaults)
    newest = max(metadata, key=lambda one: (text(one[0], "creationTimestamp"), text(one[0], "name")), default=None)
    return newest is not None and binds_late(newest[1])
