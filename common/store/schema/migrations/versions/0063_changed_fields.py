"""changed_fields: what differed of an object as fields.

Revision 0063, after 0048. Only the catalogue changes: rows that are there keep their lines.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0063"
down_revision = "0048"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Make the change."""
    op.add_column("object_results", sa.Column("fields", _JSON, nullable=True))


def downgrade() -> None:
    """Take the change back."""
    op.drop_column("object_results", "fields")
