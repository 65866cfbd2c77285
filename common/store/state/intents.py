"""What people asked for through the console; each is audited when it is asked and says what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert, select, update

from common.domain.reasons import hold_sentence
from common.domain.refs import RunId
from common.domain.status import Reason
from common.store.events import audit
from common.store.events.audit import Deed
from common.store.schema.tables import IntentRow
from common.store.state.stored_reasons import columns_of, params_in, reason_in


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
    """

    kind: IntentKind
    subject: str
    project: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Intent:
    """One request.

    Attributes:
        subject: a placement, an approval's id, or a repository (empty for all).
        project: that of what it is about, when it was asked for; empty where that belongs to none.
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
    created_at: datetime
    handled_at: datetime | None
    outcome: IntentOutcome | None
    result: str
    result_code: str
    result_params: Mapping[str, Any]
    run_id: str | None


def add(connection: Connection, new: NewIntent, *, now: datetime) -> int:
    """Store a request and its audit row; return its id."""
    deed = Deed(new.actor, new.kind, new.subject or "*", new.project, {"reason": new.reason})
    audit.append(connection, deed, now=now)
    values = asdict(new) | {"created_at": now}
    return connection.execute(insert(IntentRow).values(values).returning(IntentRow.id)).scalar_one()


def get(connection: Connection, intent_id: int) -> Intent | None:
    """Return a request; None where there is none."""
    row = connection.execute(select(*IntentRow.__table__.c).where(IntentRow.id == intent_id)).one_or_none()
    return None if row is None else _intent(row)


def unhandled(connection: Connection, *, limit: int = 200) -> tuple[Intent, ...]:
    """Return requests that have not been carried out, oldest first."""
    query = select(*IntentRow.__table__.c).where(IntentRow.handled_at.is_(None)).order_by(IntentRow.id).limit(limit)
    return tuple(_intent(row) for row in connection.execute(query))


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
        row.created_at,
        row.handled_at,
        IntentOutcome(row.outcome) if row.outcome else None,
        hold_sentence(reason_in(row, "result")),
        row.result_code,
        params_in(row.result_params),
        row.run_id,
    )
