"""health: why an object, or a placement, has its health is a code with parameters.

Revision 0033, after 0032.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_TABLES = ("placements", "inventory")
_LOST, _TOLD = "contact.lost", "told"
_UNREADABLE = "the cluster cannot be read: "


def upgrade() -> None:
    """Make the change. Words stay readable, as what was told, until the health is looked at again."""
    for table in _TABLES:
        op.add_column(table, sa.Column("health_reason_code", sa.String(length=100), server_default="", nullable=False))
        op.add_column(table, sa.Column("health_reason_params", JSON, nullable=True))
    row = _table("placements")
    # The health of what lost contact was that very reason, in words.
    lost = (row.c.contact_code == _LOST, row.c.health == "unknown", row.c.health_reason.startswith(_UNREADABLE))
    op.execute(
        row.update()
        .where(*lost)
        .values(health_reason_code=_LOST, health_reason_params=row.c.contact_params, health_reason="")
    )
    for table in _TABLES:
        row = _table(table)
        told = {"health_reason_code": _TOLD, "health_reason_params": _object("text", row.c.health_reason)}
        op.execute(row.update().where(row.c.health_reason != "").values(told))
        op.drop_column(table, "health_reason")


def downgrade() -> None:
    """Take the change back: what was told in words again, of codes their name."""
    for table in _TABLES:
        op.add_column(table, sa.Column("health_reason", sa.Text(), server_default="", nullable=False))
        row = _table(table)
        said = (row.c.health_reason_params[name].as_string() for name in ("text", "message"))
        op.execute(
            row.update()
            .where(row.c.health_reason_code != "")
            .values(health_reason=sa.func.coalesce(*said, row.c.health_reason_code))
        )
        op.drop_column(table, "health_reason_code")
        op.drop_column(table, "health_reason_params")
    row = _table("placements")
    lost = (row.c.contact_code == _LOST, row.c.health == "unknown")
    said = _UNREADABLE + row.c.contact_params["message"].as_string()
    op.execute(row.update().where(*lost).values(health_reason=said))


def _table(name: str) -> sa.TableClause:
    words = ("health", "health_reason", "health_reason_code", "contact_code")
    return sa.table(
        name, *map(sa.column, words), sa.column("health_reason_params", JSON), sa.column("contact_params", JSON)
    )


def _object(key: str, words: Any) -> Any:
    postgresql = op.get_bind().dialect.name == "postgresql"
    make = sa.func.jsonb_build_object if postgresql else sa.func.json_object
    return make(sa.cast(key, sa.Text()), words, type_=JSON)
