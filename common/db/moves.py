"""Objects that go from one placement of a cluster to another: who owns them, and who else wants them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select, tuple_, update

from common.db import inventory
from common.db.dialect import batched, fixed
from common.db.tables import ApprovalRow, InventoryRow, ObjectResultRow, PlacementRow, RunRow
from common.domain.changes import Action
from common.domain.inventory import InventoryItem
from common.domain.placements import PlacementState
from common.domain.refs import ObjectId, PlacementRef
from common.domain.runs import AttemptOutcome, RunState, Trigger

OWNED = "apply.owned"
"""Of a run that renders what another placement owns."""
CLAIMED = "prune.claimed"
"""Of a run that has written all it renders, and removes nothing until others have said what they take over."""
_WRITES = RunRow.trigger != Trigger.CHECK


@dataclass(frozen=True, slots=True)
class Keeper:
    """A placement that owns objects.

    Attributes:
        desired: identity of what it should run; None while it is unresolved, or where it leaves.
        applied: identity of what it runs; None before its first success.
        running: an attempt of it is under way.
        snapshot_id: of the fleet of its last run; None where it had none.
        items: those of the objects asked for that it owns.
    """

    id: int
    state: PlacementState
    desired: tuple[str, str] | None
    applied: tuple[str, str] | None
    running: bool
    snapshot_id: int | None
    items: dict[ObjectId, InventoryItem]


@dataclass(frozen=True, slots=True)
class Pending:
    """A placement that has not looked at its wanted revision yet.

    Attributes:
        resolved: whether that is known at all.
        desired_at: since when it is wanted.
        why: what keeps it from looking; empty where it is only to come.
    """

    ref: PlacementRef
    resolved: bool
    desired_at: datetime | None
    why: str = ""


def hold_still(connection: Connection, ref: PlacementRef) -> None:
    """Let no run of a placement that is there be claimed before the writing transaction ends, where that can be."""
    mine = (RunRow.cluster == ref.cluster, RunRow.application == ref.application, RunRow.state != RunState.ENDED)
    connection.execute(select(RunRow.id).where(*mine, _WRITES).order_by(RunRow.id).with_for_update()).all()


def keeper(connection: Connection, ref: PlacementRef, objects: Collection[ObjectId]) -> Keeper | None:
    """Return who owns some objects; None where there is no such placement."""
    mine = (PlacementRow.cluster == ref.cluster, PlacementRow.application == ref.application)
    row = connection.execute(select(*PlacementRow.__table__.c).where(*mine)).one_or_none()
    if row is None:
        return None
    unended = select(RunRow.state).where(RunRow.placement_id == row.id, RunRow.state != RunState.ENDED, _WRITES)
    states = set(connection.scalars(unended))
    last = select(RunRow.snapshot_id).where(RunRow.placement_id == row.id).order_by(RunRow.id.desc()).limit(1)
    desired = applied = None
    if row.desired_source_digest is not None:
        desired = (row.desired_source_digest, row.desired_parameters_digest)
    if row.applied_source_digest is not None:
        applied = (row.applied_source_digest, row.applied_parameters_digest)
    owned = {item.object: item for item in inventory.of(connection, row.id) if item.object in objects}
    return Keeper(
        id=row.id,
        state=PlacementState(row.state),
        desired=desired,
        applied=applied,
        running=RunState.RUNNING in states,
        snapshot_id=connection.execute(last).scalar(),
        items=owned,
    )


def takers(
    connection: Connection, mine: PlacementRef, objects: Sequence[ObjectId], asked: Collection[str]
) -> dict[ObjectId, PlacementRef]:
    """Return which objects another placement of the cluster has planned, waits for, or asked a person for.

    Args:
        connection: of the transaction.
        mine: whose the objects are.
        objects: about to be removed.
        asked: states of approvals to take over an object that still count.
    """
    wanted, found = set(objects), {}
    others = (PlacementRow.cluster == mine.cluster, PlacementRow.application != mine.application)
    key = tuple_(InventoryRow.group, InventoryRow.kind, InventoryRow.namespace, InventoryRow.name)
    columns = (InventoryRow.group, InventoryRow.kind, InventoryRow.namespace, InventoryRow.name)
    planned = select(PlacementRow.application, *columns).join(
        PlacementRow, PlacementRow.id == InventoryRow.placement_id
    )
    for batch in batched(objects):
        keys = [(one.group, one.kind, one.namespace, one.name) for one in batch]
        for application, *parts in connection.execute(planned.where(*others, InventoryRow.wanted, key.in_(keys))):
            found[ObjectId(*parts)] = PlacementRef(mine.cluster, application)
    waiting = select(RunRow.application, RunRow.awaits).where(
        RunRow.cluster == mine.cluster, RunRow.state == RunState.WAITING, RunRow.application != mine.application
    )
    for application, awaits in connection.execute(waiting):
        named = map(ObjectId.parse, awaits or ())
        found |= {one: PlacementRef(mine.cluster, application) for one in named if one in wanted}
    found |= _refused(connection, mine, objects)
    asking = select(ApprovalRow.subject, ApprovalRow.payload).where(
        ApprovalRow.kind == fixed("move"), ApprovalRow.state.in_(asked)
    )
    for subject, payload in connection.execute(asking):
        if payload["from"] == str(mine):
            named = map(ObjectId.parse, payload["objects"])
            found |= {one: PlacementRef.parse(subject) for one in named if one in wanted}
    return found


def _refused(connection: Connection, mine: PlacementRef, objects: Sequence[ObjectId]) -> dict[ObjectId, PlacementRef]:
    """Return which objects another placement of the cluster failed for, since they are ours."""
    last = (
        select(func.max(RunRow.id))
        .where(
            RunRow.placement_id == PlacementRow.id,
            RunRow.source_digest == PlacementRow.desired_source_digest,
            RunRow.parameters_digest == PlacementRow.desired_parameters_digest,
            RunRow.error_code == OWNED,
        )
        .scalar_subquery()
    )
    result = ObjectResultRow
    columns = (result.group, result.kind, result.namespace, result.name)
    query = (
        select(PlacementRow.application, *columns)
        .join(result, result.run_id == last)
        .where(
            PlacementRow.cluster == mine.cluster,
            PlacementRow.application != mine.application,
            PlacementRow.state == PlacementState.PLACED,
            PlacementRow.failure_code == OWNED,
            result.action == Action.CONFLICT,
        )
    )
    wanted = set(objects)
    refused = {ObjectId(*parts): application for application, *parts in connection.execute(query)}
    return {one: PlacementRef(mine.cluster, name) for one, name in refused.items() if one in wanted}


def pending(connection: Connection, mine: PlacementRef) -> tuple[Pending, ...]:
    """Return the other placements of the cluster that are to be brought to a revision and have not looked at it yet.

    One that failed at it, is paused, held up or synced by hand only has not looked either: what it would take over is
    not known. One that waits in it has said so, and so has one that only its own removals keep from being through.
    """
    same = and_(
        RunRow.source_digest == PlacementRow.desired_source_digest,
        RunRow.parameters_digest == PlacementRow.desired_parameters_digest,
    )
    said = (
        RunRow.state == RunState.WAITING,
        RunRow.outcome.in_((AttemptOutcome.SUCCEEDED, AttemptOutcome.NEEDS_APPROVAL)),
        RunRow.error_code == CLAIMED,
    )
    looked = select(RunRow.id).where(RunRow.placement_id == PlacementRow.id, same, _WRITES, or_(*said))
    row = PlacementRow
    columns = (row.application, row.desired_source_digest, row.desired_at, row.paused_by, row.hindrance)
    query = select(*columns, row.failure_code).where(
        PlacementRow.cluster == mine.cluster,
        PlacementRow.application != mine.application,
        PlacementRow.state == PlacementState.PLACED,
        PlacementRow.applied_source_digest.is_distinct_from(PlacementRow.desired_source_digest)
        | PlacementRow.applied_parameters_digest.is_distinct_from(PlacementRow.desired_parameters_digest)
        | PlacementRow.desired_source_digest.is_(None),
        ~looked.exists(),
    )
    rows = connection.execute(query.order_by(PlacementRow.application))
    return tuple(
        Pending(
            PlacementRef(mine.cluster, one.application),
            resolved=one.desired_source_digest is not None,
            desired_at=one.desired_at,
            why=_kept_from(one),
        )
        for one in rows
    )


def _kept_from(row: Any) -> str:
    """Return in words what keeps a placement from its wanted revision; empty where nothing does."""
    if row.paused_by is not None:
        return f"is paused by {row.paused_by}"
    if row.hindrance:
        return f"is held up ({row.hindrance})"
    return f"failed at its wanted revision ({row.failure_code})" if row.failure_code else ""


def look_again(connection: Connection, ref: PlacementRef, *, now: datetime) -> None:
    """Have those that failed for what a placement owns or may take over try at once: it is at its revision now.

    Only those that would try again by themselves later; one whose run ends at this moment keeps its own time.
    """
    others = (PlacementRow.cluster == ref.cluster, PlacementRow.application != ref.application)
    failed = (PlacementRow.failure_code.in_((OWNED, CLAIMED)), PlacementRow.retry_at > now)
    found = connection.scalars(select(PlacementRow.id).where(*others, *failed).with_for_update(skip_locked=True)).all()
    if found:
        connection.execute(update(PlacementRow).where(PlacementRow.id.in_(found)).values(retry_at=now))


def desired_at(connection: Connection, placement_id: int) -> datetime | None:
    """Return since when a placement's desired revision is wanted."""
    return connection.execute(select(PlacementRow.desired_at).where(PlacementRow.id == placement_id)).scalar()
