"""Requests to one API server: the fast path of the kubernetes package's ApiClient, shared by all threads."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3
from kubernetes.client.api_client import ApiClient
from kubernetes.client.configuration import Configuration
from kubernetes.client.exceptions import ApiException
from urllib3.util import Url, parse_url

from common.destinations import LinkLocal, check_name
from common.domain.errors import FlotillaError
from common.sources.certificates import trust
from workers.kube import bounded
from workers.kube.bounded import LARGEST_ANSWER, Exchange
from workers.kube.credentials import Access
from workers.kube.errors import from_transport
from workers.kube.route import Route
from workers.kube.weight import weighed
from workers.sync.errors import (
    AddressError,
    AnswerTooLargeError,
    CredentialsError,
    Forbidden,
    GarbageError,
    UnreachableError,
)

POOL_SIZE = 32
CONNECT_SECONDS = 3.0
_CHUNK = 64 * 1024
_MOST_PARTS = 50_000
"""Reads of one answer: each costs, however little it brings."""
_ENCODING = "Accept-Encoding"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, success or not."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether it is a success."""
        return 200 <= self.status < 300


class Client:
    """One API server, as one account.

    Args:
        access: where, and as whom.
        timeout: longest that one request may take, in all.
        link_local: whether such addresses may be connected to.

    Raises:
        DestinationRefusedError: the server is one.
        CredentialsError: the certificate data cannot be used.
    """

    def __init__(self, access: Access, timeout: timedelta, *, link_local: LinkLocal = LinkLocal.REFUSED) -> None:
        check_name(urlsplit(access.server).hostname or "", link_local)
        configuration = Configuration(host=access.server, retries=False, connection_pool_maxsize=POOL_SIZE)
        configuration.tls_server_name = access.tls_server_name or None
        _lead(configuration, access.route)
        self._way = f" through {access.route}" if access.route else ""
        self._api = ApiClient(configuration)
        bounded.bound(self._api.rest_client.pool_manager, link_local)
        # One context for all connections: the authority is parsed once, and the client's key never stays on disk.
        self._api.rest_client.pool_manager.connection_pool_kw["ssl_context"] = _tls_context(access)
        self._host = access.server
        origin = parse_url(access.server)
        self._origin, self._base = (origin.scheme, origin.netloc), origin.path or ""
        # What is packed says nothing of its size: a megabyte of it may be gigabytes.
        self._headers = {"Accept": "application/json", _ENCODING: "identity"}
        if access.token:
            self._headers["Authorization"] = f"Bearer {access.token}"
        self._seconds = timeout.total_seconds()
        # Both together are the time that a write asked of the fence.
        connect = min(CONNECT_SECONDS, self._seconds / 4)
        self._timeout = (connect, self._seconds - connect)

    def send(self, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> Answer:
        """Return the answer, whatever its status.

        A GET is repeated once when the connection broke: an idle one may have been closed at the other end.

        Args:
            method: HTTP method.
            path: with its query, properly quoted.
            headers: in addition to authorisation.
            body: bytes as they are; a list or mapping as JSON.

        Raises:
            TransientError: there was no answer, or not all of it.
            PermanentError: the server is not the one it should be.
        """
        try:
            return self._send(method, path, headers, body)
        except UnreachableError:
            if method != "GET":
                raise
            return self._send(method, path, headers, body)

    def _send(self, method: str, path: str, headers: Mapping[str, str], body: Any) -> Answer:
        all_headers = {**self._headers, **headers}
        what = f"{method} {path.partition('?')[0]}{self._way}"
        until = min(time.monotonic() + self._seconds, bounded.latest.get())
        mine = bounded.current.set(Exchange(what, until))
        try:
            response = self._api.call_api(
                method, self._url(path), all_headers, body, None, _request_timeout=self._timeout
            )
            return Answer(response.status, response.headers, weighed(_read(response.response, what), what))
        except FlotillaError:
            raise
        except (ApiException, urllib3.exceptions.HTTPError, OSError) as error:
            raise from_transport(error, what) from error
        finally:
            bounded.current.reset(mine)

    def _url(self, path: str) -> str:
        """Return the URL of a path, once it is sure that just this path goes over the wire.

        Raises:
            AddressError: the library would send another one, as it does where a path has dots or unquoted letters.
        """
        url = self._host + path
        try:
            sent = parse_url(url)
        except urllib3.exceptions.LocationParseError:
            sent = Url()
        intended = (*self._origin, f"{self._base}{path}")
        if not path.startswith("/") or (sent.scheme, sent.netloc, sent.request_uri) != intended:
            message = f"a request for {path[:200]!r} would go to {sent.request_uri[:200]!r}"
            raise AddressError(message)
        return url

    def close(self) -> None:
        """Close the idle connections."""
        self._api.rest_client.pool_manager.clear()


def _read(response: urllib3.HTTPResponse, what: str) -> bytes:
    """Return the whole body; its deadline and its budget of bytes are the connection's."""
    try:
        _check_head(response, what)
        body = b"".join(_parts(response, what))
    except BaseException:
        response.close()
        raise
    response.release_conn()
    return body


def _parts(response: urllib3.HTTPResponse, what: str) -> Iterator[bytes]:
    count = 0
    while part := response.read1(_CHUNK, decode_content=False):
        yield part
        if response.length_remaining == 0:
            return
        count += 1
        if count > _MOST_PARTS:
            raise AnswerTooLargeError(what, f"more than {_MOST_PARTS:,} pieces of one answer")
    if response.length_remaining:
        message = f"{what}: the answer broke off"
        raise GarbageError(message)


def _check_head(response: urllib3.HTTPResponse, what: str) -> None:
    if response.status < 200:
        message = f"{what}: {response.status}, an interim answer that was not asked for"
        raise GarbageError(message)
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        message = f"{what}: an answer in the encoding {encoding[:40]!r}, though none was to be used"
        raise GarbageError(message, remedy="Turn compression off in the proxy or load balancer on the way.")
    if (response.length_remaining or 0) > LARGEST_ANSWER:
        raise AnswerTooLargeError(what, f"more than {LARGEST_ANSWER:,} bytes of one answer")


def _lead(configuration: Configuration, route: Route | None) -> None:
    """Make a client go through a proxy, or through none: else it would look for one by rules of its own."""
    configuration.proxy = None
    configuration.no_proxy = ""
    if route is None:
        return
    if route.scheme == "socks5":
        who = f"{quote(route.user, safe='')}:{quote(route.password, safe='')}@" if route.user else ""
        # "h": names are resolved at the proxy's end, where those of a private network mean something
        configuration.proxy = f"socks5h://{who}{route.url.partition('://')[2]}"
        return
    configuration.proxy = route.url
    configuration.proxy_headers = route.headers
    if route.scheme == "https":
        context = trust({"ca.crt": route.ca.encode()} if route.ca else {})
        context.sslsocket_class = bounded.ProxyTLS
        configuration.proxy_ssl_context = context


def _tls_context(access: Access) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=access.ca or None)
        if access.client_certificate and access.client_key:
            with TemporaryDirectory(prefix="flotilla-") as folder:
                pair = Path(folder, "pair.pem")
                pair.touch(mode=0o600)
                pair.write_text(f"{access.client_certificate}\n{access.client_key}\n")
                context.load_cert_chain(pair)
    except (ssl.SSLError, ValueError):
        message = f"the certificate data for {access.server} cannot be used"
        remedy = "Store a kubeconfig with valid PEM data."
        raise CredentialsError(Forbidden.UNREADABLE, message, remedy=remedy) from None
    return context
