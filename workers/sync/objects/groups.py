"""Whose an API group is: the API server's own, or one that a definition, an operator or another server brings."""

from __future__ import annotations

_BUILT_IN = frozenset(
    {
        "", "apps", "autoscaling", "batch", "policy", "admissionregistration.k8s.io", "apiextensions.k8s.io",
        "apiregistration.k8s.io", "authentication.k8s.io", "authorization.k8s.io", "certificates.k8s.io",
        "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io", "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io", "networking.k8s.io", "node.k8s.io", "rbac.authorization.k8s.io",
        "resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io", "storagemigration.k8s.io",
    }
)  # fmt: skip
"""The groups of the API server itself (k8s.io/api, v1.34): no operator ever brings a kind of theirs."""


def built_in(group: str) -> bool:
    """Tell whether a group is the API server's own."""
    return group in _BUILT_IN
