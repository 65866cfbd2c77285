"""From whole objects to the health of placements: pure, fed with one LIST per kind for all that wait on a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from common.domain.health import Health, HealthReport, worst
from common.domain.health_codes import HealthReason
from common.domain.inventory import End, HookState
from common.domain.refs import ObjectId, PlacementRef
from common.domain.status import NONE, Reason
from workers.sync.health import NO_RULES, Context, Own, assess, waits_for_health
from workers.sync.health.lifetime import absence_is_no_drift
from workers.sync.hooks.execution import hook_state
from workers.sync.ports import InventoryItem

_OF_HOOKS = {
    HookState.ACTIVE: Health.PROGRESSING,
    HookState.SUCCEEDED: Health.HEALTHY,
    HookState.FAILED: Health.DEGRADED,
}
_ENDS = {HookState.SUCCEEDED: End.SUCCEEDED, HookState.FAILED: End.FAILED}


@dataclass(frozen=True, slots=True)
class ObservedObject:
    """Health of one object, as just seen.

    Attributes:
        item: its row.
        end: how it came out, of what need not be there any more from now on.
    """

    item: InventoryItem
    report: HealthReport
    end: End = End.NONE

    @property
    def object(self) -> ObjectId:
        """Which one."""
        return self.item.object

    @property
    def newly_ended(self) -> bool:
        """Whether how it came out was not known before."""
        return self.end not in {End.NONE, self.item.ended}


@dataclass(frozen=True, slots=True)
class PlacementHealth:
    """Health of one placement: the worst of its objects."""

    ref: PlacementRef
    report: HealthReport
    objects: tuple[ObservedObject, ...]


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
        _object(item, live, context, own) for item in inventory if item.awaited and waits_for_health(item.object, own)
    )
    named = (HealthReport(each.report.health, _with_object(each)) for each in seen)
    return PlacementHealth(ref, worst(named), seen)


def _with_object(seen: ObservedObject) -> Reason:
    if seen.report.health is Health.HEALTHY:
        return NONE
    return Reason(seen.report.reason.code, {**seen.report.reason.params, "object": asdict(seen.object)})


def _object(
    item: InventoryItem,
    live: Mapping[tuple[str, str], Mapping[ObjectId, Mapping[str, Any]] | None],
    context: Context,
    own: Own,
) -> ObservedObject:
    objects = live.get((item.object.group, item.object.kind))
    if objects is None:
        return ObservedObject(item, HealthReport(Health.UNKNOWN, Reason(HealthReason.UNREAD)))
    found = objects.get(item.object)
    if found is None:
        return ObservedObject(item, _absent(item))
    if item.is_hook:
        state, why = hook_state(item.object, found, context, own)
        report, end = HealthReport(_OF_HOOKS[state], why), _ENDS.get(state, End.NONE)
    else:
        report, end = assess(found, context, own), absence_is_no_drift(item.object, found)
    return ObservedObject(item, report, end if found["metadata"].get("uid") == item.uid else End.NONE)


def _absent(item: InventoryItem) -> HealthReport:
    """Return the health of what is not there."""
    if not item.goes_by_itself:
        return HealthReport(Health.MISSING, Reason(HealthReason.ABSENT))
    if item.ended is End.FAILED:
        return HealthReport(Health.DEGRADED, Reason(HealthReason.COLLECTED_FAILED))
    seen = item.ended is End.SUCCEEDED
    return HealthReport(Health.HEALTHY, NONE if seen else Reason(HealthReason.COLLECTED_UNSEEN))
