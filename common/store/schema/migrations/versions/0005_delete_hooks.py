"""delete hooks: what runs before and after a placement is removed, and what the render caches of workers were good for.

Revision 0005, after 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Make the change."""
    op.add_column("placements", sa.Column("delete_hooks", JSON, nullable=True))
    op.add_column("workers", sa.Column("render_cache", JSON, nullable=True))


def downgrade() -> None:
    """Take the change back."""
    op.drop_column("workers", "render_cache")
    op.drop_column("placements", "delete_hooks")
