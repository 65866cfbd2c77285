"""Where Alembic starts; the connection and its transaction are the caller's."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from common.store.schema.migrations import OPTIONS
from common.store.schema.tables import Base
from common.store.schema.tables.base import Code, Instant, Json, Text


def render(kind: str, item: Any, _autogen: AutogenContext) -> str | Literal[False]:
    """Return our column types in plain SQLAlchemy, so that a revision means the same after they have changed."""
    if kind != "type":
        return False
    if item is Json:
        return 'sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")'
    if isinstance(item, Code):
        return f"sa.String({item.length})"
    return {Instant: "sa.DateTime(timezone=True)", Text: "sa.Text()"}.get(type(item), False)


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_item=render,
    **OPTIONS,
)
context.run_migrations()
