"""Objects that go from one placement of a cluster to another: who owns them, and who else wants them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, select, tuple_

from common.db import inventory
from common.db.dialect import batched, fixed
from common.db.tables import ApprovalRow, InventoryRow, PlacementRow, RunRow
from common.domain.inventory import InventoryItem
from common.domain.placements import PlacementState
from common.domain.refs import ObjectId, PlacementRef
from common.domain.runs import RunState, Trigger

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
    """

    ref: PlacementRef
    resolved: bool
    desired_at: datetime | None


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
    asking = select(ApprovalRow.subject, ApprovalRow.payload).where(
        ApprovalRow.kind == fixed("move"), ApprovalRow.state.in_(asked)
    )
    for subject, payload in connection.execute(asking):
        if payload["from"] == str(mine):
            named = map(ObjectId.parse, payload["objects"])
            found |= {one: PlacementRef.parse(subject) for one in named if one in wanted}
    return found


def pending(connection: Connection, mine: PlacementRef) -> tuple[Pending, ...]:
    """Return the other placements of the cluster that are to be brought to a revision and have not looked at it yet.

    Those that failed at it, wait in it, or may not be written count no longer: what they take over is known.
    """
    same = and_(
        RunRow.source_digest == PlacementRow.desired_source_digest,
        RunRow.parameters_digest == PlacementRow.desired_parameters_digest,
    )
    looked = select(RunRow.id).where(
        RunRow.placement_id == PlacementRow.id, same, _WRITES, RunRow.state.in_((RunState.WAITING, RunState.ENDED))
    )
    query = select(PlacementRow.application, PlacementRow.desired_source_digest, PlacementRow.desired_at).where(
        PlacementRow.cluster == mine.cluster,
        PlacementRow.application != mine.application,
        PlacementRow.state == PlacementState.PLACED,
        PlacementRow.paused_by.is_(None),
        PlacementRow.failures == 0,
        PlacementRow.applied_source_digest.is_distinct_from(PlacementRow.desired_source_digest)
        | PlacementRow.applied_parameters_digest.is_distinct_from(PlacementRow.desired_parameters_digest)
        | PlacementRow.desired_source_digest.is_(None),
        PlacementRow.desired_source_digest.is_(None) | (PlacementRow.hindrance == ""),
        ~looked.exists(),
    )
    rows = connection.execute(query.order_by(PlacementRow.application))
    return tuple(
        Pending(PlacementRef(mine.cluster, row.application), row.desired_source_digest is not None, row.desired_at)
        for row in rows
    )


def desired_at(connection: Connection, placement_id: int) -> datetime | None:
    """Return since when a placement's desired revision is wanted."""
    return connection.execute(select(PlacementRow.desired_at).where(PlacementRow.id == placement_id)).scalar()
