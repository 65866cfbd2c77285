"""Placements that want a run again, since what they failed for has changed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, or_, update

from common.domain.status import Remedy
from common.store.schema.tables import PlacementRow
from common.store.state.placement_rows import ONE, PLACEMENT, set_columns


def want_again(connection: Connection, placement_id: int, *, at: datetime) -> None:
    """Have a placement want a run by then: what it failed for has changed."""
    sooner = or_(PLACEMENT.c.retry_at.is_(None), PLACEMENT.c.retry_at > at)
    connection.execute(ONE.where(sooner).values(retry_at=at), {"of_placement": placement_id})


def cluster_changed(connection: Connection, cluster: str, *, now: datetime) -> None:
    """Have everything that waits for a change of its cluster want a run: the cluster is another than it was."""
    failed = (PlacementRow.cluster == cluster, PlacementRow.failure_code != "")
    connection.execute(update(PlacementRow).where(*failed).values(changed_at=now))
    waiting = (PlacementRow.failure_remedy == Remedy.CHANGE.value, PlacementRow.retry_at.is_(None))
    connection.execute(update(PlacementRow).where(*failed, *waiting).values(retry_at=now))


def kinds_served(connection: Connection, placement_id: int, *, now: datetime) -> None:
    """Have a placement want a run now: its cluster serves what it lacked."""
    set_columns(connection, placement_id, {"changed_at": now})
    want_again(connection, placement_id, at=now)
