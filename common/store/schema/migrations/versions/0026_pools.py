"""pools: which database role belongs to the workers of which pool.

Revision 0026, after 0029.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

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
    if op.get_bind().dialect.name == "postgresql":
        for name in ("look", "ask", "withdraw"):  # what roles were granted before pools had their own
            op.execute(f"DROP POLICY IF EXISTS {name} ON approvals")


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("pool_roles")
