"""commits: when, by whom and in which words what sources were resolved to was committed.

What was resolved before has no row; each source gets those of its last commits when it is looked at next.

Revision 0045, after 0044.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INSTANTS = ("at", "seen_at", "lost_at")
_HELD = "{} BETWEEN '1970-01-01 00:00:00+00' AND '9000-01-01 00:00:00+00'"
_NAMED = sa.text("version <> ''")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "commits",
        sa.Column("id", _ID, nullable=False),
        sa.Column("source_id", _ID, nullable=True),
        sa.Column("commit", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=253), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("author", sa.String(length=200), server_default="", nullable=False),
        sa.Column("subject", sa.String(length=300), server_default="", nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lost_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_commits_source_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commits")),
    )
    op.create_index("ix_commits_source", "commits", ["source_id", "id"])
    op.create_index("ix_commits_commit", "commits", ["commit", "id"])
    op.create_index("ix_commits_version", "commits", ["version", "id"], sqlite_where=_NAMED, postgresql_where=_NAMED)
    if op.get_bind().dialect.name == "postgresql":
        held = " AND ".join(map(_HELD.format, _INSTANTS))
        op.create_check_constraint(op.f("ck_commits_instants"), "commits", held)


def downgrade() -> None:
    """Take the change back; what commits were called is read again after the next upgrade."""
    op.drop_table("commits")
