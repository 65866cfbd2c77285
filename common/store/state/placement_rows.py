"""Writes columns of one placement's row; for the modules of this package."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ClauseElement, Connection, bindparam, update

from common.store.engine.dialect import table_of
from common.store.schema.tables import PlacementRow

PLACEMENT = table_of(PlacementRow)
ONE = update(PLACEMENT).where(PLACEMENT.c.id == bindparam("of_placement"))
"""Takes the placement's id as ``of_placement``."""


def set_columns(connection: Connection, placement_id: int, values: dict[str, Any]) -> None:
    """Set columns of a placement to values or to expressions."""
    plain = {name: value for name, value in values.items() if not isinstance(value, ClauseElement)}
    computed = {name: value for name, value in values.items() if name not in plain}
    # With plain values the statement is the same each time: only its parameters differ.
    statement = ONE.values(computed) if computed else ONE
    connection.execute(statement, {"of_placement": placement_id} | plain)
