"""What revisions have removed over the fleet: a bound that no single placement can see."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Connection, delete, func, select

from common.store.engine.dialect import insert_in, table_of
from common.store.schema.tables import PruneSpendingRow

_TABLE = table_of(PruneSpendingRow)
_ALL = 0
"""Stands for no placement: the row that everybody who spends on one revision takes first, one after another."""


def spend(
    connection: Connection, application: str, source_digest: str, placement_id: int, objects: int, *, budget: int
) -> int:
    """Count objects that one placement is about to remove, unless that exceeds the budget of its revision.

    Args:
        connection: of a writing transaction; commit before the first removal.
        application: whose revision it is.
        source_digest: of that revision.
        placement_id: who removes; asking again, as a later attempt does, counts the larger number, not both.
        objects: how many.
        budget: that the revision may remove over the fleet.

    Returns:
        What other placements have removed under this revision. Nothing is counted where that and ``objects`` are
        more than ``budget``.
    """
    of = {"application": application, "source_digest": source_digest}
    connection.execute(_write(connection.dialect.name), of | {"placement_id": _ALL, "objects": 0})
    mine = (_TABLE.c.application == application, _TABLE.c.source_digest == source_digest)
    others = select(func.coalesce(func.sum(_TABLE.c.objects), 0)).where(*mine, _TABLE.c.placement_id != placement_id)
    spent = int(connection.execute(others).scalar_one())
    if spent + objects <= budget:
        # A placement has one revision at a time: what it removed under former ones counts no more.
        former = delete(_TABLE).where(
            _TABLE.c.application == application,
            _TABLE.c.placement_id == placement_id,
            _TABLE.c.source_digest != source_digest,
        )
        connection.execute(former)
        connection.execute(_write(connection.dialect.name), of | {"placement_id": placement_id, "objects": objects})
    return spent


@cache
def _write(dialect: str) -> Any:
    statement = insert_in(dialect, PruneSpendingRow)
    larger = func.greatest if dialect == "postgresql" else func.max
    return statement.on_conflict_do_update(
        index_elements=list(_TABLE.primary_key),
        set_={"objects": larger(_TABLE.c.objects, statement.excluded.objects)},
    )
