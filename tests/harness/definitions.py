"""Definitions of kinds that lie about where their objects lie, and their objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

VICTIM = "/apis/apps/v1/namespaces/victim/deployments/web"
SCHEMA = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
NEVER = {"flotilla.dev/apply": "never", "flotilla.dev/wave": "-1"}
"""Never written, and passed over before its kind is asked for: nobody waits until it is served."""


def definition(
    *,
    plural: str = "gadgets",
    group: str = "tenant.example.com",
    scope: str = "Namespaced",
    version: str = "v1",
    served: bool = True,
    kind: str = "Gadget",
    name: str = "",
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return a CustomResourceDefinition, honest where nothing else is said."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name or f"{plural}.{group}", "annotations": dict(annotations or {})},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"},
            "versions": [{"name": version, "served": served, "storage": True, "schema": SCHEMA}],
        },
    }


def gadget(
    *,
    group: str = "tenant.example.com",
    version: str = "v1",
    name: str = "web",
    namespace: str = "",
    kind: str = "Gadget",
) -> dict[str, Any]:
    """Return an object of that kind whose fields fit a Deployment too."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": f"{group}/{version}", "kind": kind, "metadata": metadata, "spec": {"replicas": 0}}
