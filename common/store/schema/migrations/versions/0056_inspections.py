"""inspections: what people ask to see of clusters as they are now.

Revision 0056, after 0047.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0056"
down_revision = "0047"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_UUID = sa.String(length=36).with_variant(UUID(as_uuid=False), "postgresql")
_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_INSTANTS = ("created_at", "expires_at", "sent_at", "taken_at", "ended_at")
_HELD = "{} BETWEEN '1970-01-01 00:00:00+00' AND '9000-01-01 00:00:00+00'"
_WORDS = {
    "state": ("asked", "taken", "answered", "failed"),
    "what": ("tree", "events", "logs", "manifest"),
}
_OPEN = sa.text("ended_at IS NULL")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "inspections",
        sa.Column("id", _UUID, nullable=False),
        sa.Column("placement_id", _ID, nullable=False),
        sa.Column("project", sa.String(length=253), nullable=False),
        sa.Column("cluster", sa.String(length=63), nullable=False),
        sa.Column("application", sa.String(length=63), nullable=False),
        sa.Column("pool", sa.String(length=63), nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("params", _JSON, nullable=True),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", _JSON, nullable=True),
        sa.Column("error_code", sa.String(length=80), server_default="", nullable=False),
        sa.Column("error_params", _JSON, nullable=True),
        sa.ForeignKeyConstraint(
            ["placement_id"], ["placements.id"], name=op.f("fk_inspections_placement_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspections")),
    )
    op.create_index("ix_inspections_open", "inspections", ["created_at"], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index("ix_inspections_actor", "inspections", ["actor", "created_at"])
    op.create_index("ix_inspections_expires", "inspections", ["expires_at"])
    op.create_index("ix_inspections_placement_id", "inspections", ["placement_id"])
    if op.get_bind().dialect.name == "postgresql":
        held = " AND ".join(map(_HELD.format, _INSTANTS))
        op.create_check_constraint(op.f("ck_inspections_instants"), "inspections", held)
        for column, words in _WORDS.items():
            known = ", ".join(f"'{word}'" for word in words)
            op.create_check_constraint(op.f(f"ck_inspections_{column}"), "inspections", f"{column} IN ({known})")


def downgrade() -> None:
    """Take the change back; whoever waits for an answer asks again."""
    op.drop_table("inspections")
