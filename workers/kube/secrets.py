"""Credentials kept as Secrets on the hub's own cluster, read through the account that the hub's pods run as."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

from common.settings import Settings
from common.sources.credentials import (
    Credential,
    CredentialsMissingError,
    CredentialsProvider,
    checked_reference,
    provider_from,
)
from workers.kube.client import Answer, Client
from workers.kube.credentials import Access
from workers.kube.errors import from_answer
from workers.kube.paths import item
from workers.sync.errors import CredentialsError, Forbidden, GarbageError
from workers.sync.objects.live import Kind
from workers.sync.ports import Target

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_SECRET = Kind("", "v1", "Secret", "secrets", namespaced=True)
TIMEOUT = timedelta(seconds=10)


def secret_name(reference: str) -> str:
    """Return the name of the Secret behind a reference: ``clusters/eu-1`` is ``clusters.eu-1``."""
    return checked_reference(reference).replace("/", ".").lower()


class SecretProvider:
    """Secrets of one namespace; implements ``common.sources.credentials.CredentialsProvider``.

    Args:
        namespace: where they lie.
        access: to the hub's own cluster; None reads the account of the pod, anew at each call since its token turns.
    """

    def __init__(self, namespace: str, access: Access | None = None) -> None:
        self._namespace = namespace
        self._access = access

    def get(self, ref: str) -> Credential:
        """Return the data of the Secret that ``ref`` names.

        Raises:
            CredentialsMissingError: there is no such Secret.
            CredentialsRefusedError: the reference is malformed.
            TransientError: the cluster could not be asked.
            PermanentError: it refused.
        """
        name = secret_name(ref)
        path = item(Target(_SECRET, self._namespace, name))
        answer = self._ask(path)
        if answer.status == 404:
            raise CredentialsMissingError(ref, where=f"namespace {self._namespace} as Secret {name}")
        if not answer.ok:
            raise from_answer(answer.status, answer.headers, answer.body, f"GET {path}")
        return _data(answer.body, path)

    def _ask(self, path: str) -> Answer:
        client = Client(self._access or _pod_access(), TIMEOUT)
        try:
            return client.send("GET", path, {})
        finally:
            client.close()


def _data(body: bytes, path: str) -> Credential:
    try:
        data: Mapping[str, Any] = orjson.loads(body).get("data") or {}
        return {key: b64decode(value, validate=True) for key, value in data.items()}
    except (ValueError, AttributeError, TypeError):
        message = f"GET {path}: the answer is not a Secret"
        # The cause would quote the Secret.
        raise GarbageError(message) from None


def _pod_access() -> Access:
    try:
        token = (_ACCOUNT / "token").read_text().strip()
        ca = (_ACCOUNT / "ca.crt").read_text()
    except OSError as error:
        message = "credentials are to be read from Secrets, but this process does not run in a pod with an account"
        raise CredentialsError(Forbidden.ABSENT, message, remedy="Unset credentials_secret_namespace.") from error
    return Access("https://kubernetes.default.svc", ca=ca, token=token)


def credentials_from(settings: Settings) -> CredentialsProvider:
    """Return all the providers that ``settings`` name, those on the hub's own cluster last."""
    namespace = settings.credentials_secret_namespace
    return provider_from(settings, *((SecretProvider(namespace),) if namespace else ()))
