"""Connections to clusters: one per cluster and process, shared by all threads."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import msgspec

from common.credentials import CredentialsProvider
from common.destinations import LinkLocal
from common.domain.fleet import Proxy
from common.single_flight import SingleFlight
from workers.kube import discovery, patience
from workers.kube.client import Answer, Client
from workers.kube.cluster import KubeCluster
from workers.kube.credentials import Access, access_from, check_server
from workers.kube.discovery import Catalogue
from workers.kube.errors import NOT_JSON, from_answer
from workers.kube.patience import Permit
from workers.kube.route import environments_route, route_by
from workers.sync.errors import GarbageError, ProxyRefusedError, SilentGroupError, UnknownKindError
from workers.sync.objects.live import Kind, Live

CATALOGUE_TTL = timedelta(minutes=10)
SETTLING = timedelta(seconds=1)
"""What was read less than this ago is not read again for the sake of an unknown kind."""
OWN = ""
"""Account of those who only look at a cluster, or whose project has none: the connection's own."""
_IDENTITY = "/api/v1/namespaces/kube-system"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the registry says that a cluster is.

    Attributes:
        server: URL.
        credentials: reference.
        proxy: on the way; None for the environment's.
    """

    server: str
    credentials: str
    proxy: Proxy | None = None


class Connection:
    """One API server with what is known about it. Safe to use from several threads.

    Args:
        provider: asked for credentials now, and again when the API server refuses them.
        address: as the registry declares it.
        request_timeout: longest that one request may take.
        link_local: whether such addresses may be connected to.
    """

    def __init__(
        self, provider: CredentialsProvider, address: Address, request_timeout: timedelta, link_local: LinkLocal
    ) -> None:
        self._link_local = link_local
        self._provider = provider
        self._address = address
        self.request_timeout = request_timeout
        self._lock = Lock()
        self._renewals = SingleFlight[Client, Client]("reading the credentials again", patience=2 * request_timeout)
        # Two requests, each of which may be sent twice.
        self._readings = SingleFlight[None, Catalogue]("asking which kinds are served", patience=4 * request_timeout)
        self._access = self._read_access()
        self._client = Client(self._access, request_timeout, link_local=link_local)
        self._catalogue: Catalogue | None = None
        self._forgotten_at = float("-inf")
        self._version: tuple[Catalogue, str] | None = None
        self._identity = ""

    def _read_access(self) -> Access:
        server, reference, proxy = self._address.server, self._address.credentials, self._address.proxy
        access = access_from(self._provider.get(reference), reference)
        check_server(access, server, reference)
        return replace(access, route=route_by(proxy, self._provider) if proxy else environments_route(server))

    @property
    def credentials_expire_at(self) -> datetime | None:
        """When the credentials in use end; None when they do not say."""
        return self._access.expires_at

    def session(self, agent: str, *, account: str, permit: Permit = patience.freely) -> KubeCluster:
        """Return the engine's port for one attempt, sweep or observation.

        Args:
            agent: names it in the User-Agent.
            account: user to impersonate; ``OWN`` for none.
            permit: asked before a request is sent again.
        """
        return KubeCluster(self, agent, account, permit)

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: Any = None, *, permit: Permit = patience.freely
    ) -> Answer:
        """Return the answer, once the API server no longer asks to wait, or for longer than one waits.

        Credentials that are refused are read again, and if they changed, used once more. A request, a write too, is
        sent again only after an answer that says it was not carried out, and only if ``permit`` allows it again.

        Raises:
            TransientError: there was no answer.
            PermanentError: the credentials cannot be used.
            LeaseLostError: ``permit`` does not allow it.
        """
        return patience.until_served(
            lambda: self._sent(method, path, headers, body, permit), permit, needed=self.request_timeout
        )

    def _sent(self, method: str, path: str, headers: Mapping[str, str], body: Any, permit: Permit) -> Answer:
        client = self._client
        refusal: ProxyRefusedError | None = None
        try:
            answer = client.send(method, path, headers, body)
            if answer.status != 401:
                return answer
        except ProxyRefusedError as error:
            refusal = error
        fresh = self._renewed(client)
        if fresh is client and refusal is not None:
            raise refusal
        if fresh is client:
            return answer
        permit(self.request_timeout)
        return fresh.send(method, path, headers, body)

    def _renewed(self, refused: Client) -> Client:
        """Return a client with other credentials than those that were refused; the same one where there are none."""
        if self._client is not refused:
            return self._client
        return self._renewals.run(refused, lambda: self._renew(refused))

    def _renew(self, refused: Client) -> Client:
        access = self._read_access()
        if access == self._access:
            return self._client
        fresh = Client(access, self.request_timeout, link_local=self._link_local)
        with self._lock:
            if self._client is refused:
                self._access, self._client, self._identity = access, fresh, ""
            return self._client

    def identity(self) -> str:
        """Return the UID of the ``kube-system`` namespace, asked once for this connection.

        Raises:
            TransientError: it could not be read.
            PermanentError: the account may not read it.
        """
        if not self._identity:
            self._identity = self._live(_IDENTITY).meta.uid
        return self._identity

    def forget_identity(self) -> None:
        """Ask again at the next call: who is on the other end may have changed."""
        self._identity = ""

    def version(self) -> str:
        """Return the API server's version, such as ``v1.37.2``."""
        return _decoded_version(self._got("/version"))

    def capabilities(self, *, agent: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
        """Return the API server's version, and every API version that it serves; as known for some minutes.

        Raises:
            TransientError: that could not be found out.
        """
        catalogue = self._current(agent)
        known = self._version
        if known is None or known[0] is not catalogue:
            known = self._version = (catalogue, self.version())
        return known[1], catalogue.api_versions

    def _live(self, path: str) -> Live:
        body = self._got(path)
        try:
            return Live(body)
        except NOT_JSON as error:
            message = f"GET {path}: the answer is not what Kubernetes says there"
            raise GarbageError(message) from error

    def _got(self, path: str, headers: Mapping[str, str] | None = None) -> bytes:
        answer = self.send("GET", path, headers or {})
        if not answer.ok:
            raise from_answer(answer.status, answer.headers, answer.body, f"GET {path}")
        return answer.body

    def kind(self, group: str, version: str, kind: str, *, agent: Mapping[str, str]) -> Kind:
        """Return how the cluster serves a kind; where that is not known, or the group was silent, it asks again once.

        Raises:
            UnknownKindError: the cluster does not serve it.
            TransientError: that could not be found out.
        """
        catalogue = self._current(agent)
        try:
            return catalogue.find(group, version, kind)
        except (UnknownKindError, SilentGroupError):
            if time.monotonic() - catalogue.read_at < SETTLING.total_seconds():
                raise
            return self.refresh_kinds(agent=agent).find(group, version, kind)

    def _current(self, agent: Mapping[str, str]) -> Catalogue:
        catalogue = self._catalogue
        if catalogue is not None and time.monotonic() - catalogue.read_at <= CATALOGUE_TTL.total_seconds():
            return catalogue
        return self._readings.run(None, lambda: self.refresh_kinds(agent=agent))

    def refresh_kinds(self, *, agent: Mapping[str, str]) -> Catalogue:
        """Read and return the served kinds; never what another thread began to read before this was asked."""
        asked_at = time.monotonic()
        headers = {"Accept": discovery.ACCEPT, **agent}
        bodies = [self._got(path, headers) for path in discovery.PATHS]
        try:
            catalogue = discovery.decode(bodies, read_at=asked_at)
        except NOT_JSON as error:
            message = "the cluster does not answer aggregated discovery (Kubernetes 1.27 or later does)"
            raise GarbageError(message) from error
        with self._lock:
            newest = self._catalogue is None or self._catalogue.read_at <= asked_at
            if newest and asked_at >= self._forgotten_at:
                self._catalogue = catalogue
        return catalogue

    def forget_kinds(self) -> None:
        """Read the served kinds again at the next question."""
        with self._lock:
            self._catalogue = None
            self._forgotten_at = time.monotonic()

    def close(self) -> None:
        """Close the idle connections."""
        self._client.close()


class _Version(msgspec.Struct, frozen=True):
    git_version: str = msgspec.field(name="gitVersion")


def _decoded_version(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Version).git_version
    except NOT_JSON as error:
        message = "GET /version: the answer is not what Kubernetes says there"
        raise GarbageError(message) from error


class ClusterPool:
    """The connections of one process.

    Args:
        provider: of kubeconfigs.
        request_timeout: longest that one request may take; at most 10 s, since a write waits for the lease.
        link_local: whether such addresses may be connected to.
    """

    def __init__(
        self,
        provider: CredentialsProvider,
        request_timeout: timedelta,
        link_local: LinkLocal = LinkLocal.REFUSED,
    ) -> None:
        self._link_local = link_local
        self._provider = provider
        self._request_timeout = request_timeout
        self._connections: dict[str, tuple[Address, Connection]] = {}
        self._lock = Lock()

    def connect(self, name: str, *, server: str, credentials: str, proxy: Proxy | None = None) -> Connection:
        """Return the connection to a cluster, made at first use and when server, credentials or proxy changed.

        Raises:
            TransientError: the credentials provider could not be reached.
            PermanentError: the credentials cannot be used.
        """
        address = Address(server, credentials, proxy)
        with self._lock:
            known = self._connections.get(name)
        if known is not None and known[0] == address:
            return known[1]
        fresh = Connection(self._provider, address, self._request_timeout, self._link_local)
        with self._lock:
            known = self._connections.get(name)
            if known is not None and known[0] == address:
                return known[1]
            self._connections[name] = (address, fresh)
        return fresh

    def close(self) -> None:
        """Close the idle connections of all clusters."""
        with self._lock:
            known = list(self._connections.values())
            self._connections.clear()
        for _, connection in known:
            connection.close()
