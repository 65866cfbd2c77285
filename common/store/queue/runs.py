"""Runs: made, claimed, waiting, ended. The state machine of DESIGN.md, one short statement for each step.

Rows are locked in the order lease, attempt, open run, run by everybody who locks more than one, and several rows of
one table in the order of their names or ids, so that no two transactions wait for each other.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    String,
    bindparam,
    case,
    cast,
    delete,
    false,
    func,
    select,
    update,
)
from sqlalchemy import insert as plain_insert
from sqlalchemy.engine import Row

from common.domain.refs import AttemptRef, ObjectId, PlacementRef, RunId, is_uuid
from common.domain.revisions import Revision
from common.domain.runs import PRIORITY_OF, Outcome, RunKind, RunState, Trigger
from common.domain.status import NONE, Reason
from common.store.engine.dialect import batched, insert, insert_in, table_of
from common.store.queue import leases
from common.store.schema.tables import AttemptRow, Instant, LeaseRow, OpenRunRow, RunRow
from common.store.state.run_kinds import is_of
from common.store.state.stored_reasons import columns_of, reason_in
from common.store.state.stored_sources import list_of, sources_in

EARLY = timedelta(seconds=2)
"""How long before its time a run may be claimed: a countdown in the broker runs by another clock than the database."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNCLAIMED = (RunState.QUEUED, RunState.WAITING)
_DECIDED = (
    "placement_id", "cluster", "application", "trigger", "source_digest", "parameters_digest", "priority", "queue",
)  # fmt: skip
"""What planning, dispatch and claims ask of a run that is open, in its row of both tables."""
_CAME_TO = ("attempts", "retries", "interruptions", "manifest_digest", "counts", "started_at")
"""What a run has come to when it ends, besides its reason and its error."""

# Built once: every run needs each of these, and building one costs more than sending it.
_RUN, _OPEN = table_of(RunRow), table_of(OpenRunRow)
_DUE = (
    _OPEN.c.run_id == bindparam("run"),
    _OPEN.c.state == RunState.QUEUED,
    _OPEN.c.not_before <= bindparam("early", type_=Instant()),
)
_CLAIM = (
    update(_OPEN)
    .where(*_DUE, _OPEN.c.attempts == bindparam("before"))
    .values(
        state=RunState.RUNNING,
        attempts=_OPEN.c.attempts + 1,
        sent_at=None,
        parked=False,
        **columns_of("reason", NONE),
        started_at=func.coalesce(_OPEN.c.started_at, bindparam("now", type_=Instant())),
    )
    .returning(*_OPEN.c)
)
_DECISION = select(_RUN).where(_RUN.c.id == bindparam("run"))
_ATTEMPT = plain_insert(table_of(AttemptRow))


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be made.

    Attributes:
        placement_id: row of the placement.
        ref: the same placement by name.
        project: the placement's now.
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
    project: str = field(kw_only=True)
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
    project: str
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


def new_run_id(now: datetime) -> RunId:
    """Return a fresh UUID of version 7 (RFC 9562, with microseconds in ``rand_a``): ids sort by ``now``."""
    millis, rest = divmod((now - _EPOCH) // timedelta(microseconds=1), 1_000)
    value = (millis & (1 << 48) - 1) << 80 | 0x7 << 76 | (rest * 4096 // 1000) << 64 | 0b10 << 62
    return RunId(str(UUID(int=value | secrets.randbits(62))))


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
    in_order = sorted(runs, key=lambda run: run.placement_id)
    made: list[RunId] = []
    for batch in batched([(_new_row(run, now), run.not_before) for run in in_order]):
        # Asking afterwards which were made beats RETURNING, which needs one statement with 25,000 parameters.
        opening = [_open_row(row, not_before) for row, not_before in batch]
        connection.execute(insert(connection, OpenRunRow).on_conflict_do_nothing(), opening)
        there = select(_OPEN.c.run_id).where(_OPEN.c.run_id.in_([row["run_id"] for row in opening]))
        opened = frozenset(connection.execute(there).scalars())
        new = [row for row, _ in batch if row["id"] in opened]
        if new:
            connection.execute(plain_insert(_RUN), new)
        made.extend(RunId(row["id"]) for row in new)
    return made


def open_check(connection: Connection, placement_id: int) -> RunId | None:
    """Return the placement's run that only looks and has not ended; None where there is none."""
    mine = (OpenRunRow.placement_id == placement_id, is_of(RunKind.CHECK))
    found = connection.execute(select(OpenRunRow.run_id).where(*mine)).scalar_one_or_none()
    return None if found is None else RunId(found)


def supersede(connection: Connection, placement_ids: Sequence[int], *, reason: Reason, now: datetime) -> list[RunId]:
    """End the placements' queued and waiting runs as superseded; return their ids.

    Running ones go on, and those with a hook under way. So do those that only look: a worker finds out by itself
    whether there is still something to look at.
    """
    superseded: list[RunId] = []
    for batch in batched(sorted(set(placement_ids))):
        unclaimed = (OpenRunRow.placement_id.in_(batch), OpenRunRow.state.in_(_UNCLAIMED))
        mine = (*unclaimed, OpenRunRow.hook_active.is_(false()), is_of(RunKind.SYNC))
        in_order = select(OpenRunRow.run_id).where(*mine).order_by(OpenRunRow.run_id)
        locked = [RunId(run) for run in connection.execute(in_order.with_for_update()).scalars()]
        end(connection, locked, Outcome.SUPERSEDED, now=now, reason=reason)
        superseded.extend(locked)
    return superseded


def claim(connection: Connection, run: RunId, *, worker: str, lease: timedelta, now: datetime) -> ClaimedRun | None:
    """Make this worker the one that carries out ``run``: a new attempt, and the lease of its placement.

    Returns:
        None, and nothing has changed, when there is nothing to claim: unknown, claimed, waiting, ended, not due for
        more than ``EARLY``, or the placement's lease is held.
    """
    if not is_uuid(run):  # a message may say anything
        return None
    due = {"run": run, "early": now + EARLY, "now": now}
    taking = due | {"worker": worker, "expires": now + lease}
    token = connection.execute(_take_placement(connection.dialect.name), taking).scalar_one_or_none()
    if token is None:
        return None
    row = connection.execute(_CLAIM, due | {"before": int(token.rpartition(".")[2]) - 1}).one_or_none()
    if row is None:  # ended, on PostgreSQL, between the two statements
        connection.execute(delete(LeaseRow).where(LeaseRow.token == token))
        return None
    attempt = {"run_id": run, "number": row.attempts, "placement_id": row.placement_id}
    connection.execute(_ATTEMPT, attempt | {"worker": worker, "started_at": now})
    return _claimed(connection.execute(_DECISION, {"run": run}).one(), row, now)


def end(
    connection: Connection,
    runs: Sequence[RunId],
    outcome: Outcome,
    *,
    now: datetime,
    reason: Reason,
    came_to: Mapping[str, Any] | None = None,
) -> None:
    """End runs that the transaction has locked as open; each is open no more.

    Args:
        connection: of a writing transaction.
        runs: as many as one statement takes.
        outcome: of each.
        now: by the database's clock.
        reason: why they ended so; none where the error says it.
        came_to: columns of ``runs`` in place of what the runs had come to before.
    """
    if not runs:  # an empty list would be looked for in the whole table
        return
    values: dict[str, Any] = {name: _OPEN.c[name] for name in (*_CAME_TO, "error_code", "error_params")}
    values |= {"outcome": outcome, "ended_at": now, **columns_of("reason", reason), **(came_to or {})}
    # The database itself takes what has an outcome out of those that are open: see ``schema.triggers``.
    mine = (_RUN.c.id.in_(runs), _OPEN.c.run_id.in_(runs), _RUN.c.id == _OPEN.c.run_id)
    ended = update(_RUN).where(*mine)
    connection.execute(ended.values(values))


@cache
def _take_placement(dialect: str) -> Any:
    """Take the lease of a due run's placement for its next attempt; gives the token, nothing if there is nothing."""
    token = cast(_OPEN.c.run_id, String) + "." + cast(_OPEN.c.attempts + 1, String)
    kind = case((is_of(RunKind.CHECK), leases.CHECK), else_=leases.PLACEMENT)
    name = kind + cast(_OPEN.c.placement_id, String)
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
        "project": run.project,
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
        "created_at": now,
    }


def _open_row(row: Mapping[str, Any], not_before: datetime | None) -> dict[str, Any]:
    decided = {name: row[name] for name in _DECIDED}
    due = max(row["created_at"], not_before or row["created_at"])
    return {"run_id": row["id"], **decided, "state": RunState.QUEUED.value, "not_before": due}


def _claimed(decision: Row[Any], stands: Row[Any], now: datetime) -> ClaimedRun:
    revision = None
    if decision.source_digest is not None:
        revision = Revision(decision.source_digest, decision.parameters_digest, sources_in(decision.sources))
    return ClaimedRun(
        attempt=AttemptRef(RunId(decision.id), stands.attempts),
        placement_id=decision.placement_id,
        ref=PlacementRef(decision.cluster, decision.application),
        project=decision.project,
        trigger=Trigger(decision.trigger),
        actor=decision.actor,
        cause=reason_in(decision, "cause"),
        queue=decision.queue,
        revision=revision,
        source_id=decision.source_id,
        snapshot_id=decision.snapshot_id,
        approval_id=decision.approval_id,
        retries=stands.retries,
        interruptions=stands.interruptions,
        created_at=decision.created_at,
        started_at=stands.started_at,
        claimed_at=now,
        hook_active=stands.hook_active,
        expired=stands.deadline_at is not None and stands.deadline_at <= now,
        awaited=frozenset(map(ObjectId.parse, stands.awaits or ())),
    )
