"""sandbox: which layers of its renderers' sandbox hold on a worker.

Revision 0027, after 0023.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0027"
down_revision = "0023"
branch_labels = None
depends_on = None
JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Make the change."""
    op.add_column("workers", sa.Column("sandbox", JSON, nullable=True))


def downgrade() -> None:
    """Take the change back."""
    op.drop_column("workers", "sandbox")
