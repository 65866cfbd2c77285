"""work: what each worker is good for, how the leading scheduler's sending goes, and how runs ended, counted.

Revision 0007, after 0006.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COUNTED = ("stuck", "refused")
SECONDS = ("clock_ahead", "deaf_for")
ENDED = "ended_at IS NOT NULL"
JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Make the change."""
    for name in COUNTED:
        op.add_column("workers", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    for name in SECONDS:
        op.add_column("workers", sa.Column(name, sa.Double(), nullable=False, server_default="0"))
    op.add_column("workers", sa.Column("refused_why", sa.String(length=200), nullable=False, server_default=""))
    op.create_table(
        "sending",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_code", sa.String(length=80), nullable=False),
        sa.Column("clock_ahead", sa.Double(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_sending_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sending")),
    )
    op.create_table(
        "run_tallies",
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("trigger", sa.String(length=16), nullable=False),
        sa.Column("runs", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("within", JSON, nullable=False),
        sa.PrimaryKeyConstraint("outcome", "trigger", name=op.f("pk_run_tallies")),
    )
    op.create_table(
        "tallied",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_tallied_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tallied")),
    )
    op.create_index(
        "ix_runs_ended", "runs", ["ended_at", "id"], sqlite_where=sa.text(ENDED), postgresql_where=sa.text(ENDED)
    )


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_runs_ended", table_name="runs")
    op.drop_table("tallied")
    op.drop_table("run_tallies")
    op.drop_table("sending")
    for name in ("refused_why", *SECONDS, *COUNTED):
        op.drop_column("workers", name)
