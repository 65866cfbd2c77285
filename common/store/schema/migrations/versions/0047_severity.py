"""severity: the worst placements, and the few among many that lists ask for, are found by indexes.

Revision 0047, after 0046. PostgreSQL builds the index of the runs beside the work, once all else is done.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

_SEVERITY = """
CASE WHEN state = 'leaving' THEN 7 WHEN state <> 'placed' THEN 9 WHEN sync_status = 'failed' THEN 0
WHEN health = 'degraded' THEN 1 WHEN health = 'missing' THEN 2 WHEN sync_status = 'unknown' THEN 3
WHEN health = 'unknown' THEN 4 WHEN sync_status = 'out-of-sync' THEN 5 WHEN health = 'progressing' THEN 6 ELSE 8 END
"""
_OF_PLACEMENT = ("cluster", "application")
_INDEXES: tuple[tuple[str, str, tuple[str, ...], str | None], ...] = (
    ("ix_placements_severity", "placements", ("severity", *_OF_PLACEMENT), "severity < 8"),
    ("ix_placements_project_severity", "placements", ("project", "severity", *_OF_PLACEMENT), None),
    ("ix_placements_unsynced", "placements", _OF_PLACEMENT, "sync_status <> 'synced'"),
    ("ix_inventory_unwanted", "inventory", ("placement_id",), "NOT wanted"),
)
_UNSUCCESSFUL = ("ix_runs_unsuccessful", "runs", ("id",), "outcome <> 'succeeded'")


def upgrade() -> None:
    """Make the change."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    kept = "VIRTUAL" if is_sqlite else "STORED"  # SQLite adds no stored one, and indexes a virtual one as well
    op.execute(f"ALTER TABLE placements ADD COLUMN severity SMALLINT GENERATED ALWAYS AS ({_SEVERITY}) {kept} NOT NULL")
    for name, table, columns, where in (*_INDEXES, *((_UNSUCCESSFUL,) if is_sqlite else ())):
        condition = sa.text(where) if where is not None else None
        op.create_index(name, table, list(columns), sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    """Take the change back."""
    for name, table, _, _ in (*_INDEXES, _UNSUCCESSFUL):
        op.drop_index(name, table_name=table, if_exists=True)
    op.drop_column("placements", "severity")
