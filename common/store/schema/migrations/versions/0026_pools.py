"""pools: which database role belongs to the workers of which pool, what each may reach, and no past is written.

Revision 0026, after 0029.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from common.store.schema import pools, triggers

revision = "0026"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "pool_roles",
        sa.Column("role", sa.String(63), nullable=False),
        sa.Column("pool", sa.String(63), nullable=False),
        sa.PrimaryKeyConstraint("role", name="pk_pool_roles"),
    )
    triggers.create_newer(op.get_bind())
    pools.create(op.get_bind())


def downgrade() -> None:
    """Take the change back."""
    pools.drop(op.get_bind())
    triggers.drop_newer(op.get_bind())
    op.drop_table("pool_roles")
