"""Requests to an identity provider: bounded in bytes and in time, and never in the clear."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx

from console.api.signin.oidc.errors import ProviderSilentError

MOST_BYTES = 1 << 20
PATIENCE = 10.0
"""Seconds for an answer as a whole, from the name of the host to the last byte."""
_NOES = (400, 401)
"""Statuses with which a token endpoint says no: RFC 6749, section 5.2. With others it has failed."""
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def safe(url: object, *, issuer: str) -> str:
    """Return an address to which a code or a secret may be sent: https, or on this machine where the issuer is too.

    Raises:
        ProviderSilentError: it is none. What a provider says of itself leads no request to the hub's own machine.
    """
    parts = _parts(url)
    host = parts.hostname if parts else None
    loopback = host in _LOOPBACK
    if (
        parts is None
        or not host
        or not (parts.scheme == "https" or (parts.scheme == "http" and loopback))
        or (loopback and not _is_loopback(issuer))
        or parts.fragment
        or parts.username is not None
    ):
        message = "the identity provider names an address that is not https, or not its own to name"
        raise ProviderSilentError(message, remedy="see FLOTILLA_OIDC_ISSUER, and what the provider says of itself")
    return str(url)


def _parts(url: object) -> SplitResult | None:
    try:
        parts = urlsplit(url) if isinstance(url, str) and url.isascii() and url.isprintable() else None
        usable = parts is not None and parts.port != 0
    except ValueError:
        return None
    return parts if usable else None


def _is_loopback(url: str) -> bool:
    parts = _parts(url)
    return parts is not None and parts.hostname in _LOOPBACK


@cache
def _tls() -> ssl.SSLContext:
    """Return what is trusted; reading it takes milliseconds in which nobody else is answered, so it is read once."""
    return httpx.create_ssl_context()


async def ask(method: str, url: str, **request: Any) -> Mapping[str, Any]:
    """Return the object that a provider answers with; redirects are not followed.

    Args:
        method: of HTTP.
        url: see ``safe``.
        request: what httpx takes besides.

    Raises:
        ProviderSilentError: nothing usable came in time.
    """
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", **request.pop("headers", {})}
    content = bytearray()
    try:
        async with (
            asyncio.timeout(PATIENCE),
            httpx.AsyncClient(timeout=PATIENCE, follow_redirects=False, verify=_tls()) as client,
            client.stream(method, url, headers=headers, **request) as answer,
        ):
            if answer.headers.get("content-encoding", "identity") != "identity":
                why = "packs what it was asked not to pack"
                raise _silent(why)
            async for part in answer.aiter_raw():
                content += part
                if len(content) > MOST_BYTES:
                    why = "answers too much"
                    raise _silent(why)
        found = json.loads(content)
    except TimeoutError as error:
        why = "answers too slowly"
        raise _silent(why) from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
        why = "does not answer as OpenID Connect has it"
        raise _silent(why) from error
    if not isinstance(found, dict):
        why = "answers with something else than an object"
        raise _silent(why)
    if answer.status_code != httpx.codes.OK:
        said = _word(found.get("error")) if answer.status_code in _NOES else ""
        raise _silent(f"answers {answer.status_code} {said}".rstrip(), said)
    return found


def _word(value: object) -> str:
    """Return a code of RFC 6749, section 5.2; nothing of another form, which could hold anything."""
    plain = isinstance(value, str) and len(value) <= 40 and value.isascii() and value.replace("_", "").isalpha()
    return str(value) if plain else ""


def _silent(what: str, said: str = "") -> ProviderSilentError:
    error = ProviderSilentError(f"the identity provider {what}", remedy="try again; if it stays, ask who runs it")
    error.said = said
    return error
