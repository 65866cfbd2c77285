"""pokes: when a look at a source, or at the registry, was asked for by a push.

Revision 0062, after 0058.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0058"
branch_labels = None
depends_on = None

_NEW = {"fleet": ("poked_at", "registry_poked_at"), "sources": ("poked_at",)}
_OLD = {"fleet": ("checked_at", "created_at"), "sources": ("resolved_at", "checked_at", "due_at", "sent_at")}
_HELD = "{} BETWEEN '1970-01-01 00:00:00+00' AND '9000-01-01 00:00:00+00'"


def upgrade() -> None:
    """Make the change."""
    for table, columns in _NEW.items():
        for column in columns:
            op.add_column(table, sa.Column(column, sa.DateTime(timezone=True)))
        _check(table, *_OLD[table], *columns)
    op.create_index("ix_sources_poked_at", "sources", ["poked_at"])


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_sources_poked_at", "sources")
    for table, columns in _NEW.items():
        _check(table, *_OLD[table])
        for column in columns:
            op.drop_column(table, column)


def _check(table: str, *columns: str) -> None:
    """Have a table's instants be such as readers can hold; SQLite keeps instants as texts that only we write."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f(f"ck_{table}_instants"), table)
        op.create_check_constraint(op.f(f"ck_{table}_instants"), table, " AND ".join(map(_HELD.format, columns)))
