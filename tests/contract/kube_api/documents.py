"""Random documents of the kinds that a GitOps repository is full of: partial, overlapping, sometimes wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

Json = dict[str, Any]
GROUP = "contract.example.com"


@dataclass(frozen=True, slots=True)
class KindUnderTest:
    """A kind and how to make documents of it."""

    api_version: str
    kind: str
    plural: str
    body: Callable[[Random], Json]
    base: Callable[[], Json]
    """What makes an object valid."""
    status: Callable[[Random], Json] | None = None
    namespaced: bool = True

    def collection(self, namespace: str) -> str:
        """Return the path of the collection."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        scope = f"/namespaces/{namespace}" if self.namespaced else ""
        return f"{root}{scope}/{self.plural}"

    def document(self, draw: Random, name: str) -> Json:
        """Return a document: valid most of the time, metadata and body at random."""
        body = merged(self.base(), self.body(draw)) if draw.random() < 0.93 else self.body(draw)
        about = metadata(draw, name)
        if self.api_version.startswith(GROUP) and not about.get("labels"):
            # a custom resource keeps an applied `labels: {}` in etcd but never shows it, so that the next write of
            # any kind moves its resourceVersion: not simulated
            about.pop("labels", None)
        return {"apiVersion": self.api_version, "kind": self.kind, "metadata": about, **body}


def merged(base: Any, over: Any) -> Any:
    """Return ``base`` with ``over`` on top; lists of ``over`` replace those of ``base``."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    keys = [*base, *(key for key in over if key not in base)]
    return {
        key: merged(base[key], over[key]) if key in base and key in over else base.get(key, over.get(key))
        for key in keys
    }


def metadata(draw: Random, name: str) -> Json:
    """Return metadata with some labels and annotations."""
    found: Json = {"name": name}
    if draw.random() < 0.7:
        found["labels"] = {f"l{i}": str(draw.randint(0, 2)) for i in draw.sample(range(4), draw.randint(0, 3))}
    if draw.random() < 0.4:
        found["annotations"] = {
            f"ex.com/a{i}": str(draw.randint(0, 2)) for i in draw.sample(range(3), draw.randint(1, 2))
        }
    if draw.random() < 0.05:
        found["finalizers"] = draw.sample(["ex.com/f1", "ex.com/f2"], draw.randint(1, 2))
    return found


def config_map(draw: Random) -> Json:
    keys = [f"k{i}" for i in draw.sample(range(5), draw.randint(0, 4))]
    body: Json = {"data": {key: str(draw.randint(0, 3)) for key in keys}} if draw.random() < 0.95 else {}
    if draw.random() < 0.1:
        body["binaryData"] = {"b1": draw.choice(["AAA=", "AQID"])}
    if draw.random() < 0.04:
        body["immutable"] = draw.choice([True, False])
    if draw.random() < 0.03:
        body["unknown"] = 1
    return body


def secret(draw: Random) -> Json:
    keys = [f"k{i}" for i in draw.sample(range(4), draw.randint(0, 3))]
    body: Json = {"data": {key: draw.choice(["YQ==", "Yg==", "Yw=="]) for key in keys}}
    if draw.random() < 0.15:
        body["stringData"] = {f"k{draw.randint(0, 3)}": draw.choice(["a", "b"])}
    if draw.random() < 0.3:
        body["type"] = draw.choice(["Opaque", "Opaque", "example.com/x"])
    return body


def service(draw: Random) -> Json:
    spec: Json = {}
    if draw.random() < 0.8:
        spec["selector"] = {"app": draw.choice(["a", "b"]), **({"tier": "x"} if draw.random() < 0.3 else {})}
    if draw.random() < 0.9:
        spec["ports"] = [_service_port(draw, i) for i in draw.sample(range(3), draw.randint(1, 3))]
    if draw.random() < 0.15:
        spec["sessionAffinity"] = draw.choice(["None", "ClientIP"])
    if draw.random() < 0.1:
        spec["publishNotReadyAddresses"] = draw.choice([True, False])
    if draw.random() < 0.05:
        spec["clusterIP"] = draw.choice(["None", ""])
    if draw.random() < 0.1:
        spec["internalTrafficPolicy"] = draw.choice(["Cluster", "Local"])
    return {"spec": spec}


def _service_port(draw: Random, index: int) -> Json:
    port: Json = {"name": f"p{index}", "port": 80 + index}
    if draw.random() < 0.5:
        port["protocol"] = draw.choice(["TCP", "TCP", "UDP"])
    if draw.random() < 0.6:
        port["targetPort"] = draw.choice([8080, "http", 9090])
    if draw.random() < 0.1:
        port["appProtocol"] = "http"
    return port


def pod_template(draw: Random) -> Json:
    spec: Json = {"containers": [_container(draw, i) for i in draw.sample(range(2), draw.randint(1, 2))]}
    if draw.random() < 0.2:
        spec["serviceAccountName"] = draw.choice(["a", "b"])
    if draw.random() < 0.2:
        spec["volumes"] = [_volume(draw, i) for i in range(draw.randint(1, 2))]
    if draw.random() < 0.15:
        spec["nodeSelector"] = {"disk": draw.choice(["ssd", "hdd"])}
    if draw.random() < 0.15:
        spec["tolerations"] = [{"key": draw.choice("ab"), "operator": "Exists"}]
    if draw.random() < 0.15:
        spec["terminationGracePeriodSeconds"] = draw.choice([0, 5])
    if draw.random() < 0.1:
        spec["hostNetwork"] = draw.choice([False, False, True])
    if draw.random() < 0.15:
        spec["securityContext"] = draw.choice([{}, {"runAsNonRoot": False}, {"fsGroup": 0}])
    if draw.random() < 0.1:
        spec["imagePullSecrets"] = [{"name": draw.choice("xy")}]
    template: Json = {"spec": spec}
    if draw.random() < 0.3:
        template["metadata"] = {"annotations": {"t": draw.choice("12")}}
    return template


def _container(draw: Random, index: int) -> Json:
    container: Json = {"name": f"c{index}", "image": draw.choice(["nginx:1", "nginx:2", "nginx", "nginx:latest"])}
    options: dict[str, Callable[[], Any]] = {
        "ports": lambda: [
            {"containerPort": p, **({"protocol": draw.choice(["TCP", "UDP"])} if draw.random() < 0.3 else {})}
            for p in draw.sample([80, 81], draw.randint(1, 2))
        ],
        "env": lambda: [_variable(draw, i) for i in draw.sample(range(3), draw.randint(1, 3))],
        "resources": lambda: draw.choice(
            [{}, {"limits": {"cpu": "0.5", "memory": "1024Mi"}}, {"requests": {"cpu": "1000m"}}, {"limits": {"cpu": 1}}]
        ),
        "readinessProbe": lambda: draw.choice(
            [
                {"httpGet": {"port": 80}},
                {"tcpSocket": {"port": "http"}, "initialDelaySeconds": 0},
                {"grpc": {"port": 1}},
            ]
        ),
        "args": lambda: draw.sample(["a", "b", "c"], draw.randint(1, 3)),
        "imagePullPolicy": lambda: draw.choice(["Always", "IfNotPresent"]),
        "securityContext": lambda: {"capabilities": {"drop": ["ALL"]}, "privileged": False},
        "volumeMounts": lambda: [{"name": "v0", "mountPath": "/v0", "readOnly": draw.choice([True, False])}],
        "lifecycle": lambda: {"preStop": {"exec": {"command": ["true"]}}},
        "envFrom": lambda: [{"configMapRef": {"name": "x"}}],
    }
    for name, make in options.items():
        if draw.random() < 0.15:
            container[name] = make()
    return container


def _variable(draw: Random, index: int) -> Json:
    sources: list[Json] = [
        {"value": draw.choice(["1", "2", ""])},
        {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
    ]
    return {"name": f"E{index}", **draw.choice(sources)}


def _volume(draw: Random, index: int) -> Json:
    sources: list[Json] = [
        {"emptyDir": {}},
        {"configMap": {"name": "c"}},
        {"secret": {"secretName": "s", "optional": False}},
        {"hostPath": {"path": "/x"}},
        {"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
    ]
    return {"name": f"v{index}", **draw.choice(sources)}


def deployment(draw: Random) -> Json:
    spec: Json = {"template": pod_template(draw)} if draw.random() < 0.9 else {}
    if draw.random() < 0.5:
        spec["replicas"] = draw.choice([0, 1, 3])
    if draw.random() < 0.2:
        spec["strategy"] = draw.choice(
            [{"type": "Recreate"}, {"rollingUpdate": {"maxSurge": 1}}, {"type": "RollingUpdate"}, {}]
        )
    if draw.random() < 0.1:
        spec["paused"] = draw.choice([True, False])
    if draw.random() < 0.1:
        spec["minReadySeconds"] = draw.choice([0, 5])
    if draw.random() < 0.05:
        spec["selector"] = {"matchLabels": {"app": "other"}}
    if draw.random() < 0.02:
        spec["unknown"] = "x"
    return {"spec": spec}


def autoscaler(draw: Random) -> Json:
    spec: Json = {}
    if draw.random() < 0.9:
        spec["maxReplicas"] = draw.choice([2, 5, 5, 0])
    if draw.random() < 0.5:
        spec["minReplicas"] = draw.choice([1, 2, 3])
    if draw.random() < 0.5:
        target = {"type": "Utilization", "averageUtilization": draw.choice([50, 80])}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": draw.choice(["cpu", "memory"]), "target": target}}]
    if draw.random() < 0.15:
        spec["behavior"] = draw.choice([{"scaleDown": {"stabilizationWindowSeconds": 60}}, {"scaleUp": {}}, {}])
    return {"spec": spec}


def service_account(draw: Random) -> Json:
    body: Json = {}
    if draw.random() < 0.5:
        body["automountServiceAccountToken"] = draw.choice([True, False])
    if draw.random() < 0.4:
        body["imagePullSecrets"] = [{"name": n} for n in draw.sample("xyz", draw.randint(1, 2))]
    if draw.random() < 0.3:
        body["secrets"] = [{"name": n} for n in draw.sample("xyz", draw.randint(1, 2))]
    return body


def widget(draw: Random) -> Json:
    spec: Json = {}
    options: dict[str, Callable[[], Any]] = {
        "size": lambda: draw.choice([1, 2, 3]),
        "color": lambda: draw.choice(["red", "blue", "none-such"]),
        "labels": lambda: {k: draw.choice("12") for k in draw.sample("abc", draw.randint(0, 2))},
        "parts": lambda: [
            {"name": n, "count": draw.randint(0, 2)} for n in draw.sample(["x", "y", "z"], draw.randint(0, 3))
        ],
        "tags": lambda: draw.sample(["t1", "t2", "t3"], draw.randint(0, 3)),
        "steps": lambda: [draw.choice("ab") for _ in range(draw.randint(0, 3))],
        "free": lambda: {"any": {"thing": draw.randint(0, 1)}, "list": [1, draw.randint(1, 2)]},
        "whole": lambda: {"one": draw.choice("12"), "two": draw.choice("12")},
        "nested": lambda: draw.choice([{}, {"flag": True}, {"flag": False, "ratio": 0.5}]),
        "port": lambda: draw.choice([80, "http"]),
        "strange": lambda: 1,
    }
    for name, make in options.items():
        if draw.random() < (0.03 if name == "strange" else 0.35):
            spec[name] = make()
    return {"spec": spec}


WIDGET_SCHEMA: Json = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "size": {"type": "integer", "minimum": 1, "maximum": 3},
                "color": {"type": "string", "enum": ["red", "blue", "green"]},
                "mode": {"type": "string", "default": "auto"},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "parts": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {
                            "name": {"type": "string"},
                            "count": {"type": "integer"},
                            "unit": {"type": "string", "default": "pcs"},
                        },
                    },
                },
                "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                "steps": {"type": "array", "items": {"type": "string"}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "whole": {
                    "type": "object",
                    "x-kubernetes-map-type": "atomic",
                    "properties": {"one": {"type": "string"}, "two": {"type": "string"}},
                },
                "nested": {
                    "type": "object",
                    "properties": {"flag": {"type": "boolean"}, "ratio": {"type": "number"}},
                },
                "port": {"x-kubernetes-int-or-string": True},
            },
        },
        "status": {
            "type": "object",
            "properties": {
                "phase": {"type": "string"},
                "conditions": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["type"],
                    "items": {
                        "type": "object",
                        "required": ["type"],
                        "properties": {"type": {"type": "string"}, "status": {"type": "string"}},
                    },
                },
            },
        },
    },
}
WIDGETS: Json = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"widgets.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": WIDGET_SCHEMA},
                "subresources": {"status": {}},
            }
        ],
    },
}
