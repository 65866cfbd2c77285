"""commits: room for those of several sources.

Revision 0004, after 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = (("placements", "desired_commit"), ("placements", "applied_commit"), ("runs", "commit"))


def upgrade() -> None:
    """Make the change; SQLite holds no text to its length."""
    if op.get_bind().dialect.name == "postgresql":
        for table, column in COLUMNS:
            op.alter_column(table, column, type_=sa.String(length=649), existing_nullable=True)


def downgrade() -> None:
    """Take the change back: of several commits, the first stays."""
    if op.get_bind().dialect.name == "postgresql":
        for table, column in COLUMNS:
            short = f'left("{column}", 64)'
            op.alter_column(table, column, type_=sa.String(length=64), existing_nullable=True, postgresql_using=short)
