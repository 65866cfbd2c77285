"""The health of placements as last seen, and until when it is awaited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from common.domain.health import HealthReport
from common.domain.placements import PlacementState
from common.store.engine.dialect import batched, table_of
from common.store.schema.tables import Instant, PlacementRow
from common.store.state.stored_reasons import columns_of

_PLACEMENT = table_of(PlacementRow)
_ONE = update(_PLACEMENT).where(_PLACEMENT.c.id == bindparam("of_placement"))
_AS_AWAITED = _ONE.where(_PLACEMENT.c.observe_until.is_not_distinct_from(bindparam("awaited", type_=Instant())))


@dataclass(frozen=True, slots=True)
class SeenHealth:
    """How healthy a placement was when it was looked at.

    Attributes:
        awaited: until when its health was awaited as the look began; None for not.
        until: until when it goes on being awaited; None for no longer.
    """

    placement_id: int
    report: HealthReport
    awaited: datetime | None
    until: datetime | None


def record_healths(connection: Connection, seen: Sequence[SeenHealth], *, now: datetime) -> None:
    """Store placements' health, but of those for which a run has begun to await another since they were looked at."""
    rows = [
        {
            "of_placement": one.placement_id,
            "awaited": one.awaited,
            "health": one.report.health,
            **columns_of("health_reason", one.report.reason),
            "health_at": now,
            "observe_until": one.until,
        }
        # In one order, so that no two transactions wait for each other.
        for one in sorted(seen, key=lambda one: one.placement_id)
    ]
    for batch in batched(rows):
        connection.execute(_AS_AWAITED, batch)


def awaited_on(connection: Connection, cluster: str) -> bool:
    """Return whether the health of anything on a cluster is awaited."""
    waits = select(PlacementRow.id).where(
        PlacementRow.cluster == cluster,
        PlacementRow.state != PlacementState.LEFT,
        PlacementRow.observe_until.is_not(None),
    )
    return connection.execute(waits.limit(1)).first() is not None


def await_health(connection: Connection, cluster: str, *, now: datetime) -> None:
    """Have the health of everything applied on a cluster looked at once more."""
    mine = (PlacementRow.cluster == cluster, PlacementRow.observe_until.is_(None), PlacementRow.applied_at.is_not(None))
    placed = PlacementRow.state == PlacementState.PLACED
    connection.execute(update(PlacementRow).where(*mine, placed).values(observe_until=now))


def await_health_of(connection: Connection, placement_id: int, *, until: datetime) -> None:
    """Have the placement's health looked at until then."""
    connection.execute(_ONE, {"of_placement": placement_id, "observe_until": until})
