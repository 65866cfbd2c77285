"""tails: runs are found by the end of their ids; PostgreSQL builds that index beside the work, once all else is done.

Revision 0068, after 0067.
"""

from __future__ import annotations

from alembic import op

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change: once all is done."""


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_runs_tail", table_name="runs", if_exists=True)
