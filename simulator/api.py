"""One cluster's API: from a parsed request to an answer, without any networking."""

from __future__ import annotations

from typing import Any

import orjson

from simulator import controllers, deletes, discovery, errors, extras, lists, writes
from simulator.kinds import Kind, Trait
from simulator.request import Answer, Request, Target
from simulator.store import Cluster, Place

Json = dict[str, Any]
_HEALTH = ("/healthz", "/livez", "/readyz")
SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
IDENTITY: Place = ("", "kube-system")
"""The namespace whose UID is the cluster's identity."""


def furnish(cluster: Cluster) -> None:
    """Give a new cluster the namespaces that every cluster has."""
    for name in SYSTEM_NAMESPACES:
        _make_namespace(cluster, name)


def change_identity(cluster: Cluster) -> None:
    """Make the cluster answer as another one: kube-system gets a new UID."""
    cluster.drop(("", "namespaces"), IDENTITY)
    _make_namespace(cluster, IDENTITY[1])


def _make_namespace(cluster: Cluster, name: str) -> None:
    metadata = {
        "name": name,
        "uid": cluster.new_uid(),
        "creationTimestamp": cluster.now(),
        "labels": {"kubernetes.io/metadata.name": name},
    }
    document = {"metadata": metadata, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
    cluster.put(cluster.kinds[("", "v1", "namespaces")], ("", name), document)


def handle(cluster: Cluster, request: Request) -> Answer:
    """Return the answer to a request; refusals come as answers too."""
    try:
        controllers.settle(cluster)
        return _handle(cluster, request)
    except errors.ApiError as error:
        return refusal(error)


def refusal(error: errors.ApiError) -> Answer:
    """Return the answer that carries a refusal."""
    return Answer(error.code, orjson.dumps(error.body()), headers=error.headers)


def _handle(cluster: Cluster, request: Request) -> Answer:
    if request.path.rstrip("/") in _HEALTH:
        return Answer(200, b"ok", "text/plain; charset=utf-8")
    found = discovery.answer(cluster, request) if request.method == "GET" else None
    found = found or extras.answer(cluster, request)
    if found is not None:
        return found
    target = locate(cluster, request.path)
    if target.subresource not in ("", "status"):
        return extras.subresource(cluster, target, request)
    if target.subresource == "status" and not target.kind.has(Trait.STATUS):
        raise errors.no_such_page()
    return _dispatch(cluster, target, request)


def locate(cluster: Cluster, path: str) -> Target:
    """Return what a path names.

    Raises:
        ApiError: 404 when the cluster serves no such resource.
    """
    parts = path.strip("/").split("/")
    if parts[:1] == ["api"] and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[:1] == ["apis"] and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise errors.no_such_page()
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and (group or rest[2] not in ("status", "finalize")):
        namespace, rest = rest[1], rest[2:]
    kind = cluster.kinds.get((group, version, rest[0]))
    if kind is None or len(rest) > 3 or (namespace and not kind.namespaced):
        raise errors.no_such_page()
    name = rest[1] if len(rest) > 1 else ""
    if name and kind.namespaced and not namespace:
        raise errors.no_such_page()
    return Target(kind, namespace, name, rest[2] if len(rest) > 2 else "")


def _dispatch(cluster: Cluster, target: Target, request: Request) -> Answer:
    if not target.name:
        return _collection(cluster, target, request)
    if request.method == "GET":
        return lists.get(cluster, target, request)
    place = (target.namespace, target.name)
    before = cluster.get(target.kind, place)
    if request.method == "PUT":
        answer = writes.update(cluster, target, request)
    elif request.method == "PATCH":
        answer = writes.patch(cluster, target, request)
    elif request.method == "DELETE":
        answer = deletes.delete(cluster, target, request)
    else:
        raise errors.method_not_allowed()
    _follow_up(cluster, target.kind, place, before is not cluster.get(target.kind, place))
    if before is not None:
        controllers.forget(cluster, target.kind, place, before)
    return answer


def _collection(cluster: Cluster, target: Target, request: Request) -> Answer:
    if request.method == "GET":
        return lists.list_objects(cluster, target, request)
    if request.method == "DELETE":
        found = lists.select(cluster, target, request)
        answer = deletes.delete_collection(cluster, target, found, request)
        for place, stored in found:
            controllers.forget(cluster, target.kind, place, stored)
        return answer
    if request.method != "POST" or (target.kind.namespaced and not target.namespace):
        raise errors.method_not_allowed()
    answer = writes.create(cluster, target, request)
    if not request.dry_run:
        name = orjson.loads(answer.body)["metadata"]["name"]
        _follow_up(cluster, target.kind, (target.namespace, name), changed=True)
    return answer


def _follow_up(cluster: Cluster, kind: Kind, place: Place, changed: bool) -> None:  # noqa: FBT001 - a fact, not a mode
    if not changed:
        return
    stored = cluster.get(kind, place)
    if stored is None:
        return
    leaving = b'"deletionTimestamp"' in stored.meta
    if leaving:
        deletes.finish_soon(cluster, kind, place)
    else:
        controllers.notice(cluster, kind, place)
