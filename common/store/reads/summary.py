"""The fleet in a few numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, true

from common.store.reads.fleet import within
from common.store.reads.placements import EVERYTHING, IN_TROUBLE, PlacementFilter, chosen
from common.store.schema.tables import ClusterRow, FaultRow, PlacementRow


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts over the fleet.

    Attributes:
        clusters: declared clusters by reachability: ``reachable``, ``unreachable``, ``unknown``.
        sync: placements that are placed, by sync status.
        health: the same placements by health.
        faults: open faults by scope, the part before the colon.
        blocked: declared clusters that are not written to.
        paused: placed, and given no runs.
        leaving: placements on their way out.
        troubled: placements with a problem.
    """

    clusters: Counter[str]
    sync: Counter[str]
    health: Counter[str]
    faults: Counter[str]
    blocked: int = 0
    paused: int = 0
    leaving: int = 0
    troubled: int = 0

    @property
    def placements(self) -> int:
        """How many placements are placed."""
        return self.sync.total()


_REACHABILITY = {True: "reachable", False: "unreachable", None: "unknown"}


def summary(connection: Connection, which: PlacementFilter = EVERYTHING) -> Summary:
    """Return the counts of a part of the fleet as they are in SQL now; faults are the whole fleet's."""
    mine = chosen(which)
    placed = select(PlacementRow.sync_status, PlacementRow.health, func.count()).where(
        PlacementRow.state == "placed", *mine
    )
    sync: Counter[str] = Counter()
    health: Counter[str] = Counter()
    for status, condition, count in connection.execute(placed.group_by(PlacementRow.sync_status, PlacementRow.health)):
        sync[status] += count
        health[condition] += count
    here = [ClusterRow.declared.is_(true()), *within(which)]
    reached = select(ClusterRow.reachable, func.count()).where(*here).group_by(ClusterRow.reachable)
    faults = select(FaultRow.scope, func.count()).where(FaultRow.cleared_at.is_(None)).group_by(FaultRow.scope)
    by_scope: Counter[str] = Counter()
    for scope, count in connection.execute(faults):
        by_scope[scope.partition(":")[0]] += count
    clusters = Counter({_REACHABILITY[reachable]: count for reachable, count in connection.execute(reached)})
    others = select(
        func.count().filter(PlacementRow.paused_by.is_not(None), PlacementRow.state == "placed"),
        func.count().filter(PlacementRow.state == "leaving"),
        func.count().filter(IN_TROUBLE),
    ).where(*mine)
    paused, leaving, in_trouble = connection.execute(others).one()
    blocked = connection.execute(select(func.count()).where(*here, ClusterRow.blocked_code != "")).scalar_one()
    return Summary(clusters, sync, health, by_scope, blocked, paused, leaving, in_trouble)
