"""The odd corners of the API: reviews, tokens, scale, finalize and logs."""

from __future__ import annotations

from typing import Any

import orjson

from simulator import errors, made, writes
from simulator.kinds import Trait
from simulator.request import MERGE, Answer, Request, Target, json_answer
from simulator.store import Cluster

Json = dict[str, Any]
_AUTHORIZATION = "/apis/authorization.k8s.io/v1/"
_AUTHENTICATION = "/apis/authentication.k8s.io/v1/"


def answer(cluster: Cluster, request: Request) -> Answer | None:
    """Return the answer to a review, or None if the request is none. Everybody may do everything here."""
    del cluster
    if request.method != "POST":
        return None
    if request.path.startswith(_AUTHORIZATION):
        review = request.document()
        if request.path.endswith("/selfsubjectrulesreviews"):
            rule = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
            return json_answer(
                201, {**review, "status": {"resourceRules": [rule], "nonResourceRules": [], "incomplete": False}}
            )
        return json_answer(201, {**review, "status": {"allowed": True}})
    if request.path.startswith(_AUTHENTICATION + "selfsubjectreviews"):
        user = {"username": "simulator-admin", "groups": ["system:masters", "system:authenticated"]}
        return json_answer(201, {**request.document(), "status": {"userInfo": user}})
    return None


def subresource(cluster: Cluster, target: Target, request: Request) -> Answer:
    """Handle a subresource other than status.

    Raises:
        ApiError: 404 for one that is not served.
    """
    if target.subresource == "scale" and target.kind.has(Trait.SCALE):
        return _scale(cluster, target, request)
    if target.subresource == "log" and target.kind.key == ("", "pods") and request.method == "GET":
        return made.log(cluster, target, request)
    if target.subresource == "token" and target.kind.key == ("", "serviceaccounts") and request.method == "POST":
        return _token(cluster, target, request)
    if target.subresource == "finalize" and target.kind.key == ("", "namespaces") and request.method == "PUT":
        plain = Target(target.kind, "", target.name)
        answer = writes.update(cluster, plain, request)
        if not request.document().get("spec", {}).get("finalizers"):
            cluster.drop(target.kind.key, ("", target.name))
        return answer
    raise errors.no_such_page()


def _token(cluster: Cluster, target: Target, request: Request) -> Answer:
    if cluster.get(target.kind, (target.namespace, target.name)) is None:
        raise errors.not_found(target.kind.subject(target.name))
    token = cluster.issue_token(target.namespace, target.name, "")
    status = {"token": token, "expirationTimestamp": cluster.now()}
    return json_answer(201, {**request.document(), "status": status})


def _scale(cluster: Cluster, target: Target, request: Request) -> Answer:
    stored = cluster.get(target.kind, (target.namespace, target.name))
    if stored is None:
        raise errors.not_found(target.kind.subject(target.name))
    if request.method in ("PUT", "PATCH"):
        replicas = request.document().get("spec", {}).get("replicas", 0)
        body = orjson.dumps({"spec": {"replicas": replicas}})
        headers = {**request.headers, "content-type": MERGE}
        plain = Target(target.kind, target.namespace, target.name)
        writes.patch(cluster, plain, Request("PATCH", request.path, request.query, headers, body))
        stored = cluster.get(target.kind, (target.namespace, target.name)) or stored
    elif request.method != "GET":
        raise errors.method_not_allowed()
    return json_answer(200, _scale_document(stored.document()))


def _scale_document(document: Json) -> Json:
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    metadata = {name: document["metadata"][name] for name in kept if name in document["metadata"]}
    replicas = document.get("spec", {}).get("replicas", 0)
    status: Json = {"replicas": document.get("status", {}).get("replicas", 0)}
    labels = document.get("spec", {}).get("selector", {}).get("matchLabels")
    if labels:
        status["selector"] = ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
    spec = {"replicas": replicas} if replicas else {}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status}
