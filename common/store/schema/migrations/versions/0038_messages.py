"""messages: why a worker refused a message last is a code.

Revision 0038, after 0035.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change. What was said in words a worker that lives says again with its next heartbeat."""
    op.drop_column("workers", "refused_why")
    op.add_column("workers", sa.Column("refused_code", sa.String(length=100), server_default="", nullable=False))


def downgrade() -> None:
    """Take the change back; a worker that lives says it again."""
    op.drop_column("workers", "refused_code")
    op.add_column("workers", sa.Column("refused_why", sa.String(length=200), server_default="", nullable=False))
