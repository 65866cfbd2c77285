"""What people asked for through the console; each is audited when it is asked and says what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, exists, func, insert, select, update

from common.domain.reasons import hold_sentence
from common.domain.refs import RunId
from common.domain.status import Reason
from common.store.engine.dialect import batched, table_of
from common.store.events import audit
from common.store.events.audit import Deed, Way
from common.store.schema.tables import IntentRow
from common.store.state.stored_reasons import columns_of, params_in, reason_in

_INTENT = table_of(IntentRow)
_MOST_AHEAD = 1_000
"""Requests of batches that are taken with newer ones of their subjects at once."""


class IntentKind(StrEnum):
    """What may be asked for."""

    SYNC = "sync"
    CHECK = "check"
    PAUSE = "pause"
    RESUME = "resume"
    REFRESH = "refresh"
    APPROVE = "approve"
    REJECT = "reject"


class IntentOutcome(StrEnum):
    """What came of a request, for programs."""

    DONE = "done"
    JOINED = "joined"
    """A run does already what was asked for."""
    REFUSED = "refused"
    """It is not carried out, and nothing was changed."""
    BROKEN = "broken"
    """The scheduler failed while it carried it out."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request.

    Attributes:
        outcome: for programs.
        result: what exactly; a hold where that forbids it.
        run_id: the run that was made for it, or that does already what it asks for.
    """

    outcome: IntentOutcome
    result: Reason
    run_id: RunId | None = None


@dataclass(frozen=True, slots=True)
class NewIntent:
    """A request to be stored.

    Attributes:
        subject: a placement, an approval's id, or a repository (empty for all).
        project: that of the placement or of the approval, as stored now; empty where that belongs to none.
        actor: who asks.
        reason: why, in their words.
        way: how they came to ask; None where nobody asked the API.
        by_self: they approve what their own request led to.
    """

    kind: IntentKind
    subject: str
    project: str
    actor: str
    reason: str
    way: Way | None = None
    by_self: bool = False


@dataclass(frozen=True, slots=True)
class Intent:
    """One request.

    Attributes:
        subject: a placement, an approval's id, or a repository (empty for all, and for a batch).
        project: that of what it is about, when it was asked for; empty where that belongs to none.
        placements: how many requests it is of, as a batch; 0 for what is none.
        alone: whether its subject was named, and no other with it; False for one of a batch.
        handled_at: None until the scheduler has carried it out.
        outcome: what came of it, for programs; None until then.
        result: what came of it, in words, made of code and parameters.
        run_id: the run that was made for it, or that does already what it asks for.
    """

    id: int
    kind: IntentKind
    subject: str
    project: str
    actor: str
    reason: str
    placements: int
    alone: bool
    created_at: datetime
    handled_at: datetime | None
    outcome: IntentOutcome | None
    result: str
    result_code: str
    result_params: Mapping[str, Any]
    run_id: str | None


def add(connection: Connection, new: NewIntent, *, now: datetime) -> int:
    """Store a request and its audit row; return its id."""
    audit.append(connection, _deed(new), now=now)
    return _insert(connection, _values(new, now))


def add_batch(connection: Connection, of_all: NewIntent, subjects: Mapping[str, str], *, now: datetime) -> int:
    """Store one request for each of several subjects, with an audit row each; return the id of the batch.

    Args:
        connection: of one transaction.
        of_all: what they have in common; its subject is empty, and its project that of all, if it is one.
        subjects: each with its project.
        now: when.
    """
    batch_id = _insert(connection, _values(of_all, now) | {"placements": len(subjects)})
    each = [replace(of_all, subject=subject, project=project) for subject, project in subjects.items()]
    audit.append_all(connection, [_deed(one, batch_id) for one in each], now=now)
    for rows in batched([_values(one, now) | {"batch_id": batch_id} for one in each]):
        connection.execute(insert(IntentRow), rows)
    return batch_id


def _insert(connection: Connection, values: Mapping[str, Any]) -> int:
    return connection.execute(insert(IntentRow).values(values).returning(IntentRow.id)).scalar_one()


def _values(new: NewIntent, now: datetime) -> dict[str, Any]:
    values = {"kind": new.kind, "subject": new.subject, "project": new.project, "actor": new.actor}
    return values | {"reason": new.reason, "created_at": now}


def _deed(new: NewIntent, batch_id: int | None = None) -> Deed:
    detail: dict[str, Any] = {"reason": new.reason} | ({} if batch_id is None else {"batch": batch_id})
    detail |= {"by_self": True} if new.by_self else {}
    return Deed(new.actor, new.kind, new.subject or "*", new.project, detail, new.way)


def get(connection: Connection, intent_id: int) -> Intent | None:
    """Return a request; None where there is none."""
    row = connection.execute(select(*IntentRow.__table__.c).where(IntentRow.id == intent_id)).one_or_none()
    return None if row is None else _intent(row)


def unhandled(connection: Connection, *, limit: int = 200, of_batches: int = 100) -> tuple[Intent, ...]:
    """Return requests that have not been carried out, in an order in which that may be done.

    Those that were asked for by themselves come first, and with them what is older and of the same subject: whatever is
    asked of one subject is carried out in the order in which it was asked. Others of batches are behind.

    Args:
        connection: to read by.
        limit: of those that were asked for by themselves.
        of_batches: of those that are one of many: whoever asks for one placement does not wait for thousands.
    """
    waiting = select(*_INTENT.c).where(_INTENT.c.handled_at.is_(None)).order_by(_INTENT.c.id)
    alone = connection.execute(
        waiting.where(_INTENT.c.batch_id.is_(None), _INTENT.c.placements == 0).limit(limit)
    ).all()
    one_of_many = waiting.where(_INTENT.c.batch_id.is_not(None))
    if len(alone) == limit:  # there are more, which may be older than what a batch asks of the same subject
        one_of_many = one_of_many.where(_INTENT.c.id < alone[-1].id)
    newest = {row.subject: row.id for row in alone}
    same = one_of_many.where(_INTENT.c.subject.in_(newest)).limit(_MOST_AHEAD)
    ahead = connection.execute(same).all() if newest else []
    if len(ahead) == _MOST_AHEAD:
        alone = [row for row in alone if row.id < ahead[-1].id]
    first = sorted([*alone, *(row for row in ahead if row.id < newest[row.subject])], key=lambda row: row.id)
    taken = {row.id for row in first}
    behind = [row for row in connection.execute(one_of_many.limit(of_batches + len(taken))) if row.id not in taken]
    return tuple(map(_intent, [*first, *behind[:of_batches]]))


def counts(connection: Connection, batch_id: int) -> dict[str, int]:
    """Return how many requests of a batch came to which outcome; those that wait are under ``waiting``."""
    query = select(_INTENT.c.outcome, func.count()).where(_INTENT.c.batch_id == batch_id).group_by(_INTENT.c.outcome)
    return {outcome or "waiting": number for outcome, number in connection.execute(query)}


def finished_batches(connection: Connection) -> tuple[int, ...]:
    """Return the batches of which every request has been carried out, and which are not closed yet."""
    inner = _INTENT.alias()
    waits = exists().where(inner.c.batch_id == _INTENT.c.id, inner.c.handled_at.is_(None))
    mine = (_INTENT.c.handled_at.is_(None), _INTENT.c.placements > 0, ~waits)
    return tuple(connection.execute(select(_INTENT.c.id).where(*mine).order_by(_INTENT.c.id)).scalars())


def close(connection: Connection, intent_id: int, answer: Answer, *, now: datetime) -> None:
    """Note what came of a request."""
    values = {"handled_at": now, "outcome": answer.outcome, "run_id": answer.run_id}
    values |= columns_of("result", answer.result)
    connection.execute(update(IntentRow).where(IntentRow.id == intent_id).values(values))


def _intent(row: Any) -> Intent:
    return Intent(
        row.id,
        IntentKind(row.kind),
        row.subject,
        row.project,
        row.actor,
        row.reason,
        row.placements,
        row.batch_id is None and not row.placements,
        row.created_at,
        row.handled_at,
        IntentOutcome(row.outcome) if row.outcome else None,
        hold_sentence(reason_in(row, "result")),
        row.result_code,
        params_in(row.result_params),
        row.run_id,
    )
