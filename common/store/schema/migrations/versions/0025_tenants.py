"""tenants: in whose name a placement's objects and the hooks of its removal were written.

Revision 0025, after 0027. Of what was written before, nobody knows it; the next run of each placement tells.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.add_column("placements", sa.Column("tenant_project", sa.String(253), nullable=True))
    op.add_column("placements", sa.Column("tenant_account", sa.String(600), nullable=True))


def downgrade() -> None:
    """Take the change back."""
    op.drop_column("placements", "tenant_account")
    op.drop_column("placements", "tenant_project")
