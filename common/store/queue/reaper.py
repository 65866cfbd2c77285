"""Ends the attempts whose worker let its lease run out, and decides when a run has killed enough workers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, String, and_, cast, delete, or_, select, update
from sqlalchemy.engine import Row

from common.domain.codes import RunReason
from common.domain.refs import AttemptRef, PlacementRef, RunId
from common.domain.runs import AttemptOutcome, Outcome, RunState
from common.domain.status import Reason
from common.store.queue import leases, runs
from common.store.schema.tables import AttemptRow, LeaseRow, OpenRunRow, WorkerRow
from common.store.state.stored_reasons import columns_of, reason_in

POISON_LIMIT = 3
"""Workers that may die during one run before it ends ``interrupted``."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the reaper has reached the database without a gap; pure, and counted on a monotonic clock.

    After an outage, or a pause of the reaper itself, every lease looks expired although their holders live: they get
    one whole lease to renew.

    Attributes:
        since: first of the contacts that followed each other without a gap, in seconds; None before any.
        last: the latest of them.
    """

    since: float | None = None
    last: float = 0.0

    def reached(self, monotonic: float, *, lease: timedelta) -> Patience:
        """Return the state after a contact now; one later than half a lease after the last begins again."""
        gap = self.since is None or monotonic - self.last > lease.total_seconds() / 2
        return Patience(monotonic if gap else self.since, monotonic)

    def lost(self) -> Patience:
        """Return the state after a failure to reach the database."""
        return Patience()

    def suffices(self, *, lease: timedelta) -> bool:
        """Return whether the database has been reached for one whole lease."""
        return self.since is not None and self.last - self.since >= lease.total_seconds()


@dataclass(frozen=True, slots=True)
class Reaped:
    """An attempt that was ended as interrupted.

    Attributes:
        worker: who had it.
        died: whether that worker's process is gone.
        stuck: whether the worker lives and gave the attempt up; either counts towards the poison bound.
        ended: whether that was one too many, so that the run ended ``interrupted``; else it is queued again.
    """

    attempt: AttemptRef
    placement_id: int
    ref: PlacementRef
    worker: str
    died: bool
    stuck: bool
    ended: bool


def reap(
    connection: Connection, *, now: datetime, dead_after: timedelta, poison_limit: int = POISON_LIMIT
) -> list[Reaped]:
    """End each attempt whose lease ran out, and queue its run again or, past its bound, end it.

    Ask ``Patience`` first.

    Args:
        connection: of a writing transaction.
        now: by the database's clock.
        dead_after: how old a worker's last heartbeat may be before its process counts as dead.
        poison_limit: workers that may die during one run.
    """
    tried = (
        _interrupt(connection, row, now=now, dead_after=dead_after, poison_limit=poison_limit)
        for row in connection.execute(_expired(now)).all()
    )
    return [reaped for reaped in tried if reaped is not None]


def _expired(now: datetime) -> Any:
    names = [kind + cast(AttemptRow.placement_id, String) for kind in (leases.PLACEMENT, leases.CHECK)]
    token = cast(AttemptRow.run_id, String) + "." + cast(AttemptRow.number, String)
    held = and_(LeaseRow.name.in_(names), LeaseRow.token == token)
    return (
        select(
            AttemptRow.run_id,
            AttemptRow.number,
            AttemptRow.placement_id,
            AttemptRow.worker,
            AttemptRow.started_at,
            AttemptRow.error_code,
            AttemptRow.error_params,
            LeaseRow.name.label("lease"),
            WorkerRow.seen_at,
            WorkerRow.started_at.label("worker_started_at"),
        )
        .join_from(AttemptRow, LeaseRow, held, isouter=True)
        .outerjoin(WorkerRow, WorkerRow.name == AttemptRow.worker)
        .where(AttemptRow.outcome.is_(None), or_(LeaseRow.name.is_(None), LeaseRow.expires_at <= now))
        .order_by(AttemptRow.placement_id)
    )


def _cut_off(connection: Connection, row: Row[Any], *, error: Reason, now: datetime) -> bool:
    """Take the lease away and end the attempt; False when its holder renewed it or ended it in the meantime."""
    if row.lease is not None:
        mine = (LeaseRow.name == row.lease, LeaseRow.token == f"{row.run_id}.{row.number}", LeaseRow.expires_at <= now)
        if connection.execute(delete(LeaseRow).where(*mine).returning(LeaseRow.name)).first() is None:
            return False
    attempt = update(AttemptRow).where(
        AttemptRow.run_id == row.run_id, AttemptRow.number == row.number, AttemptRow.outcome.is_(None)
    )
    values = {"outcome": AttemptOutcome.INTERRUPTED, "ended_at": now, **columns_of("error", error)}
    return connection.execute(attempt.values(values).returning(AttemptRow.number)).first() is not None


def _interrupt(
    connection: Connection, row: Row[Any], *, now: datetime, dead_after: timedelta, poison_limit: int
) -> Reaped | None:
    died = row.seen_at is None or row.seen_at < now - dead_after or row.worker_started_at > row.started_at
    stuck = row.error_code == RunReason.STUCK
    interrupted = Reason(RunReason.INTERRUPTED, {"worker": row.worker, "died": died})
    error = reason_in(row, "error") if stuck else interrupted
    if not _cut_off(connection, row, error=error, now=now):
        return None
    run = update(OpenRunRow).where(OpenRunRow.run_id == row.run_id)
    queued = {"state": RunState.QUEUED, **columns_of("reason", error), "not_before": now}
    queued |= columns_of("error", error) if stuck else {}
    again = run.values(interruptions=OpenRunRow.interruptions + int(died or stuck), **queued)
    told = (OpenRunRow.interruptions, OpenRunRow.cluster, OpenRunRow.application)
    found = connection.execute(again.returning(*told)).one()
    over = (died or stuck) and found.interruptions >= poison_limit
    if over:
        poison = Reason(RunReason.POISON, {"workers": found.interruptions})
        run_id, came_to = RunId(row.run_id), columns_of("error", error)
        runs.end(connection, [run_id], Outcome.INTERRUPTED, now=now, reason=poison, came_to=came_to)
    return Reaped(
        attempt=AttemptRef(RunId(row.run_id), row.number),
        placement_id=row.placement_id,
        ref=PlacementRef(found.cluster, found.application),
        worker=row.worker,
        died=died,
        stuck=stuck,
        ended=over,
    )
