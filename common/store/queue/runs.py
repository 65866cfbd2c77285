"""Runs: made, claimed, waiting, ended. The state machine of DESIGN.md, one short statement for each step.

Rows are locked in the order lease, attempt, run by everybody who locks more than one, and several rows of one table
in the order of their names or ids, so that no two transactions wait for each other.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    bindparam,
    case,
    cast,
    delete,
    false,
    func,
    select,
    text,
    update,
)
from sqlalchemy import insert as plain_insert
from sqlalchemy.engine import Row

from common.domain.refs import AttemptRef, ObjectId, PlacementRef, RunId
from common.domain.revisions import Revision
from common.domain.runs import PRIORITY_OF, Outcome, RunKind, RunState, Trigger
from common.domain.status import NONE, Reason
from common.store.engine.dialect import batched, insert, insert_in, table_of
from common.store.queue import leases
from common.store.schema.tables import AttemptRow, Instant, LeaseRow, RunRow
from common.store.state.run_kinds import is_of
from common.store.state.stored_reasons import columns_of, reason_in
from common.store.state.stored_sources import list_of, sources_in

EARLY = timedelta(seconds=2)
"""How long before its time a run may be claimed: a countdown in the broker runs by another clock than the database."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNCLAIMED = (RunState.QUEUED, RunState.WAITING)

# Built once: every run needs each of these, and building one costs more than sending it.
_RUN = table_of(RunRow)
_DUE = (
    _RUN.c.id == bindparam("run"),
    _RUN.c.state == RunState.QUEUED,
    _RUN.c.not_before <= bindparam("early", type_=Instant()),
)
_CLAIM = (
    update(_RUN)
    .where(*_DUE, _RUN.c.attempts == bindparam("before"))
    .values(
        state=RunState.RUNNING,
        attempts=_RUN.c.attempts + 1,
        sent_at=None,
        parked=False,
        **columns_of("reason", NONE),
        started_at=func.coalesce(_RUN.c.started_at, bindparam("now", type_=Instant())),
    )
    .returning(*_RUN.c)
)
_ATTEMPT = plain_insert(table_of(AttemptRow))


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be made.

    Attributes:
        placement_id: row of the placement.
        ref: the same placement by name.
        trigger: why; decides the priority.
        actor: ``flotilla``, or who asked for it.
        cause: what led to it; none where a person asked for it and said no more.
        queue: where its message goes: the cluster's pool, or ``POOL.now``.
        revision: what to bring the placement to; None removes everything.
        source_id: the source the revision came from.
        snapshot_id: the fleet snapshot it was planned under.
        approval_id: the approval it carries out, if it does.
        not_before: it is not sent before; None is at once.
    """

    placement_id: int
    ref: PlacementRef
    trigger: Trigger
    actor: str
    cause: Reason
    queue: str
    revision: Revision | None
    source_id: int | None
    snapshot_id: int
    approval_id: int | None = None
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class ClaimedRun:
    """What a worker needs to know of the run it has just claimed; fields as in ``NewRun``.

    Attributes:
        attempt: this claim; its text is the token of the placement's lease.
        retries: attempts of this run that a transient error ended so far.
        interruptions: attempts of this run whose worker died so far.
        created_at: when the run was made.
        started_at: when it was claimed for the first time.
        claimed_at: when this attempt began.
        hook_active: a hook of this run was under way when its former attempt ended.
        expired: it waited until its deadline.
        awaited: the objects that it last waited for; empty for all of its placement, or for nothing.
    """

    attempt: AttemptRef
    placement_id: int
    ref: PlacementRef
    trigger: Trigger
    actor: str
    cause: Reason
    queue: str
    revision: Revision | None
    source_id: int | None
    snapshot_id: int
    approval_id: int | None
    retries: int
    interruptions: int
    created_at: datetime
    started_at: datetime
    claimed_at: datetime
    hook_active: bool = False
    expired: bool = False
    awaited: frozenset[ObjectId] = frozenset()


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


def new_run_id(now: datetime) -> RunId:
    """Return a fresh UUID of version 7 (RFC 9562, with microseconds in ``rand_a``): ids sort by ``now``."""
    millis, rest = divmod((now - _EPOCH) // timedelta(microseconds=1), 1_000)
    value = (millis & (1 << 48) - 1) << 80 | 0x7 << 76 | (rest * 4096 // 1000) << 64 | 0b10 << 62
    return RunId(str(UUID(int=value | secrets.randbits(62))))


def first_id_at(instant: datetime) -> RunId:
    """Return an id above those of all runs made before ``instant``, and not above any made later."""
    millis = (instant - _EPOCH) // timedelta(milliseconds=1)
    return RunId(str(UUID(int=(millis & (1 << 48) - 1) << 80)))


def create(connection: Connection, run: NewRun, *, now: datetime) -> RunId | None:
    """Make a run; return None, and change nothing, when the placement has one that has not ended.

    One that only looks does not count, unless the new one only looks too.
    """
    made = create_many(connection, [run], now=now)
    return made[0] if made else None


def create_many(connection: Connection, runs: Sequence[NewRun], *, now: datetime) -> list[RunId]:
    """Make runs, a thousand in one round trip; return the ids of those made.

    A run whose placement has one that has not ended is left out, as in ``create``.
    """
    # Two transactions that make runs for the same placements wait for each other on the unique index: in one order.
    rows = [_new_row(run, now) for run in sorted(runs, key=lambda run: run.placement_id)]
    made: list[RunId] = []
    for batch in batched(rows):
        # Asking afterwards which were made beats RETURNING, which needs one statement with 25,000 parameters.
        connection.execute(insert(connection, RunRow).on_conflict_do_nothing(), batch)
        there = select(RunRow.id).where(RunRow.id.in_([row["id"] for row in batch])).order_by(RunRow.placement_id)
        made.extend(map(RunId, connection.execute(there).scalars()))
    return made


def open_check(connection: Connection, placement_id: int) -> RunId | None:
    """Return the placement's run that only looks and has not ended; None where there is none."""
    mine = (RunRow.placement_id == placement_id, is_of(RunKind.CHECK), RunRow.state != RunState.ENDED)
    found = connection.execute(select(RunRow.id).where(*mine)).scalar_one_or_none()
    return None if found is None else RunId(found)


def supersede(connection: Connection, placement_ids: Sequence[int], *, reason: Reason, now: datetime) -> list[RunId]:
    """End the placements' queued and waiting runs as superseded; return their ids.

    Running ones go on, and those with a hook under way. So do those that only look: a worker finds out by itself
    whether there is still something to look at.
    """
    superseded: list[RunId] = []
    for batch in batched(sorted(set(placement_ids))):
        open_ = (RunRow.placement_id.in_(batch), RunRow.state.in_(_UNCLAIMED))
        mine = (*open_, RunRow.hook_active.is_(false()), is_of(RunKind.SYNC))
        unclaimed = select(RunRow.id).where(*mine)
        locked = connection.execute(unclaimed.order_by(RunRow.placement_id).with_for_update()).scalars().all()
        if locked:  # an empty list would be looked for in the whole table
            values = ended(Outcome.SUPERSEDED, now=now, reason=reason)
            connection.execute(update(RunRow).where(RunRow.id.in_(locked)).values(values))
        superseded.extend(map(RunId, locked))
    return superseded


def claim(connection: Connection, run: RunId, *, worker: str, lease: timedelta, now: datetime) -> ClaimedRun | None:
    """Make this worker the one that carries out ``run``: a new attempt, and the lease of its placement.

    Returns:
        None, and nothing has changed, when there is nothing to claim: unknown, claimed, waiting, ended, not due for
        more than ``EARLY``, or the placement's lease is held.
    """
    due = {"run": run, "early": now + EARLY, "now": now}
    taking = due | {"worker": worker, "expires": now + lease}
    token = connection.execute(_take_placement(connection.dialect.name), taking).scalar_one_or_none()
    if token is None:
        return None
    row = connection.execute(_CLAIM, due | {"before": int(token.rpartition(".")[2]) - 1}).one_or_none()
    if row is None:  # ended, on PostgreSQL, between the two statements
        connection.execute(delete(LeaseRow).where(LeaseRow.token == token))
        return None
    attempt = {"run_id": row.id, "number": row.attempts, "placement_id": row.placement_id}
    connection.execute(_ATTEMPT, attempt | {"worker": worker, "started_at": now})
    return _claimed(row, now)


def resume_waiting(connection: Connection, run: RunId, *, now: datetime) -> bool:
    """Queue a waiting run for its next attempt, which counts as no retry; return False when it does not wait."""
    again = {"state": RunState.QUEUED, "deadline_at": None, "not_before": now}
    waiting = update(RunRow).where(RunRow.id == run, RunRow.state == RunState.WAITING)
    return _one(connection, waiting.values(again | columns_of("reason", NONE)))


def expire_waiting(connection: Connection, run: RunId, *, now: datetime) -> bool:
    """Queue a waiting run whose deadline has passed, for a worker to end it; return False when it does not wait."""
    waiting = update(RunRow).where(RunRow.id == run, RunRow.state == RunState.WAITING)
    return _one(connection, waiting.values(state=RunState.QUEUED, not_before=now))


def fail_waiting(connection: Connection, run: RunId, *, error: Reason, now: datetime) -> bool:
    """End a waiting run as failed; return False when it does not wait."""
    waiting = update(RunRow).where(RunRow.id == run, RunRow.state == RunState.WAITING)
    failed = ended(Outcome.FAILED, now=now, reason=NONE) | columns_of("error", error)
    return _one(connection, waiting.values(failed))


def waiting_on(connection: Connection, cluster: str) -> list[WaitingRun]:
    """Return the runs of one cluster that wait, oldest first."""
    return _waiting(connection, RunRow.cluster == cluster)


def overdue(connection: Connection, *, now: datetime) -> list[WaitingRun]:
    """Return the waiting runs whose deadline has passed, oldest first."""
    return _waiting(connection, RunRow.deadline_at <= now)


def _waiting(connection: Connection, which: ColumnElement[bool]) -> list[WaitingRun]:
    query = select(*_RUN.c).where(text("state = 'waiting'"), which).order_by(RunRow.id)
    return [
        WaitingRun(
            run=RunId(row.id),
            placement_id=row.placement_id,
            ref=PlacementRef(row.cluster, row.application),
            reason=reason_in(row, "reason"),
            deadline_at=row.deadline_at,
            needs_worker=row.hook_active or row.fail_hooks,
            awaits=frozenset(map(ObjectId.parse, row.awaits or ())),
        )
        for row in connection.execute(query)
    ]


@cache
def _take_placement(dialect: str) -> Any:
    """Take the lease of a due run's placement for its next attempt; gives the token, nothing if there is nothing."""
    token = _RUN.c.id + "." + cast(_RUN.c.attempts + 1, String)
    kind = case((is_of(RunKind.CHECK), leases.CHECK), else_=leases.PLACEMENT)
    name = kind + cast(_RUN.c.placement_id, String)
    holder, expires_at = bindparam("worker", type_=String()), bindparam("expires", type_=Instant())
    taken = insert_in(dialect, LeaseRow).from_select(
        ["name", "holder", "token", "expires_at"], select(name, holder, token, expires_at).where(*_DUE)
    )
    taken = taken.on_conflict_do_update(
        index_elements=[LeaseRow.name],
        set_={column: taken.excluded[column] for column in ("holder", "token", "expires_at")},
        where=LeaseRow.expires_at <= bindparam("now", type_=Instant()),
    )
    return taken.returning(LeaseRow.token)


def _new_row(run: NewRun, now: datetime) -> dict[str, Any]:
    revision = run.revision
    return {
        "id": new_run_id(now),
        "placement_id": run.placement_id,
        "cluster": run.ref.cluster,
        "application": run.ref.application,
        "trigger": run.trigger.value,
        "actor": run.actor,
        **columns_of("cause", run.cause),
        "priority": PRIORITY_OF[run.trigger].value,
        "queue": run.queue,
        "source_digest": revision.source_digest if revision else None,
        "parameters_digest": revision.parameters_digest if revision else None,
        "sources": list_of(revision.sources) if revision else None,
        "source_id": run.source_id,
        "snapshot_id": run.snapshot_id,
        "approval_id": run.approval_id,
        "state": RunState.QUEUED.value,
        "not_before": max(now, run.not_before or now),
        "created_at": now,
    }


def _claimed(row: Row[Any], now: datetime) -> ClaimedRun:
    revision = None
    if row.source_digest is not None:
        revision = Revision(row.source_digest, row.parameters_digest, sources_in(row.sources))
    return ClaimedRun(
        attempt=AttemptRef(RunId(row.id), row.attempts),
        placement_id=row.placement_id,
        ref=PlacementRef(row.cluster, row.application),
        trigger=Trigger(row.trigger),
        actor=row.actor,
        cause=reason_in(row, "cause"),
        queue=row.queue,
        revision=revision,
        source_id=row.source_id,
        snapshot_id=row.snapshot_id,
        approval_id=row.approval_id,
        retries=row.retries,
        interruptions=row.interruptions,
        created_at=row.created_at,
        started_at=row.started_at,
        claimed_at=now,
        hook_active=row.hook_active,
        expired=row.deadline_at is not None and row.deadline_at <= now,
        awaited=frozenset(map(ObjectId.parse, row.awaits or ())),
    )


def ended(outcome: Outcome, *, now: datetime, reason: Reason) -> dict[str, Any]:
    """Return the columns of a run that ends now; for the modules of this package."""
    return {
        "state": RunState.ENDED,
        "outcome": outcome,
        **columns_of("reason", reason),
        "ended_at": now,
        "sent_at": None,
        "parked": False,
        "deadline_at": None,
    }


def _one(connection: Connection, statement: Any) -> bool:
    return connection.execute(statement.returning(RunRow.id)).first() is not None
