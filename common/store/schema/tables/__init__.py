"""All tables, by aggregate; importing this package fills ``Base.metadata``."""

from common.store.schema.tables.base import BESIDE, Base, Instant, Json, Params, Uuid
from common.store.schema.tables.events import EventClockRow, EventCursorRow, EventRow
from common.store.schema.tables.findings import FindingRow
from common.store.schema.tables.fleet import (
    ClusterRow,
    CommitRow,
    FaultRow,
    FleetRow,
    FleetSnapshotRow,
    PoolRoleRow,
    SourceDigestRow,
    SourceRow,
)
from common.store.schema.tables.inspections import InspectionRow
from common.store.schema.tables.people import SessionRow, TokenRow, UserRow
from common.store.schema.tables.placements import InventoryRow, PlacementCountRow, PlacementRow, PlacementSourceRow
from common.store.schema.tables.runs import (
    ApprovalRow,
    AttemptRow,
    AuditRow,
    IdempotencyKeyRow,
    IntentRow,
    LeadershipRow,
    LeaseRow,
    ObjectResultRow,
    OpenRunRow,
    PlannedChangeRow,
    PruneSpendingRow,
    RunRow,
)
from common.store.schema.tables.work import RetentionRow, RunTallyRow, SendingRow, WorkerRow

__all__ = [
    "BESIDE",
    "ApprovalRow",
    "AttemptRow",
    "AuditRow",
    "Base",
    "ClusterRow",
    "CommitRow",
    "EventClockRow",
    "EventCursorRow",
    "EventRow",
    "FaultRow",
    "FindingRow",
    "FleetRow",
    "FleetSnapshotRow",
    "IdempotencyKeyRow",
    "InspectionRow",
    "Instant",
    "IntentRow",
    "InventoryRow",
    "Json",
    "LeadershipRow",
    "LeaseRow",
    "ObjectResultRow",
    "OpenRunRow",
    "Params",
    "PlacementCountRow",
    "PlacementRow",
    "PlacementSourceRow",
    "PlannedChangeRow",
    "PoolRoleRow",
    "PruneSpendingRow",
    "RetentionRow",
    "RunRow",
    "RunTallyRow",
    "SendingRow",
    "SessionRow",
    "SourceDigestRow",
    "SourceRow",
    "TokenRow",
    "UserRow",
    "Uuid",
    "WorkerRow",
]
