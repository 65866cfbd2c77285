"""What hangs on objects: the metadata of what they own, and the last events about them. Reads only, and bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from workers.kube.budget import METADATA, Pages
from workers.kube.cluster import headers_of
from workers.kube.errors import NOT_JSON, from_answer
from workers.kube.paths import collection, with_query
from workers.kube.pool import Connection
from workers.sync.errors import GarbageError
from workers.sync.objects.live import Kind

PAGE = 500
MOST = 5_000
"""Objects of one kind and namespace whose owners are looked at."""
EVENTS = 50
"""Events read about one object."""
_METADATA = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
_EVENT = Kind("", "v1", "Event", "events", namespaced=True)
T = TypeVar("T")


class Owner(msgspec.Struct, frozen=True):
    """One entry of ``metadata.ownerReferences``."""

    uid: str = ""


class Child(msgspec.Struct, frozen=True, rename="camel"):
    """Metadata of an object that others may own."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    owner_references: tuple[Owner, ...] = ()


class Series(msgspec.Struct, frozen=True, rename="camel"):
    """How often an event came again."""

    count: int = 0
    last_observed_time: str | None = None


class Event(msgspec.Struct, frozen=True, rename="camel"):
    """What the cluster says of an object; times are RFC 3339, empty or None where it does not say.

    Both shapes of events are read: those with a count, and those with a series.
    """

    type: str | None = ""
    reason: str | None = ""
    message: str | None = ""
    count: int | None = 0
    last_timestamp: str | None = None
    event_time: str | None = None
    series: Series | None = None

    @property
    def at(self) -> str:
        """When it was seen last, as the cluster writes instants."""
        last = self.series.last_observed_time if self.series is not None else None
        return last or self.last_timestamp or self.event_time or ""

    @property
    def times(self) -> int:
        """How often it was seen."""
        return max(1, self.count or 0, self.series.count if self.series is not None else 0)


class _ListMeta(msgspec.Struct, frozen=True):
    token: str = msgspec.field(name="continue", default="")


class _Item(msgspec.Struct, frozen=True):
    metadata: Child


class _Children(msgspec.Struct, frozen=True):
    metadata: _ListMeta
    items: list[_Item] | None


class _Events(msgspec.Struct, frozen=True):
    items: list[Event] | None


class Children:
    """What hangs on the objects of one cluster.

    Args:
        connection: to it.
        agent: User-Agent of the requests.
        account: user in whose name they are made; empty for the connection's own.
    """

    def __init__(self, connection: Connection, agent: str, account: str) -> None:
        self._connection = connection
        self._headers = headers_of(agent, account)

    def owned(self, kind: Kind, namespace: str) -> tuple[tuple[Child, ...], bool]:
        """Return the metadata of the objects of a kind in a namespace that have owners, and whether these are all.

        Raises:
            TransientError: the cluster could not say.
            PermanentError: the account may not read them.
        """
        found: list[Child] = []
        path = collection(kind, namespace)
        pages = Pages(f"LIST {path}", METADATA)
        seen, token = 0, ""
        while True:
            url = with_query(path, limit=str(PAGE), **{"continue": token})
            page, size = self._read(url, _METADATA, msgspec.json.Decoder(_Children).decode)
            items = [each.metadata for each in page.items or ()]
            found += [each for each in items if each.owner_references]
            seen, token = seen + len(items), page.metadata.token
            pages.add(size=size, objects=len(items), token=token)
            if not token or seen >= MOST:
                return tuple(found), not token

    def events(self, namespace: str, uid: str) -> tuple[Event, ...]:
        """Return the events about one object, latest first; raises as ``owned``."""
        url = with_query(collection(_EVENT, namespace), fieldSelector=f"involvedObject.uid={uid}", limit=str(EVENTS))
        page, _ = self._read(url, {}, msgspec.json.Decoder(_Events).decode)
        return tuple(sorted(page.items or (), key=lambda event: event.at, reverse=True))

    def _read(self, url: str, headers: dict[str, str], decode: Callable[[bytes], T]) -> tuple[T, int]:
        what = f"LIST {url.partition('?')[0]}"
        answer = self._connection.send("GET", url, {**headers, **self._headers})
        if not answer.ok:
            raise from_answer(answer.status, answer.headers, answer.body, what)
        try:
            return decode(answer.body), len(answer.body)
        except NOT_JSON as error:
            message = f"{what}: the answer is not what Kubernetes says there"
            raise GarbageError(message) from error
