"""The last step of every write: what the server sets, validation, and the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from simulator import decode, errors, managers, strategy, validation
from simulator.kinds import Kind
from simulator.managers import Managers
from simulator.request import Answer, Request, Target
from simulator.store import Cluster, Place, Stored
from simulator.typed import identical

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Draft:
    """A write on its way to the store."""

    target: Target
    live: Json | None
    new: Json
    owners: Managers


def head(kind: Kind) -> Json:
    """Return the members that name the kind of an object."""
    return {"apiVersion": kind.api_version, "kind": kind.kind}


def store(cluster: Cluster, draft: Draft, request: Request) -> Answer:
    """Validate, then store unless nothing changed or the request is a dry-run; return the answer.

    Raises:
        ApiError: 422 with every fault, 409 for a new object that exists already.
    """
    target, live, new = draft.target, draft.live, draft.new
    kind, metadata = target.kind, new["metadata"]
    place: Place = (target.namespace, metadata["name"])
    _prepare(cluster, draft)
    validation.check(kind, live, new, status_only=target.subresource == "status" and live is not None)
    metadata.pop("managedFields", None)
    if draft.owners:
        metadata["managedFields"] = managers.encode(draft.owners)
    if live is None:
        _require_absent(cluster, kind, place)
        return _keep(cluster, draft, place, request)
    stored = cluster.get(kind, place)
    if stored is not None and metadata["uid"] not in cluster.unsettled and _unchanged(live, new):
        return wire(kind, 200, stored)
    metadata["resourceVersion"] = live["metadata"]["resourceVersion"]
    if _released(kind, live, new):
        if not request.dry_run:
            cluster.drop(kind.key, place)
        return Answer(200, orjson.dumps({**head(kind), **new}))
    return _keep(cluster, draft, place, request)


def _prepare(cluster: Cluster, draft: Draft) -> None:
    """Set what only the server sets, in place."""
    target, live, new = draft.target, draft.live, draft.new
    kind, metadata = target.kind, new["metadata"]
    for name in ("apiVersion", "kind"):
        new.pop(name, None)
    metadata.pop("selfLink", None)
    if not kind.custom:
        decode.settle_empty(kind.node, new)
    if live is None:
        metadata["uid"] = cluster.new_uid()
        metadata["creationTimestamp"] = cluster.now()
        metadata.pop("deletionTimestamp", None)
        strategy.prepare_create(cluster, kind, new)
    elif not target.subresource:
        strategy.prepare_update(cluster, kind, live, new)


def _keep(cluster: Cluster, draft: Draft, place: Place, request: Request) -> Answer:
    kind, new = draft.target.kind, draft.new
    code = 201 if draft.live is None else 200
    if request.dry_run:
        return Answer(code, orjson.dumps({**head(kind), **new}))
    if draft.live is None and kind.key == ("", "persistentvolumeclaims"):
        cluster.unsettled.add(new["metadata"]["uid"])
    return wire(kind, code, cluster.put(kind, place, new))


def _released(kind: Kind, live: Json, new: Json) -> bool:
    """Say whether a leaving object has just lost the last finalizer that held it."""
    leaving = "deletionTimestamp" in live["metadata"] and kind.key != ("", "namespaces")
    return leaving and not new["metadata"].get("finalizers")


def _require_absent(cluster: Cluster, kind: Kind, place: Place) -> None:
    stored = cluster.get(kind, place)
    if stored is None:
        return
    refusal = errors.already_exists(kind.subject(place[1]))
    if b'"deletionTimestamp"' in stored.meta:
        refusal.message = f"object is being deleted: {refusal.message}"
    raise refusal


def _unchanged(live: Json, new: Json) -> bool:
    """Say whether a write would store what is there already; times of ownership do not count."""
    return identical(_comparable(live), _comparable(new))


def _comparable(document: Json) -> Json:
    metadata = {name: value for name, value in document["metadata"].items() if name != "resourceVersion"}
    entries = [{k: v for k, v in entry.items() if k != "time"} for entry in metadata.get("managedFields", ())]
    metadata["managedFields"] = sorted(entries, key=lambda entry: orjson.dumps(entry, option=orjson.OPT_SORT_KEYS))
    return {**document, "metadata": metadata}


def wire(kind: Kind, code: int, stored: Stored) -> Answer:
    """Return an answer that carries a stored object."""
    head = f'"kind":"{kind.kind}","apiVersion":"{kind.api_version}",'.encode()
    return Answer(code, stored.wire(head))
