"""foiled: an index by which the few placements of a cluster are found that wait for what another owns.

Revision 0039, after 0038.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

_FOILED = sa.text("failure_code = 'apply.owned' OR failure_code = 'prune.claimed'")


def upgrade() -> None:
    """Make the change."""
    op.create_index("ix_placements_foiled", "placements", ["cluster"], sqlite_where=_FOILED, postgresql_where=_FOILED)


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_placements_foiled", table_name="placements")
