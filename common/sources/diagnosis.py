"""What git did not say: where a server redirects to, and what is wrong with its certificate.

Git's words are vague there, so the server is looked at once more from here, after git has failed.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx

from common.credentials import Credential
from common.domain.addresses import GitAddress, Transport
from common.domain.errors import FlotillaError
from common.sources.artifacts.addresses import Address
from common.sources.artifacts.web import Web, WebLimits
from common.sources.certificates import fault_of, trust
from common.sources.environment import authorization
from common.sources.faults import CertificateError, RedirectRefusedError
from common.sources.proxies import proxy_for

_PATIENCE = timedelta(seconds=5)
_LIMITS = WebLimits(connect=_PATIENCE, silence=_PATIENCE, total=_PATIENCE)
_HTTPS = 443
_ASKED = "/info/refs"
_LONGEST = 300


@contextmanager
def explained(url: GitAddress, credential: Credential) -> Iterator[None]:
    """Raise in place of git's vague fault, if there is one, one that names the certificate's flaw or the new address.

    Raises:
        CertificateError, RedirectRefusedError: as git's, in better words where they were found out.
    """
    try:
        yield
    except CertificateError as error:
        raise _certificate(url, credential) or error from error
    except RedirectRefusedError as error:
        raise _redirect(url, credential) or error from error


def _certificate(url: GitAddress, credential: Credential) -> CertificateError | None:
    port = httpx.URL(url.origin).port or _HTTPS
    if url.transport is not Transport.HTTPS or proxy_for(url.host, port):
        return None
    try:
        with (
            socket.create_connection((url.host, port), timeout=_PATIENCE.total_seconds()) as plain,
            trust(credential).wrap_socket(plain, server_hostname=url.host),
        ):
            return None
    except OSError as error:
        return fault_of(error, where=url.text)


def _redirect(url: GitAddress, credential: Credential) -> RedirectRefusedError | None:
    """Ask what git asked, as whom git asked, and tell where the answer leads; that address is not called."""
    at = httpx.URL(f"{url.text.rstrip('/')}{_ASKED}?service=git-upload-pack")
    address = Address(at, url.origin.rstrip("/"), plain=url.transport is Transport.HTTP)
    try:
        with Web(credential, _LIMITS) as web:
            target = at.join(web.location(address, authorization=authorization(url, credential)))
    except (FlotillaError, httpx.InvalidURL):
        return None
    if target == at or not target.host:
        return None
    shown = f"{target.scheme}://{target.netloc.decode()}{target.path.removesuffix(_ASKED)}"[:_LONGEST]
    message = f"{url}: the server redirects to {shown if shown.isprintable() else ascii(shown)}, which is not followed"
    remedy = (
        "Write that address into the registry, and have the project's repos allow it, if it is the repository's own."
    )
    return RedirectRefusedError(message, remedy=remedy)
