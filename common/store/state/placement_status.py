"""Placements as workers need them: what is wanted, what is in, what was found, and how that stands now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from common.domain.health import Health, HealthReport
from common.domain.placements import PlacementState
from common.domain.refs import PlacementRef
from common.domain.runs import SyncStatus
from common.domain.status import Failure, Reason
from common.domain.tenant import Tenant
from common.store.schema.tables import PlacementRow
from common.store.state.status import failure_of, identity_of
from common.store.state.stored_reasons import reason_in


@dataclass(frozen=True, slots=True)
class PlacementStatus:
    """One placement, as workers need it.

    Attributes:
        mark: value of its ownership label.
        desired: identity of what it should run; None while it is unresolved, or where it leaves.
        applied: identity of what it runs; None before its first success.
        found: what the last run that judged its objects found.
        failure: what the last run for what is wanted failed for; None where none did.
        hint: what the last sweep saw.
        hint_judged: what a run has judged last.
        observe_until: health is awaited until then.
        full_check_due_at: when its daily full dry-run is due.
        delete_hooks: manifests of the hooks before and after its removal.
        tenant: in whose name its objects and those hooks were written; None where nobody knows.
        signature: of both; empty where nobody signed them.
        synced_before: whether a run ever brought it to a revision, since it was placed.
        manifest_digest: of what was rendered for the last run that brought it to a revision; empty before.
        looked: the last wanted revision whose manifests a run has read.
    """

    id: int
    ref: PlacementRef
    mark: str
    state: PlacementState
    desired: tuple[str, str] | None
    applied: tuple[str, str] | None
    sync: SyncStatus
    found: Reason
    failure: Failure | None
    hint: str
    hint_judged: str
    retry_at: datetime | None
    paused: bool
    health: HealthReport
    failures: int
    full_check_due_at: datetime | None
    observe_until: datetime | None
    delete_hooks: Sequence[Mapping[str, Any]] = ()
    tenant: Tenant | None = None
    signature: str = ""
    synced_before: bool = False
    manifest_digest: str = ""
    looked: str = ""


def get(connection: Connection, placement_id: int) -> PlacementStatus:
    """Return one placement; a run's reference rules out that there is none."""
    return status_of(connection.execute(select(*PlacementRow.__table__.c).where(PlacementRow.id == placement_id)).one())


def of_cluster(connection: Connection, cluster: str) -> tuple[PlacementStatus, ...]:
    """Return the placements of a cluster that are not gone."""
    query = select(*PlacementRow.__table__.c).where(
        PlacementRow.cluster == cluster, PlacementRow.state != PlacementState.LEFT
    )
    return tuple(status_of(row) for row in connection.execute(query.order_by(PlacementRow.application)))


def placed_on(connection: Connection, cluster: str) -> tuple[str, ...]:
    """Return the applications that are placed on a cluster."""
    mine = (PlacementRow.cluster == cluster, PlacementRow.state == PlacementState.PLACED)
    return tuple(connection.scalars(select(PlacementRow.application).where(*mine)))


def status_of(row: Any) -> PlacementStatus:
    """Return the placement of a row that holds at least all its columns; for the modules of this package."""
    return PlacementStatus(
        id=row.id,
        ref=PlacementRef(row.cluster, row.application),
        mark=row.mark,
        state=PlacementState(row.state),
        desired=identity_of(row.desired_source_digest, row.desired_parameters_digest),
        applied=identity_of(row.applied_source_digest, row.applied_parameters_digest),
        sync=SyncStatus(row.sync_status),
        found=reason_in(row, "found"),
        failure=failure_of(row),
        hint=row.hint,
        hint_judged=row.hint_judged,
        retry_at=row.retry_at,
        paused=row.paused_by is not None,
        health=HealthReport(Health(row.health), reason_in(row, "health_reason")),
        failures=row.failures,
        full_check_due_at=row.full_check_due_at,
        observe_until=row.observe_until,
        delete_hooks=row.delete_hooks or (),
        tenant=None if row.tenant_project is None else Tenant(row.tenant_project, row.tenant_account or ""),
        signature=row.removal_signature or "",
        synced_before=row.applied_at is not None,
        manifest_digest=row.manifest_digest or "",
        looked=row.looked_revision,
    )
