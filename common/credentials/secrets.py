"""Credentials kept as Secrets on the hub's own cluster, read through the account that the hub's pods run as.

One request to one address, which nobody but the operator names: no client of clusters is needed for it.
"""

from __future__ import annotations

import ssl
import time
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import httpx
import orjson

from common.credentials.provider import (
    LARGEST,
    Credential,
    CredentialsMissingError,
    CredentialsRefusedError,
    checked_reference,
)
from common.domain.errors import PermanentError, TransientError
from common.domain.foreign import said
from common.settings import Settings

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_SERVER = "https://kubernetes.default.svc"
_TIMEOUT = timedelta(seconds=10)
_LARGEST_ANSWER = 4 * LARGEST
_RETRY = "It is tried again; see that the hub's own API server is up."


class SecretsUnreachableError(TransientError):
    """The hub's own API server did not answer, or not now."""

    code: ClassVar[str] = "credentials.unreachable"


class SecretsForbiddenError(PermanentError):
    """The hub's account may not read Secrets, or there is no account."""

    code: ClassVar[str] = "credentials.forbidden"


@dataclass(frozen=True, slots=True)
class Account:
    """Who asks which API server; ``ca`` is PEM."""

    server: str
    ca: str
    token: str = field(repr=False)


def secret_name(reference: str) -> str:
    """Return the name of the Secret behind a reference: ``clusters/eu-1`` is ``clusters.eu-1``."""
    return checked_reference(reference).replace("/", ".").lower()


class SecretProvider:
    """Secrets of one namespace.

    Args:
        namespace: where they are.
        account: on the hub's own cluster; None reads that of the pod, again at each call since its token turns.
    """

    def __init__(self, namespace: str, account: Account | None = None) -> None:
        self._namespace = namespace
        self._account = account

    @classmethod
    def from_settings(cls, settings: Settings) -> SecretProvider | None:
        """Return what reads the namespace that the settings name; None where they name none."""
        namespace = settings.credentials_secret_namespace
        return cls(namespace) if namespace else None

    def get(self, ref: str) -> Credential:
        """Return the data of the Secret that ``ref`` names.

        Raises:
            CredentialsMissingError: there is no such Secret.
            CredentialsRefusedError: the reference is malformed, or the answer is no Secret.
            SecretsForbiddenError: the account may not read it, or there is none.
            SecretsUnreachableError: the cluster could not be asked.
        """
        name = secret_name(ref)
        where = f"Secret {name} in namespace {self._namespace}"
        status, body = _asked(self._account or _pod_account(), f"/api/v1/namespaces/{self._namespace}/secrets/{name}")
        if status == 404:
            raise CredentialsMissingError(ref, where=f"namespace {self._namespace} as Secret {name}")
        if status in {401, 403}:
            message = f"{where}: the hub's own API server answers {status}"
            remedy = f"Let the hub's account get Secrets in namespace {self._namespace}."
            raise SecretsForbiddenError(message, remedy=remedy)
        if status != 200:
            message = f"{where}: the hub's own API server answers {status}"
            raise SecretsUnreachableError(message, remedy=_RETRY)
        return _data(body, where)


def _asked(account: Account, path: str) -> tuple[int, bytes]:
    """Return status and body of a GET, within bounds of time and size; redirects and proxies are none of its ways."""
    deadline = time.monotonic() + _TIMEOUT.total_seconds()
    headers = {"Authorization": f"Bearer {account.token}", "Accept": "application/json", "Accept-Encoding": "identity"}
    body = bytearray()
    try:
        trust = ssl.create_default_context(cadata=account.ca)
        client = httpx.Client(verify=trust, trust_env=False, timeout=_TIMEOUT.total_seconds())
        with client, client.stream("GET", f"{account.server.rstrip('/')}{path}", headers=headers) as response:
            for part in response.iter_raw():
                body += part
                if len(body) > _LARGEST_ANSWER or time.monotonic() > deadline:
                    message = "the hub's own API server sends too much, or too slowly"
                    raise SecretsUnreachableError(message, remedy=_RETRY)
            return response.status_code, bytes(body)
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, ValueError) as error:
        message = f"the hub's own API server did not answer ({said(error)})"
        raise SecretsUnreachableError(message, remedy=_RETRY) from None  # the cause may quote the token


def _data(body: bytes, where: str) -> Credential:
    try:
        data: Mapping[str, Any] = orjson.loads(body).get("data") or {}
        return {key: b64decode(value, validate=True) for key, value in data.items()}
    except (ValueError, AttributeError, TypeError):
        message = f"{where}: the answer is not a Secret"
        # The cause would quote the Secret.
        raise CredentialsRefusedError(message, remedy="See what answers as the hub's own API server.") from None


def _pod_account() -> Account:
    try:
        token = (_ACCOUNT / "token").read_text().strip()
        ca = (_ACCOUNT / "ca.crt").read_text()
    except OSError as error:
        message = "credentials are to be read from Secrets, but this process does not run in a pod with an account"
        remedy = "Unset FLOTILLA_CREDENTIALS_SECRET_NAMESPACE, or run it in a pod."
        raise SecretsForbiddenError(message, remedy=remedy) from error
    return Account(_SERVER, ca, token)
