"""A placement on its cluster as one inspection meets it: what belongs to it, and how that is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from common.domain.errors import PermanentError, TransientError
from common.domain.inventory import InventoryItem
from common.domain.refs import ObjectId, PlacementRef
from common.domain.secrecy import Secrets
from workers.inspect.tree import Kind, Met, on, reached, wanted_kinds
from workers.kube.children import Child, Children
from workers.kube.logs import Logs
from workers.kube.operations import Operations
from workers.sync.health import Own, waits_for_health
from workers.sync.health.reading import section
from workers.sync.objects.live import LiveMeta, by_id
from workers.sync.objects.marks import OWNER, PLACEMENT_LABEL, owner_mark
from workers.sync.ports import ClusterPort, Target

MOST_CHILDREN = 200
"""Objects below those that the placement owns."""
T = TypeVar("T")


class NotOfItError(PermanentError):
    """The object does not exist, or does not belong to the placement: nobody is told which."""

    code = "inspection.object"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an inspection looks, in whose name, and with what.

    Attributes:
        fleet: its name.
        owned: the placement's inventory.
        cluster: read in the name of the project's account.
        children: the same.
        logs: the same.
        executor: of requests that are made at once.
        own: rules of health of the application.
        now: by the database's clock.
        decrypted: gives what was decrypted for the placement; raises where that cannot be told.
        operations: writes to its objects; None where it is only looked at.
    """

    fleet: str
    ref: PlacementRef
    owned: tuple[InventoryItem, ...] = field(repr=False)
    cluster: ClusterPort
    children: Children
    logs: Logs
    executor: Executor
    own: Own
    now: datetime
    decrypted: Callable[[], Secrets]
    operations: Operations | None = None


@dataclass(slots=True)
class Notes:
    """What could not be looked at, and why; safe to add to from several threads."""

    said: list[str] = field(default_factory=list)

    def add(self, note: str) -> None:
        """Add a note, once."""
        if note not in self.said:
            self.said.append(note)

    def tried(self, what: str, read: Callable[[], T]) -> T | None:
        """Return what was read; None, and a note, where it could not be."""
        try:
            return read()
        except (PermanentError, TransientError) as error:
            self.add(f"{what} cannot be read: {error.message}")
            return None


@dataclass(frozen=True, slots=True)
class Belonging:
    """What belongs to a placement on its cluster.

    Attributes:
        roots: what it owns, sorted.
        live: those of them that bear its marks; whole objects where they can be ill, else their metadata.
        unread: those that could not be looked at.
        met: what hangs on the live ones, by its metadata.
    """

    roots: tuple[ObjectId, ...]
    live: Mapping[ObjectId, Mapping[str, Any]] = field(repr=False)
    unread: frozenset[ObjectId]
    met: tuple[Met, ...]

    @property
    def uids(self) -> dict[ObjectId, str]:
        """Of all that is there."""
        found = {one: str(manifest["metadata"].get("uid", "")) for one, manifest in self.live.items()}
        return {one.object: one.uid for one in self.met} | found

    def below(self, object_id: ObjectId | None) -> tuple[ObjectId, ...]:
        """Return an object with what hangs on it, or all there is.

        Raises:
            NotOfItError: it is not there.
        """
        uids = self.uids
        if object_id is None:
            return tuple(sorted(uids))
        if object_id not in uids:
            message = f"{object_id} is not an object of this placement, and hangs on none of them"
            raise NotOfItError(message, remedy="`flotilla tree CLUSTER/APP` lists what there is.")
        return object_id, *(one.object for one in on([object_id], uids, self.met))


def found(place: Place, notes: Notes) -> Belonging:
    """Return what belongs to a placement, each by one LIST per kind and namespace; what cannot be read is noted."""
    items = sorted((item for item in place.owned if item.wanted or item.is_hook), key=lambda item: item.object)
    live, unread = _live(place, notes, items)
    # A hook goes once it has done its work: nobody misses it.
    roots = tuple(item.object for item in items if item.wanted or item.object in live)
    return Belonging(roots, live, frozenset(unread), _met(place, notes, live))


def read(place: Place, object_id: ObjectId) -> Mapping[str, Any]:
    """Return an object that was found to belong to the placement; empty where it went away in the meantime."""
    kind = place.cluster.kind(object_id.group, "", object_id.kind)
    there = place.cluster.get(Target(kind, object_id.namespace, object_id.name))
    return {} if there is None else there.body()


def _live(
    place: Place, notes: Notes, items: Sequence[InventoryItem]
) -> tuple[dict[ObjectId, Mapping[str, Any]], set[ObjectId]]:
    """Return what lives and bears our marks, and what could not be looked at."""
    selector = f"{PLACEMENT_LABEL}={place.ref.mark(place.fleet)}"
    places: dict[tuple[str, str, str], list[ObjectId]] = {}
    for item in items:
        places.setdefault((item.object.group, item.object.kind, item.object.namespace), []).append(item.object)
    live: dict[ObjectId, Mapping[str, Any]] = {}
    unread: set[ObjectId] = set()
    for (group, kind, namespace), mine in sorted(places.items()):
        how = _whole if waits_for_health(mine[0], place.own) else _metadata
        what = f"{kind} in {namespace}" if namespace else kind
        there = notes.tried(what, partial(how, place.cluster, (group, kind), namespace, selector))
        if there is None:
            unread |= {*mine}
            continue
        live |= {one: there[one] for one in mine if one in there and _is_ours(place, one, there[one])}
    return live, unread


def _is_ours(place: Place, object_id: ObjectId, manifest: Mapping[str, Any]) -> bool:
    """Return whether a live object names itself as ours: one with a label alone is a copy."""
    annotations = section(section(manifest, "metadata"), "annotations")
    return annotations.get(OWNER) == owner_mark(place.fleet, place.ref, object_id)


def _met(place: Place, notes: Notes, live: Mapping[ObjectId, Mapping[str, Any]]) -> tuple[Met, ...]:
    """Return what hangs on the owned objects, by its metadata."""
    kinds: dict[str, set[Kind]] = {}
    for one in live:
        if one.namespace:
            kinds.setdefault(one.namespace, set()).add((one.group, one.kind))
    met: list[Met] = []
    for namespace, mine in sorted(kinds.items()):
        for group, name in sorted(wanted_kinds(mine)):
            what = f"{name} in {namespace}"
            there = notes.tried(what, partial(_hanging, place, (group, name), namespace))
            if there is None:
                continue
            hanging, whole = there
            if not whole:
                notes.add(f"{what}: there are too many; some may be missing here")
            met += (_one_met(group, name, one) for one in hanging)
    roots = {str(manifest["metadata"].get("uid", "")): one.namespace for one, manifest in live.items()}
    kept, left_out = reached(roots, met, most=MOST_CHILDREN)
    if left_out:
        notes.add(f"{left_out} more objects hang on these")
    return kept


def _whole(cluster: ClusterPort, kind: Kind, namespace: str, selector: str) -> Mapping[ObjectId, Mapping[str, Any]]:
    served = cluster.kind(kind[0], "", kind[1])
    return by_id(served, cluster.list_objects(served, namespace=namespace, selector=selector))


def _metadata(cluster: ClusterPort, kind: Kind, namespace: str, selector: str) -> Mapping[ObjectId, Mapping[str, Any]]:
    served = cluster.kind(kind[0], "", kind[1])
    listed = cluster.list_meta(served, namespace=namespace, selector=selector)
    return by_id(served, [{"metadata": _plain(one)} for one in listed])


def _plain(meta: LiveMeta) -> dict[str, Any]:
    told = {"name": meta.name, "namespace": meta.namespace, "uid": meta.uid, "annotations": meta.annotations}
    return told | ({"deletionTimestamp": meta.deletion_timestamp} if meta.deletion_timestamp else {})


def _hanging(place: Place, kind: Kind, namespace: str) -> tuple[tuple[Child, ...], bool]:
    return place.children.owned(place.cluster.kind(kind[0], "", kind[1]), namespace)


def _one_met(group: str, kind: str, child: Child) -> Met:
    owners = tuple(owner.uid for owner in child.owner_references)
    return Met(ObjectId(group, kind, child.namespace, child.name), child.uid, owners)
