"""coming: what a placement's wanted revision renders and it does not own yet.

Revision 0023, after 0022.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    json = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
    op.add_column("placements", sa.Column("looked_revision", sa.String(129), server_default="", nullable=False))
    op.add_column("placements", sa.Column("coming", json, nullable=True))


def downgrade() -> None:
    """Take the change back."""
    op.drop_column("placements", "coming")
    op.drop_column("placements", "looked_revision")
