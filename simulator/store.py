"""The objects of one cluster: kept as JSON bytes, so that thousands cost little and nobody shares a mutable one."""

from __future__ import annotations

import heapq
import secrets
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson

from simulator.kinds import Kind, builtin_kinds

Json = dict[str, Any]
Place = tuple[str, str]
"""Namespace (empty for cluster-wide kinds) and name."""

ResourceKey = tuple[str, str]
HISTORY = 500
"""Events kept per cluster for watches that begin in the past; older ones are answered 410."""


class EventType(StrEnum):
    """What happened to an object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of one object."""

    meta: bytes
    rest: bytes
    labels: Mapping[str, str]
    version: int
    uid: str

    def document(self) -> Json:
        """Return a fresh copy, without apiVersion and kind."""
        return {"metadata": orjson.loads(self.meta), **orjson.loads(self.rest)}

    def metadata(self) -> Json:
        """Return a fresh copy of the metadata."""
        metadata: Json = orjson.loads(self.meta)
        return metadata

    def wire(self, head: bytes = b"") -> bytes:
        """Return the object as JSON; ``head`` holds members to come first, each with its comma."""
        tail = b"," + self.rest[1:] if len(self.rest) > 2 else b"}"
        return b"{" + head + b'"metadata":' + self.meta + tail


@dataclass(frozen=True, slots=True)
class Event:
    """One change, as watches see it."""

    version: int
    type: EventType
    key: ResourceKey
    place: Place
    stored: Stored
    labels_before: Mapping[str, str] | None
    """What the object was labelled until then; None when it is new."""


@dataclass(frozen=True, slots=True)
class Bound:
    """Whose token it is, and the Secret it dies with (empty: none)."""

    namespace: str
    account: str
    secret_uid: str


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """How the simulated controllers of a cluster behave.

    Attributes:
        ready_after: how long workloads take to become ready; None runs no controllers at all, as on a bare API server.
        pods: whether workloads have ReplicaSets and Pods; who is in need of none saves their memory.
    """

    ready_after: timedelta | None = timedelta(milliseconds=300)
    pods: bool = False


def utc_now() -> datetime:
    """Return the wall clock's instant."""
    return datetime.now(UTC)


def instant(moment: datetime) -> str:
    """Return an instant as Kubernetes writes it: UTC, whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class Cluster:
    """The state of one simulated cluster. Single-threaded: every call runs on the server's event loop."""

    name: str
    options: ClusterOptions = field(default_factory=ClusterOptions)
    clock: Callable[[], datetime] = utc_now
    version: int = 100
    kinds: dict[tuple[str, str, str], Kind] = field(default_factory=dict)
    objects: dict[ResourceKey, dict[Place, Stored]] = field(default_factory=dict)
    history: deque[Event] = field(default_factory=lambda: deque(maxlen=HISTORY))
    listeners: list[Callable[[], None]] = field(default_factory=list)
    dependents: dict[str, set[tuple[ResourceKey, Place]]] = field(default_factory=dict)
    timers: list[tuple[datetime, int, ResourceKey, Place]] = field(default_factory=list)
    allocated: int = 0
    unsettled: set[str] = field(default_factory=set)
    """Claims not written since their creation: their first later write moves the resourceVersion, whatever it says."""

    authority: bytes = b""
    tokens: dict[str, Bound | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for kind in builtin_kinds():
            self.kinds[(kind.group, kind.version, kind.plural)] = kind

    def now(self) -> str:
        """Return the current instant as objects carry it."""
        return instant(self.clock())

    def get(self, kind: Kind, place: Place) -> Stored | None:
        """Return an object, or None."""
        return self.objects.get(kind.key, {}).get(place)

    def put(self, kind: Kind, place: Place, document: Json) -> Stored:
        """Store a new version of an object and return it; sets its resourceVersion."""
        self.version += 1
        metadata = {**document["metadata"], "resourceVersion": str(self.version)}
        rest = {name: value for name, value in document.items() if name not in ("apiVersion", "kind", "metadata")}
        stored = Stored(
            meta=orjson.dumps(metadata),
            rest=orjson.dumps(rest),
            labels=dict(metadata.get("labels") or {}),
            version=self.version,
            uid=metadata["uid"],
        )
        shelf = self.objects.setdefault(kind.key, {})
        before = shelf.get(place)
        if before is not None:
            self.unsettled.discard(before.uid)
        happened = EventType.MODIFIED if before else EventType.ADDED
        shelf[place] = stored
        for owner in metadata.get("ownerReferences") or ():
            self.dependents.setdefault(owner.get("uid", ""), set()).add((kind.key, place))
        self._tell(Event(self.version, happened, kind.key, place, stored, before.labels if before else None))
        return stored

    def drop(self, key: ResourceKey, place: Place) -> Stored | None:
        """Remove an object for good and return what it last was."""
        stored = self.objects.get(key, {}).pop(place, None)
        if stored is None:
            return None
        self.version += 1
        metadata = {**stored.metadata(), "resourceVersion": str(self.version)}
        last = Stored(orjson.dumps(metadata), stored.rest, stored.labels, self.version, stored.uid)
        self._tell(Event(self.version, EventType.DELETED, key, place, last, stored.labels))
        return last

    def _tell(self, event: Event) -> None:
        self.history.append(event)
        for listener in self.listeners:
            listener()

    def kind_of(self, key: ResourceKey) -> Kind | None:
        """Return a served kind of a stored resource."""
        return next((kind for kind in self.kinds.values() if kind.key == key), None)

    def every(self) -> Iterator[tuple[ResourceKey, Place]]:
        """Yield where each object is; safe against removals on the way."""
        for key, shelf in list(self.objects.items()):
            for place in list(shelf):
                yield key, place

    def remind(self, after: timedelta, key: ResourceKey, place: Place) -> None:
        """Have the controllers look at an object once the time has passed."""
        self.allocated += 1
        heapq.heappush(self.timers, (self.clock() + after, self.allocated, key, place))

    def due(self) -> Iterator[tuple[ResourceKey, Place]]:
        """Yield the objects the controllers should look at now, each once."""
        moment = self.clock()
        while self.timers and self.timers[0][0] <= moment:
            _, _, key, place = heapq.heappop(self.timers)
            yield key, place

    def issue_token(self, namespace: str, account: str, secret_uid: str) -> str:
        """Return a token that is good while its Secret exists."""
        token = secrets.token_urlsafe(32)
        self.tokens[token] = Bound(namespace, account, secret_uid)
        return token

    def accepts(self, token: str) -> bool:
        """Say whether a bearer token is good here."""
        if token not in self.tokens:
            return False
        bound = self.tokens[token]
        if bound is None or not bound.secret_uid:
            return True
        shelf = self.objects.get(("", "secrets"), {})
        return any(place[0] == bound.namespace and each.uid == bound.secret_uid for place, each in shelf.items())

    def new_uid(self) -> str:
        """Return a fresh uid."""
        return str(uuid.uuid4())
