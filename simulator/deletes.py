"""Deleting: preconditions, finalizers, propagation to dependents, and emptying namespaces."""

from __future__ import annotations

from typing import Any

import orjson

from simulator import errors
from simulator.errors import Subject
from simulator.kinds import Kind
from simulator.request import Answer, Request, Target, json_answer
from simulator.schema import zero_value
from simulator.store import Cluster, Place, ResourceKey, Stored
from simulator.storing import wire

Json = dict[str, Any]
FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
_CONTROLLED = (FOREGROUND, ORPHAN, "kubernetes.io/pv-protection", "kubernetes.io/pvc-protection")
"""Finalizers that controllers take away by themselves."""

_POLICY_FINALIZERS = {"Background": [], "Foreground": [FOREGROUND], "Orphan": [ORPHAN]}
_RETURNED = frozenset(
    {"Pod", "Service", "ServiceAccount", "PersistentVolume", "PersistentVolumeClaim", "PodTemplate", "ResourceQuota"}
)
"""Kinds whose deletion answers with the object rather than a Status."""


def delete(cluster: Cluster, target: Target, request: Request) -> Answer:
    """Handle DELETE of one object."""
    place = (target.namespace, target.name)
    stored = cluster.get(target.kind, place)
    if stored is None:
        raise errors.not_found(target.kind.subject(target.name))
    options = request.document() if request.body.strip() else {}
    _check_preconditions(target, options.get("preconditions") or {}, stored)
    policy, dry_run = _how(request, options)
    return remove(cluster, target, stored, policy=policy, dry_run=dry_run)


def _how(request: Request, options: Json) -> tuple[str, bool]:
    """Return propagation policy and dry-run; an API server does not look at the query where there is a body."""
    if options:
        return options.get("propagationPolicy") or "", options.get("dryRun") == ["All"]
    return request.query.get("propagationPolicy") or "", request.dry_run


def _check_preconditions(target: Target, wanted: Json, stored: Stored) -> None:
    kind = target.kind
    subject = Subject(
        kind.group, kind.kind, kind.kind, target.name
    )  # here the API server names the kind, not the resource
    uid, version = wanted.get("uid"), wanted.get("resourceVersion")
    if uid and uid != stored.uid:
        why = f"the UID in the precondition ({uid}) does not match the UID in record ({stored.uid}). "
        raise errors.conflict(subject, why + "The object might have been deleted and then recreated")
    if version and version != str(stored.version):
        why = (
            f"the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record "
            f"({stored.version}). The object might have been modified"
        )
        raise errors.conflict(subject, why)


def remove(cluster: Cluster, target: Target, stored: Stored, *, policy: str, dry_run: bool) -> Answer:
    """Delete an object, or mark it as leaving while finalizers hold it."""
    kind, place = target.kind, (target.namespace, target.name)
    document = stored.document()
    finalizers = list(document["metadata"].get("finalizers", ()))
    if policy:
        finalizers = [each for each in finalizers if each not in (FOREGROUND, ORPHAN)] + _POLICY_FINALIZERS[policy]
    if finalizers or kind.key == ("", "namespaces"):
        _mark_leaving(cluster, kind, document, finalizers)
        if document == stored.document():
            return wire(kind, 200, stored)
        if dry_run:
            return json_answer(200, {"kind": kind.kind, "apiVersion": kind.api_version, **document})
        kept = cluster.put(kind, place, document)
        finish_soon(cluster, kind, place)
        return wire(kind, 200, kept)
    if dry_run and "deletionTimestamp" in document["metadata"]:
        # an API server answers this one, and only this one, with an object in which nothing is set
        bare = {} if kind.custom else {**zero_value(kind.node), "metadata": {}}
        return json_answer(200, {"kind": kind.kind, "apiVersion": kind.api_version, **bare})
    if dry_run:
        return _gone(kind, stored)
    last = cluster.drop(kind.key, place) or stored
    collect(cluster, stored.uid)
    return _gone(kind, last)


def _mark_leaving(cluster: Cluster, kind: Kind, document: Json, finalizers: list[str]) -> None:
    metadata = document["metadata"]
    if finalizers:
        metadata["finalizers"] = finalizers
    if "deletionTimestamp" in metadata:
        return
    metadata["deletionTimestamp"] = cluster.now()
    if "generation" in metadata:
        metadata["generation"] += 1
    if kind.key == ("", "namespaces"):
        document["status"] = {**document.get("status", {}), "phase": "Terminating"}
    else:
        metadata["deletionGracePeriodSeconds"] = 0


def _gone(kind: Kind, stored: Stored) -> Answer:
    if kind.kind in _RETURNED and not kind.group:
        return wire(kind, 200, stored)
    metadata = stored.metadata()
    grouped = {"group": kind.group} if kind.group else {}
    details = {"name": metadata["name"], **grouped, "kind": kind.plural, "uid": stored.uid}
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
    return json_answer(200, status)


def finish_soon(cluster: Cluster, kind: Kind, place: Place) -> None:
    """Have the controllers finish a deletion, where there are controllers."""
    if cluster.options.ready_after is not None:
        cluster.remind(cluster.options.ready_after / 4, kind.key, place)


def finish(cluster: Cluster, kind: Kind, place: Place, stored: Stored) -> None:
    """Do the controllers' part of a deletion: dependents first, then the object if nothing else holds it."""
    if kind.key == ("", "namespaces"):
        for key, other in cluster.every():
            if other[0] == place[1]:
                cluster.drop(key, other)
        cluster.drop(kind.key, place)
        return
    document = stored.document()
    finalizers = document["metadata"].get("finalizers", [])
    left = [each for each in finalizers if each not in _CONTROLLED]
    if left == finalizers:
        return
    if ORPHAN not in finalizers:
        collect(cluster, stored.uid)
    if left:
        document["metadata"]["finalizers"] = left
        cluster.put(kind, place, document)
    else:
        cluster.drop(kind.key, place)


def collect(cluster: Cluster, uid: str) -> None:
    """Remove what belongs to an object that is gone; nothing where no controllers run."""
    if cluster.options.ready_after is None:
        return
    orphaned: list[tuple[ResourceKey, Place]] = sorted(cluster.dependents.pop(uid, ()))
    for key, place in orphaned:
        stored = cluster.objects.get(key, {}).get(place)
        if stored is None or uid.encode() not in stored.meta:
            continue
        cluster.drop(key, place)
        collect(cluster, stored.uid)


def delete_collection(cluster: Cluster, target: Target, found: list[tuple[Place, Stored]], request: Request) -> Answer:
    """Handle DELETE of a collection: everything the selectors leave."""
    options = request.document() if request.body.strip() else {}
    policy, dry_run = _how(request, options)
    items: list[bytes] = []
    for (namespace, name), stored in found:
        one = Target(target.kind, namespace, name)
        remove(cluster, one, stored, policy=policy, dry_run=dry_run)
        items.append(stored.wire())
    meta = orjson.dumps({"resourceVersion": str(cluster.version)})
    head = f'{{"kind":"{target.kind.list_kind}","apiVersion":"{target.kind.api_version}","metadata":'.encode()
    return Answer(200, head + meta + b',"items":[' + b",".join(items) + b"]}")
