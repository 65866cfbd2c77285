"""Drift over the fleet: what differs now, and what was corrected lately."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, or_, select, text

from common.domain.changes import MUTATIONS
from common.domain.codes import RunReason
from common.domain.reasons import sentence
from common.domain.refs import PlacementRef
from common.domain.rights import Scope
from common.domain.runs import Outcome, SyncStatus, Trigger
from common.domain.status import Found
from common.store.engine.dialect import fixed
from common.store.reads.cut import within
from common.store.reads.placements import UNSYNCED
from common.store.schema.months import first_id_at
from common.store.schema.tables import InventoryRow, PlacementRow, RunRow
from common.store.state.stored_reasons import reason_in

MOST = 5_000
"""Placements, and runs, that one report is made from, the newest first."""
_LOOK = (Trigger.DRIFT, Trigger.CHECK)
_COMPARED = (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.NEEDS_APPROVAL)
"""How a run that was to look at the cluster ends once it has."""


@dataclass(frozen=True, slots=True)
class DriftView:
    """One placement that drifted.

    Attributes:
        differs: now, and why, in words, made of code and parameters; empty where it was corrected.
        fight: somebody changes the same object again and again.
        corrections: runs that corrected it, since the report's beginning.
        corrected_at: the last of them; None for none.
        cause: of the last of them, in words, made of code and parameters: which object, and who changed it.
        by_hand: fields that people added and Git does not have, each with its object; they are no drift.
        run: id of the run that says which fields: of the last that compared, or of the last correction; empty for none.
    """

    ref: str
    differs: str = ""
    differs_code: str = ""
    differs_params: dict[str, Any] = field(default_factory=dict)
    fight: bool = False
    corrections: int = 0
    corrected_at: datetime | None = None
    cause: str = ""
    cause_code: str = ""
    cause_params: dict[str, Any] = field(default_factory=dict)
    by_hand: tuple[str, ...] = ()
    run: str = ""


def drift(connection: Connection, scope: Scope, *, since: datetime) -> tuple[DriftView, ...]:
    """Return the placements that differ from what was applied last, or were corrected since then.

    First those that differ, then those corrected most often; those to which people only added something come last.
    """
    found = dict(_differing(connection, scope, since))
    for ref, view in _corrected(connection, scope, since).items():
        known = found.get(ref, DriftView(ref))
        found[ref] = replace(
            view,
            differs=known.differs,
            differs_code=known.differs_code,
            differs_params=known.differs_params,
            fight=known.fight,
            run=known.run if known.differs else view.run,
        )
    for ref, added in _by_hand(connection, scope).items():
        found[ref] = replace(found.get(ref, DriftView(ref)), by_hand=added)
    return tuple(sorted(found.values(), key=lambda one: (not one.differs, not one.fight, -one.corrections, one.ref)))


def _differing(connection: Connection, scope: Scope, since: datetime) -> Mapping[str, DriftView]:
    """Return the placements that differ, and those whose objects somebody changes again and again.

    They are two questions, each with an index that holds just what it asks for; of one question neither would be.
    """
    as_desired = and_(
        PlacementRow.applied_source_digest == PlacementRow.desired_source_digest,
        PlacementRow.applied_parameters_digest == PlacementRow.desired_parameters_digest,
    )
    drifted = or_(PlacementRow.found_code.startswith("drift."), PlacementRow.found_code == Found.TOLD)
    status = PlacementRow.sync_status.in_((SyncStatus.OUT_OF_SYNC, SyncStatus.FAILED))
    found: dict[str, DriftView] = {}
    for row in connection.execute(_placed(scope).where(UNSYNCED, status, as_desired, drifted)):
        ref, why = str(PlacementRef(row.cluster, row.application)), reason_in(row, "found")
        found[ref] = DriftView(
            ref,
            differs=sentence(why),
            differs_code=str(why.code),
            differs_params=dict(why.params),
            fight=row.found_code == Found.FIGHT,
            run=row.run or "",
        )
    again = (InventoryRow.backoff_step > fixed(0), InventoryRow.healed_at >= since)
    fought = select(InventoryRow.placement_id).where(*again)
    for row in connection.execute(_placed(scope).where(PlacementRow.id.in_(fought))):
        ref = str(PlacementRef(row.cluster, row.application))
        found[ref] = replace(found.get(ref, DriftView(ref, run=row.run or "")), fight=True)
    return found


def _placed(scope: Scope) -> Select[Any]:
    """Return a query for placements with the last run that compared each with Git."""
    compared = (
        select(RunRow.id)
        .where(RunRow.placement_id == PlacementRow.id, RunRow.trigger.in_(_LOOK), RunRow.outcome.in_(_COMPARED))
        .where(*within(scope, RunRow.project))
        .order_by(RunRow.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(PlacementRow.cluster, PlacementRow.application, PlacementRow.found_code, PlacementRow.found_params)
    query = query.add_columns(compared.label("run"))
    query = query.where(PlacementRow.state == "placed", *within(scope, PlacementRow.project))
    return query.order_by(PlacementRow.cluster, PlacementRow.application).limit(MOST)


def _by_hand(connection: Connection, scope: Scope) -> Mapping[str, tuple[str, ...]]:
    query = (
        select(PlacementRow.cluster, PlacementRow.application, InventoryRow.kind, InventoryRow.name)
        .add_columns(InventoryRow.by_hand)
        .join(PlacementRow, PlacementRow.id == InventoryRow.placement_id)
        # The condition of the index that finds them, as a literal: they are few among many.
        .where(text("inventory.by_hand <> ''"), PlacementRow.state == "placed", *within(scope, PlacementRow.project))
        .order_by(PlacementRow.cluster, PlacementRow.application, InventoryRow.kind, InventoryRow.name)
        .limit(MOST)
    )
    found: dict[str, tuple[str, ...]] = {}
    for row in connection.execute(query):
        ref = str(PlacementRef(row.cluster, row.application))
        fields = (f"{row.kind} {row.name}: {path}" for path in row.by_hand.splitlines())
        found[ref] = (*found.get(ref, ()), *fields)
    return found


def _corrected(connection: Connection, scope: Scope, since: datetime) -> Mapping[str, DriftView]:
    query = (
        select(RunRow.id, RunRow.cluster, RunRow.application, RunRow.counts, RunRow.ended_at)
        .add_columns(RunRow.cause_code, RunRow.cause_params)
        .where(RunRow.id >= first_id_at(since), RunRow.trigger == fixed("drift"), RunRow.outcome == "succeeded")
        .where(RunRow.reason_code != RunReason.DIFFERS, *within(scope, RunRow.project))
        .order_by(RunRow.id.desc())
        .limit(MOST)
    )
    found: dict[str, DriftView] = {}
    for row in connection.execute(query):
        if not any((row.counts or {}).get(action) for action in MUTATIONS):
            continue
        ref = str(PlacementRef(row.cluster, row.application))
        # the first one met is the newest
        known = found.get(ref) or _newest(ref, row)
        found[ref] = replace(known, corrections=known.corrections + 1)
    return found


def _newest(ref: str, row: Any) -> DriftView:
    why = reason_in(row, "cause")
    return DriftView(
        ref,
        corrected_at=row.ended_at,
        cause=sentence(why),
        cause_code=str(why.code),
        cause_params=dict(why.params),
        run=row.id,
    )
