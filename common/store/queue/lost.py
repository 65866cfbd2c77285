"""What a worker takes with it when its process dies: everything that it had taken off the broker and not begun."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from common.domain.runs import RunState
from common.store.queue.workers import DEAD_AFTER
from common.store.schema.tables import ClusterRow, OpenRunRow, SourceRow, WorkerRow


def mark_dead(connection: Connection, *, now: datetime) -> tuple[str, ...]:
    """Forget workers that died, have all that is in their queues sent again, and return their names.

    Which messages they had is not known. One that was not lost is delivered twice then, and claims nothing.
    """
    dead = delete(WorkerRow).where(WorkerRow.seen_at < now - DEAD_AFTER).returning(WorkerRow.name, WorkerRow.queues)
    rows = connection.execute(dead).all()
    resend(connection, sorted({queue for _, queues in rows for queue in queues}))
    return tuple(sorted(name for name, _ in rows))


def replace(connection: Connection, name: str, *, started_at: datetime) -> bool:
    """Take the place of a process of the same name, if one was there and did not leave in order; return whether."""
    before = select(WorkerRow.queues).where(WorkerRow.name == name, WorkerRow.started_at != started_at)
    queues = connection.execute(before.with_for_update()).scalar_one_or_none()
    if queues is None:
        return False
    connection.execute(delete(WorkerRow).where(WorkerRow.name == name))
    resend(connection, queues)
    return True


def resend(connection: Connection, queues: Sequence[str]) -> None:
    """Note that what was sent to these queues and not claimed is to be sent again."""
    if not queues:
        return
    unclaimed = (OpenRunRow.queue.in_(queues), OpenRunRow.sent_at.is_not(None), OpenRunRow.state == RunState.QUEUED)
    # Locked in the order in which dispatch locks them, so that the two never wait for each other.
    found = connection.execute(
        select(OpenRunRow.run_id).where(*unclaimed).order_by(OpenRunRow.run_id).with_for_update()
    )
    if locked := found.scalars().all():  # an empty list would be looked for in the whole table
        connection.execute(update(OpenRunRow).where(OpenRunRow.run_id.in_(locked)).values(sent_at=None, parked=False))
    sent = update(SourceRow).where(SourceRow.pool.in_(queues), SourceRow.sent_at.is_not(None))
    connection.execute(sent.values(sent_at=None))
    mine = update(ClusterRow).where(ClusterRow.pool.in_(queues))
    connection.execute(mine.values(sweep_sent_at=None, observe_sent_at=None))
