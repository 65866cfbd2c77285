"""users.told_at, sessions.refresh: identity providers are asked again what they say of somebody.

Revision 0066, after 0065.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None

_HELD = "{} BETWEEN '1970-01-01 00:00:00+00' AND '9000-01-01 00:00:00+00'"
_BEFORE = {
    "users": ("administered_at", "created_at", "signed_in_at", "disabled_at"),
    "sessions": ("created_at", "seen_at", "expires_at"),
}
_NEW = {"users": "told_at", "sessions": "refreshing_at"}


def upgrade() -> None:
    """Make the change."""
    for table, column in _NEW.items():
        op.add_column(table, sa.Column(column, sa.DateTime(timezone=True), nullable=True))
    op.add_column("sessions", sa.Column("refresh", sa.Text(), server_default="", nullable=False))
    for table, columns in _BEFORE.items():
        _hold(table, (*columns, _NEW[table]))


def downgrade() -> None:
    """Take the change back; who came through a provider signs in again after a day at most."""
    for table, columns in _BEFORE.items():
        _hold(table, columns)
    op.drop_column("sessions", "refresh")
    for table, column in _NEW.items():
        op.drop_column(table, column)


def _hold(table: str, columns: tuple[str, ...]) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f(f"ck_{table}_instants"), table, type_="check")
        held = " AND ".join(map(_HELD.format, columns))
        op.create_check_constraint(op.f(f"ck_{table}_instants"), table, held)
