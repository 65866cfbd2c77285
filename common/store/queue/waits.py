"""Runs that wait without a worker: for health, a hook, or another run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Update, select, text, update

from common.domain.refs import ObjectId, PlacementRef, RunId
from common.domain.runs import Outcome, RunState
from common.domain.status import NONE, Reason
from common.store.queue import runs
from common.store.schema.tables import OpenRunRow
from common.store.state.stored_reasons import columns_of, reason_in


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """A run that waits without a worker.

    Attributes:
        reason: what for.
        deadline_at: when it is to end ``failed``; None is never.
        needs_worker: it has hooks to be ended, or to be run, when it fails.
        awaits: the objects that it waits for; empty for all of its placement.
    """

    run: RunId
    placement_id: int
    ref: PlacementRef
    reason: Reason
    deadline_at: datetime | None
    needs_worker: bool = False
    awaits: frozenset[ObjectId] = frozenset()


def resume(connection: Connection, run: RunId, *, now: datetime) -> bool:
    """Queue a waiting run for its next attempt, which counts as no retry; return False when it does not wait."""
    again = {"state": RunState.QUEUED, "deadline_at": None, "not_before": now}
    return _one(connection, _waiting_run(run).values(again | columns_of("reason", NONE)))


def expire(connection: Connection, run: RunId, *, now: datetime) -> bool:
    """Queue a waiting run whose deadline has passed, for a worker to end it; return False when it does not wait."""
    return _one(connection, _waiting_run(run).values(state=RunState.QUEUED, not_before=now))


def fail(connection: Connection, run: RunId, *, error: Reason, now: datetime) -> bool:
    """End a waiting run as failed; return False when it does not wait."""
    waiting = select(OpenRunRow.run_id).where(OpenRunRow.run_id == run, OpenRunRow.state == RunState.WAITING)
    if connection.execute(waiting.with_for_update()).first() is None:
        return False
    runs.end(connection, [run], Outcome.FAILED, now=now, reason=NONE, came_to=columns_of("error", error))
    return True


def on(connection: Connection, cluster: str) -> list[WaitingRun]:
    """Return the runs of one cluster that wait, oldest first."""
    return _waiting(connection, OpenRunRow.cluster == cluster)


def overdue(connection: Connection, *, now: datetime) -> list[WaitingRun]:
    """Return the waiting runs whose deadline has passed, oldest first."""
    return _waiting(connection, OpenRunRow.deadline_at <= now)


def _waiting(connection: Connection, which: ColumnElement[bool]) -> list[WaitingRun]:
    query = select(*OpenRunRow.__table__.c).where(text("state = 'waiting'"), which).order_by(OpenRunRow.run_id)
    return [
        WaitingRun(
            run=RunId(row.run_id),
            placement_id=row.placement_id,
            ref=PlacementRef(row.cluster, row.application),
            reason=reason_in(row, "reason"),
            deadline_at=row.deadline_at,
            needs_worker=row.hook_active or row.fail_hooks,
            awaits=frozenset(map(ObjectId.parse, row.awaits or ())),
        )
        for row in connection.execute(query)
    ]


def _waiting_run(run: RunId) -> Update:
    return update(OpenRunRow).where(OpenRunRow.run_id == run, OpenRunRow.state == RunState.WAITING)


def _one(connection: Connection, statement: Update) -> bool:
    return connection.execute(statement.returning(OpenRunRow.run_id)).first() is not None
