"""events: what came about, told once each, and how far who reads them has come.

Revision 0032, after 0034. The triggers that write them are made from the code after each upgrade.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0032"
down_revision = "0034"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "events",
        sa.Column("tx", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("cluster", sa.String(length=63), nullable=False),
        sa.Column("application", sa.String(length=63), nullable=False),
        sa.Column("project", sa.String(length=253), nullable=False),
        sa.Column("code", sa.String(length=100), nullable=False),
        sa.Column("params", JSON, nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=True),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_order", "events", ["tx", "id"])
    for column in ("cluster", "application", "kind"):
        op.create_index(f"ix_events_{column}", "events", [column, "tx", "id"])
    op.create_table(
        "event_clock",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_event_clock_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_clock")),
    )
    op.create_table(
        "event_cursors",
        sa.Column("reader", sa.String(length=63), nullable=False),
        sa.Column("tx", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("reader", name=op.f("pk_event_cursors")),
    )
    # Runs are counted when their end is told.
    op.drop_table("tallied")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE event_numbers")


def downgrade() -> None:
    """Take the change back; the triggers are gone already."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP SEQUENCE event_numbers")
    op.create_table(
        "tallied",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_tallied_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tallied")),
    )
    for table in ("event_cursors", "event_clock", "events"):
        op.drop_table(table)
