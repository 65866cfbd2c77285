"""A placement's objects as they live on its cluster, with what hangs on them. Reads only; the requests are bounded.

One LIST per kind and namespace of what the placement owns, one of metadata per kind that may hang on it, one GET for
each object that does, one LIST of events for each that is not well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import Any, TypeVar

from common.credentials import provider_from
from common.domain.errors import PermanentError, TransientError
from common.domain.health import WELL, Health, HealthReport
from common.domain.health_codes import HealthReason
from common.domain.inventory import InventoryItem
from common.domain.refs import ObjectId, PlacementRef
from common.domain.status import Reason
from common.rules import Evaluator
from common.settings import Settings
from console.inspect.hub import Placed, placed
from console.inspect.tree import Happened, Kind, Met, Node, grown, is_spent, reached, wanted_kinds
from workers.public.clusters import (
    OWN,
    PLACEMENT_LABEL,
    Child,
    Children,
    ClusterPool,
    ClusterPort,
    Connection,
    Event,
    LiveMeta,
    Target,
    by_id,
)
from workers.public.health import Context, Own, assess, evaluating, late_binding, own_rules, waits_for_health

MOST_CHILDREN = 200
"""Objects below those that the placement owns."""
MOST_ILL = 20
"""Objects whose events are read."""
EVENTS_SHOWN = 3
UNREAD = HealthReport(Health.UNKNOWN, Reason(HealthReason.UNREAD))
MISSING = HealthReport(Health.MISSING, Reason(HealthReason.ABSENT))
T = TypeVar("T")


class AnotherClusterError(PermanentError):
    """Another cluster answers: what it holds says nothing about ours."""

    code = "cluster.another"


@dataclass(frozen=True, slots=True)
class Grown:
    """The trees of a placement's objects.

    Attributes:
        notes: what could not be looked at, and why.
    """

    nodes: tuple[Node, ...]
    notes: tuple[str, ...]


def look(settings: Settings, ref: PlacementRef) -> Grown:
    """Return what a placement owns on its cluster now, and what hangs on it.

    Raises:
        HubUnreachableError, NothingToShowError: as ``console.inspect.hub.placed``.
        AnotherClusterError: the cluster is not the one the hub knows.
        TransientError: it cannot be reached.
        PermanentError: its credentials do not work.
    """
    known = placed(settings, ref)
    cluster = known.placement.cluster
    pool = ClusterPool(provider_from(settings), settings.request_timeout, settings.link_local)
    try:
        connection = pool.connect(
            cluster.name, server=cluster.server, credentials=cluster.credentials, proxy=cluster.proxy
        )
        if known.cluster is not None and known.cluster.identity not in {None, connection.identity()}:
            message = f"another cluster answers at {cluster.server} than the hub knows as {cluster.name}"
            raise AnotherClusterError(message, remedy="See `flotilla approvals`.")
        with evaluating(settings) as evaluator:
            return _Look(known, connection, evaluator, now=datetime.now(UTC)).tree()
    finally:
        pool.close()


@dataclass(slots=True)
class _Look:
    """One look at a cluster; what cannot be read is noted, and the rest goes on."""

    known: Placed
    connection: Connection
    evaluator: Evaluator
    now: datetime
    notes: list[str] = field(default_factory=list)
    reports: dict[ObjectId, HealthReport] = field(default_factory=dict)
    uids: dict[ObjectId, str] = field(default_factory=dict)

    def tree(self) -> Grown:
        agent = f"flotilla/{version('flotilla')} (tree)"
        cluster, children = self.connection.session(agent, account=OWN), Children(self.connection, agent)
        own = own_rules(self.known.placement.application.health, self.evaluator)
        items = [item for item in self.known.owned if item.wanted]
        self._owned(cluster, items, own)
        met = self._met(cluster, children, items)
        met = self._judged(cluster, met, own)
        roots = [(item.object, self.uids.get(item.object, "")) for item in sorted(items, key=lambda one: one.object)]
        events = self._events(children, [*(object_id for object_id, _ in roots), *(one.object for one in met)])
        return Grown(grown(roots, met, self.reports, events), tuple(dict.fromkeys(self.notes)))

    def _owned(self, cluster: ClusterPort, items: Sequence[InventoryItem], own: Own) -> None:
        """Look at what the placement owns, by its label: whole objects where they can be ill, else their metadata."""
        selector = f"{PLACEMENT_LABEL}={self.known.placement.ref.mark(self.known.fleet.name)}"
        places: dict[tuple[str, str, str], list[ObjectId]] = {}
        for item in items:
            places.setdefault((item.object.group, item.object.kind, item.object.namespace), []).append(item.object)
        for (group, kind, namespace), mine in sorted(places.items()):
            read = _whole if waits_for_health(mine[0], own) else _metadata
            what = f"{kind} in {namespace}" if namespace else kind
            live = self._noted(what, partial(read, cluster, (group, kind), namespace, selector))
            late = late_binding(cluster, (live or {}).values())
            for object_id in mine:
                found = None if live is None else live.get(object_id)
                if found is not None:
                    self.uids[object_id] = found["metadata"].get("uid", "")
                self.reports[object_id] = self._report(found, own, late) if live is not None else UNREAD

    def _report(self, found: Mapping[str, Any] | None, own: Own, late: frozenset[str]) -> HealthReport:
        return MISSING if found is None else assess(found, Context(self.now, late), own)

    def _met(self, cluster: ClusterPort, children: Children, items: Sequence[InventoryItem]) -> tuple[Met, ...]:
        """Return what hangs on the owned objects, by its metadata."""
        kinds: dict[str, set[Kind]] = {}
        for item in items:
            if item.object.namespace and item.object in self.uids:
                kinds.setdefault(item.object.namespace, set()).add((item.object.group, item.object.kind))
        met: list[Met] = []
        for namespace, mine in sorted(kinds.items()):
            for group, name in sorted(wanted_kinds(mine)):
                what = f"{name} in {namespace}"
                read = self._noted(what, partial(_hanging, cluster, children, (group, name), namespace))
                if read is None:
                    continue
                found, whole = read
                if not whole:
                    self.notes.append(f"{what}: there are too many; some may be missing here")
                met += (_met(group, name, one) for one in found)
        hanging, left_out = reached(frozenset(self.uids.values()), met, most=MOST_CHILDREN)
        if left_out:
            self.notes.append(f"{left_out} more objects hang on these")
        return hanging

    def _judged(self, cluster: ClusterPort, met: Sequence[Met], own: Own) -> tuple[Met, ...]:
        """Look at each object that hangs on others; return those that are more than history."""
        kept = []
        for one in met:
            what = f"{one.object.kind} {one.object.name}"
            manifest = self._noted(what, partial(_one, cluster, one.object))
            if manifest is not None and (not manifest or is_spent(manifest)):
                continue
            late = late_binding(cluster, [manifest or {}])
            self.reports[one.object] = UNREAD if manifest is None else self._report(manifest, own, late)
            self.uids[one.object] = one.uid
            kept.append(one)
        return tuple(kept)

    def _events(self, children: Children, objects: Sequence[ObjectId]) -> Mapping[ObjectId, Sequence[Happened]]:
        ill = [one for one in objects if one in self.uids and self.reports[one].health not in WELL]
        if len(ill) > MOST_ILL:
            self.notes.append(f"events of the first {MOST_ILL} of {len(ill)} objects that are not well")
        found: dict[ObjectId, Sequence[Happened]] = {}
        refused: set[str] = set()
        for one in ill[:MOST_ILL]:
            namespace = one.namespace or "default"
            if namespace in refused:
                continue
            read = self._noted(f"events in {namespace}", partial(children.events, namespace, self.uids[one]))
            if read is None:
                refused.add(namespace)
                continue
            found[one] = [_happened(event) for event in read[:EVENTS_SHOWN]]
        return found

    def _noted(self, what: str, read: Callable[[], T]) -> T | None:
        """Return what was read; None, and a note, where it could not be."""
        try:
            return read()
        except (PermanentError, TransientError) as error:
            self.notes.append(f"{what} cannot be read: {error.message}")
            return None


def _whole(cluster: ClusterPort, kind: Kind, namespace: str, selector: str) -> Mapping[ObjectId, Mapping[str, Any]]:
    served = cluster.kind(kind[0], "", kind[1])
    return by_id(served, cluster.list_objects(served, namespace=namespace, selector=selector))


def _metadata(cluster: ClusterPort, kind: Kind, namespace: str, selector: str) -> Mapping[ObjectId, Mapping[str, Any]]:
    served = cluster.kind(kind[0], "", kind[1])
    listed = cluster.list_meta(served, namespace=namespace, selector=selector)
    return by_id(served, [{"metadata": _plain(one)} for one in listed])


def _plain(meta: LiveMeta) -> dict[str, Any]:
    found = {"name": meta.name, "namespace": meta.namespace, "uid": meta.uid}
    return found | ({"deletionTimestamp": meta.deletion_timestamp} if meta.deletion_timestamp else {})


def _hanging(cluster: ClusterPort, children: Children, kind: Kind, namespace: str) -> tuple[tuple[Child, ...], bool]:
    return children.owned(cluster.kind(kind[0], "", kind[1]), namespace)


def _met(group: str, kind: str, child: Child) -> Met:
    owners = tuple(owner.uid for owner in child.owner_references)
    return Met(ObjectId(group, kind, child.namespace, child.name), child.uid, owners)


def _one(cluster: ClusterPort, object_id: ObjectId) -> Mapping[str, Any]:
    """Return an object; empty where it went away in the meantime."""
    kind = cluster.kind(object_id.group, "", object_id.kind)
    live = cluster.get(Target(kind, object_id.namespace, object_id.name))
    return {} if live is None else live.body()


def _happened(event: Event) -> Happened:
    return Happened(event.type or "", event.reason or "", event.message or "", event.times, event.at)
