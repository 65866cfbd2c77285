"""Users who may not do everything."""

from __future__ import annotations

import time
import uuid
from typing import Any, TypedDict

import httpx

from tests.controlplane.runner import ControlPlane

KNOWN_WITHIN = 10
"""Seconds until the API server acts on a new binding."""
_RBAC = "/apis/rbac.authorization.k8s.io/v1"


class Rule(TypedDict):
    """What may be done, in RBAC's words."""

    apiGroups: list[str]
    resources: list[str]
    verbs: list[str]


def limited_token(cluster: ControlPlane, rules: list[Rule], *, namespace: str = "") -> str:
    """Make a service account that may do what ``rules`` say and return a token for it, once it works.

    Args:
        cluster: where; its administrator makes the account.
        rules: at least one.
        namespace: where the rules hold; everywhere if empty.
    """
    name = f"limited-{uuid.uuid4().hex[:8]}"
    kind, scope = ("Role", f"/namespaces/{namespace}") if namespace else ("ClusterRole", "")
    account = {"kind": "ServiceAccount", "name": name, "namespace": "default"}
    role_ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    with cluster.client() as client:
        _post(client, accounts, {"metadata": {"name": name}})
        _post(client, f"{_RBAC}{scope}/{kind.lower()}s", {"metadata": {"name": name}, "rules": rules})
        binding = {"metadata": {"name": name}, "roleRef": role_ref, "subjects": [account]}
        _post(client, f"{_RBAC}{scope}/{kind.lower()}bindings", binding)
        token: str = _post(client, f"{accounts}/{name}/token", {"spec": {"expirationSeconds": 3600}})["status"]["token"]
    _await_permitted(cluster, token, rules[0], namespace)
    return token


def _await_permitted(cluster: ControlPlane, token: str, rule: Rule, namespace: str) -> None:
    asked = {
        "group": rule["apiGroups"][0],
        "resource": rule["resources"][0],
        "verb": rule["verbs"][0],
        "namespace": namespace,
    }
    until = time.monotonic() + KNOWN_WITHIN
    with cluster.client(token) as client:
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        while not _post(client, path, {"spec": {"resourceAttributes": asked}})["status"]["allowed"]:
            assert time.monotonic() < until, f"{asked} is still not allowed"
            time.sleep(0.02)


def _post(client: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = client.post(path, json=body).raise_for_status().json()
    return answer
