"""The kinds a cluster serves: the built-in ones, and the form that custom ones take."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Flag, auto
from functools import cache

from simulator import schema
from simulator.errors import Subject
from simulator.schema import Node

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


class Trait(Flag):
    """What sets one kind apart from another."""

    NONE = 0
    NAMESPACED = auto()
    STATUS = auto()
    """Has a status subresource; ordinary writes leave the status alone."""
    SCALE = auto()
    GENERATION = auto()
    """metadata.generation counts the changes of the spec."""
    CUSTOM = auto()
    """Defined by a CustomResourceDefinition."""


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One served kind in one version."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    traits: Trait
    node: Node
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    list_kind: str = ""
    storage: str = ""
    """Version that objects are stored under; custom kinds may have several."""
    reset_by_status: frozenset[str] = field(default=frozenset({"spec"}))

    @property
    def api_version(self) -> str:
        """``apps/v1``, or ``v1`` in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def key(self) -> tuple[str, str]:
        """Group and plural: what objects are stored under."""
        return (self.group, self.plural)

    @property
    def namespaced(self) -> bool:
        """Whether objects live in namespaces."""
        return Trait.NAMESPACED in self.traits

    @property
    def custom(self) -> bool:
        """Whether a CustomResourceDefinition defines it."""
        return Trait.CUSTOM in self.traits

    def has(self, trait: Trait) -> bool:
        """Say whether the kind has a trait."""
        return trait in self.traits

    def subject(self, name: str) -> Subject:
        """Return whom errors about an object of this kind name."""
        return Subject(self.group, self.plural, self.kind, name)


_N, _S, _G, _C = Trait.NAMESPACED, Trait.STATUS, Trait.GENERATION, Trait.SCALE
_API = "io.k8s.api."
_ROWS: tuple[tuple[str, str, str, str, Trait, str], ...] = (
    # group, version, kind, plural, traits, short names
    ("", "v1", "ConfigMap", "configmaps", _N, "cm"),
    ("", "v1", "Endpoints", "endpoints", _N, "ep"),
    ("", "v1", "Event", "events", _N, "ev"),
    ("", "v1", "LimitRange", "limitranges", _N, "limits"),
    ("", "v1", "Namespace", "namespaces", _S, "ns"),
    ("", "v1", "Node", "nodes", _S, "no"),
    ("", "v1", "PersistentVolume", "persistentvolumes", _S, "pv"),
    ("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", _N | _S, "pvc"),
    ("", "v1", "Pod", "pods", _N | _S | _G, "po"),
    ("", "v1", "PodTemplate", "podtemplates", _N | _G, ""),
    ("", "v1", "ReplicationController", "replicationcontrollers", _N | _S | _G | _C, "rc"),
    ("", "v1", "ResourceQuota", "resourcequotas", _N | _S, "quota"),
    ("", "v1", "Secret", "secrets", _N, ""),
    ("", "v1", "Service", "services", _N | _S, "svc"),
    ("", "v1", "ServiceAccount", "serviceaccounts", _N, "sa"),
    ("admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", _G, ""),
    ("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", _S | _G, ""),
    (
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        _G,
        "",
    ),
    ("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", _G, ""),
    ("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", _S | _G, "crd,crds"),
    ("apiregistration.k8s.io", "v1", "APIService", "apiservices", _S, ""),
    ("apps", "v1", "ControllerRevision", "controllerrevisions", _N, ""),
    ("apps", "v1", "DaemonSet", "daemonsets", _N | _S | _G, "ds"),
    ("apps", "v1", "Deployment", "deployments", _N | _S | _G | _C, "deploy"),
    ("apps", "v1", "ReplicaSet", "replicasets", _N | _S | _G | _C, "rs"),
    ("apps", "v1", "StatefulSet", "statefulsets", _N | _S | _G | _C, "sts"),
    ("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", _N | _S | _G, "hpa"),
    ("batch", "v1", "CronJob", "cronjobs", _N | _S | _G, "cj"),
    ("batch", "v1", "Job", "jobs", _N | _S | _G, ""),
    ("coordination.k8s.io", "v1", "Lease", "leases", _N, ""),
    ("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", _N | _G, ""),
    ("networking.k8s.io", "v1", "Ingress", "ingresses", _N | _S | _G, "ing"),
    ("networking.k8s.io", "v1", "IngressClass", "ingressclasses", _G, ""),
    ("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", _N | _G, "netpol"),
    ("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", _N | _S | _G, "pdb"),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", Trait.NONE, ""),
    ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", Trait.NONE, ""),
    ("rbac.authorization.k8s.io", "v1", "Role", "roles", _N, ""),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", _N, ""),
    ("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", _G, "pc"),
    ("storage.k8s.io", "v1", "CSIDriver", "csidrivers", Trait.NONE, ""),
    ("storage.k8s.io", "v1", "StorageClass", "storageclasses", Trait.NONE, "sc"),
)
_SINGULAR = {"Endpoints": "endpoints"}
_CATEGORIES = {
    "all": (
        "Pod",
        "Service",
        "ReplicationController",
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "ReplicaSet",
        "Job",
        "CronJob",
        "HorizontalPodAutoscaler",
    ),
    "api-extensions": (
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "CustomResourceDefinition",
        "APIService",
    ),
}


def definition_name(group: str, version: str, kind: str) -> str:
    """Return the name under which the published schemas hold a built-in kind."""
    if group == "apiextensions.k8s.io":
        return f"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.{version}.{kind}"
    if group == "apiregistration.k8s.io":
        return f"io.k8s.kube-aggregator.pkg.apis.apiregistration.{version}.{kind}"
    return f"{_API}{group.split('.')[0] or 'core'}.{version}.{kind}"


@cache
def builtin_kinds() -> tuple[Kind, ...]:
    """Return the built-in kinds, compiled once for all clusters."""
    definitions = schema.builtin()
    return tuple(
        Kind(
            group=group,
            version=version,
            kind=kind,
            plural=plural,
            singular=_SINGULAR.get(kind, kind.lower()),
            traits=traits,
            node=definitions.named(definition_name(group, version, kind)),
            short_names=tuple(short.split(",")) if short else (),
            categories=tuple(name for name, kinds in _CATEGORIES.items() if kind in kinds),
            list_kind=f"{kind}List",
            storage=version,
        )
        for group, version, kind, plural, traits, short in _ROWS
    )
