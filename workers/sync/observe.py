"""From whole objects to the health of placements: pure, fed with one LIST per kind for all that wait on a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from common.domain.health import Health, HealthReport, worst
from common.domain.inventory import HookState
from common.domain.refs import ObjectId, PlacementRef
from workers.sync.health import NO_RULES, Context, Own, assess, waits_for_health
from workers.sync.hooks import hook_state
from workers.sync.live import Kind
from workers.sync.ports import InventoryItem

_OF_HOOKS = {
    HookState.ACTIVE: Health.PROGRESSING,
    HookState.SUCCEEDED: Health.HEALTHY,
    HookState.FAILED: Health.DEGRADED,
}


@dataclass(frozen=True, slots=True)
class ObservedObject:
    """Health of one object, as just seen."""

    object: ObjectId
    report: HealthReport


@dataclass(frozen=True, slots=True)
class PlacementHealth:
    """Health of one placement: the worst of its objects."""

    ref: PlacementRef
    report: HealthReport
    objects: tuple[ObservedObject, ...]


def by_id(kind: Kind, objects: Iterable[Mapping[str, Any]]) -> dict[ObjectId, Mapping[str, Any]]:
    """Return the objects of one LIST by their id. Items of a LIST do not say their kind; it is added."""
    own = {"apiVersion": kind.api_version, "kind": kind.kind}
    named = ((each["metadata"].get("namespace", ""), each["metadata"]["name"], each) for each in objects)
    return {ObjectId(kind.group, kind.kind, namespace, name): {**each, **own} for namespace, name, each in named}


def reports(
    inventories: Mapping[PlacementRef, Sequence[InventoryItem]],
    live: Mapping[tuple[str, str], Mapping[ObjectId, Mapping[str, Any]] | None],
    context: Context,
    own: Mapping[PlacementRef, Own] = MappingProxyType({}),
) -> tuple[PlacementHealth, ...]:
    """Return the health of each placement.

    Args:
        inventories: what the placements own; objects that wait to be pruned count for nothing.
        live: by (group, kind), the objects of each kind that can be ill; None where the LIST failed:
            what could not be read is unknown, never missing.
        context: the present, and what else rules need.
        own: the applications' own rules; those without any may be left out.
    """
    return tuple(_placement(ref, items, live, context, own.get(ref, NO_RULES)) for ref, items in inventories.items())


def _placement(
    ref: PlacementRef,
    inventory: Sequence[InventoryItem],
    live: Mapping[tuple[str, str], Mapping[ObjectId, Mapping[str, Any]] | None],
    context: Context,
    own: Own,
) -> PlacementHealth:
    seen = tuple(
        ObservedObject(item.object, _object(item, live, context, own))
        for item in inventory
        if item.awaited and waits_for_health(item.object, own)
    )
    named = (HealthReport(each.report.health, _with_name(each)) for each in seen)
    return PlacementHealth(ref, worst(named), seen)


def _with_name(seen: ObservedObject) -> str:
    reason = f": {seen.report.reason}" if seen.report.reason else ""
    return "" if seen.report.health is Health.HEALTHY else f"{seen.object.kind} {seen.object.name}{reason}"


def _object(
    item: InventoryItem,
    live: Mapping[tuple[str, str], Mapping[ObjectId, Mapping[str, Any]] | None],
    context: Context,
    own: Own,
) -> HealthReport:
    objects = live.get((item.object.group, item.object.kind))
    if objects is None:
        return HealthReport(Health.UNKNOWN, "it could not be read")
    found = objects.get(item.object)
    if found is None:
        return HealthReport(Health.MISSING, "it does not exist")
    if item.is_hook:
        state, reason = hook_state(item.object, found, context, own)
        return HealthReport(_OF_HOOKS[state], reason)
    return assess(found, context, own)
