"""signed removals: a signature over what the removal of a placement goes by.

Revision 0028, after 0025. What was kept before is not signed; the next run of each placement signs it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.add_column("placements", sa.Column("removal_signature", sa.String(64), nullable=True))


def downgrade() -> None:
    """Take the change back."""
    op.drop_column("placements", "removal_signature")
