"""The way the work goes, as SQL knows it: cheap enough to be asked with every page.

Nothing here reads more of the runs than what is queued: each statement goes by an index that holds no more, with its
conditions as literals, because a planner cannot see that a parameter meets an index's condition.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, text

from common.domain.queues import now_queue
from common.domain.work import Due, Late, WorkFacts
from common.store.queue import leases, sending, workers
from common.store.schema.tables import ClusterRow, Instant, SourceRow
from common.store.state import fleet
from common.store.state.clusters import CONTACTED

_QUEUED = """
SELECT queue, count(*) AS runs, sum(CASE WHEN not_before <= :now THEN 1 ELSE 0 END) AS due, min(not_before) AS since
FROM open_runs WHERE {which} GROUP BY queue
"""
QUEUED = tuple(
    text(_QUEUED.format(which=which)).bindparams(bindparam("now", type_=Instant())).columns(since=Instant())
    for which in ("state = 'queued' AND sent_at IS NULL", "sent_at IS NOT NULL")
)
"""What is not sent, and what is sent and not claimed."""
_LOOKED_AT = (ClusterRow.declared, ClusterRow.state.in_(CONTACTED))


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """What waits in one queue.

    Attributes:
        due: runs that could begin now.
        later: runs whose next attempt is due later.
        since: when the oldest that is due fell due; None where none is.
    """

    queue: str
    due: int
    later: int
    since: datetime | None


def facts(connection: Connection, *, now: datetime) -> WorkFacts:
    """Return what is known of the way the work goes.

    Args:
        connection: to read by.
        now: by the database's clock.
    """
    known = fleet.state(connection)
    runs = (Late(Due.RUNS, one.queue, one.since) for one in depths(connection, now=now) if one.since is not None)
    return WorkFacts(
        now=now,
        leads=leases.is_held(connection, leases.LEADER, now=now),
        sending=sending.state(connection),
        queues=needed_queues(connection),
        workers=workers.states(connection, now=now),
        late=(*runs, *_looks(connection, now), *_sources(connection, now)),
        registry_checked_at=None if known is None else known.checked_at,
    )


def needed_queues(connection: Connection) -> frozenset[str]:
    """Return the queues that need a worker: two for each pool that has clusters."""
    pools = connection.execute(select(ClusterRow.pool).where(*_LOOKED_AT).distinct()).scalars()
    return frozenset(queue for pool in pools for queue in (pool, now_queue(pool)))


def depths(connection: Connection, *, now: datetime) -> tuple[QueueDepth, ...]:
    """Return what waits in each queue that holds anything, by name; what is sent and not claimed waits too."""
    found: dict[str, QueueDepth] = {}
    for statement in QUEUED:
        for queue, runs, due, since in connection.execute(statement, {"now": now}):
            before = found.get(queue, QueueDepth(queue, 0, 0, None))
            oldest = min((each for each in (before.since, since) if each is not None and each <= now), default=None)
            found[queue] = QueueDepth(queue, before.due + due, before.later + runs - due, oldest)
    return tuple(found[queue] for queue in sorted(found))


def _looks(connection: Connection, now: datetime) -> Iterator[Late]:
    """Yield the longest due sweep and observation of each pool."""
    for what, due_at in ((Due.SWEEPS, ClusterRow.sweep_due_at), (Due.OBSERVATIONS, ClusterRow.observe_due_at)):
        query = select(ClusterRow.pool, due_at, ClusterRow.name).where(due_at <= now, *_LOOKED_AT)
        yield from _oldest(connection, what, query.order_by(due_at))


def _sources(connection: Connection, now: datetime) -> Iterator[Late]:
    """Yield the longest due source of each pool."""
    query = select(SourceRow.pool, SourceRow.due_at, SourceRow.repo).where(SourceRow.used, SourceRow.due_at <= now)
    yield from _oldest(connection, Due.SOURCES, query.order_by(SourceRow.due_at))


def _oldest(connection: Connection, what: Due, query: Any) -> Iterator[Late]:
    seen: set[str] = set()
    for pool, since, name in connection.execute(query):
        if pool not in seen:
            seen.add(pool)
            yield Late(what, pool, since, name)
