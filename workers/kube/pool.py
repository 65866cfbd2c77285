"""Connections to clusters: one per cluster and process, shared by all threads."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import msgspec

from common.sources.credentials import CredentialsProvider
from workers.kube import discovery
from workers.kube.client import Answer, Client
from workers.kube.cluster import KubeCluster
from workers.kube.credentials import Access, access_from, check_server
from workers.kube.discovery import Catalogue
from workers.kube.errors import from_answer
from workers.sync.errors import GarbageError, SilentGroupError, UnknownKindError
from workers.sync.live import Kind, Live

CATALOGUE_TTL = timedelta(minutes=10)
SETTLING = timedelta(seconds=1)
"""What was read less than this ago is not read again for the sake of an unknown kind."""
_IDENTITY = "/api/v1/namespaces/kube-system"


class Connection:
    """One API server with what is known about it. Safe to use from several threads.

    Args:
        provider: asked for credentials now, and again when the API server refuses them.
        server: as the registry declares it.
        reference: of the credentials.
        request_timeout: longest that one request may take.
    """

    def __init__(self, provider: CredentialsProvider, server: str, reference: str, request_timeout: timedelta) -> None:
        self._provider = provider
        self._server = server
        self._reference = reference
        self.request_timeout = request_timeout
        self._lock = Lock()
        self._access = self._read_access()
        self._client = Client(self._access, request_timeout)
        self._catalogue: Catalogue | None = None
        self._version: tuple[Catalogue, str] | None = None
        self._identity = ""

    def _read_access(self) -> Access:
        access = access_from(self._provider.get(self._reference), self._reference)
        check_server(access, self._server, self._reference)
        return access

    @property
    def credentials_expire_at(self) -> datetime | None:
        """When the credentials in use end; None when they do not say."""
        return self._access.expires_at

    def session(self, agent: str, *, account: str = "") -> KubeCluster:
        """Return the engine's port for one attempt, sweep or observation.

        Args:
            agent: names it in the User-Agent.
            account: user to impersonate; empty for none.
        """
        return KubeCluster(self, agent, account)

    def send(self, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> Answer:
        """Return the answer. Credentials that are refused are read again, and if they changed, used once more.

        A write is not repeated even then: the time that it asked of the fence has passed. Its dry-run came before it.

        Raises:
            TransientError: there was no answer.
            PermanentError: the credentials cannot be used.
        """
        client = self._client
        answer = client.send(method, path, headers, body)
        if answer.status != 401:
            return answer
        fresh = self._renewed(client)
        writes = method != "GET" and "dryRun=All" not in path
        return answer if writes or fresh is client else fresh.send(method, path, headers, body)

    def _renewed(self, refused: Client) -> Client:
        with self._lock:
            if self._client is refused:
                access = self._read_access()
                if access != self._access:
                    self._access = access
                    self._client = Client(access, self.request_timeout)
                    self._identity = ""
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
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            message = f"GET {path}: the answer is not what Kubernetes says there"
            raise GarbageError(message) from error

    def _got(self, path: str, headers: Mapping[str, str] | None = None) -> bytes:
        answer = self.send("GET", path, headers or {})
        if not answer.ok:
            raise from_answer(answer.status, answer.headers, answer.body, f"GET {path}")
        return answer.body

    def kind(self, group: str, version: str, kind: str, *, agent: Mapping[str, str]) -> Kind:
        """Return how the cluster serves a kind; where that is not known, or the group was silent, it asks anew once.

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
        if catalogue is None or time.monotonic() - catalogue.read_at > CATALOGUE_TTL.total_seconds():
            with self._lock:
                # Another thread may have read it while this one waited.
                if self._catalogue is catalogue:
                    self._catalogue = self._read_catalogue(agent)
                catalogue = self._catalogue
        return catalogue if catalogue is not None else self.refresh_kinds(agent=agent)

    def refresh_kinds(self, *, agent: Mapping[str, str]) -> Catalogue:
        """Read and return the served kinds."""
        catalogue = self._read_catalogue(agent)
        self._catalogue = catalogue
        return catalogue

    def forget_kinds(self) -> None:
        """Read the served kinds anew at the next question."""
        self._catalogue = None

    def _read_catalogue(self, agent: Mapping[str, str]) -> Catalogue:
        headers = {"Accept": discovery.ACCEPT, **agent}
        bodies = [self._got(path, headers) for path in discovery.PATHS]
        try:
            return discovery.decode(bodies, read_at=time.monotonic())
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            message = "the cluster does not answer aggregated discovery (Kubernetes 1.27 or later does)"
            raise GarbageError(message) from error

    def close(self) -> None:
        """Close the idle connections."""
        self._client.close()


class _Version(msgspec.Struct, frozen=True):
    git_version: str = msgspec.field(name="gitVersion")


def _decoded_version(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Version).git_version
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = "GET /version: the answer is not what Kubernetes says there"
        raise GarbageError(message) from error


class ClusterPool:
    """The connections of one process.

    Args:
        provider: of kubeconfigs.
        request_timeout: longest that one request may take; at most 10 s, since a write waits for the lease.
    """

    def __init__(self, provider: CredentialsProvider, request_timeout: timedelta) -> None:
        self._provider = provider
        self._request_timeout = request_timeout
        self._connections: dict[str, tuple[tuple[str, str], Connection]] = {}
        self._lock = Lock()

    def connect(self, name: str, *, server: str, credentials: str) -> Connection:
        """Return the connection to a cluster, made at first use and when server or credentials changed.

        Raises:
            TransientError: the credentials provider could not be reached.
            PermanentError: the credentials cannot be used.
        """
        address = (server, credentials)
        with self._lock:
            known = self._connections.get(name)
        if known is not None and known[0] == address:
            return known[1]
        fresh = Connection(self._provider, server, credentials, self._request_timeout)
        with self._lock:
            known = self._connections.get(name)
            if known is not None and known[0] == address:
                return known[1]
            self._connections[name] = (address, fresh)
        return fresh

    def close(self) -> None:
        """Close the idle connections of all clusters."""
        with self._lock:
            for _, connection in self._connections.values():
                connection.close()
            self._connections.clear()
