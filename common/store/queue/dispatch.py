"""What may be sent to the broker next, and what is there already.

A hundred thousand runs may be queued while a few dozen may be sent, so nothing here reads them all: each statement
finds its rows by a partial index that holds only what is due or sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, text, update

from common.domain.refs import PlacementRef, RunId
from common.domain.runs import Priority, RunState
from common.store.engine.dialect import batched
from common.store.queue.choice import Candidate, Load, choose
from common.store.queue.scan import due_runs
from common.store.schema.tables import OpenRunRow

_SENT = "sent_at IS NOT NULL"
_PARKING_LOCK = 0x7061726B


@dataclass(frozen=True, slots=True)
class QueueLoad:
    """What is in the broker for one queue.

    Attributes:
        sent: runs sent and not yet claimed, due now.
        parked: runs whose retry is there as a countdown that has not run out.
    """

    sent: int = 0
    parked: int = 0


def window(connection: Connection, *, now: datetime) -> dict[str, QueueLoad]:
    """Return the load of each queue that has any."""
    parked = func.count().filter(OpenRunRow.not_before > now)
    query = select(OpenRunRow.queue, func.count(), parked).where(text(_SENT)).group_by(OpenRunRow.queue)
    return {queue: QueueLoad(count - parked, parked) for queue, count, parked in connection.execute(query)}


def load(connection: Connection, *, now: datetime) -> Load:
    """Return how many runs each cluster and each application has sent or running: what caps and fairness count."""
    clusters: dict[str, int] = {}
    applications: dict[str, int] = {}
    sent = select(OpenRunRow.cluster, OpenRunRow.application).where(text(_SENT), OpenRunRow.not_before <= now)
    running = select(OpenRunRow.cluster, OpenRunRow.application).where(text("state = 'running'"))
    for query in (sent, running):
        for cluster, application in connection.execute(query):
            clusters[cluster] = clusters.get(cluster, 0) + 1
            applications[application] = applications.get(application, 0) + 1
    return Load(clusters, applications)


def candidates(
    connection: Connection, *, queue: str, limit: int, free: Mapping[str, int], load: Load, now: datetime
) -> list[Candidate]:
    """Return at most ``limit`` runs of one queue to send now, in this order: see ``choose``.

    Args:
        connection: of a transaction that goes on to ``mark_sent``.
        queue: the one with room.
        limit: how many the queue's window has room for.
        free: how many more runs each cluster may have; one that is not in it may have none.
        load: from ``load``, of this very tick.
        now: runs that are due later are left out.
    """
    found: list[Candidate] = []
    for priority in Priority:
        chosen = choose(found, limit=limit, free=free, load=load)
        if len(chosen) >= limit:
            return chosen
        wanted = limit - len(chosen)
        found += due_runs(connection, queue=queue, priority=priority, wanted=wanted, free=free, now=now)
    return choose(found, limit=limit, free=free, load=load)


def mark_sent(connection: Connection, runs: Sequence[RunId], *, now: datetime) -> list[RunId]:
    """Note that these runs are about to be sent; send, after the commit, those that are returned.

    A run that was claimed, superseded or ended in the meantime is left out.
    """
    return _set_sent(connection, runs, sent_at=now)


def unsend(connection: Connection, runs: Sequence[RunId]) -> list[RunId]:
    """Note that these runs could not be sent after all; return those that were still unclaimed."""
    return _set_sent(connection, runs, sent_at=None)


def unsend_of(connection: Connection, placement_id: int) -> None:
    """Note that a placement's run, where one was sent and not claimed, may have been turned away: it is sent again."""
    mine = (OpenRunRow.placement_id == placement_id, text(_SENT), OpenRunRow.state == RunState.QUEUED)
    connection.execute(update(OpenRunRow).where(*mine, OpenRunRow.parked.is_(False)).values(sent_at=None))


def unsend_all(connection: Connection) -> int:
    """Note that the broker has lost everything; return how many runs are to be sent again."""
    lost = update(OpenRunRow).where(text(_SENT)).values(sent_at=None, parked=False)
    return len(connection.execute(lost.returning(OpenRunRow.run_id)).all())


def stale_sent(connection: Connection, *, older_than: datetime, limit: int) -> list[Candidate]:
    """Return runs, oldest first, that were sent (a parked one: fell due) before ``older_than`` and never claimed."""
    columns = (
        OpenRunRow.run_id,
        OpenRunRow.cluster,
        OpenRunRow.application,
        OpenRunRow.queue,
        OpenRunRow.priority,
        OpenRunRow.not_before,
    )
    query = (
        select(*columns).where(text(_SENT), OpenRunRow.sent_at < older_than).order_by(OpenRunRow.sent_at).limit(limit)
    )
    return [
        Candidate(RunId(id_), PlacementRef(cluster, application), queue, Priority(priority), due)
        for id_, cluster, application, queue, priority, due in connection.execute(query)
    ]


def park(connection: Connection, run: RunId, *, limit: int) -> bool:
    """Give a queued run one of its queue's places for countdowns in the broker; False when none is free.

    Call it in the transaction that queued the run for its retry, and send the countdown only after True; without one
    dispatch sends the run when it is due.

    Args:
        connection: of that transaction.
        run: queued for its retry.
        limit: places of the queue (10 for each live slot).
    """
    queue = connection.execute(select(OpenRunRow.queue).where(OpenRunRow.run_id == run)).scalar_one()
    if connection.dialect.name == "postgresql":
        # Else two at once would each see the last place free.
        connection.execute(select(func.pg_advisory_xact_lock(_PARKING_LOCK, func.hashtext(queue))))
    taken = select(func.count()).where(text(_SENT), OpenRunRow.queue == queue, OpenRunRow.parked)
    if connection.execute(taken).scalar_one() >= limit:
        return False
    mine = update(OpenRunRow).where(OpenRunRow.run_id == run, OpenRunRow.state == RunState.QUEUED)
    parked = mine.values(parked=True, sent_at=OpenRunRow.not_before).returning(OpenRunRow.run_id)
    return connection.execute(parked).first() is not None


def _set_sent(connection: Connection, runs: Sequence[RunId], *, sent_at: datetime | None) -> list[RunId]:
    done: list[RunId] = []
    for batch in batched(sorted(runs)):
        unclaimed = select(OpenRunRow.run_id).where(OpenRunRow.run_id.in_(batch), OpenRunRow.state == RunState.QUEUED)
        locked = connection.execute(unclaimed.order_by(OpenRunRow.run_id).with_for_update()).scalars().all()
        connection.execute(
            update(OpenRunRow).where(OpenRunRow.run_id.in_(locked)).values(sent_at=sent_at, parked=False)
        )
        done.extend(map(RunId, locked))
    return done
