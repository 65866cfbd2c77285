"""operations: what a person has a worker do to a running object is a word that PostgreSQL knows.

Revision 0057, after 0056.
"""

from __future__ import annotations

from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

_BEFORE = ("tree", "events", "logs", "manifest")


def upgrade() -> None:
    """Make the change."""
    _know((*_BEFORE, "operate"))


def downgrade() -> None:
    """Take the change back; what was asked for is asked for again."""
    op.execute("DELETE FROM inspections WHERE what = 'operate'")
    _know(_BEFORE)


def _know(words: tuple[str, ...]) -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    known = ", ".join(f"'{word}'" for word in words)
    op.execute("ALTER TABLE inspections DROP CONSTRAINT ck_inspections_what")
    op.execute(f"ALTER TABLE inspections ADD CONSTRAINT ck_inspections_what CHECK (what IN ({known}))")
