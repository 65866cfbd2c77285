"""Asks servers for artifacts: bounded in time and size, over verified TLS, with credentials for one origin alone.

Of the environment only its proxies are taken, as git takes them: no netrc. Bodies are taken as they were sent, never
decoded on the way: what unpacks them counts.
"""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import httpx

from common.credentials import Credential, CredentialsRefusedError
from common.destinations import LinkLocal, check_name, check_peer
from common.domain.errors import FlotillaError
from common.domain.foreign import said
from common.sources.artifacts.addresses import Address
from common.sources.artifacts.faults import (
    AddressRefusedError,
    AnswerRefusedError,
    ArtifactMissingError,
    ArtifactTimedOutError,
    ArtifactUnauthorisedError,
    ArtifactUnreachableError,
    DownloadTooLargeError,
    ProxyRefusedError,
)
from common.sources.certificates import fault_of, trust
from common.sources.proxies import proxy_for

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_WITH_BODY = 200
_HTTPS = 443
_CONNECTED = ("connect_tcp.complete", "start_tls.complete")
"""How the names of the events end that hand a connection out; of one through a proxy each begins otherwise."""
_RETRY = "It is tried again; see that the server is up and reachable from this worker."


@dataclass(frozen=True, slots=True)
class WebLimits:
    """Bounds of what is asked for one source at once.

    Attributes:
        connect: longest that a connection may take to come about.
        silence: longest that a server may say nothing.
        total: longest for all of it.
        link_local: whether such addresses may be asked.
    """

    connect: timedelta = timedelta(seconds=10)
    silence: timedelta = timedelta(seconds=20)
    total: timedelta = timedelta(minutes=5)
    link_local: LinkLocal = LinkLocal.REFUSED


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
        self._watch = _Watch(limits.total, limits.link_local)
        self._tls = trust(credential)
        self._clients: dict[str, httpx.Client] = {}

    def __enter__(self) -> Web:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.stop()
        for client in self._clients.values():
            client.close()

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
            answer = self.once(address, sent, limit=limit)
            if answer.status not in _REDIRECTS:
                return answer
            address = address.linked(answer.headers.get("Location", ""))
            if address.origin != origin:
                authorization = ""
        message = f"{origin} redirects more than {_MOST_REDIRECTS} times"
        raise AddressRefusedError(message, remedy="Write the present address into the registry.")

    def location(self, address: Address, *, authorization: str = "") -> str:
        """Return where the answer at ``address`` leads, as the server spells it; empty where it leads nowhere.

        Raises:
            FlotillaError: as ``get``.
        """
        sent = {"Authorization": authorization} if authorization else {}
        answer = self.once(address, sent, limit=0)
        return answer.headers.get("Location", "") if answer.status in _REDIRECTS else ""

    def once(self, address: Address, headers: Mapping[str, str], *, limit: int) -> Answer:
        """Return what the server at ``address`` answers, a redirect not followed: ``headers`` go nowhere else.

        Raises:
            FlotillaError: as ``get``.
        """
        check_name(address.url.host, self._limits.link_local)
        client = self._client(address)
        try:
            with self._stream(client, address, headers) as response:
                content = _body(response, address, limit) if response.status_code == _WITH_BODY else b""
                return Answer(address, response.status_code, response.headers, content)
        except httpx.HTTPError as error:
            if self._watch.expired or isinstance(error, httpx.TimeoutException):
                message = f"{address} answered too slowly"
                raise ArtifactTimedOutError(message, remedy=_RETRY) from error
            untrusted = fault_of(error, where=str(address))
            if untrusted is not None:
                raise untrusted from error
            way = "" if client is self._clients.get("") else " through the proxy of the environment"
            message = f"{address} did not answer{way} ({said(error)})"
            raise ArtifactUnreachableError(message, remedy=_RETRY) from error

    @contextmanager
    def _stream(self, client: httpx.Client, address: Address, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        extensions = {"trace": partial(self._watch.traced, address.url.host)}
        with client.stream("GET", address.url, headers=headers, extensions=extensions) as response:
            yield response

    def _client(self, address: Address) -> httpx.Client:
        """Return what asks there: directly, or through the proxy that the environment names.

        Raises:
            ProxyRefusedError: the proxy's URL is none.
        """
        proxy = "" if address.plain else proxy_for(address.url.host, address.url.port or _HTTPS)
        if proxy not in self._clients:
            limits = self._limits
            own = self._tls if proxy.startswith("https://") else None
            try:
                self._clients[proxy] = httpx.Client(
                    verify=self._tls,
                    trust_env=False,
                    proxy=httpx.Proxy(proxy, ssl_context=own) if proxy else None,
                    follow_redirects=False,
                    timeout=httpx.Timeout(limits.silence.total_seconds(), connect=limits.connect.total_seconds()),
                    headers={"User-Agent": "flotilla", "Accept-Encoding": "identity"},
                )
            except (ValueError, httpx.InvalidURL):
                message = "the proxy that HTTPS_PROXY or ALL_PROXY names cannot be used"
                remedy = "Write http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT there."
                raise ProxyRefusedError(message, remedy=remedy) from None
        return self._clients[proxy]


def _body(response: httpx.Response, address: Address, limit: int) -> bytes:
    told = response.headers.get("Content-Length", "")
    content = bytearray()
    if not (_is_number(told) and int(told[:18]) > limit):
        for part in response.iter_raw():
            content += part
            if len(content) > limit:
                break
        else:
            return bytes(content)
    message = f"{address} sends more than {limit:,} bytes"
    raise DownloadTooLargeError(message, remedy="Publish less at once.")


def _is_number(text: str) -> bool:
    """Tell whether a header is a whole number; the raised digits of Latin-1 are digits too, and none."""
    return text.isascii() and text.isdigit()


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
        after = timedelta(seconds=min(int(wait), 3_600)) if _is_number(wait) and len(wait) < 10 else None
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


class _Watch:
    """Ends every connection when time is up: a server that sends a byte now and then is never silent for long."""

    def __init__(self, total: timedelta, link_local: LinkLocal) -> None:
        self._link_local = link_local
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

    def traced(self, host: str, event: str, info: Mapping[str, Any]) -> None:
        """Take what httpx tells of a step of a request to ``host``.

        Raises:
            DestinationRefusedError: the connection that came about leads to where nothing may be asked.
        """
        if event.endswith(_CONNECTED):
            connected = info["return_value"].get_extra_info("socket")
            check_peer(connected, host, self._link_local)
            self._sockets.append(connected)
            if self.expired:
                self._end()

    def _end(self) -> None:
        for each in self._sockets:
            with suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)
