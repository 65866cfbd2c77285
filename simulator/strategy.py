"""What the API server does to an object of each kind when it is created or changed, beyond plain defaults."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from simulator import schema
from simulator.defaults import TEMPLATE_GENERATION
from simulator.kinds import Kind, Trait
from simulator.store import Cluster

Json = dict[str, Any]
_NETWORK = "10.0"
_NODE_PORTS = 30_000
_FIRST_STATUS: dict[tuple[str, str], Json] = {
    ("", "Namespace"): {"phase": "Active"},
    ("", "PersistentVolume"): {"phase": "Pending"},
    ("", "PersistentVolumeClaim"): {"phase": "Pending"},
    ("", "Pod"): {"phase": "Pending"},
}
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def empty_form(kind: Kind) -> Json:
    """Return what an object of the kind looks like before anything is set; an update "adds" nothing of it."""
    form = schema.zero_value(kind.node)
    form.pop("metadata", None)
    return form


def prepare_create(cluster: Cluster, kind: Kind, document: Json) -> None:
    """Set what only the server sets on a new object, in place."""
    if kind.has(Trait.GENERATION):
        document["metadata"]["generation"] = 1
    if kind.has(Trait.STATUS):
        _reset_status(kind, document)
    rule = _ON_CREATE.get((kind.group, kind.kind))
    if rule is not None:
        rule(cluster, document)


def _reset_status(kind: Kind, document: Json) -> None:
    """Give a new object the status of nothing done yet, whatever its author wrote."""
    document.pop("status", None)
    if kind.custom:
        return
    status = schema.zero_value(kind.node).get("status", {})
    if (kind.group, kind.kind) == ("", "Pod"):
        status["qosClass"] = _quality(document.get("spec", {}))
    if kind.key == ("apiextensions.k8s.io", "customresourcedefinitions"):
        versions = document.get("spec", {}).get("versions") or ()
        status["storedVersions"] = [each["name"] for each in versions if each.get("storage")]
    document["status"] = {**status, **_FIRST_STATUS.get((kind.group, kind.kind), {})}


def _quality(spec: Json) -> str:
    resources = [container.get("resources") or {} for container in spec.get("containers") or ()]
    if not any(each.get("requests") or each.get("limits") for each in resources):
        return "BestEffort"
    whole = all(
        {"cpu", "memory"} <= set(each.get("limits") or ()) and each.get("requests") == each.get("limits")
        for each in resources
    )
    return "Guaranteed" if whole else "Burstable"


def prepare_update(cluster: Cluster, kind: Kind, live: Json, document: Json) -> None:
    """Carry over what a writer may not change, and count the generation, in place."""
    if kind.has(Trait.STATUS):
        _carry(live, document, "status")
    if kind.kind == "Service" and not kind.group:
        _keep_addresses(cluster, live, document)
    if (kind.group, kind.kind) == ("apps", "DaemonSet"):
        _count_template(live, document)
    if kind.has(Trait.GENERATION):
        generation = live["metadata"].get("generation", 1)
        changed = _content(live) != _content(document) or _annotations_count(kind, live, document)
        document["metadata"]["generation"] = generation + 1 if changed else generation


def _annotations_count(kind: Kind, live: Json, document: Json) -> bool:
    """Say whether the object is a Deployment with other annotations: those are copied to its ReplicaSets."""
    if (kind.group, kind.kind) != ("apps", "Deployment"):
        return False
    return (live["metadata"].get("annotations") or {}) != (document["metadata"].get("annotations") or {})


def _content(document: Json) -> Json:
    return {name: value for name, value in document.items() if name not in ("metadata", "status", "apiVersion", "kind")}


def _carry(live: Json, document: Json, name: str) -> None:
    if name in live:
        document[name] = live[name]
    else:
        document.pop(name, None)


def _allocate_addresses(cluster: Cluster, document: Json) -> None:
    spec = document.setdefault("spec", {})
    kind = spec.get("type", "ClusterIP")
    if kind == "ExternalName":
        return
    if not spec.get("clusterIP"):
        spec["clusterIP"] = _address(cluster)
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
    anywhere = spec["clusterIP"] == "None" and not spec.get("selector")  # headless without pods: any family will do
    spec.setdefault("ipFamilies", ["IPv4", "IPv6"] if anywhere else ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "RequireDualStack" if anywhere else "SingleStack")
    if kind in ("NodePort", "LoadBalancer") and spec.get("allocateLoadBalancerNodePorts", True):
        for port in spec.get("ports", ()):
            if "nodePort" not in port:
                cluster.allocated += 1
                port["nodePort"] = _NODE_PORTS + cluster.allocated % 2_768


def _address(cluster: Cluster) -> str:
    cluster.allocated += 1
    return f"{_NETWORK}.{cluster.allocated // 250 % 250}.{cluster.allocated % 250 + 2}"


def _keep_addresses(cluster: Cluster, live: Json, document: Json) -> None:
    before, spec = live.get("spec", {}), document.setdefault("spec", {})
    if spec.get("type") == "ExternalName":
        for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            spec.pop(name, None)
        return
    if not spec.get("clusterIP") and before.get("clusterIP"):
        spec["clusterIP"] = before["clusterIP"]
    # a second family that only the live object names is not asked for again once there is a selector
    dropped = spec.get("selector") and before.get("ipFamilyPolicy") == "RequireDualStack"
    kept = ("clusterIPs", "ipFamilyPolicy") if dropped else ("clusterIPs", "ipFamilies", "ipFamilyPolicy")
    for name in kept:
        if name in before:
            spec.setdefault(name, before[name])
    ports = {(port.get("protocol"), port.get("port")): port.get("nodePort") for port in before.get("ports", ())}
    for port in spec.get("ports", ()):
        known = ports.get((port.get("protocol"), port.get("port")))
        if known and spec.get("type") in ("NodePort", "LoadBalancer"):
            port.setdefault("nodePort", known)
    _allocate_addresses(cluster, document)


def _own_pods(_: Cluster, document: Json) -> None:
    spec = document["spec"]
    if spec.get("manualSelector"):
        return
    uid, name = document["metadata"]["uid"], document["metadata"]["name"]
    marks = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    labels = spec["template"].setdefault("metadata", {}).setdefault("labels", {})
    for key, value in marks.items():
        labels.setdefault(key, value)
    spec.setdefault("selector", {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}})


def random_suffix() -> str:
    """Return the five letters that end a generated name."""
    return "".join(secrets.choice(_LETTERS) for _ in range(5))


def _protect(finalizer: str) -> Callable[[Cluster, Json], None]:
    def rule(_: Cluster, document: Json) -> None:
        finalizers = document["metadata"].setdefault("finalizers", [])
        if finalizer not in finalizers:
            finalizers.append(finalizer)

    return rule


def _first_template(_: Cluster, document: Json) -> None:
    document["metadata"]["annotations"][TEMPLATE_GENERATION] = "1"


def _count_template(live: Json, document: Json) -> None:
    """Keep the old counter of template changes, which lives on in an annotation of DaemonSets."""
    before = int(live["metadata"].get("annotations", {}).get(TEMPLATE_GENERATION, 1))
    changed = live["spec"].get("template") != document["spec"].get("template")
    document["metadata"].setdefault("annotations", {})[TEMPLATE_GENERATION] = str(before + changed)


_ON_CREATE: dict[tuple[str, str], Callable[[Cluster, Json], None]] = {
    ("", "Service"): _allocate_addresses,
    ("", "PersistentVolume"): _protect("kubernetes.io/pv-protection"),
    ("", "PersistentVolumeClaim"): _protect("kubernetes.io/pvc-protection"),
    ("apps", "DaemonSet"): _first_template,
    ("batch", "Job"): _own_pods,
}
