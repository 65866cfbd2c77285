"""Asks servers for artifacts: bounded in time and size, over verified TLS, with credentials for one origin alone.

Nothing is taken from the environment: no proxies, no netrc. Bodies are taken as they were sent, never decoded on the
way: what unpacks them counts.
"""

from __future__ import annotations

import base64
import binascii
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from common.domain.errors import FlotillaError
from common.sources.artifacts.addresses import Address
from common.sources.artifacts.faults import (
    AddressRefusedError,
    AnswerRefusedError,
    ArtifactMissingError,
    ArtifactTimedOutError,
    ArtifactUnauthorisedError,
    ArtifactUnreachableError,
    DownloadTooLargeError,
)
from common.sources.credentials import Credential, CredentialsRefusedError

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_WITH_BODY = 200
_CONNECTED = frozenset({"connection.connect_tcp.complete", "connection.start_tls.complete"})
_RETRY = "It is tried again; see that the server is up and reachable from this worker."


@dataclass(frozen=True, slots=True)
class WebLimits:
    """Bounds of what is asked for one source at once.

    Attributes:
        connect: longest that a connection may take to come about.
        silence: longest that a server may say nothing.
        total: longest for all of it.
    """

    connect: timedelta = timedelta(seconds=10)
    silence: timedelta = timedelta(seconds=20)
    total: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said; a body comes with status 200 only.

    Attributes:
        address: who said it, redirects followed.
    """

    address: Address
    status: int
    headers: httpx.Headers = field(repr=False)
    content: bytes = field(default=b"", repr=False)


class Web:
    """Requests for one source. Used by one thread, as a context manager.

    Args:
        credential: its ``ca.crt`` is trusted beside the system's authorities; nothing else of it is used here.
        limits: over all requests together.
    """

    def __init__(self, credential: Credential, limits: WebLimits) -> None:
        self._limits = limits
        self._watch = _Watch(limits.total)
        self._client = httpx.Client(
            verify=_trust(credential),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(limits.silence.total_seconds(), connect=limits.connect.total_seconds()),
            headers={"User-Agent": "flotilla", "Accept-Encoding": "identity"},
        )

    def __enter__(self) -> Web:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.stop()
        self._client.close()

    def get(
        self, address: Address, *, limit: int, headers: Mapping[str, str] | None = None, authorization: str = ""
    ) -> Answer:
        """Return what the server at ``address`` answers, redirects followed, whatever its status.

        Args:
            address: where to ask.
            limit: bytes of the body.
            headers: of the request.
            authorization: value of that header; it goes to the origin of ``address`` alone, and not once a redirect
                has led away from it.

        Raises:
            AddressRefusedError: a redirect leads to where nothing may be asked.
            DownloadTooLargeError: the body is larger.
            ArtifactUnreachableError, ArtifactTimedOutError: there was no answer, or not in time.
        """
        origin = address.origin
        for _ in range(_MOST_REDIRECTS + 1):
            sent = {**(headers or {}), **({"Authorization": authorization} if authorization else {})}
            answer = self._asked(address, sent, limit)
            if answer.status not in _REDIRECTS:
                return answer
            address = address.linked(answer.headers.get("Location", ""))
            if address.origin != origin:
                authorization = ""
        message = f"{origin} redirects more than {_MOST_REDIRECTS} times"
        raise AddressRefusedError(message, remedy="Write the present address into the registry.")

    def _asked(self, address: Address, headers: Mapping[str, str], limit: int) -> Answer:
        try:
            with self._stream(address, headers) as response:
                content = _body(response, address, limit) if response.status_code == _WITH_BODY else b""
                return Answer(address, response.status_code, response.headers, content)
        except httpx.HTTPError as error:
            if self._watch.expired or isinstance(error, httpx.TimeoutException):
                message = f"{address} answered too slowly"
                raise ArtifactTimedOutError(message, remedy=_RETRY) from error
            message = f"{address} did not answer ({type(error).__name__}: {str(error)[:200]})"
            raise ArtifactUnreachableError(message, remedy=_RETRY) from error

    @contextmanager
    def _stream(self, address: Address, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        extensions = {"trace": self._watch.trace}
        with self._client.stream("GET", address.url, headers=headers, extensions=extensions) as response:
            yield response


def _body(response: httpx.Response, address: Address, limit: int) -> bytes:
    told = response.headers.get("Content-Length", "")
    content = bytearray()
    if not (told.isdigit() and int(told[:18]) > limit):
        for part in response.iter_raw():
            content += part
            if len(content) > limit:
                break
        else:
            return bytes(content)
    message = f"{address} sends more than {limit:,} bytes"
    raise DownloadTooLargeError(message, remedy="Publish less at once.")


def refusal(answer: Answer, *, what: str) -> FlotillaError:
    """Return the fault that an answer without what was asked for means.

    Args:
        answer: with another status than 200.
        what: was asked for, in words.
    """
    said = f"{answer.address} answers {answer.status} for {what}"
    if answer.status in {401, 403}:
        remedy = "Check the credentials reference of the source, and what that account may read."
        return ArtifactUnauthorisedError(said, remedy=remedy)
    if answer.status in {404, 410}:
        return ArtifactMissingError(said, remedy="Check the address, and what the account may read.")
    if answer.status == 429 or answer.status >= 500:
        wait = answer.headers.get("Retry-After", "")
        after = timedelta(seconds=min(int(wait), 3_600)) if wait.isdigit() and len(wait) < 10 else None
        return ArtifactUnreachableError(said, remedy=_RETRY, retry_after=after)
    return AnswerRefusedError(said, remedy="Check the address: this is not what such a server says.")


def basic(credential: Credential, *, where: str) -> str:
    """Return the Authorization header for a credential; empty where it holds no password.

    Raises:
        CredentialsRefusedError: it does not fit.
    """
    password = (credential.get("token") or credential.get("password") or b"").strip()
    user = credential.get("username", b"").strip()
    if not password and set(credential) <= {"ca.crt"}:
        return ""
    if not (password and user) or b":" in user:
        message = f"the credentials for {where} lack a username or a password"
        raise CredentialsRefusedError(message, remedy="Store username and password under the reference.")
    return f"Basic {base64.b64encode(user + b':' + password).decode()}"


def _trust(credential: Credential) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if "ca.crt" in credential:
        try:
            context.load_verify_locations(cadata=credential["ca.crt"].decode())
        except (ssl.SSLError, ValueError, binascii.Error) as error:
            message = "ca.crt of the credentials holds no certificate"
            raise CredentialsRefusedError(message, remedy="Store the authority's certificates as PEM.") from error
    return context


class _Watch:
    """Ends every connection when time is up: a server that sends a byte now and then is never silent for long."""

    def __init__(self, total: timedelta) -> None:
        self._deadline = 0.0
        self._total = total.total_seconds()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(self._total, self._end)
        self._timer.daemon = True

    def start(self) -> None:
        """Begin to count."""
        self._deadline = time.monotonic() + self._total
        self._timer.start()

    def stop(self) -> None:
        """Stop counting."""
        self._timer.cancel()

    @property
    def expired(self) -> bool:
        """Whether time is up."""
        return time.monotonic() >= self._deadline

    @property
    def trace(self) -> Callable[[str, Mapping[str, Any]], None]:
        """What httpx tells of each step of a request."""
        return self._traced

    def _traced(self, event: str, info: Mapping[str, Any]) -> None:
        if event in _CONNECTED:
            self._sockets.append(info["return_value"].get_extra_info("socket"))
            if self.expired:
                self._end()

    def _end(self) -> None:
        for each in self._sockets:
            with suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)
