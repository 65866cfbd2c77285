"""Drift over the fleet, told once where the same fields of the same objects differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice

from sqlalchemy import Connection, select

from common.domain.changes import DIFFERENCES, Action
from common.domain.differences import ChangedField
from common.domain.rights import Scope
from common.store.engine.dialect import batched
from common.store.reads.drift import DriftView, drift
from common.store.schema.tables import ObjectResultRow
from common.store.state.stored_diffs import diff_in

MOST = 200
"""Groups that are told."""
NAMED = 100
"""Placements that are named of each."""
OBJECTS = 20
"""Objects that are told of each."""
CAUSES = 5
"""Different causes that are told of each."""
_MOST_RESULTS = 20_000
"""Results of objects that one report reads; placements beyond are told by what is said of them."""
_TOLD = sorted(action.value for action in DIFFERENCES | {Action.FAILED})


class DriftState(StrEnum):
    """What became of drift."""

    DIFFERS = "differs"
    FIGHT = "fight"
    """Somebody changes it back again and again."""
    CORRECTED = "corrected"
    BY_HAND = "by-hand"
    """Fields that people added and Git does not have: no drift."""


@dataclass(frozen=True, slots=True)
class ChangedObject:
    """What differed of one object; ``more_fields`` are not among ``fields``."""

    group: str
    kind: str
    namespace: str
    name: str
    action: str
    fields: tuple[ChangedField, ...]
    more_fields: int


@dataclass(frozen=True, slots=True)
class DriftGroup:
    """Placements that drifted alike.

    Attributes:
        said: what differs, or differed, in words, and of how many placements where it is not the same of all; of fields
            added by hand each with its object.
        objects: the first objects that differ, with the fields that do; empty where no run says so.
        more_objects: how many others differ.
        placements: how many they are.
        refs: the first of them.
        corrections: runs that corrected them, since the report's beginning.
        last: when the last of these ended; None for none.
    """

    state: DriftState
    said: tuple[str, ...]
    objects: tuple[ChangedObject, ...]
    more_objects: int
    placements: int
    refs: tuple[str, ...]
    corrections: int
    last: datetime | None


@dataclass(frozen=True, slots=True)
class DriftGroups:
    """What drifted, in the order of the report; ``more`` groups are not among ``groups``."""

    groups: tuple[DriftGroup, ...]
    more: int


def drift_groups(connection: Connection, scope: Scope, *, since: datetime) -> DriftGroups:
    """Return what drifted, or was corrected since then, each of the same once; what differs now comes first."""
    views = drift(connection, scope, since=since)
    objects = _objects(connection, [one.run for one in views if one.run])
    alike: dict[tuple[object, ...], list[DriftView]] = {}
    for one in views:
        # Fields say more exactly what is alike than words do, which may name who did it, or where.
        changed = objects.get(one.run, ())
        alike.setdefault((_state(one), changed or _why(one), one.by_hand), []).append(one)
    groups = tuple(_group(views, objects.get(views[0].run, ())) for views in islice(alike.values(), MOST))
    return DriftGroups(groups, max(0, len(alike) - MOST))


def _objects(connection: Connection, runs: Sequence[str]) -> Mapping[str, tuple[ChangedObject, ...]]:
    """Return what each run found to differ, object by object: of several attempts what the last said of it."""
    found: dict[str, dict[tuple[str, ...], ChangedObject]] = {}
    left, last = _MOST_RESULTS, ""
    result = ObjectResultRow
    query = select(result.run_id, result.group, result.kind, result.namespace, result.name, result.action)
    query = query.add_columns(result.fields).where(result.action.in_(_TOLD))
    for batch in batched(sorted(set(runs))):
        asked = query.where(result.run_id.in_(batch)).order_by(result.run_id, result.attempt, result.ordinal)
        for row in connection.execute(asked.limit(left)):
            left, last = left - 1, row.run_id
            diff, parts = diff_in(row.fields), (row.group, row.kind, row.namespace, row.name)
            found.setdefault(row.run_id, {})[parts] = ChangedObject(*parts, row.action, diff.fields, diff.more)
        if left <= 0:
            # It may have been cut in the middle: half of what differs is like nothing.
            found.pop(last, None)
            break
    return {run: tuple(sorted(objects.values(), key=_name)) for run, objects in found.items()}


def _name(one: ChangedObject) -> tuple[str, ...]:
    return (one.group, one.kind, one.namespace, one.name)


def _state(one: DriftView) -> DriftState:
    if one.fight:
        return DriftState.FIGHT
    if one.differs:
        return DriftState.DIFFERS
    return DriftState.CORRECTED if one.corrections else DriftState.BY_HAND


def _why(one: DriftView) -> str:
    return one.differs or one.cause


def _said(views: Sequence[DriftView]) -> tuple[str, ...]:
    """Return what is said of placements that drifted alike: where that is not the same of all, of how many each is."""
    causes = Counter(filter(None, map(_why, views)))
    if len(causes) == 1 and causes.total() == len(views):
        return (*causes, *views[0].by_hand)
    told = [f"{cause} ({count} of {len(views)})" for cause, count in causes.most_common(CAUSES)]
    more = len(causes) - len(told)
    return (*told, *([f"{more} other causes"] if more else []), *views[0].by_hand)


def _group(views: Sequence[DriftView], objects: tuple[ChangedObject, ...]) -> DriftGroup:
    return DriftGroup(
        state=_state(views[0]),
        said=_said(views),
        objects=objects[:OBJECTS],
        more_objects=max(0, len(objects) - OBJECTS),
        placements=len(views),
        refs=tuple(one.ref for one in views[:NAMED]),
        corrections=sum(one.corrections for one in views),
        last=_last(one.corrected_at for one in views),
    )


def _last(instants: Iterable[datetime | None]) -> datetime | None:
    return max((one for one in instants if one is not None), default=None)
