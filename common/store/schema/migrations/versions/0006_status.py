"""status: facts with one observer each, as codes with parameters, and the status derived from them; fights by object.

Revision 0006, after 0005.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_NAMES = ("id", "sync_status", "reason", "contact_code", "found_code", "failures", "applied_at", "retry_at")
_IDENTITY = (
    "desired_source_digest", "desired_parameters_digest", "applied_source_digest", "applied_parameters_digest",
)  # fmt: skip
_ROWS = sa.table("placements", *map(sa.column, (*_NAMES, *_IDENTITY)), sa.column("found_params", JSON))


def upgrade() -> None:
    """Make the change. Words that were stored stay readable."""
    for column in _columns():
        op.add_column("placements", column)
    words = sa.select(_ROWS.c.id, _ROWS.c.reason).where(_ROWS.c.reason != "")
    for id_, reason in op.get_bind().execute(words).all():
        told: dict[str, Any] = {"found_code": "told", "found_params": {"text": reason}}
        op.execute(_ROWS.update().where(_ROWS.c.id == id_).values(**told))
    for name in ("reason", "fight_step", "healed_at", "heal_after"):
        op.drop_column("placements", name)
    for column in _fights():
        op.add_column("inventory", column)
    behind = sa.or_(
        _ROWS.c.desired_source_digest.is_distinct_from(_ROWS.c.applied_source_digest),
        _ROWS.c.desired_parameters_digest.is_distinct_from(_ROWS.c.applied_parameters_digest),
    )
    op.execute(_ROWS.update().where(_ROWS.c.sync_status == "synced", behind).values(sync_status="out-of-sync"))
    lost = sa.and_(_ROWS.c.sync_status == "unknown", _ROWS.c.applied_at.is_not(None))
    op.execute(_ROWS.update().where(lost).values(contact_code="contact.lost"))
    never = sa.and_(_ROWS.c.sync_status == "unknown", _ROWS.c.applied_at.is_(None))
    op.execute(_ROWS.update().where(never).values(sync_status="out-of-sync"))


def downgrade() -> None:
    """Take the change back; reasons come again with the next run or sweep."""
    op.execute(_ROWS.update().where(_ROWS.c.sync_status == "failed").values(sync_status="out-of-sync"))
    op.add_column("placements", sa.Column("reason", sa.Text(), server_default="", nullable=False))
    for column in _fights():
        op.drop_column("inventory", column.name)
        op.add_column("placements", column)
    for column in reversed(_columns()):
        op.drop_column("placements", column.name)


def _columns() -> tuple[sa.Column[Any], ...]:
    return (
        _code("contact_code", 100),
        sa.Column("contact_params", JSON, nullable=True),
        _code("found_code", 100),
        sa.Column("found_params", JSON, nullable=True),
        _code("hint", 64),
        _code("hint_judged", 64),
        _code("failure_code", 100),
        sa.Column("failure_params", JSON, nullable=True),
        _code("failure_remedy", 9),
        sa.Column("failure_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure_last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure_count", sa.Integer(), server_default="0", nullable=False),
        _code("failure_settings", 64),
    )


def _fights() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("fight_step", sa.Integer(), server_default="0", nullable=False),
        sa.Column("healed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heal_after", sa.DateTime(timezone=True), nullable=True),
    )


def _code(name: str, length: int) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length=length), server_default="", nullable=False)
