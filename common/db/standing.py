"""What workers found out about placements: synced or not, healthy or not, and when that was last seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ClauseElement, Connection, bindparam, case, func, select, update

from common.db.dialect import batched, table_of
from common.db.tables import PlacementRow
from common.domain.health import Health, HealthReport
from common.domain.placements import PlacementState
from common.domain.refs import PlacementRef, Revision
from common.domain.runs import SyncStatus

_PLACEMENT = table_of(PlacementRow)
_ONE = update(_PLACEMENT).where(_PLACEMENT.c.id == bindparam("of_placement"))


@dataclass(frozen=True, slots=True)
class Standing:
    """One placement, as workers need it.

    Attributes:
        mark: value of its ownership label.
        observe_until: health is awaited until then.
        full_check_due_at: when its daily full dry-run is due.
        heal_after: drift found before this instant waits.
        delete_hooks: manifests of the hooks before and after its removal.
        synced_before: whether a run ever brought it to a revision, since it was placed.
    """

    id: int
    ref: PlacementRef
    mark: str
    state: PlacementState
    desired: Revision | None
    applied: tuple[str, str] | None
    sync: SyncStatus
    paused: bool
    health: HealthReport
    failures: int
    fight_step: int
    healed_at: datetime | None
    heal_after: datetime | None
    full_check_due_at: datetime | None
    observe_until: datetime | None
    delete_hooks: Sequence[Mapping[str, Any]] = ()
    synced_before: bool = False


def get(connection: Connection, placement_id: int) -> Standing:
    """Return one placement; a run's reference rules out that there is none."""
    return standing_of(
        connection.execute(select(*PlacementRow.__table__.c).where(PlacementRow.id == placement_id)).one()
    )


def of_cluster(connection: Connection, cluster: str) -> tuple[Standing, ...]:
    """Return the placements of a cluster that are not gone."""
    query = select(*PlacementRow.__table__.c).where(
        PlacementRow.cluster == cluster, PlacementRow.state != PlacementState.LEFT
    )
    return tuple(standing_of(row) for row in connection.execute(query.order_by(PlacementRow.application)))


@dataclass(frozen=True, slots=True)
class Success:
    """A run that brought its placement to a revision.

    Attributes:
        observe_until: health is awaited until then; None when nothing has a health worth waiting for.
        full_check_due_at: when the next full dry-run is due.
        delete_hooks: manifests of the hooks before and after the placement's removal.
    """

    revision: Revision
    manifest_digest: str
    objects: int
    reason: str
    status: SyncStatus
    observe_until: datetime | None
    full_check_due_at: datetime
    delete_hooks: Sequence[Mapping[str, Any]] = ()


def record_success(connection: Connection, placement_id: int, success: Success, *, now: datetime) -> None:
    """Note that the placement runs a revision now."""
    values: dict[str, Any] = {
        "applied_source_digest": success.revision.source_digest,
        "applied_parameters_digest": success.revision.parameters_digest,
        "applied_commit": success.revision.commit,
        "manifest_digest": success.manifest_digest,
        "applied_at": now,
        "objects": success.objects,
        "sync_status": success.status,
        "reason": success.reason,
        "confirmed_at": now,
        "failures": 0,
        "full_check_due_at": success.full_check_due_at,
        "observe_until": success.observe_until,
        "delete_hooks": list(success.delete_hooks) or None,
    }
    if success.observe_until is None:
        values |= {"health": Health.HEALTHY, "health_reason": "", "health_at": now}
    _update(connection, placement_id, values)


def record_failure(
    connection: Connection, placement_id: int, *, reason: str, retry_at: datetime | None, status: SyncStatus
) -> None:
    """Note that a run failed, and when the placement may have its next by itself; None: when something changes.

    A run that is wanted already, because a newer revision came in the meantime, stays wanted as it was.
    """
    again = func.coalesce(PlacementRow.retry_at, retry_at)
    values = {"reason": reason, "failures": PlacementRow.failures + 1, "retry_at": again, "sync_status": status}
    _update(connection, placement_id, values)


def record_checked(
    connection: Connection,
    placement_id: int,
    *,
    status: SyncStatus,
    reason: str,
    retry_at: datetime | None,
    now: datetime,
) -> None:
    """Note what a check without writes found; a run that is wanted already stays wanted."""
    again = func.coalesce(PlacementRow.retry_at, retry_at)
    values = {"sync_status": status, "reason": reason, "confirmed_at": now, "retry_at": again}
    _update(connection, placement_id, values)


def record_left(connection: Connection, placement_id: int) -> None:
    """Note that nothing of the placement remains on its cluster; one that is wanted again meanwhile is not gone."""
    leaving = PlacementRow.state == PlacementState.LEAVING
    values = {
        "state": case((leaving, PlacementState.LEFT.value), else_=PlacementRow.state),
        "applied_source_digest": None,
        "applied_parameters_digest": None,
        "applied_commit": None,
        "applied_at": None,
        "manifest_digest": None,
        "objects": 0,
        "sync_status": case((leaving, SyncStatus.SYNCED.value), else_=SyncStatus.OUT_OF_SYNC.value),
        "reason": "",
        "hindrance": case((leaving, ""), else_=PlacementRow.hindrance),
        "retry_at": None,
        "observe_until": None,
        "delete_hooks": None,
    }
    _update(connection, placement_id, values)


def confirm(connection: Connection, placement_ids: Sequence[int], *, now: datetime) -> None:
    """Note that a sweep found everything as we left it."""
    for batch in batched(placement_ids):
        mine = update(PlacementRow).where(PlacementRow.id.in_(batch))
        connection.execute(mine.values(confirmed_at=now))
        # Only what was unknown for want of contact is known again; out-of-sync stays until a run says otherwise.
        known = mine.where(PlacementRow.sync_status == SyncStatus.UNKNOWN, PlacementRow.applied_at.is_not(None))
        connection.execute(known.values(sync_status=SyncStatus.SYNCED, reason=""))


def doubt(connection: Connection, placement_ids: Sequence[int], reason: str) -> None:
    """Note that it cannot be told whether these placements are synced; ``confirmed_at`` says since when."""
    for batch in batched(placement_ids):
        mine = update(PlacementRow).where(PlacementRow.id.in_(batch))
        values = {
            "sync_status": SyncStatus.UNKNOWN,
            "reason": reason,
            "health": Health.UNKNOWN,
            "health_reason": reason,
        }
        connection.execute(mine.values(values))


def record_drift(
    connection: Connection, placement_id: int, *, reason: str, fight_step: int, heal_after: datetime | None
) -> None:
    """Note that the cluster no longer holds what was applied."""
    values = {
        "sync_status": SyncStatus.OUT_OF_SYNC,
        "reason": reason,
        "fight_step": fight_step,
        "heal_after": heal_after,
    }
    _update(connection, placement_id, values)


def record_healed(connection: Connection, placement_id: int, *, now: datetime) -> None:
    """Note when drift was last corrected."""
    _update(connection, placement_id, {"healed_at": now})


def record_healths(
    connection: Connection, seen: Sequence[tuple[int, HealthReport, datetime | None]], *, now: datetime
) -> None:
    """Store placements' health, each by its id and with the instant until which it goes on being awaited."""
    rows = [
        {
            "of_placement": placement_id,
            "health": report.health,
            "health_reason": report.reason,
            "health_at": now,
            "observe_until": awaited,
        }
        # In one order, so that no two transactions wait for each other.
        for placement_id, report, awaited in sorted(seen, key=lambda one: one[0])
    ]
    for batch in batched(rows):
        connection.execute(_ONE, batch)


def await_health(connection: Connection, cluster: str, *, now: datetime) -> None:
    """Have the health of everything applied on a cluster looked at once more."""
    mine = (PlacementRow.cluster == cluster, PlacementRow.observe_until.is_(None), PlacementRow.applied_at.is_not(None))
    placed = PlacementRow.state == PlacementState.PLACED
    connection.execute(update(PlacementRow).where(*mine, placed).values(observe_until=now))


def await_health_of(connection: Connection, placement_id: int, *, until: datetime) -> None:
    """Have the placement's health looked at until then."""
    _update(connection, placement_id, {"observe_until": until})


def _update(connection: Connection, placement_id: int, values: dict[str, Any]) -> None:
    plain = {name: value for name, value in values.items() if not isinstance(value, ClauseElement)}
    computed = {name: value for name, value in values.items() if name not in plain}
    # With plain values the statement is the same each time: only its parameters differ.
    statement = _ONE.values(computed) if computed else _ONE
    connection.execute(statement, {"of_placement": placement_id} | plain)


def standing_of(row: Any) -> Standing:
    """Return the placement of a row that holds at least all its columns; for the modules of this package."""
    desired = None
    if row.desired_source_digest is not None:
        desired = Revision(row.desired_source_digest, row.desired_parameters_digest, row.desired_commit)
    applied = None
    if row.applied_source_digest is not None:
        applied = (row.applied_source_digest, row.applied_parameters_digest)
    return Standing(
        id=row.id,
        ref=PlacementRef(row.cluster, row.application),
        mark=row.mark,
        state=PlacementState(row.state),
        desired=desired,
        applied=applied,
        sync=SyncStatus(row.sync_status),
        paused=row.paused_by is not None,
        health=HealthReport(Health(row.health), row.health_reason),
        failures=row.failures,
        fight_step=row.fight_step,
        healed_at=row.healed_at,
        heal_after=row.heal_after,
        full_check_due_at=row.full_check_due_at,
        observe_until=row.observe_until,
        delete_hooks=row.delete_hooks or (),
        synced_before=row.applied_at is not None,
    )


FULL_CHECK = timedelta(days=1)
"""How often each placement has a full dry-run, for what a fingerprint cannot see."""
