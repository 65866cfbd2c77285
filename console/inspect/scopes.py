"""Which kinds are in namespaces, as far as that can be told without a cluster. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

BUILT_IN = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
    }
)
"""Groups of Kubernetes itself."""
_CLUSTER_WIDE = frozenset(
    {
        "APIService",
        "CSIDriver",
        "CSINode",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "IPAddress",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "RuntimeClass",
        "ServiceCIDR",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
        "VolumeAttributesClass",
    }
)
"""Names of the kinds of built-in groups that have no namespace; no two groups disagree about one."""


def with_namespace(
    manifest: Mapping[str, Any], namespace: str, custom: Mapping[tuple[str, str], bool]
) -> dict[str, Any]:
    """Return a manifest with ``namespace`` filled in where it names none and its kind surely is in one.

    Args:
        manifest: any object; it is not changed.
        namespace: the application's.
        custom: of kinds that a CustomResourceDefinition beside it defines: whether they are in namespaces.
    """
    metadata = manifest.get("metadata")
    if not isinstance(metadata, Mapping) or metadata.get("namespace") or not namespaced(manifest, custom):
        return dict(manifest)
    # Where a reader looks for it: beside the name.
    named = {"name": metadata["name"]} if "name" in metadata else {}
    return {**manifest, "metadata": {**named, "namespace": namespace, **metadata}}


def namespaced(manifest: Mapping[str, Any], custom: Mapping[tuple[str, str], bool]) -> bool | None:
    """Return whether a manifest's kind is in namespaces; None where only a cluster knows."""
    group, kind = _group(manifest), str(manifest.get("kind", ""))
    if kind.endswith("List") and isinstance(manifest.get("items"), list):
        return False
    if group in BUILT_IN:
        return kind not in _CLUSTER_WIDE
    return custom.get((group, kind))


def defined_kinds(manifests: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], bool]:
    """Return the kinds that CustomResourceDefinitions among ``manifests`` define: whether they are in namespaces."""
    found = {}
    for manifest in manifests:
        spec = manifest.get("spec")
        if manifest.get("kind") == "CustomResourceDefinition" and isinstance(spec, Mapping):
            names = spec.get("names")
            if isinstance(names, Mapping):
                found[str(spec.get("group", "")), str(names.get("kind", ""))] = spec.get("scope") != "Cluster"
    return found


def _group(manifest: Mapping[str, Any]) -> str:
    group, slash, _ = str(manifest.get("apiVersion", "")).partition("/")
    return group if slash else ""
