"""The way to an API server: a proxy of the cluster's own, or the one that the environment names.

A proxy sees names and bytes, no content: TLS is spoken with the API server itself, whose certificate is checked.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from common.credentials import CredentialsProvider
from common.domain.addresses import AddressError, proxy_address
from common.domain.fleet import Proxy
from common.sources.proxies import proxy_for
from workers.sync.errors import CredentialsError, Forbidden

_HTTPS = 443


@dataclass(frozen=True, slots=True)
class Route:
    """A proxy, and who we are there; holds secrets, so that only its URL is ever printed.

    Attributes:
        url: without user and password.
        user: empty for nobody.
        password: of the user.
        ca: PEM of the authority that vouches for an https proxy; empty for the system's.
    """

    url: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    ca: str = field(default="", repr=False)

    def __str__(self) -> str:
        return self.url

    @property
    def scheme(self) -> str:
        """How the proxy is spoken to: ``http``, ``https`` or ``socks5``."""
        return self.url.partition("://")[0]

    @property
    def headers(self) -> dict[str, str]:
        """What signs in to a proxy over HTTP."""
        if not self.user:
            return {}
        return {"Proxy-Authorization": f"Basic {b64encode(f'{self.user}:{self.password}'.encode()).decode()}"}


def route_by(proxy: Proxy, provider: CredentialsProvider) -> Route:
    """Return the way through a cluster's own proxy.

    Raises:
        CredentialsError: its credentials hold no user with a password.
        PermanentError: the credentials cannot be used.
        TransientError: the provider could not be reached.
    """
    if not proxy.credentials:
        return Route(proxy.url)
    credential = provider.get(proxy.credentials)
    user, password = _word(credential, "username"), _word(credential, "password") or _word(credential, "token")
    if bool(user) != bool(password) or ":" in user or not (user or "ca.crt" in credential):
        message = f"the credentials {proxy.credentials!r} of the proxy lack a username or a password"
        remedy = "Store username and password (or ca.crt, for an https proxy) under that reference."
        raise CredentialsError(Forbidden.PROXY, message, remedy=remedy)
    return Route(proxy.url, user, password, credential.get("ca.crt", b"").decode(errors="replace"))


def environments_route(server: str) -> Route | None:
    """Return the way through the environment's proxy to ``server``; None where that names none.

    Raises:
        CredentialsError: what it names is no proxy.
    """
    parts = urlsplit(server)
    found = proxy_for(parts.hostname or "", parts.port or _HTTPS)
    return route_of(found, "the proxy that HTTPS_PROXY or ALL_PROXY names") if found else None


def route_of(url: str, what: str) -> Route:
    """Return the way through a proxy whose URL may carry user and password.

    Raises:
        CredentialsError: it is no URL of a proxy.
    """
    scheme, separator, rest = url.partition("://")
    who, _, where = rest.rpartition("@")
    user, _, password = who.partition(":")
    plain = f"{scheme}{separator}{where.rstrip('/')}"
    try:
        proxy_address(plain)
    except AddressError as error:
        raise CredentialsError(Forbidden.PROXY, f"{what} cannot be used: {error.what}", remedy=error.advice) from None
    return Route(plain, unquote(user), unquote(password))


def _word(credential: Mapping[str, bytes], key: str) -> str:
    return credential.get(key, b"").decode(errors="replace").strip()
