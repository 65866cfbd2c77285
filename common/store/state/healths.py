"""The health of placements as last seen, and until when it is awaited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, update

from common.domain.health import HealthReport
from common.domain.placements import PlacementState
from common.store.engine.dialect import batched, table_of
from common.store.schema.tables import PlacementRow
from common.store.state.stored_reasons import columns_of

_PLACEMENT = table_of(PlacementRow)
_ONE = update(_PLACEMENT).where(_PLACEMENT.c.id == bindparam("of_placement"))


def record_healths(
    connection: Connection, seen: Sequence[tuple[int, HealthReport, datetime | None]], *, now: datetime
) -> None:
    """Store placements' health, each by its id and with the instant until which it goes on being awaited."""
    rows = [
        {
            "of_placement": placement_id,
            "health": report.health,
            **columns_of("health_reason", report.reason),
            "health_at": now,
            "observe_until": awaited,
        }
        # In one order, so that no two transactions wait for each other.
        for placement_id, report, awaited in sorted(seen, key=lambda one: one[0])
    ]
    for batch in batched(rows):
        connection.execute(_ONE, batch)


def await_health(connection: Connection, cluster: str, *, now: datetime) -> None:
    """Have the health of everything applied on a cluster looked at once more."""
    mine = (PlacementRow.cluster == cluster, PlacementRow.observe_until.is_(None), PlacementRow.applied_at.is_not(None))
    placed = PlacementRow.state == PlacementState.PLACED
    connection.execute(update(PlacementRow).where(*mine, placed).values(observe_until=now))


def await_health_of(connection: Connection, placement_id: int, *, until: datetime) -> None:
    """Have the placement's health looked at until then."""
    connection.execute(_ONE, {"of_placement": placement_id, "observe_until": until})
