"""hooks: how far each has come, and what holds for the run meanwhile.

Revision 0003, after 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Make the change."""
    op.add_column("inventory", sa.Column("hook_run", sa.String(length=36), server_default="", nullable=False))
    op.add_column("inventory", sa.Column("hook_state", sa.String(length=9), server_default="", nullable=False))
    op.add_column("runs", sa.Column("awaits", JSON, nullable=True))
    op.add_column("runs", sa.Column("hook_active", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("runs", sa.Column("fail_hooks", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    """Take the change back."""
    op.drop_column("runs", "fail_hooks")
    op.drop_column("runs", "hook_active")
    op.drop_column("runs", "awaits")
    op.drop_column("inventory", "hook_state")
    op.drop_column("inventory", "hook_run")
