"""moves: which revision no longer renders an object, so that another application may take it over.

Revision 0010, after 0009.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.add_column("inventory", sa.Column("left_by", sa.String(129), nullable=False, server_default=""))


def downgrade() -> None:
    """Take the change back."""
    op.drop_column("inventory", "left_by")
