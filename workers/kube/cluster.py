"""The engine's port, spoken to a real API server."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from workers.kube import budget
from workers.kube.budget import ListBounds, Pages, Spending
from workers.kube.client import Answer
from workers.kube.errors import NOT_JSON, from_answer, status_of
from workers.kube.listing import Page, decode_metadata, decode_objects
from workers.kube.paths import collection, item, with_query
from workers.sync.errors import (
    AddressError,
    AnswerTooLargeError,
    GarbageError,
    GoneError,
    SilentGroupError,
    UnknownKindError,
)
from workers.sync.objects.groups import built_in
from workers.sync.objects.live import MANAGER, Kind, Live, LiveMeta
from workers.sync.ports import Applied, Ownership, Target, Write

if TYPE_CHECKING:
    from workers.kube.patience import Permit
    from workers.kube.pool import Connection

PAGES = (500, 50, 5)
"""Objects asked for at once; fewer where that many make too large an answer."""
RESTARTS = 3
"""How often a LIST begins again because its continuation expired."""

_MOST_LOGS = 3
_LOG_BYTES = 4_000
_APPLY = {"Content-Type": "application/apply-patch+yaml"}
_PATCH = {"Content-Type": "application/json-patch+json"}
_JSON = {"Content-Type": "application/json"}
_IMPERSONATE = "Impersonate-User"
_APPLY_QUERIES = {
    (write, ownership): "?fieldManager="
    + MANAGER
    + ("&dryRun=All" if write is Write.DRY_RUN else "")
    + ("&force=true" if ownership is Ownership.FORCE else "")
    for write in Write
    for ownership in Ownership
}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Listing(Generic[T]):
    """One way to LIST."""

    headers: Mapping[str, str]
    decode: Callable[[bytes], Page[T]]
    bounds: ListBounds


_METADATA = _Listing(
    {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}, decode_metadata, budget.METADATA
)
_OBJECTS = _Listing({}, decode_objects, budget.OBJECTS)


def headers_of(agent: str, account: str) -> dict[str, str]:
    """Return the headers of a request: what it is for, and in whose name unless that is the connection's own."""
    named = {"User-Agent": agent}
    return {**named, _IMPERSONATE: account} if account else named


class KubeCluster:
    """One cluster for one attempt, sweep or observation; implements ``workers.sync.ports.ClusterPort``.

    Args:
        connection: shared by everyone in this process.
        agent: User-Agent; names the run and attempt, so that the API server's audit log does too.
        account: user in whose name every request for objects is made; empty for the connection's own. What kinds are
            served is the same for all, and asked in the connection's own name.
        permit: asked before a request is sent again.
    """

    def __init__(self, connection: Connection, agent: str, account: str, permit: Permit) -> None:
        self._connection = connection
        self._permit = permit
        self._agent = headers_of(agent, "")
        self._headers = headers_of(agent, account)
        self._requests: Counter[str] = Counter()
        self._spending = Spending()
        self._lock = Lock()

    @property
    def request_timeout(self) -> timedelta:
        """Longest that one request may take."""
        return self._connection.request_timeout

    def requests(self) -> Mapping[str, int]:
        """Return how many requests were made, by verb."""
        with self._lock:
            return dict(self._requests)

    def kind(self, group: str, version: str, kind: str) -> Kind:
        """Return how the cluster serves a kind; see the port."""
        return self._connection.kind(group, version, kind, agent=self._agent)

    def refresh_kinds(self) -> None:
        """Read the served kinds again."""
        self._connection.refresh_kinds(agent=self._agent)

    def list_meta(self, kind: Kind, *, namespace: str, selector: str) -> tuple[LiveMeta, ...]:
        """Return the metadata of all objects that ``selector`` takes; see the port."""
        return self._list(_METADATA, kind, namespace, selector)

    def list_objects(self, kind: Kind, *, namespace: str, selector: str) -> tuple[dict[str, Any], ...]:
        """Return whole objects; see the port."""
        return self._list(_OBJECTS, kind, namespace, selector)

    def _list(self, listing: _Listing[T], kind: Kind, namespace: str, selector: str) -> tuple[T, ...]:
        sizes, restarts = deque(PAGES), RESTARTS
        while True:
            try:
                return self._pages(listing, kind, collection(kind, namespace), labelSelector=selector, limit=sizes[0])
            except AnswerTooLargeError:
                sizes.popleft()
                if not sizes:
                    raise
            except GoneError:
                restarts -= 1
                if not restarts:
                    raise

    def _pages(self, listing: _Listing[T], kind: Kind, path: str, **query: str | int) -> tuple[T, ...]:
        found: list[T] = []
        what, token = f"LIST {path}", ""
        pages = Pages(what, listing.bounds)
        while True:
            url = with_query(path, **{name: str(value) for name, value in query.items()}, **{"continue": token})
            answer = self._send("list", "GET", url, listing.headers)
            if answer.status == 404:
                raise self._kind_is_gone(kind, answer, path)
            page = self._decoded(self._succeeded(answer, what, kind.group), listing.decode, what)
            found += page.items
            token = page.token
            pages.add(size=len(answer.body), objects=len(page.items), token=token)
            if not token:
                return tuple(found)

    def _kind_is_gone(self, kind: Kind, answer: Answer, path: str) -> Exception:
        """Return the error for a collection that is not there: the kind was known, so what is known is outdated."""
        self._connection.forget_kinds()
        if status_of(answer.body) is None:
            return GarbageError(f"LIST {path}: 404, and not an answer of Kubernetes")
        return UnknownKindError(kind.group, kind.version, kind.kind)

    def get(self, target: Target) -> Live | None:
        """Return the object, or None when it surely does not exist."""
        path = self._item(target)
        answer = self._send("get", "GET", path, {})
        if answer.status == 404:
            status = status_of(answer.body)
            if status is not None and status.details is not None and status.details.name == target.name:
                return None
            raise self._kind_is_gone(target.kind, answer, path)
        return self._decoded(self._succeeded(answer, f"GET {path}", target.kind.group), Live, f"GET {path}")

    def apply(self, target: Target, body: bytes, *, write: Write, ownership: Ownership) -> Applied:
        """Server-side apply as field manager ``flotilla``; see the port."""
        path = self._item(target)
        verb = "dry-run" if write is Write.DRY_RUN else "apply"
        answer = self._send(verb, "PATCH", path + _APPLY_QUERIES[write, ownership], _APPLY, body)
        what = f"{verb} {path}"
        return Applied(
            answer.status == 201, self._decoded(self._succeeded(answer, what, target.kind.group), Live, what)
        )

    def patch(self, target: Target, operations: Sequence[Mapping[str, Any]]) -> LiveMeta:
        """Carry out a JSON patch; see the port."""
        path = self._item(target)
        url = with_query(path, fieldManager=MANAGER)
        answer = self._send("patch", "PATCH", url, _PATCH, [dict(operation) for operation in operations])
        return self._decoded(self._succeeded(answer, f"PATCH {path}", target.kind.group), Live, f"PATCH {path}").meta

    def delete(self, target: Target, *, uid: str, resource_version: str) -> tuple[str, ...] | None:
        """Delete in the foreground; return what it waits for, None when it does not exist; see the port."""
        path = self._item(target)
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Foreground",
            "preconditions": {"uid": uid, "resourceVersion": resource_version},
        }
        answer = self._send("delete", "DELETE", path, _JSON, options)
        if answer.status == 404:
            return None
        # The object as it waits to go, or a Status without any metadata once it is gone.
        return self._decoded(
            self._succeeded(answer, f"DELETE {path}", target.kind.group), Live, f"DELETE {path}"
        ).meta.held_by

    def last_lines(self, target: Target, *, lines: int) -> str:
        """Return the last lines that the containers of a Pod, or of a Job's pods, wrote; see the port."""
        pods = self.kind("", "v1", "Pod")
        names = [target.name]
        if target.kind.kind != pods.kind:
            found = self.list_meta(pods, namespace=target.namespace, selector=f"job-name={target.name}")
            names = sorted(meta.name for meta in found)[:_MOST_LOGS]
        said = [self._log(Target(pods, target.namespace, name), lines) for name in names]
        return "\n".join(part for part in said if part)

    def _log(self, pod: Target, lines: int) -> str:
        url = with_query(f"{item(pod)}/log", tailLines=str(lines), limitBytes=str(_LOG_BYTES))
        answer = self._send("get", "GET", url, {})
        return self._succeeded(answer, f"GET {item(pod)}/log")[:_LOG_BYTES].decode(errors="replace")

    def _item(self, target: Target) -> str:
        """Return the path of one object, by what the cluster's discovery says of its kind."""
        kind = target.kind
        if kind.resource:
            return item(target)
        served = self.kind(kind.group, kind.version, kind.kind)
        if served.namespaced is not kind.namespaced:
            scope = "in namespaces" if served.namespaced else "in no namespace"
            message = f"the cluster has {kind.kind} {scope}, and the definition that came with it says otherwise"
            raise AddressError(message)
        return item(replace(target, kind=served))

    def _send(self, verb: str, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> Answer:
        with self._lock:
            self._requests[verb] += 1
        began = time.monotonic()
        answer = self._connection.send(method, path, {**headers, **self._headers}, body, permit=self._permit)
        self._spending.add(seconds=time.monotonic() - began, size=len(answer.body))
        return answer

    def _succeeded(self, answer: Answer, what: str, group: str = "") -> bytes:
        if answer.status == 503 and not built_in(group) and status_of(answer.body) is None:
            # So says the aggregator of an API whose own server it cannot reach.
            raise SilentGroupError(group)
        if not answer.ok:
            raise from_answer(answer.status, answer.headers, answer.body, what)
        return answer.body

    def _decoded(self, body: bytes, decode: Callable[[bytes], T], what: str) -> T:
        try:
            return decode(body)
        except NOT_JSON as error:
            message = f"{what}: the answer is not what Kubernetes says there"
            raise GarbageError(message) from error
