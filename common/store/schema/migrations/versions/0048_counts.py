"""counts: how many placements of each cluster and project stand how.

Revision 0048, after 0062. The triggers that count are made from the code after each upgrade.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0062"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_KINDS = "cluster, project, severity, state, sync_status, health"
_FILL = f"""
INSERT INTO placement_counts ({_KINDS}, paused, placements)
SELECT {_KINDS}, paused_by IS NOT NULL, count(*) FROM placements GROUP BY {_KINDS}, paused_by IS NOT NULL
"""  # noqa: S608 - constants


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "placement_counts",
        sa.Column("id", _ID, nullable=False),
        sa.Column("cluster", sa.String(length=63), nullable=False),
        sa.Column("project", sa.String(length=253), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("sync_status", sa.String(length=16), nullable=False),
        sa.Column("health", sa.String(length=16), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("placements", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placement_counts")),
    )
    op.create_index("ix_placement_counts_cluster", "placement_counts", ["cluster"])
    op.execute(_FILL)


def downgrade() -> None:
    """Take the change back; the triggers are gone already."""
    op.drop_table("placement_counts")
