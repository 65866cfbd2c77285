"""findings: what workers found and the scheduler makes runs of.

Revision 0035, after 0037.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0035"
down_revision = "0036"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "findings",
        sa.Column("placement_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("trigger", sa.String(length=16), nullable=False),
        sa.Column("pool", sa.String(length=63), nullable=False),
        sa.Column("cause_code", sa.String(length=100), nullable=False),
        sa.Column("cause_params", JSON, nullable=True),
        sa.Column("hint", sa.String(length=64), server_default="", nullable=False),
        sa.Column("filed", sa.Integer(), server_default="1", nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("trigger IN ('drift', 'check')", name=op.f("ck_findings_trigger")),
        sa.ForeignKeyConstraint(["placement_id"], ["placements.id"], name=op.f("fk_findings_placement_id")),
        sa.PrimaryKeyConstraint("placement_id", "trigger", name=op.f("pk_findings")),
    )
    op.create_index("ix_findings_pool", "findings", ["pool", "found_at", "placement_id"])


def downgrade() -> None:
    """Take the change back; what nobody has decided on, the next sweep finds again."""
    op.drop_index("ix_findings_pool", table_name="findings")
    op.drop_table("findings")
