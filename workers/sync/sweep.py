"""Which placements of a cluster drifted: fingerprints compared, at a few requests per kind and none per object."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from common.domain.codes import SweepReason
from common.domain.reasons import nested
from common.domain.refs import ObjectId, PlacementRef
from common.domain.status import NONE, Reason
from workers.sync.errors import GarbageError
from workers.sync.objects import marks
from workers.sync.objects.fingerprint import fingerprint_like
from workers.sync.objects.live import LiveMeta
from workers.sync.ports import InventoryItem

Lists = Mapping[tuple[str, str], Sequence[LiveMeta] | None]
"""By (group, kind): what carries our label; None where the LIST did not end."""


class Finding(StrEnum):
    """What a sweep says about a placement."""

    CONFIRMED = "confirmed"
    """Every object is as we left it."""
    DRIFTED = "drifted"
    """Some are not; a run judges them one by one."""
    PARTIAL = "partial"
    """Something could not be read. That is never drift, and never confirmed."""
    UNDER_WAY = "under-way"
    """Something is being written or deleted: neither drift nor confirmed, and no doubt either."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One object that is not as we left it.

    Attributes:
        object: which one.
        what: became of it.
        manager: who wrote to it last besides us; empty where nobody is named.
        seen: a text that is another one whenever it changed again; empty where it is gone.
    """

    object: ObjectId
    what: SweepReason
    manager: str = ""
    seen: str = ""


@dataclass(frozen=True, slots=True)
class SweptPlacement:
    """What a sweep says about one placement.

    Attributes:
        drifts: objects that are not as we left them.
        reason: why it is neither confirmed nor drifted; ``NONE`` where it is one of them.
        gone: objects that had been deleted and that finalizers kept until now.
    """

    ref: PlacementRef
    finding: Finding
    drifts: tuple[Drift, ...] = ()
    reason: Reason = NONE
    gone: tuple[ObjectId, ...] = ()

    @property
    def hint(self) -> str:
        """Digest (hex) of what is not as it was left; empty for nothing. Another one is worth a run that looks."""
        if not self.drifts:
            return ""
        seen = sorted(f"{drift.object} {drift.seen or 'gone'}" for drift in self.drifts)
        return hashlib.sha256("\n".join(seen).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Stray:
    """An object that says it is a placement's and that its inventory does not know: a late create, or an orphan.

    It is a late create, to be taken into the inventory as unwanted, only if an attempt had planned to create it.
    """

    ref: PlacementRef
    object: ObjectId
    uid: str


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What came of one sweep."""

    placements: tuple[SweptPlacement, ...]
    strays: tuple[Stray, ...]


@dataclass(frozen=True, slots=True)
class _Marking:
    """By what the objects of a placement are known."""

    fleet: str
    ref: PlacementRef
    key: bytes = field(repr=False)


def compare(
    fleet: str, cluster: str, inventories: Mapping[PlacementRef, Sequence[InventoryItem]], lists: Lists, *, key: bytes
) -> SweepResult:
    """Return what is seen of each placement, and the strays.

    Args:
        fleet: whose marks count; those of another fleet on the same cluster are not looked at.
        cluster: its name in the registry.
        inventories: of the cluster's placements; a missing placement's objects are strays.
        lists: of every kind that the inventories hold.
        key: of fingerprints that are HMACs.
    """
    live = {
        ObjectId(group, kind, meta.namespace, meta.name): meta
        for (group, kind), metas in lists.items()
        for meta in metas or ()
    }
    known = frozenset((ref, item.object) for ref, items in inventories.items() for item in items)
    placements = tuple(
        replace(_swept(_Marking(fleet, ref, key), items, live, lists), gone=_gone(items, live, lists))
        for ref, items in inventories.items()
    )
    return SweepResult(placements, tuple(_strays(fleet, cluster, live, known)))


def _swept(
    marking: _Marking,
    items: Sequence[InventoryItem],
    live: Mapping[ObjectId, LiveMeta],
    lists: Lists,
) -> SweptPlacement:
    ref = marking.ref
    drifts: list[Drift] = []
    unread: list[Reason] = []
    under_way: list[Reason] = []
    for item in items:
        if not _looked_at(item):
            continue
        meta = live.get(item.object)
        if lists.get((item.object.group, item.object.kind)) is None:
            unread.append(Reason(SweepReason.UNLISTED, {"kind": item.object.kind}))
        elif why := _under_way(item, meta):
            under_way.append(why)
        elif isinstance(seen := _drift(marking, item, meta), GarbageError):
            unread.append(Reason(SweepReason.UNREADABLE, {"object": str(item.object), "why": nested(seen.reason)}))
        elif seen is not None:
            drifts.append(seen)
    if drifts:
        return SweptPlacement(ref, Finding.DRIFTED, tuple(drifts))
    if unread:
        return SweptPlacement(ref, Finding.PARTIAL, reason=unread[0])
    if under_way:
        return SweptPlacement(ref, Finding.UNDER_WAY, reason=under_way[0])
    return SweptPlacement(ref, Finding.CONFIRMED)


def _under_way(item: InventoryItem, meta: LiveMeta | None) -> Reason:
    if not item.fingerprint:
        return Reason(SweepReason.UNAPPLIED, {"object": str(item.object)})
    going = meta is not None and meta.deletion_timestamp
    return Reason(SweepReason.DELETING, {"object": str(item.object)}) if going else NONE


def _gone(items: Sequence[InventoryItem], live: Mapping[ObjectId, LiveMeta], lists: Lists) -> tuple[ObjectId, ...]:
    going = (item.object for item in items if item.going and item.object not in live)
    return tuple(one for one in going if lists.get((one.group, one.kind)) is not None)


def _looked_at(item: InventoryItem) -> bool:
    """Return whether it is to be on the cluster, as we left it; hooks and what waits to be pruned are not."""
    return item.wanted and not item.is_hook


def _drift(marking: _Marking, item: InventoryItem, meta: LiveMeta | None) -> Drift | GarbageError | None:
    """Return what differs, or why that is not known: one object must not keep the others from being looked at."""
    if meta is None:
        return None if item.goes_by_itself else Drift(item.object, SweepReason.GONE)
    try:
        seen = fingerprint_like(item.fingerprint, meta, marking.key)
    except GarbageError as error:
        return error
    if (meta.annotations or {}).get(marks.OWNER) != marks.owner_mark(marking.fleet, marking.ref, item.object):
        return Drift(item.object, SweepReason.UNMARKED, last_manager(meta), _seen(seen, meta))
    if seen != item.fingerprint:
        return Drift(item.object, SweepReason.CHANGED, last_manager(meta), _seen(seen, meta))
    return None


def _seen(fingerprint: str, meta: LiveMeta) -> str:
    """Return the fingerprint of what drifted, made finer: its times are of seconds where nothing counts generations.

    Somebody who writes twice within a second leaves the same managedFields, and what the second write says is judged
    too.
    """
    return fingerprint if meta.generation else f"{fingerprint} {meta.resource_version}"


def last_manager(meta: LiveMeta) -> str:
    """Return who wrote to an object last besides us; empty where nobody is named."""
    others = [entry for entry in meta.managed_fields or () if not entry.ours and entry.subresource != "status"]
    return max(others, key=lambda entry: entry.time).manager if others else ""


def _strays(
    fleet: str,
    cluster: str,
    live: Mapping[ObjectId, LiveMeta],
    known: frozenset[tuple[PlacementRef, ObjectId]],
) -> Iterable[Stray]:
    prefix = f"{fleet}/{cluster}/"
    for object_id, meta in live.items():
        who, _, what = (meta.annotations or {}).get(marks.OWNER, "").partition(":")
        if not who.startswith(prefix) or what != str(object_id) or meta.deletion_timestamp:
            continue
        ref = PlacementRef(cluster, who.removeprefix(prefix))
        if (ref, object_id) not in known:
            yield Stray(ref, object_id, meta.uid)
