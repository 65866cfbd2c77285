"""tokens.actor: in whose name a pipeline's token acts.

Revision 0067, after 0066.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.add_column("tokens", sa.Column("actor", sa.String(length=200), server_default="", nullable=False))


def downgrade() -> None:
    """Take the change back; tokens of pipelines end."""
    op.execute("DELETE FROM tokens WHERE actor <> ''")
    op.drop_column("tokens", "actor")
