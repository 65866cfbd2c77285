"""drift: runs that corrected it are found by an index; PostgreSQL builds that beside the work, once all else is done.

Revision 0043, after 0042.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    if op.get_bind().dialect.name == "sqlite":
        op.create_index("ix_runs_drift", "runs", ["id"], sqlite_where=sa.text("trigger = 'drift'"))


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_runs_drift", table_name="runs", if_exists=True)
