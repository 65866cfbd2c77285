"""ended: in which stage and for which revision a hook ran, and what goes from a cluster by itself.

Revision 0008, after 0012.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.add_column("inventory", sa.Column("hook_stage", sa.String(length=11), server_default="", nullable=False))
    op.add_column("inventory", sa.Column("hook_revision", sa.String(length=64), server_default="", nullable=False))
    op.add_column("inventory", sa.Column("expires", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("inventory", sa.Column("ended", sa.String(length=9), server_default="", nullable=False))


def downgrade() -> None:
    """Take the change back."""
    op.drop_column("inventory", "ended")
    op.drop_column("inventory", "expires")
    op.drop_column("inventory", "hook_revision")
    op.drop_column("inventory", "hook_stage")
