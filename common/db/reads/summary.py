"""The fleet in a few numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from common.db.tables import ClusterRow, FaultRow, PlacementRow


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts over the fleet.

    Attributes:
        clusters: declared clusters by reachability: ``reachable``, ``unreachable``, ``unknown``.
        sync: placements that are placed, by sync status.
        health: the same placements by health.
        faults: open faults by scope, the part before the colon.
    """

    clusters: Counter[str]
    sync: Counter[str]
    health: Counter[str]
    faults: Counter[str]

    @property
    def placements(self) -> int:
        """How many placements are placed."""
        return self.sync.total()


_REACHABILITY = {True: "reachable", False: "unreachable", None: "unknown"}


def summary(connection: Connection) -> Summary:
    """Return the fleet's counts as they are in SQL now."""
    placed = select(PlacementRow.sync_status, PlacementRow.health, func.count()).where(PlacementRow.state == "placed")
    sync: Counter[str] = Counter()
    health: Counter[str] = Counter()
    for status, condition, count in connection.execute(placed.group_by(PlacementRow.sync_status, PlacementRow.health)):
        sync[status] += count
        health[condition] += count
    reached = select(ClusterRow.reachable, func.count()).where(ClusterRow.declared).group_by(ClusterRow.reachable)
    faults = select(FaultRow.scope, func.count()).where(FaultRow.cleared_at.is_(None)).group_by(FaultRow.scope)
    by_scope: Counter[str] = Counter()
    for scope, count in connection.execute(faults):
        by_scope[scope.partition(":")[0]] += count
    clusters = Counter({_REACHABILITY[reachable]: count for reachable, count in connection.execute(reached)})
    return Summary(clusters, sync, health, by_scope)
