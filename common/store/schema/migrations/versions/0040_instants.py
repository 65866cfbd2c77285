"""instants: none that no reader can hold: one infinite instant in one row keeps everybody who reads it from going on.

Revision 0040, after 0039.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

_COLUMNS = sa.text(
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() "
    "AND udt_name = 'timestamptz' ORDER BY table_name, ordinal_position"
)
_HELD = "{} BETWEEN '1970-01-01 00:00:00+00' AND '9000-01-01 00:00:00+00'"
"""What Python's ``datetime`` holds in any time zone, and after whatever is added to it; NULL passes."""


def upgrade() -> None:
    """Make the change; SQLite keeps instants as texts that only we write."""
    for table, columns in _instants().items():
        held = " AND ".join(_HELD.format(column) for column in columns)
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_instants CHECK ({held})")


def downgrade() -> None:
    """Take the change back."""
    for table in _instants():
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_instants")


def _instants() -> dict[str, list[str]]:
    """Return the columns of instants by table; none on SQLite."""
    found: dict[str, list[str]] = {}
    if op.get_bind().dialect.name == "postgresql":
        for table, column in op.get_bind().execute(_COLUMNS):
            found.setdefault(table, []).append(column)
    return found
