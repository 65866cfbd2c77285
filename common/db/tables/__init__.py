"""All tables, by aggregate; importing this package fills ``Base.metadata``."""

from common.db.tables.base import Base, Instant, Json
from common.db.tables.fleet import (
    ClusterRow,
    FaultRow,
    FleetRow,
    FleetSnapshotRow,
    PoolRoleRow,
    SourceDigestRow,
    SourceRow,
)
from common.db.tables.placements import InventoryRow, PlacementRow
from common.db.tables.runs import (
    ApprovalRow,
    AttemptRow,
    AuditRow,
    IntentRow,
    LeadershipRow,
    LeaseRow,
    ObjectResultRow,
    PlannedChangeRow,
    PruneSpendingRow,
    RunRow,
    SessionRow,
)
from common.db.tables.work import RunTallyRow, SendingRow, TalliedRow, WorkerRow

__all__ = [
    "ApprovalRow",
    "AttemptRow",
    "AuditRow",
    "Base",
    "ClusterRow",
    "FaultRow",
    "FleetRow",
    "FleetSnapshotRow",
    "Instant",
    "IntentRow",
    "InventoryRow",
    "Json",
    "LeadershipRow",
    "LeaseRow",
    "ObjectResultRow",
    "PlacementRow",
    "PlannedChangeRow",
    "PoolRoleRow",
    "PruneSpendingRow",
    "RunRow",
    "RunTallyRow",
    "SendingRow",
    "SessionRow",
    "SourceDigestRow",
    "SourceRow",
    "TalliedRow",
    "WorkerRow",
]
