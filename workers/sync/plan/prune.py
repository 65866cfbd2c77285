"""What may be removed, and when to stop and ask a person. Only what the inventory holds is ever looked at."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from common.domain.codes import ObjectReason, SyncReason
from common.domain.fleet import PrunePolicy
from common.domain.refs import ObjectId
from common.domain.status import NONE, Reason
from workers.sync.objects.ordering import in_order
from workers.sync.ports import InventoryItem

PROTECTED = frozenset(
    {
        ("", "Namespace"),
        ("", "PersistentVolumeClaim"),
        ("", "PersistentVolume"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
    }
)
"""Kinds whose removal takes other objects or data along: they need ``flotilla.dev/prune: allow``."""

PERCENT_COUNTS_FROM = 4
"""Removals below this number are never too many by percentage: one of two objects is 50%, and normal."""

# Kustomize encodes a hash with 0, 1, 3, a and e replaced (api/hasher/hasher.go, `encode`).
_HASHED = re.compile(r"(?P<base>.+)-[2456789bcdfghkmt]{10}")
_HASHED_KINDS = frozenset({("", "ConfigMap"), ("", "Secret")})


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """What is to be removed.

    Attributes:
        remove: in the order of removal.
        kept: what stays although it is not wanted, and why.
        over: which guard stops it; none when none does. Nothing is removed then until a person approved the list.
        counted: removals that the guards count: those that a new name of the same object does not explain, and none
            that a person approved.
    """

    remove: tuple[InventoryItem, ...]
    kept: tuple[tuple[ObjectId, Reason], ...] = field(default=())
    over: Reason = NONE
    counted: int = 0


def leftover(inventory: Iterable[InventoryItem], wanted: Collection[ObjectId]) -> tuple[InventoryItem, ...]:
    """Return what the inventory holds and the manifests no longer do."""
    return tuple(item for item in inventory if item.object not in wanted)


def plan(
    items: Sequence[InventoryItem],
    policy: PrunePolicy,
    *,
    wanted: Collection[ObjectId],
    total: int,
    approved: Collection[ObjectId] | None,
) -> PrunePlan:
    """Return what may be removed after an apply.

    Args:
        items: what is left over.
        policy: the guards.
        wanted: what the manifests hold.
        total: objects in the inventory, those left over included.
        approved: what a person allowed; exactly that is removed then, and the guards have had their say.
    """
    if not policy.enabled:
        return PrunePlan((), tuple((item.object, Reason(ObjectReason.PRUNE_OFF)) for item in items))
    candidates, kept = _sorted_out(items)
    if approved is not None:
        late = tuple(
            (item.object, Reason(ObjectReason.UNAPPROVED)) for item in candidates if item.object not in approved
        )
        return PrunePlan(tuple(item for item in candidates if item.object in approved), (*kept, *late))
    renamed = {_without_hash(object_id) for object_id in wanted}
    # What is on its way out was counted, and allowed, when it was deleted.
    new = [item for item in candidates if not item.going]
    count = sum(1 for item in new if (base := _without_hash(item.object)) is None or base not in renamed)
    empty = bool(new) and not wanted
    return PrunePlan(candidates, kept, _over(count, policy, total, empty=empty), count)


def removal(inventory: Sequence[InventoryItem], run: str = "") -> PrunePlan:
    """Return what goes when the placement leaves: everything but what is kept or protected.

    Args:
        inventory: of the placement.
        run: whose own hooks stay for now: they tell how far it has come.
    """
    candidates, kept = _sorted_out([item for item in inventory if not run or item.hook_run != run])
    return PrunePlan(candidates, kept)


def _sorted_out(
    items: Sequence[InventoryItem],
) -> tuple[tuple[InventoryItem, ...], tuple[tuple[ObjectId, Reason], ...]]:
    by_id = {item.object: item for item in items}
    reasons = {item.object: _kept_because(item) for item in items}
    removable = reversed(in_order(object_id for object_id, reason in reasons.items() if not reason))
    return tuple(by_id[object_id] for object_id in removable), tuple(pair for pair in reasons.items() if pair[1])


def _kept_because(item: InventoryItem) -> Reason:
    if item.keep:
        return Reason(ObjectReason.PRUNE_NEVER)
    if (item.object.group, item.object.kind) in PROTECTED and not item.prune_allowed:
        return Reason(ObjectReason.PROTECTED, {"kind": item.object.kind})
    return NONE


def _over(count: int, policy: PrunePolicy, total: int, *, empty: bool) -> Reason:
    if empty:
        return Reason(SyncReason.EMPTY, {"objects": count})
    if count > policy.max_objects:
        return Reason(SyncReason.MAX_OBJECTS, {"objects": count, "most": policy.max_objects})
    if count >= PERCENT_COUNTS_FROM and count * 100 > policy.max_percent * total:
        return Reason(SyncReason.MAX_PERCENT, {"objects": count, "of": total, "most": policy.max_percent})
    return NONE


def _without_hash(object_id: ObjectId) -> ObjectId | None:
    """Return what an object is called before Kustomize's hash; None where its name has none."""
    match = _HASHED.fullmatch(object_id.name)
    if match is None or (object_id.group, object_id.kind) not in _HASHED_KINDS:
        return None
    return ObjectId(object_id.group, object_id.kind, object_id.namespace, match["base"])
