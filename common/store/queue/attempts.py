"""Attempts: what each is about to do, how it ends, and what a later one must write again because of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, String, and_, bindparam, cast, delete, literal, or_, select, update

from common.domain.catalogue import nested
from common.domain.changes import MUTATIONS, Action
from common.domain.codes import RunReason
from common.domain.refs import AttemptRef, ObjectId, RunId
from common.domain.runs import AttemptOutcome, Outcome, RunState
from common.domain.status import NONE, Reason
from common.store.engine.dialect import batched, insert_in, table_of
from common.store.queue import leases, runs
from common.store.schema.tables import AttemptRow, LeaseRow, OpenRunRow, PlannedChangeRow
from common.store.state.stored_reasons import columns_of

_LATE = "late"
"""Planned to be created by an attempt that was interrupted, before one that wrote everything: it may yet turn up."""
_WROTE_ALL = frozenset({AttemptOutcome.SUCCEEDED, AttemptOutcome.WAITING})

# Built once: every run needs each of these, and building one costs more than sending it.
_PLANNED = table_of(PlannedChangeRow)
_OF_PLACEMENT = _PLANNED.c.placement_id == bindparam("placement")
_OWN = and_(_PLANNED.c.run_id == bindparam("run"), _PLANNED.c.attempt == bindparam("attempt"))
_OBJECT = (_PLANNED.c.group, _PLANNED.c.kind, _PLANNED.c.namespace, _PLANNED.c.name)
_FENCED = select(*_OBJECT).where(_OF_PLACEMENT, ~_OWN, _PLANNED.c.action != _LATE).distinct()
_FORGET_OWN = delete(_PLANNED).where(_OF_PLACEMENT, _OWN)
_FORGET_WRITTEN = delete(_PLANNED).where(
    # Updates and deletes that are still on their way are refused from here on; a create never is.
    _OF_PLACEMENT,
    or_(_OWN, _PLANNED.c.action.not_in((Action.CREATED, _LATE))),
)
_CALL_LATE = update(_PLANNED).where(_OF_PLACEMENT).values(action=_LATE)
_ATTEMPT = table_of(AttemptRow)
_END_ATTEMPT = update(_ATTEMPT).where(
    _ATTEMPT.c.run_id == bindparam("of_run"), _ATTEMPT.c.number == bindparam("of_number")
)
_LEASE = table_of(LeaseRow)
_LEASE_NAMES = [
    select(literal(kind) + cast(_ATTEMPT.c.placement_id, String))
    .where(_ATTEMPT.c.run_id == bindparam("run"), _ATTEMPT.c.number == bindparam("number"))
    .scalar_subquery()
    for kind in (leases.PLACEMENT, leases.CHECK)
]
_GIVE_BACK = (
    delete(_LEASE).where(_LEASE.c.name.in_(_LEASE_NAMES), _LEASE.c.token == bindparam("token")).returning(_LEASE.c.name)
)


@dataclass(frozen=True, slots=True)
class AttemptEnding:
    """How an attempt ended by itself.

    Attributes:
        outcome: any but ``interrupted``, which only the reaper gives; ``retrying`` queues the run again, ``waiting``
            lets it wait, every other ends it.
        reason: why the run waits or ended so; none where the error says it.
        error: that ended it, redacted.
        not_before: when a retrying run may be claimed again.
        deadline: when a waiting run is to fail; None is never.
        awaits: the objects that a waiting run waits for; empty for all of its placement.
        hook_active: a hook of a waiting run is under way: nothing supersedes it.
        fail_hooks: a waiting run has hooks for when it fails.
        counts: objects by action.
        timings: milliseconds by step.
        requests: requests to the cluster, by verb.
        manifest_digest: sha256 of what was rendered.
        partial: not everything was to be written, so that what former attempts had planned is still to be fenced off.

    Raises:
        ValueError: ``interrupted``, or ``retrying`` without an instant.
    """

    outcome: AttemptOutcome
    reason: Reason = NONE
    error: Reason = NONE
    not_before: datetime | None = None
    deadline: datetime | None = None
    awaits: Sequence[ObjectId] = ()
    hook_active: bool = False
    fail_hooks: bool = False
    counts: Mapping[Action, int] | None = None
    timings: Mapping[str, int] | None = None
    requests: Mapping[str, int] | None = None
    manifest_digest: str | None = None
    partial: bool = False

    def __post_init__(self) -> None:
        if self.outcome is AttemptOutcome.INTERRUPTED:
            message = "an attempt that ends by itself is not interrupted"
            raise ValueError(message)
        if (self.outcome is AttemptOutcome.RETRYING) != (self.not_before is not None):
            message = "an attempt has an instant for its retry when it is retrying, and only then"
            raise ValueError(message)


def end_attempt(
    connection: Connection,
    attempt: AttemptRef,
    ending: AttemptEnding,
    *,
    now: datetime,
    first: Callable[[Connection], None] = lambda _connection: None,
    fenced: Collection[ObjectId] | None = None,
) -> bool:
    """End an attempt, give its lease back and move its run on.

    Args:
        connection: of a writing transaction.
        attempt: which.
        ending: how.
        now: by the database's clock.
        first: adds what is still to be written of the attempt; called once the lease proved to be held.
        fenced: what ``fenced_objects`` gave it; None where it did not ask.

    Returns:
        False, and nothing has changed, when the attempt's lease was lost: the reaper has ended it already.
    """
    lease = _give_back(connection, attempt)
    if lease is None:
        return False
    first(connection)
    of = {"of_run": attempt.run, "of_number": attempt.number}
    connection.execute(_END_ATTEMPT, of | _attempt_values(ending, now))
    before = _counts_before(connection, attempt, select(OpenRunRow.counts).with_for_update())
    _move_on(connection, attempt.run, ending, _added(before, ending.counts), now)
    if lease.startswith(leases.PLACEMENT):  # one that only looked has planned nothing, and has made good nothing
        whole = ending.outcome in _WROTE_ALL and not ending.partial
        placement_id = int(lease.removeprefix(leases.PLACEMENT))
        _forget_plans(connection, attempt, placement_id, whole=whole)
        # Where no other attempt's plans were found there are none: while the lease is held nobody adds any.
        if whole and fenced != frozenset():
            connection.execute(_CALL_LATE, {"placement": placement_id})
    return True


def note_stuck(connection: Connection, lease: str, token: str, *, why: Reason) -> None:
    """Note why an attempt's lease is renewed no more; the reaper ends it with that once the lease has run out.

    Until then what it had sent may still arrive, so it goes on holding its placement. A lease that is for no attempt
    is passed over, and so is an attempt that has ended.

    Args:
        connection: of a writing transaction.
        lease: its name.
        token: of the lease: the attempt's name.
        why: it was given up.
    """
    if not lease.startswith((leases.PLACEMENT, leases.CHECK)):
        return
    run, _, number = token.rpartition(".")
    mine = (AttemptRow.run_id == run, AttemptRow.number == int(number), AttemptRow.outcome.is_(None))
    stuck = Reason(RunReason.STUCK, {"why": nested(why)})
    connection.execute(update(AttemptRow).where(*mine).values(columns_of("error", stuck)))


def plan(
    connection: Connection, attempt: AttemptRef, *, placement_id: int, changes: Sequence[tuple[ObjectId, Action]]
) -> bool:
    """Store what the attempt is about to change or delete; commit before the first write.

    May be called again as more becomes known. The rows live until an attempt on the placement has written everything.

    Returns:
        False, and nothing is stored, when the attempt lost its lease: it may not write.
    """
    if not leases.holds(connection, attempt, placement_id=placement_id):
        return False
    of = {"run_id": attempt.run, "attempt": attempt.number, "placement_id": placement_id}
    rows = [
        of
        | {"group": o.group, "kind": o.kind, "namespace": o.namespace, "name": o.name, "action": Action(action).value}
        for o, action in dict(changes).items()
    ]
    for batch in batched(rows):
        connection.execute(_plan(connection.dialect.name), batch)
    return True


def fenced_objects(connection: Connection, placement_id: int, before: AttemptRef) -> frozenset[ObjectId]:
    """Return what attempts that were interrupted had planned, if no attempt since has written everything.

    A write of theirs may still arrive. ``before``, the attempt that asks, writes each of these objects that it keeps,
    equal or not, so that their resourceVersion moves and the late write is refused. One interrupted attempt after
    another adds up: the second may have died before it wrote what the first had planned.
    """
    asked = {"placement": placement_id, "run": before.run, "attempt": before.number}
    return frozenset(ObjectId(*row) for row in connection.execute(_FENCED, asked))


def possible_late_creates(connection: Connection, placement_id: int) -> frozenset[ObjectId]:
    """Return what interrupted attempts had planned to create: an object that turns up unexpectedly may be theirs."""
    planned = PlannedChangeRow
    columns = (planned.group, planned.kind, planned.namespace, planned.name)
    theirs = (planned.placement_id == placement_id, planned.action.in_((_LATE, Action.CREATED)))
    return frozenset(ObjectId(*row) for row in connection.execute(select(*columns).where(*theirs).distinct()))


@cache
def _plan(dialect: str) -> Any:
    statement = insert_in(dialect, PlannedChangeRow)
    key = list(PlannedChangeRow.__table__.primary_key)
    return statement.on_conflict_do_update(index_elements=key, set_={"action": statement.excluded.action})


def _give_back(connection: Connection, attempt: AttemptRef) -> str | None:
    """Drop the attempt's lease; return its name, None when it was not held."""
    mine = {"run": attempt.run, "number": attempt.number, "token": str(attempt)}
    given: str | None = connection.execute(_GIVE_BACK, mine).scalar_one_or_none()
    return given


def wrote_before(connection: Connection, attempt: AttemptRef) -> bool:
    """Return whether a former attempt of the same run has changed anything on its cluster."""
    before = _counts_before(connection, attempt, select(OpenRunRow.counts)) or {}
    return any(before.get(action) for action in MUTATIONS)


def _counts_before(
    connection: Connection, attempt: AttemptRef, counts: Select[Mapping[str, int] | None]
) -> Mapping[str, int] | None:
    """Return what the run's former attempts counted, by a query that locks them or does not."""
    if attempt.number == 1:
        return None
    before: Mapping[str, int] | None = connection.execute(counts.where(OpenRunRow.run_id == attempt.run)).scalar_one()
    return before


def _attempt_values(ending: AttemptEnding, now: datetime) -> dict[str, Any]:
    return {
        "outcome": ending.outcome,
        "ended_at": now,
        **columns_of("error", ending.error),
        "manifest_digest": ending.manifest_digest,
        "counts": _plain(ending.counts),
        "timings": _plain(ending.timings),
        "requests": _plain(ending.requests),
    }


def _move_on(
    connection: Connection, run: RunId, ending: AttemptEnding, counts: Mapping[str, int] | None, now: datetime
) -> None:
    """Queue the attempt's run again, let it wait, or end it."""
    values: dict[str, Any] = {**columns_of("error", ending.error), "counts": counts}
    if ending.manifest_digest is not None:
        values["manifest_digest"] = ending.manifest_digest
    if ending.outcome is AttemptOutcome.RETRYING:
        values |= {"state": RunState.QUEUED, "retries": OpenRunRow.retries + 1, "not_before": ending.not_before}
    elif ending.outcome is AttemptOutcome.WAITING:
        values |= {"state": RunState.WAITING, "deadline_at": ending.deadline}
        values |= {"hook_active": ending.hook_active, "fail_hooks": ending.fail_hooks}
        values["awaits"] = [str(one) for one in ending.awaits] or None
    else:
        runs.end(connection, [run], Outcome(ending.outcome.value), now=now, reason=ending.reason, came_to=values)
        return
    values |= columns_of("reason", ending.reason)
    connection.execute(update(OpenRunRow).where(OpenRunRow.run_id == run).values(values))


def _plain(counts: Mapping[Any, int] | None) -> dict[str, int] | None:
    return None if counts is None else {str(key): value for key, value in counts.items() if value}


def _added(before: Mapping[str, int] | None, now: Mapping[Action, int] | None) -> dict[str, int] | None:
    """Return a run's counts: what was written adds up over its attempts, what was found is the last attempt's."""
    if now is None:
        return dict(before) if before is not None else None
    written = {action: (before or {}).get(action, 0) for action in MUTATIONS}
    return _plain({action: written.get(action, 0) + now.get(action, 0) for action in Action})


def _forget_plans(connection: Connection, attempt: AttemptRef, placement_id: int, *, whole: bool) -> None:
    mine = {"placement": placement_id, "run": attempt.run, "attempt": attempt.number}
    connection.execute(_FORGET_WRITTEN if whole else _FORGET_OWN, mine)
