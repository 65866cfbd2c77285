"""by hand: what people added to objects, and Git does not have.

Revision 0021, after 0014.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.add_column("inventory", sa.Column("by_hand", sa.Text(), server_default="", nullable=False))
    where = sa.text("by_hand <> ''")
    op.create_index("ix_inventory_by_hand", "inventory", ["placement_id"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_inventory_by_hand", "inventory")
    op.drop_column("inventory", "by_hand")
