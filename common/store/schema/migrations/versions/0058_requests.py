"""requests: many at once as one batch, asked for once under the name that a client gives, and audited with who and how.

Revision 0058, after 0057.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ADDED = (("outcome", 16), ("verb", 16), ("credential", 64), ("address", 64))
_HELD = "created_at BETWEEN '1970-01-01 00:00:00+00' AND '9000-01-01 00:00:00+00'"


def upgrade() -> None:
    """Make the change."""
    op.add_column("intents", sa.Column("batch_id", _ID, nullable=True))
    op.add_column("intents", sa.Column("placements", sa.Integer(), server_default="0", nullable=False))
    op.create_index("ix_intents_batch", "intents", ["batch_id", "handled_at"])
    for name, length in _ADDED:
        op.add_column("audit", sa.Column(name, sa.String(length=length), server_default="", nullable=False))
    op.create_index("ix_audit_actor", "audit", ["actor", "id"])
    op.create_index("ix_audit_at", "audit", ["at", "id"])
    op.create_table(
        "idempotency_keys",
        sa.Column("id", _ID, nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("body", sa.String(length=64), nullable=False),
        sa.Column("intent_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_keys")),
        sa.UniqueConstraint("actor", "key", name=op.f("uq_idempotency_keys_actor_key")),
    )
    op.create_index("ix_idempotency_keys_age", "idempotency_keys", ["created_at", "id"])
    if op.get_bind().dialect.name == "postgresql":
        op.create_check_constraint(op.f("ck_idempotency_keys_instants"), "idempotency_keys", _HELD)


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("idempotency_keys")
    for name in ("ix_audit_at", "ix_audit_actor"):
        op.drop_index(name, table_name="audit")
    for name, _ in reversed(_ADDED):
        op.drop_column("audit", name)
    op.drop_index("ix_intents_batch", table_name="intents")
    op.drop_column("intents", "placements")
    op.drop_column("intents", "batch_id")
