"""Fields that a cluster's own controllers write by contract, as data: what Git says of them never wins. Pure.

A manifest may hold such a field all the same: as a placeholder that its schema demands, or since it was exported from a
cluster. ``docs/reference/controlled-fields.md`` is this table for people; a test compares the two.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from common.domain.refs import ObjectId

Manifest = Mapping[str, Any]
GroupKind = tuple[str, str]
_RBAC = "https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles"
_CERT_MANAGER = "https://cert-manager.io/docs/concepts/ca-injector/"
_VOLUMES = "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding"
_SERVICES = "https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/#ServiceSpec"
_KNOWN = "https://kubernetes.io/docs/reference/labels-annotations-taints/"
_OPENSHIFT_CA = (
    "https://docs.openshift.com/container-platform/latest/security/certificates/service-serving-certificate.html"
)
_OPENSHIFT_BUNDLE = "https://docs.openshift.com/container-platform/latest/networking/configuring-a-custom-pki.html"


class Sent(StrEnum):
    """Whether the manifest's value ever goes out."""

    AT_CREATION = "at creation"
    """It is what the object begins with; later it is left as it is."""
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Controlled:
    """One field that a controller owns.

    Attributes:
        kind: group and kind of the objects that have it.
        pointer: JSON pointer; ``*`` stands for each element of a list.
        owner: who writes it, in words.
        source: where that is documented.
        when: in words, when it does; empty for always.
        applies: the same, asked of the manifest and of the field's value in it.
        sent: whether the manifest's value ever goes out.
    """

    kind: GroupKind
    pointer: str
    owner: str
    source: str
    when: str = ""
    applies: Callable[[Manifest, Any], bool] = lambda _manifest, _value: True
    sent: Sent = Sent.NEVER


@dataclass(frozen=True, slots=True)
class Left:
    """One field of one manifest that is left to its controller."""

    pointer: str
    owner: str
    sent: Sent


INJECTED = (
    "cert-manager.io/inject-ca-from",
    "cert-manager.io/inject-ca-from-secret",
    "cert-manager.io/inject-apiserver-ca",
    "service.beta.openshift.io/inject-cabundle",
    "service.alpha.openshift.io/inject-cabundle",
)
"""Annotations that ask a controller for a CA."""


def _named(manifest: Manifest, what: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (manifest.get("metadata") or {}).get(what) or {}
    return found


def _aggregates(manifest: Manifest, _value: Any) -> bool:
    return bool(manifest.get("aggregationRule"))


def _ca_is_injected(manifest: Manifest, value: Any) -> bool:
    return any(key in _named(manifest, "annotations") for key in INJECTED) or _is_blank(value)


def _is_blank(value: Any) -> bool:
    """Tell a CA that is a placeholder: nothing, or white space in base64 (``Cg==``)."""
    try:
        return not value or not b64decode(str(value), validate=True).strip()
    except ValueError:
        return False


def _is_empty(_manifest: Manifest, value: Any) -> bool:
    return not value


def _serves_ca(manifest: Manifest, _value: Any) -> bool:
    return any(key in _named(manifest, "annotations") for key in INJECTED)


def _trusts_bundle(manifest: Manifest, _value: Any) -> bool:
    return "config.openshift.io/inject-trusted-cabundle" in _named(manifest, "labels")


def _is_token(manifest: Manifest, _value: Any) -> bool:
    return manifest.get("type") == "kubernetes.io/service-account-token"


_CA = ("an injected CA is asked for by annotation, or the value is blank", _ca_is_injected, Sent.AT_CREATION)
_INJECTOR = "the injector of CAs"
_BLANK = ("the value is empty", _is_empty)
_BINDER = "the binding of volumes"
_WEBHOOKS = "admissionregistration.k8s.io"
_CLAIM, _VOLUME, _SERVICE = ("", "PersistentVolumeClaim"), ("", "PersistentVolume"), ("", "Service")
_SECRET, _MAP = ("", "Secret"), ("", "ConfigMap")
_TOKENS = ("the Secret is a token of an account", _is_token)


def _note(kind: GroupKind, name: str, owner: str) -> Controlled:
    return Controlled(kind, f"/metadata/annotations/{name.replace('/', '~1')}", owner, _KNOWN)


TABLE: tuple[Controlled, ...] = (
    Controlled(
        ("rbac.authorization.k8s.io", "ClusterRole"), "/rules", "the aggregation of ClusterRoles", _RBAC,
        "it has an aggregationRule", _aggregates,
    ),
    *(
        Controlled((_WEBHOOKS, kind), "/webhooks/*/clientConfig/caBundle", _INJECTOR, _CERT_MANAGER, *_CA)
        for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
    ),
    Controlled(
        ("apiextensions.k8s.io", "CustomResourceDefinition"), "/spec/conversion/webhook/clientConfig/caBundle",
        _INJECTOR, _CERT_MANAGER, *_CA,
    ),
    Controlled(("apiregistration.k8s.io", "APIService"), "/spec/caBundle", _INJECTOR, _CERT_MANAGER, *_CA),
    Controlled(
        _MAP, "/data/service-ca.crt", _INJECTOR, _OPENSHIFT_CA, "an injected CA is asked for by annotation", _serves_ca
    ),
    Controlled(
        _MAP, "/data/ca-bundle.crt", _INJECTOR, _OPENSHIFT_BUNDLE, "the trusted bundle is asked for by label",
        _trusts_bundle,
    ),
    *(
        Controlled(_SECRET, f"/data/{key}", "the token controller", _KNOWN, *_TOKENS)
        for key in ("token", "ca.crt", "namespace")
    ),
    Controlled(
        ("", "Namespace"), "/spec/finalizers", "the API server",
        "https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/namespace-v1/",
    ),
    *(
        Controlled(_SERVICE, pointer, "the API server's allocation", _SERVICES, *_BLANK)
        for pointer in ("/spec/clusterIP", "/spec/clusterIPs", "/spec/healthCheckNodePort", "/spec/ports/*/nodePort")
    ),
    Controlled(_CLAIM, "/spec/volumeName", _BINDER, _VOLUMES, *_BLANK),
    *(
        _note(_CLAIM, name, _BINDER)
        for name in (
            "pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller",
            "volume.kubernetes.io/selected-node", "volume.kubernetes.io/storage-provisioner",
            "volume.beta.kubernetes.io/storage-provisioner",
        )
    ),
    *(Controlled(_VOLUME, f"/spec/claimRef/{key}", _BINDER, _VOLUMES) for key in ("uid", "resourceVersion")),
    _note(_VOLUME, "pv.kubernetes.io/bound-by-controller", _BINDER),
    _note(("apps", "Deployment"), "deployment.kubernetes.io/revision", "the Deployment's controller"),
)  # fmt: skip
_BY_KIND: dict[GroupKind, list[Controlled]] = {}
for _one in TABLE:
    _BY_KIND.setdefault(_one.kind, []).append(_one)


def left_in(object_id: ObjectId, manifest: Manifest) -> tuple[Left, ...]:
    """Return the fields of a manifest that are left to controllers, with indices in place of ``*``."""
    known = _BY_KIND.get((object_id.group, object_id.kind))
    if known is None:
        return ()
    return tuple(
        Left(pointer, one.owner, one.sent)
        for one in known
        for pointer, value in _found(manifest, one.pointer.split("/")[1:])
        if one.applies(manifest, value)
    )


def _found(tree: Any, tokens: list[str], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the pointers of what a tree holds there, with their values."""
    if not tokens:
        yield path, tree
        return
    step, rest = tokens[0], tokens[1:]
    if step == "*":
        for index, element in enumerate(tree if isinstance(tree, list) else ()):
            yield from _found(element, rest, f"{path}/{index}")
    elif isinstance(tree, Mapping) and (name := step.replace("~1", "/")) in tree:
        yield from _found(tree[name], rest, f"{path}/{step}")


@dataclass(frozen=True, slots=True)
class Scaler:
    """A kind whose objects set the replicas of another object.

    Attributes:
        kind: group and kind.
        reference: the field of its spec that names the other.
        default: group and kind of the other where the reference does not say; None where it must.
        source: where that is documented.
    """

    kind: GroupKind
    reference: str
    source: str
    default: GroupKind | None = None


SCALERS: tuple[Scaler, ...] = (
    Scaler(
        ("autoscaling", "HorizontalPodAutoscaler"), "scaleTargetRef",
        "https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/",
    ),
    Scaler(
        ("keda.sh", "ScaledObject"), "scaleTargetRef", "https://keda.sh/docs/latest/reference/scaledobject-spec/",
        ("apps", "Deployment"),
    ),
    Scaler(
        ("autoscaling.gke.io", "MultidimPodAutoscaler"), "scaleTargetRef",
        "https://cloud.google.com/kubernetes-engine/docs/how-to/multidimensional-pod-autoscaling",
    ),
    Scaler(
        ("datadoghq.com", "DatadogPodAutoscaler"), "targetRef",
        "https://docs.datadoghq.com/containers/autoscaling/",
    ),
    Scaler(
        ("http.keda.sh", "HTTPScaledObject"), "scaleTargetRef",
        "https://github.com/kedacore/http-add-on/tree/main/docs", ("apps", "Deployment"),
    ),
)  # fmt: skip
_SCALERS = {scaler.kind: scaler for scaler in SCALERS}


def scaled_by(manifests: Iterable[tuple[ObjectId, Manifest]]) -> dict[ObjectId, str]:
    """Return the objects whose replicas a scaler among ``manifests`` sets, with its kind and name."""
    found: dict[ObjectId, str] = {}
    for object_id, manifest in manifests:
        scaler = _SCALERS.get((object_id.group, object_id.kind))
        if scaler is None:
            continue
        spec = manifest.get("spec")
        reference = spec.get(scaler.reference) if isinstance(spec, Mapping) else None
        if not isinstance(reference, Mapping):
            continue  # the API server says better what is wrong with it
        group, kind = scaler.default or ("", "")
        if "apiVersion" in reference:
            group = str(reference["apiVersion"]).rpartition("/")[0]
        target = ObjectId(group, str(reference.get("kind", kind)), object_id.namespace, str(reference.get("name")))
        found[target] = f"{object_id.kind} {object_id.name}"
    return found
