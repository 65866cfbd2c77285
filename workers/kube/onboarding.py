"""Taking a cluster in: the account, its least rights and its token, as a plan that is printed before it is carried out.

Everything is plain manifests. The token is bound to a Secret of its own, so that deleting that Secret revokes it.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson

from workers.kube.client import Answer, Client
from workers.kube.credentials import Access, token_expiry
from workers.kube.errors import from_answer
from workers.sync.errors import GarbageError

ACCOUNT = "flotilla"
HOME = "flotilla-system"
TOKEN_DAYS = 365
_RBAC = "rbac.authorization.k8s.io"
_LABELS = {"app.kubernetes.io/managed-by": "flotilla-cluster-add"}
_APPLY = {"Content-Type": "application/apply-patch+yaml"}
_JSON = {"Content-Type": "application/json"}

Manifest = dict[str, Any]


class Rights(StrEnum):
    """What the account may do."""

    ADMIN = "cluster-admin"
    NAMESPACES = "namespaces"
    RULES = "rules"


@dataclass(frozen=True, slots=True)
class Plan:
    """What taking a cluster in would do.

    Attributes:
        manifests: in the order in which they are applied.
        rights: what the account may do.
        limits: what will not work with these rights, in words.
    """

    manifests: tuple[Manifest, ...]
    rights: Rights
    limits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """A token of the account.

    Attributes:
        value: never printed.
        secret: the Secret that it is bound to; deleting that revokes it.
        expires_at: None for one that does not expire.
    """

    secret: str
    expires_at: datetime | None
    value: str = field(repr=False)


def plan_admin() -> Plan:
    """Return the plan for an account that may do everything."""
    return Plan((*_account(), _cluster_binding(ACCOUNT, "cluster-admin")), Rights.ADMIN)


def plan_namespaces(namespaces: Sequence[str]) -> Plan:
    """Return the plan for an account with the ``admin`` role in some namespaces, which must exist.

    What observing needs besides: the identity of the cluster (the UID of ``kube-system``), and the namespaces' own
    metadata.
    """
    names = ["kube-system", *namespaces]
    rules = [{"apiGroups": [""], "resources": ["namespaces"], "resourceNames": names, "verbs": ["get"]}]
    bindings = tuple(_binding(namespace) for namespace in namespaces)
    limits = (
        "objects without a namespace (ClusterRoles, CustomResourceDefinitions, …) cannot be applied",
        "namespaces cannot be made (createNamespace)",
        "custom kinds work only where their operator adds them to the admin role",
        "ResourceQuotas, LimitRanges and Endpoints are readable only, as the admin role has it",
    )
    return Plan((*_account(), *_limited(rules), *bindings), Rights.NAMESPACES, limits)


def plan_rules(rules: Sequence[Mapping[str, Any]]) -> Plan:
    """Return the plan for an account with exactly these RBAC rules over the whole cluster, and its identity."""
    identity = {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"], "verbs": ["get"]}
    limits = ("whatever the rules do not name cannot be applied, listed or observed",)
    return Plan((*_account(), *_limited([identity, *map(dict, rules)])), Rights.RULES, limits)


def _account() -> tuple[Manifest, ...]:
    return (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME, "labels": _LABELS}},
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": ACCOUNT, "namespace": HOME, "labels": _LABELS},
            "automountServiceAccountToken": False,
        },
    )


def _limited(rules: Sequence[Mapping[str, Any]]) -> tuple[Manifest, ...]:
    role = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": ACCOUNT, "labels": _LABELS},
        "rules": list(rules),
    }
    return (role, _cluster_binding(ACCOUNT, ACCOUNT))


def _cluster_binding(name: str, role: str) -> Manifest:
    # The role of a binding cannot change, so its name says which it is.
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{name}:{role}", "labels": _LABELS},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": HOME}],
    }


def _binding(namespace: str) -> Manifest:
    binding = _cluster_binding(ACCOUNT, "admin")
    metadata = {**binding["metadata"], "namespace": namespace}
    return {**binding, "kind": "RoleBinding", "metadata": metadata}


_PATHS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "Namespace": lambda _: "/api/v1/namespaces",
    "ServiceAccount": lambda metadata: f"/api/v1/namespaces/{metadata['namespace']}/serviceaccounts",
    "ClusterRole": lambda _: f"/apis/{_RBAC}/v1/clusterroles",
    "ClusterRoleBinding": lambda _: f"/apis/{_RBAC}/v1/clusterrolebindings",
    "RoleBinding": lambda metadata: f"/apis/{_RBAC}/v1/namespaces/{metadata['namespace']}/rolebindings",
}


class Onboarding:
    """Carries plans out, as the person whose kubeconfig it was given.

    Args:
        client: of the cluster, with the operator's own rights.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def apply(self, plan: Plan) -> None:
        """Apply a plan's manifests.

        Raises:
            TransientError: the cluster could not be reached.
            PermanentError: the person may not do this.
        """
        for manifest in plan.manifests:
            metadata = manifest["metadata"]
            path = f"{_PATHS[manifest['kind']](metadata)}/{metadata['name']}"
            query = "?fieldManager=flotilla-cluster-add&force=true"
            self._done(self._client.send("PATCH", path + query, _APPLY, orjson.dumps(manifest)), f"apply {path}")

    def issue(self, *, valid_for: timedelta = timedelta(days=TOKEN_DAYS)) -> Token:
        """Return a new token of the account, bound to a new Secret.

        Args:
            valid_for: asked for; the API server may shorten it, and what it says counts.
        """
        base = f"/api/v1/namespaces/{HOME}"
        name = f"{ACCOUNT}-token-{secrets.token_hex(4)}"
        secret = {"metadata": {"name": name, "labels": _LABELS}, "type": "Opaque"}
        made = self._done(self._client.send("POST", f"{base}/secrets", _JSON, secret), "create the token's Secret")
        bound = {"kind": "Secret", "apiVersion": "v1", "name": name, "uid": made["metadata"]["uid"]}
        request = {"spec": {"expirationSeconds": int(valid_for.total_seconds()), "boundObjectRef": bound}}
        path = f"{base}/serviceaccounts/{ACCOUNT}/token"
        answer = self._done(self._client.send("POST", path, _JSON, request), "request a token")
        value = str(answer["status"]["token"])
        return Token(secret=name, expires_at=token_expiry(value), value=value)

    def revoke(self, *, besides: str) -> tuple[str, ...]:
        """Delete the Secrets of all tokens but that of ``besides``, which revokes them; return their names."""
        base = f"/api/v1/namespaces/{HOME}/secrets"
        selector = ",".join(f"{key}%3D{value}" for key, value in _LABELS.items())
        listed = self._done(self._client.send("GET", f"{base}?labelSelector={selector}", {}), "list token Secrets")
        names = sorted(str(each["metadata"]["name"]) for each in listed["items"])
        old = tuple(name for name in names if name != besides and name.startswith(f"{ACCOUNT}-token-"))
        for name in old:
            self._done(self._client.send("DELETE", f"{base}/{name}", {}), f"delete Secret {name}")
        return old

    def denied(self, wanted: Sequence[tuple[str, str, str, str]]) -> tuple[str, ...]:
        """Return what this client's account may not do of (verb, group, resource, namespace), in words."""
        refused = []
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        for verb, group, resource, namespace in wanted:
            attributes = {"verb": verb, "group": group, "resource": resource, "namespace": namespace}
            review = {"spec": {"resourceAttributes": attributes}}
            answer = self._done(self._client.send("POST", path, _JSON, review), "review access")
            if not answer["status"].get("allowed"):
                where = f" in {namespace}" if namespace else ""
                refused.append(f"{verb} {resource}{f'.{group}' if group else ''}{where}")
        return tuple(refused)

    @staticmethod
    def _done(answer: Answer, what: str) -> dict[str, Any]:
        if not answer.ok:
            raise from_answer(answer.status, answer.headers, answer.body, what)
        try:
            decoded: dict[str, Any] = orjson.loads(answer.body)
        except orjson.JSONDecodeError as error:
            message = f"{what}: the answer is not JSON"
            raise GarbageError(message) from error
        return decoded


def kubeconfig(access: Access, token: Token, name: str) -> Manifest:
    """Return the kubeconfig to be stored: inline data only.

    Args:
        access: where the cluster is; who the operator is there is left out.
        token: of the account.
        name: of the cluster.
    """
    cluster = {"server": access.server}
    if access.ca:
        cluster["certificate-authority-data"] = b64encode(access.ca.encode()).decode()
    if access.tls_server_name:
        cluster["tls-server-name"] = access.tls_server_name
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": ACCOUNT, "user": {"token": token.value}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": ACCOUNT}}],
        "current-context": name,
    }
