"""What controllers make of workloads, where a cluster is told to have it: ReplicaSets, and Pods that come and go.

Pods run at once, or never where their image is broken; a Job's have ended. What they wrote is made up when it is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from simulator import errors, workloads
from simulator.kinds import Kind
from simulator.request import Answer, Request, Target
from simulator.store import Cluster, Place, Stored

Json = dict[str, Any]
MOST_PODS = 10
"""Of one workload; more of them show nothing that ten do not."""
NODE = "node-1"
_PODS, _SETS = ("", "v1", "pods"), ("apps", "v1", "replicasets")
_LINES = 120
"""Lines that a container has written."""


@dataclass(frozen=True, slots=True)
class Made:
    """An object that a controller makes."""

    kind: tuple[str, str, str]
    name: str
    labels: Json
    spec: Json


def tend(cluster: Cluster, kind: Kind, place: Place, stored: Stored) -> None:
    """Make what a workload should have, and remove what it has besides."""
    document = stored.document()
    if not cluster.options.pods or (kind.group, kind.kind) not in _MAKERS:
        return
    wanted = {(one.kind[0], one.kind[2], one.name): one for one in _MAKERS[kind.group, kind.kind](document)}
    for key, other in sorted(cluster.dependents.get(stored.uid, ())):
        there = cluster.objects.get(key, {}).get(other)
        if there is None or other[0] != place[0]:
            continue
        one = wanted.pop((*key, other[1]), None)
        if one is None:
            _remove(cluster, key, other, there)
        else:
            _scale(cluster, one, other, there)
    for one in wanted.values():
        _make(cluster, one, kind, place, stored)


def _remove(cluster: Cluster, key: tuple[str, str], place: Place, stored: Stored) -> None:
    for below, other in sorted(cluster.dependents.pop(stored.uid, ())):
        cluster.drop(below, other)
    cluster.drop(key, place)


def _scale(cluster: Cluster, one: Made, place: Place, stored: Stored) -> None:
    """Give a ReplicaSet the number that its Deployment wants; nothing else of what is made ever changes."""
    document, kind = stored.document(), cluster.kinds[one.kind]
    if kind.kind != "ReplicaSet" or document["spec"].get("replicas") == one.spec["replicas"]:
        return
    document["spec"]["replicas"] = one.spec["replicas"]
    document["metadata"]["generation"] += 1
    document["status"] = workloads.settled_status(kind.group, kind.kind, document, cluster.now()) or {}
    tend(cluster, kind, place, cluster.put(kind, place, document))


def _make(cluster: Cluster, one: Made, of: Kind, place: Place, owner: Stored) -> None:
    reference = {"apiVersion": of.api_version, "kind": of.kind, "name": place[1], "uid": owner.uid}
    metadata = {
        "name": one.name,
        "namespace": place[0],
        "uid": cluster.new_uid(),
        "generation": 1,
        "creationTimestamp": cluster.now(),
        "labels": one.labels,
        "ownerReferences": [reference | {"controller": True, "blockOwnerDeletion": True}],
    }
    kind = cluster.kinds[one.kind]
    document = {"metadata": metadata, "spec": one.spec}
    status = workloads.settled_status(kind.group, kind.kind, document, cluster.now()) or {}
    if of.kind == "Job" and status.get("phase") == "Running":
        status["phase"] = "Succeeded"
    made = cluster.put(kind, (place[0], one.name), {**document, "status": status})
    tend(cluster, kind, (place[0], one.name), made)


def _replica_sets(document: Json) -> Iterator[Made]:
    spec, template = document["spec"], document["spec"]["template"]
    hashed = hashlib.sha256(orjson.dumps(template, option=orjson.OPT_SORT_KEYS)).hexdigest()[:9]
    labels = {**_labels(template), "pod-template-hash": hashed}
    marked = {**template, "metadata": {**template.get("metadata", {}), "labels": labels}}
    body = {"replicas": spec.get("replicas", 1), "selector": {"matchLabels": labels}, "template": marked}
    yield Made(_SETS, f"{document['metadata']['name']}-{hashed}", labels, body)


def _pods(document: Json) -> Iterator[Made]:
    yield from (_pod(document, _letters(document, n)) for n in range(_replicas(document)))


def _numbered(document: Json) -> Iterator[Made]:
    yield from (_pod(document, str(n)) for n in range(_replicas(document)))


def _one(document: Json) -> Iterator[Made]:
    if not document["spec"].get("suspend"):
        yield _pod(document, _letters(document, 0))


def _pod(document: Json, suffix: str) -> Made:
    template = document["spec"]["template"]
    name = f"{document['metadata']['name']}-{suffix}"
    return Made(_PODS, name, _labels(template), {**template.get("spec", {}), "nodeName": NODE})


def _labels(template: Json) -> Json:
    return dict(template.get("metadata", {}).get("labels") or {})


def _replicas(document: Json) -> int:
    return min(MOST_PODS, int(document["spec"].get("replicas", 1)))


def _letters(document: Json, number: int) -> str:
    return hashlib.sha256(f"{document['metadata']['uid']} {number}".encode()).hexdigest()[:5]


_MAKERS = {
    ("apps", "Deployment"): _replica_sets,
    ("apps", "ReplicaSet"): _pods,
    ("apps", "StatefulSet"): _numbered,
    ("apps", "DaemonSet"): _one,
    ("batch", "Job"): _one,
}


def log(cluster: Cluster, target: Target, request: Request) -> Answer:
    """Answer what a container of a pod wrote; one that runs nowhere has written nothing.

    Raises:
        ApiError: there is no such pod or container, or it cannot start.
    """
    stored = cluster.get(target.kind, (target.namespace, target.name))
    if stored is None:
        raise errors.not_found(target.kind.subject(target.name))
    spec = stored.document().get("spec", {})
    names = [each["name"] for each in spec.get("containers", ())]
    container = request.query.get("container") or names[0]
    if container not in names:
        message = f"container {container} is not valid for pod {target.name}"
        raise errors.bad_request(message)
    if spec.get("nodeName") and workloads.is_broken(spec):
        message = f'container "{container}" in pod "{target.name}" is waiting to start: image can\'t be pulled'
        raise errors.bad_request(message)
    lines = [_line(stored, number) for number in range(_LINES)] if spec.get("nodeName") else []
    if last := request.query.get("tailLines"):
        lines = lines[-int(last) :]
    written = "".join(lines).encode()
    return Answer(200, written[: int(request.query.get("limitBytes", len(written)))], "text/plain")


def _line(stored: Stored, number: int) -> str:
    at = stored.metadata()["creationTimestamp"]
    if number == 0:
        return f"{at} INFO listening on port 8080\n"
    return f'{at} INFO request={number} path="/" status={200 if number % 17 else 404} ms={number * 7 % 90 + 3}\n'
