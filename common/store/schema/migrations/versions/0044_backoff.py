"""backoff: how often in a row an object was corrected, by the field's word for what follows from it.

Revision 0044, after 0043.
"""

from __future__ import annotations

from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; the index that has the column in its condition goes with it."""
    op.alter_column("inventory", "fight_step", new_column_name="backoff_step")


def downgrade() -> None:
    """Take the change back."""
    op.alter_column("inventory", "backoff_step", new_column_name="fight_step")
