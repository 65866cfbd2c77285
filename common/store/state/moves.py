"""Objects that go from one placement of a cluster to another: who owns them, and who else wants them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select, tuple_, update

from common.domain.approvals import ApprovalKind, ApprovalState
from common.domain.holds import Taking
from common.domain.inventory import InventoryItem
from common.domain.placements import PlacementState
from common.domain.reasons import nested
from common.domain.refs import ObjectId, PlacementRef
from common.domain.runs import RunKind, RunState
from common.domain.status import NONE, Reason
from common.store.engine.dialect import batched, fixed, table_of
from common.store.schema.tables import ApprovalRow, InventoryRow, OpenRunRow, PlacementRow, RunRow
from common.store.state import inventory
from common.store.state.run_kinds import is_of
from common.store.state.stored_reasons import reason_in

OWNED = "apply.owned"
"""Of a run that renders what another placement owns."""
CLAIMED = "prune.claimed"
"""Of a run that has written all it renders, and removes nothing until others have said what they take over."""
_WRITES = is_of(RunKind.SYNC)
_WANTED = PlacementRow.desired_source_digest + ":" + PlacementRow.desired_parameters_digest
"""How a placement's wanted revision is named; NULL while it is unresolved."""

# Built once: every run needs each of these, and building one costs more than sending it.
_PLACEMENT = table_of(PlacementRow)
_INVENTORY = table_of(InventoryRow)
_NOTE = (
    update(_PLACEMENT)
    .where(
        _PLACEMENT.c.id == bindparam("of_placement"),
        _PLACEMENT.c.desired_source_digest + ":" + _PLACEMENT.c.desired_parameters_digest == bindparam("revision"),
    )
    .values(looked_revision=bindparam("revision"), coming=bindparam("coming"))
    .returning(_PLACEMENT.c.id)
)
_OWNED = select(*(_INVENTORY.c[name] for name in ("group", "kind", "namespace", "name"))).where(
    _INVENTORY.c.placement_id == bindparam("of_placement"), _INVENTORY.c.wanted
)
_FOILED = (
    select(_PLACEMENT.c.id)
    .where(
        _PLACEMENT.c.cluster == bindparam("of_cluster"),
        _PLACEMENT.c.application != bindparam("of_application"),
        # As the index has it that holds only these.
        or_(_PLACEMENT.c.failure_code == fixed(OWNED), _PLACEMENT.c.failure_code == fixed(CLAIMED)),
        _PLACEMENT.c.retry_at > bindparam("now"),
    )
    .with_for_update(skip_locked=True)
)


@dataclass(frozen=True, slots=True)
class Keeper:
    """A placement that owns objects.

    Attributes:
        desired: identity of what it should run; None while it is unresolved, or where it leaves.
        applied: identity of what it runs; None before its first success.
        running: an attempt of it is under way.
        snapshot_id: of the fleet of its last run; None where it had none.
        items: those of the objects asked for that it owns.
        tenant: project in whose name they were written last; None where nobody noted it.
    """

    id: int
    state: PlacementState
    desired: tuple[str, str] | None
    applied: tuple[str, str] | None
    running: bool
    snapshot_id: int | None
    items: dict[ObjectId, InventoryItem]
    tenant: str | None


@dataclass(frozen=True, slots=True)
class Pending:
    """A placement whose wanted revision nobody has read the manifests of yet.

    Attributes:
        desired_at: since when that revision is wanted.
        why: what keeps it from looking; ``NONE`` where it is only to come.
        stands: that is a pause, or its mode: nothing is wrong with it.
    """

    id: int
    ref: PlacementRef
    desired_at: datetime | None
    why: Reason = NONE
    stands: bool = False


def hold_still(connection: Connection, ref: PlacementRef) -> None:
    """Let no run of a placement that is there be claimed before the writing transaction ends, where that can be."""
    mine = (OpenRunRow.cluster == ref.cluster, OpenRunRow.application == ref.application, _WRITES)
    connection.execute(select(OpenRunRow.run_id).where(*mine).order_by(OpenRunRow.run_id).with_for_update()).all()


def keeper(connection: Connection, ref: PlacementRef, objects: Collection[ObjectId]) -> Keeper | None:
    """Return who owns some objects; None where there is no such placement."""
    mine = (PlacementRow.cluster == ref.cluster, PlacementRow.application == ref.application)
    row = connection.execute(select(*PlacementRow.__table__.c).where(*mine)).one_or_none()
    if row is None:
        return None
    unended = select(OpenRunRow.state).where(OpenRunRow.placement_id == row.id, _WRITES)
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
        tenant=row.tenant_project,
    )


def takers(connection: Connection, mine: PlacementRef, objects: Sequence[ObjectId]) -> dict[ObjectId, PlacementRef]:
    """Return which objects another placement of the cluster owns, or renders by its wanted revision.

    What a person refused to such a revision is not its to take.

    Args:
        connection: of the transaction.
        mine: whose the objects are.
        objects: about to be removed.
    """
    found: dict[ObjectId, PlacementRef] = {}
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
    coming = select(PlacementRow.application, PlacementRow.coming, PlacementRow.looked_revision).where(
        *others,
        PlacementRow.state == PlacementState.PLACED,
        PlacementRow.coming.is_not(None),
        PlacementRow.looked_revision == _WANTED,
    )
    for application, named, revision in connection.execute(coming):
        ref = PlacementRef(mine.cluster, application)
        rendered = [one for one in objects if _named(one, frozenset(named))]
        refused = _refused(connection, mine, ref, revision) if rendered else frozenset()
        found |= {one: ref for one in rendered if str(one) not in refused}
    return found


def _named(one: ObjectId, named: frozenset[str]) -> bool:
    """Return whether an object is named; whether a kind that is not served has a namespace, nobody knows."""
    return str(one) in named or str(replace(one, namespace="")) in named


def _refused(connection: Connection, owner: PlacementRef, taker: PlacementRef, revision: str) -> frozenset[str]:
    """Return which objects of an owner a person refused to a placement's revision, when asked last."""
    asked = select(ApprovalRow.payload, ApprovalRow.state).where(
        ApprovalRow.kind == fixed(ApprovalKind.MOVE.value), ApprovalRow.subject == str(taker)
    )
    state, objects = "", frozenset[str]()
    for payload, state_now in connection.execute(asked.order_by(ApprovalRow.id)):
        if (payload["from"], payload["revision"]) == (str(owner), revision):
            state, objects = state_now, frozenset(payload["objects"])
    return objects if state == ApprovalState.REJECTED else frozenset()


def pending(connection: Connection, mine: PlacementRef) -> tuple[Pending, ...]:
    """Return the other placements of the cluster whose wanted revision nobody has read the manifests of yet.

    One that failed before that, is paused, held up or synced by hand only has not looked either: what it would take
    over is not known.
    """
    row = PlacementRow
    query = select(*row.__table__.c).where(
        row.cluster == mine.cluster,
        row.application != mine.application,
        row.state == PlacementState.PLACED,
        row.applied_source_digest.is_distinct_from(row.desired_source_digest)
        | row.applied_parameters_digest.is_distinct_from(row.desired_parameters_digest)
        | row.desired_source_digest.is_(None),
        row.looked_revision.is_distinct_from(_WANTED),
    )
    return tuple(_pending(one) for one in connection.execute(query.order_by(row.application)))


def _pending(row: Any) -> Pending:
    ref = PlacementRef(row.cluster, row.application)
    stands = not row.failure_code and (row.paused_by is not None or bool(row.hold_code))
    return Pending(row.id, ref, row.desired_at, _kept_from(row), stands)


def desired_of(connection: Connection, cluster: str) -> dict[str, tuple[str, str] | None]:
    """Return the identity that each placed application of a cluster is wanted at; None while it is unresolved."""
    row = PlacementRow
    query = select(row.application, row.desired_source_digest, row.desired_parameters_digest)
    rows = connection.execute(query.where(row.cluster == cluster, row.state == PlacementState.PLACED))
    return {name: (source, parameters) if source and parameters else None for name, source, parameters in rows}


def note_rendered(connection: Connection, placement_id: int, revision: str, objects: Collection[ObjectId]) -> bool:
    """Note what a placement's wanted revision renders; return False where another is wanted by now.

    Args:
        connection: of a writing transaction.
        placement_id: whose.
        revision: its identity in one text.
        objects: all of it, but for what the placement is known to own.
    """
    coming = sorted(map(str, set(objects) - _owned(connection, placement_id))) if objects else None
    values = {"of_placement": placement_id, "revision": revision, "coming": coming or None}
    return connection.execute(_NOTE, values).first() is not None


def note_arrived(connection: Connection, placement_id: int) -> None:
    """Note that a placement's revision is in: of what it renders, only what it does not own is still to come."""
    mine = PlacementRow.id == placement_id
    coming = connection.execute(select(PlacementRow.coming).where(mine, PlacementRow.coming.is_not(None))).scalar()
    if coming:
        left = sorted(set(coming) - set(map(str, _owned(connection, placement_id)))) or None
        connection.execute(update(PlacementRow).where(mine).values(coming=left))


def _owned(connection: Connection, placement_id: int) -> set[ObjectId]:
    return {ObjectId(*parts) for parts in connection.execute(_OWNED, {"of_placement": placement_id})}


def retained(connection: Connection, ref: PlacementRef) -> Keeper | None:
    """Return who owns what is left alone, with all of it; None where it is not, or a run of it is under way."""
    mine = (PlacementRow.cluster == ref.cluster, PlacementRow.application == ref.application)
    id_ = connection.execute(select(PlacementRow.id).where(*mine).with_for_update()).scalar()
    found = None if id_ is None else keeper(connection, ref, {item.object for item in inventory.of(connection, id_)})
    return found if found and found.state is PlacementState.RETAINED and not found.running else None


def _kept_from(row: Any) -> Reason:
    """Return what keeps a placement from its wanted revision; ``NONE`` where nothing does."""
    if row.paused_by is not None:
        return Reason(Taking.PAUSED, {"by": row.paused_by})
    if row.hold_code:
        return Reason(Taking.HELD, {"hold": nested(reason_in(row, "hold"))})
    return Reason(Taking.FAILED, {"code": row.failure_code}) if row.failure_code else NONE


def waited_until(connection: Connection, placement_id: int) -> datetime | None:
    """Return until when a placement's removals wait for others, as was said when they began to; None for no bound."""
    waiting = (PlacementRow.id == placement_id, PlacementRow.failure_code == CLAIMED)
    params = connection.execute(select(PlacementRow.failure_params).where(*waiting)).scalar() or {}
    return datetime.fromisoformat(params["until"]) if params.get("until") else None


def look_again(connection: Connection, ref: PlacementRef, *, now: datetime) -> None:
    """Have those that failed for what a placement owns or may take over try at once: it is at its revision now.

    Only those that would try again by themselves later; one whose run ends at this moment keeps its own time.
    """
    asked = {"of_cluster": ref.cluster, "of_application": ref.application, "now": now}
    found = connection.scalars(_FOILED, asked).all()
    if found:
        connection.execute(update(PlacementRow).where(PlacementRow.id.in_(found)).values(retry_at=now))


def desired_at(connection: Connection, placement_id: int) -> datetime | None:
    """Return since when a placement's desired revision is wanted."""
    return connection.execute(select(PlacementRow.desired_at).where(PlacementRow.id == placement_id)).scalar()
