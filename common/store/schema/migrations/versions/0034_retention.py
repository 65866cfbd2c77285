"""retention: up to when history may be deleted, and indexes by which what is old is found.

Revision 0034, after 0030.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0030"
branch_labels = None
depends_on = None

_INDEXES = (
    ("ix_runs_snapshot", "runs", ("snapshot_id",), None),
    ("ix_faults_cleared", "faults", ("cleared_at", "id"), "cleared_at IS NOT NULL"),
    ("ix_approvals_closed", "approvals", ("decided_at", "id"), "state = 'done' OR state = 'void'"),
    ("ix_approvals_run", "approvals", ("run_id",), "run_id IS NOT NULL"),
    ("ix_prune_spending_first", "prune_spending", ("application", "source_digest"), "placement_id = 0"),
)


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "retention",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("horizon", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_retention_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention")),
    )
    for name, table, columns, where in _INDEXES:
        condition = None if where is None else sa.text(where)
        op.create_index(name, table, list(columns), sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    """Take the change back; what was deleted stays so."""
    for name, table, _, _ in _INDEXES:
        op.drop_index(name, table_name=table)
    op.drop_table("retention")
