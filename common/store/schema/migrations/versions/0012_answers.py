"""answers: what came of a request, for programs.

Revision 0012, after 0007.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.add_column("intents", sa.Column("outcome", sa.String(length=16), server_default="", nullable=False))
    # What was carried out before kept words alone; that it was handled is all that is sure.
    op.execute("UPDATE intents SET outcome = 'done' WHERE handled_at IS NOT NULL")


def downgrade() -> None:
    """Take the change back."""
    op.drop_column("intents", "outcome")
