"""indexes: for what was read by going through a whole table.

Revision 0014, after 0010.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0010"
branch_labels = None
depends_on = None

_OPEN, _HINDERED, _FIGHTING = "cleared_at IS NULL", "hindrance <> ''", "fight_step > 0"


def upgrade() -> None:
    """Make the change."""
    op.create_index("ix_approvals_subject", "approvals", ["kind", "subject", "id"])
    op.create_index("ix_source_digests_application", "source_digests", ["application"])
    op.drop_index("ix_faults_open", table_name="faults")
    _partial("ix_faults_open", "faults", ["scope", "id"], where=_OPEN)
    _partial("ix_placements_hindered", "placements", ["id"], where=_HINDERED)
    _partial("ix_inventory_fighting", "inventory", ["placement_id", "healed_at"], where=_FIGHTING)


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_inventory_fighting", table_name="inventory")
    op.drop_index("ix_placements_hindered", table_name="placements")
    op.drop_index("ix_faults_open", table_name="faults")
    op.create_index("ix_faults_open", "faults", ["scope", "cleared_at"])
    op.drop_index("ix_source_digests_application", table_name="source_digests")
    op.drop_index("ix_approvals_subject", table_name="approvals")


def _partial(name: str, table: str, columns: list[str], *, where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
