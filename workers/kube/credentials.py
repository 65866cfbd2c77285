"""Kubeconfigs as data: what is inline is taken, whatever would run code or read files of this machine is refused."""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from cryptography import x509

from common.domain.addresses import AddressError, comparable, server_address
from common.yaml import MANIFEST_LIMITS, YamlError, load_documents
from workers.kube.route import Route
from workers.sync.errors import CredentialsError, Forbidden

KEY = "kubeconfig"
_CLUSTER_KEYS = frozenset({"server", "certificate-authority-data", "tls-server-name", "disable-compression"})
_USER_KEYS = frozenset({"token", "client-certificate-data", "client-key-data"})
_REFUSED: Mapping[str, tuple[Forbidden, str]] = {
    "exec": (Forbidden.EXEC, "it would run a program on the worker"),
    "auth-provider": (Forbidden.AUTH_PROVIDER, "it would run code on the worker"),
    "tokenFile": (Forbidden.FILE, "it would read a file of the worker"),
    "client-certificate": (Forbidden.FILE, "it would read a file of the worker"),
    "client-key": (Forbidden.FILE, "it would read a file of the worker"),
    "certificate-authority": (Forbidden.FILE, "it would read a file of the worker"),
    "insecure-skip-tls-verify": (Forbidden.INSECURE, "the API server's identity would not be checked"),
    "proxy-url": (Forbidden.PROXY, "it would lead the worker's requests elsewhere"),
    "username": (Forbidden.PASSWORD, "API servers no longer take passwords"),
    "password": (Forbidden.PASSWORD, "API servers no longer take passwords"),
    "as": (Forbidden.IMPERSONATION, "whom to act as is not the credential's to say"),
    "as-uid": (Forbidden.IMPERSONATION, "whom to act as is not the credential's to say"),
    "as-groups": (Forbidden.IMPERSONATION, "whom to act as is not the credential's to say"),
    "as-user-extra": (Forbidden.IMPERSONATION, "whom to act as is not the credential's to say"),
}


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach one API server, and as whom; holds secrets, so it is never printed.

    Attributes:
        server: https URL without a trailing slash.
        ca: PEM; empty for the system's authorities.
        tls_server_name: what the certificate must name; empty for the host of ``server``.
        token: bearer token; empty with a client certificate.
        client_certificate: PEM.
        client_key: PEM.
        route: the proxy on the way; None for none.
    """

    server: str
    ca: str = ""
    tls_server_name: str = ""
    token: str = field(default="", repr=False)
    client_certificate: str = field(default="", repr=False)
    client_key: str = field(default="", repr=False)
    route: Route | None = None

    @property
    def expires_at(self) -> datetime | None:
        """When the first of what it holds ends, by its own word; None when nothing says so."""
        ends = [token_expiry(self.token), _certificate_expiry(self.client_certificate)]
        return min((end for end in ends if end is not None), default=None)


def access_from(credential: Mapping[str, bytes], reference: str) -> Access:
    """Return what the key ``kubeconfig`` of a credential says.

    Args:
        credential: as the provider gave it.
        reference: its name, for messages.

    Raises:
        CredentialsError: it is absent or unreadable, or asks for what is not allowed; no value of it is quoted.
    """
    text = credential.get(KEY)
    if text is None:
        raise CredentialsError(Forbidden.ABSENT, f"credentials {reference!r} have no key {KEY!r}")
    return parse_kubeconfig(text, reference)


def parse_kubeconfig(text: bytes, reference: str) -> Access:
    """Return the access that the current context of a kubeconfig gives.

    Raises:
        CredentialsError: as for ``access_from``.
    """
    config = _document(text, reference)
    context = _named(config, "contexts", config.get("current-context"), "context", reference)
    cluster = _named(config, "clusters", context.get("cluster"), "cluster", reference)
    user = _named(config, "users", context.get("user"), "user", reference)
    _check_keys(cluster, _CLUSTER_KEYS, "cluster", reference)
    _check_keys(user, _USER_KEYS, "user", reference)
    access = Access(
        server=_server(cluster, reference),
        ca=_pem(cluster, "certificate-authority-data", reference),
        tls_server_name=_text(cluster, "tls-server-name", reference),
        token=_text(user, "token", reference),
        client_certificate=_pem(user, "client-certificate-data", reference),
        client_key=_pem(user, "client-key-data", reference),
    )
    if not access.token and not (access.client_certificate and access.client_key):
        message = f"the kubeconfig in {reference!r} names nobody: neither a token nor a client certificate with its key"
        raise CredentialsError(Forbidden.NOBODY, message)
    return access


def _document(text: bytes, reference: str) -> Mapping[str, Any]:
    try:
        documents = load_documents(text, MANIFEST_LIMITS)
    except YamlError as error:
        lines = ", ".join(sorted({str(fault.line) for fault in error.faults}))
        message = f"the kubeconfig in {reference!r} is not readable (line {lines})"
        # The cause quotes the text, which is a secret.
        raise CredentialsError(Forbidden.UNREADABLE, message) from None
    if len(documents) != 1 or not isinstance(documents[0].value, Mapping):
        raise CredentialsError(Forbidden.UNREADABLE, f"{reference!r} does not hold one kubeconfig")
    return documents[0].value


def _named(config: Mapping[str, Any], section: str, name: Any, inner: str, reference: str) -> Mapping[str, Any]:
    entries = config.get(section)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping) and entry.get("name") == name and isinstance(entry.get(inner), Mapping):
            found: Mapping[str, Any] = entry[inner]
            return found
    message = f"the kubeconfig in {reference!r} has no entry under {section} for its current context"
    raise CredentialsError(Forbidden.INCOMPLETE, message)


def _check_keys(entry: Mapping[str, Any], allowed: frozenset[str], what: str, reference: str) -> None:
    for key, value in entry.items():
        if key in allowed or (key == "insecure-skip-tls-verify" and value is False):
            continue
        code, why = _REFUSED.get(key, (Forbidden.UNKNOWN_KEY, "it is not known to be safe"))
        message = f"the kubeconfig in {reference!r} has {key!r} in its {what}: {why}"
        raise CredentialsError(code, message)


def _text(entry: Mapping[str, Any], key: str, reference: str) -> str:
    value = entry.get(key, "")
    if not isinstance(value, str) or any(ord(character) < ord(" ") for character in value):
        message = f"{key!r} of the kubeconfig in {reference!r} is not one line of text"
        raise CredentialsError(Forbidden.UNREADABLE, message)
    return value


def _pem(entry: Mapping[str, Any], key: str, reference: str) -> str:
    try:
        return b64decode(_text(entry, key, reference), validate=True).decode("ascii")
    except (NotBase64, UnicodeDecodeError):
        message = f"{key!r} of the kubeconfig in {reference!r} is not PEM in base64"
        raise CredentialsError(Forbidden.UNREADABLE, message) from None


def _server(cluster: Mapping[str, Any], reference: str) -> str:
    server = _text(cluster, "server", reference).rstrip("/")
    try:
        return server_address(server)
    except AddressError as error:
        message = f"the server of the kubeconfig in {reference!r} is refused: {error.what}"
        raise CredentialsError(Forbidden.SERVER, message, remedy=error.advice) from None


def check_server(access: Access, declared: str, reference: str) -> None:
    """Return if the kubeconfig is for the server that the registry declares.

    Raises:
        CredentialsError: it is for another one; a registry that names a server of its own would be sent the token.
    """
    if comparable(access.server) != comparable(declared.rstrip("/")):
        message = f"the kubeconfig in {reference!r} is for {access.server}, but the registry says {declared}"
        raise CredentialsError(Forbidden.OTHER_SERVER, message, remedy="Make both name the same server.")


def token_expiry(token: str) -> datetime | None:
    """Return when a token expires: the ``exp`` of a JWT, RFC 7519."""
    try:
        payload = token.split(".")[1]
        claims = orjson.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return datetime.fromtimestamp(int(claims["exp"]), UTC)
    except (IndexError, ValueError, KeyError, TypeError, OverflowError, OSError):
        return None


def _certificate_expiry(pem: str) -> datetime | None:
    try:
        return x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc if pem else None
    except ValueError:
        return None
