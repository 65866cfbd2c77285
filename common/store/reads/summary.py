"""The fleet in a few numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, true

from common.domain.placements import PlacementState
from common.domain.rights import Scope
from common.domain.severity import Severity
from common.store.reads.counts import counted
from common.store.reads.cut import within
from common.store.reads.fleet import here
from common.store.reads.placements import EVERYTHING, PlacementFilter
from common.store.schema.tables import ClusterRow, FaultRow


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
        retained: placements that the registry does not want, left as they are.
        troubled: placements with a problem.
    """

    clusters: Counter[str]
    sync: Counter[str]
    health: Counter[str]
    faults: Counter[str]
    blocked: int = 0
    paused: int = 0
    leaving: int = 0
    retained: int = 0
    troubled: int = 0

    @property
    def placements(self) -> int:
        """How many placements are placed."""
        return self.sync.total()


_REACHABILITY = {True: "reachable", False: "unreachable", None: "unknown"}


def summary(connection: Connection, scope: Scope, which: PlacementFilter = EVERYTHING) -> Summary:
    """Return the counts of a part of the fleet as they are in SQL now; faults are those of the whole scope."""
    sync, health, others = _placements(connection, scope, which)
    declared = [ClusterRow.declared.is_(true()), *here(scope, which)]
    reached = select(ClusterRow.reachable, func.count()).where(*declared).group_by(ClusterRow.reachable)
    faults = select(FaultRow.scope, func.count()).where(FaultRow.cleared_at.is_(None)).group_by(FaultRow.scope)
    faults = faults.where(*within(scope, FaultRow.project))
    by_scope: Counter[str] = Counter()
    for about, count in connection.execute(faults):
        by_scope[about.partition(":")[0]] += count
    clusters = Counter({_REACHABILITY[reachable]: count for reachable, count in connection.execute(reached)})
    blocked = connection.execute(select(func.count()).where(*declared, ClusterRow.blocked_code != "")).scalar_one()
    return Summary(clusters, sync, health, by_scope, blocked, **others)


def placed(connection: Connection, scope: Scope, which: PlacementFilter) -> tuple[Counter[str], Counter[str]]:
    """Return how many placements of a part of the fleet are placed, by sync status and by health."""
    sync, health, _ = _placements(connection, scope, which)
    return sync, health


def _placements(
    connection: Connection, scope: Scope, which: PlacementFilter
) -> tuple[Counter[str], Counter[str], dict[str, int]]:
    """Return those that are placed by sync status and by health, and counts of what else is told."""
    found = counted(scope, which).c
    kind = (found.state, found.sync_status, found.health, found.severity, found.paused)
    sync, health = Counter[str](), Counter[str]()
    others = dict.fromkeys(("paused", "leaving", "retained", "troubled"), 0)
    for *stands, number in connection.execute(select(*kind, func.sum(found.placements)).group_by(*kind)):
        state, status, condition, severity, paused = stands
        if state == PlacementState.PLACED:
            sync[status] += number
            health[condition] += number
            others["paused"] += number if paused else 0
        others["leaving"] += number if state == PlacementState.LEAVING else 0
        others["retained"] += number if state == PlacementState.RETAINED else 0
        others["troubled"] += number if severity < Severity.FINE else 0
    # What nothing is of any more may still be there as rows whose sum is 0.
    return +sync, +health, others
