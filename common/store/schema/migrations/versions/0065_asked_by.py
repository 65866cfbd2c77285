"""asked_by: whose request led to an approval.

Revision 0065, after 0064. Of those that are there nobody knows: they are nobody's own.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.add_column("approvals", sa.Column("asked_by", sa.String(length=200), server_default="", nullable=False))


def downgrade() -> None:
    """Take the change back."""
    op.drop_column("approvals", "asked_by")
