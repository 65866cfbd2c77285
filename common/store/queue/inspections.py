"""Looks at clusters that people ask for: asked by the api, sent by the scheduler, carried out once by a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, delete, func, insert, select, text, update

from common.domain.codes import InspectionReason
from common.domain.inspections import (
    KEPT,
    MOST_A_MINUTE,
    MOST_OPEN,
    OVERDUE,
    TAKEN_WITHIN,
    DueInspection,
    InspectionState,
    Question,
)
from common.domain.refs import PlacementRef
from common.domain.status import NONE, Reason
from common.store.engine.dialect import batched
from common.store.schema.tables import InspectionRow
from common.store.state.stored_reasons import columns_of, reason_in

_OPEN = "ended_at IS NULL"
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks to see.

    Attributes:
        project: in whose name.
        pool: whose workers reach the cluster.
        actor: who asks.
    """

    placement_id: int
    ref: PlacementRef
    project: str
    pool: str
    actor: str
    question: Question


@dataclass(frozen=True, slots=True)
class Inspection:
    """One look at a placement.

    Attributes:
        error: why there is no answer; ``NONE`` while one may come, or where there is one.
    """

    id: str
    asked: Asked
    state: InspectionState
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    answer: Mapping[str, Any] | None = field(repr=False)
    error: Reason


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many inspections a viewer has.

    Attributes:
        open: not answered yet.
        lately: asked for in the last minute.
    """

    open: int
    lately: int

    @property
    def is_too_large(self) -> bool:
        """Whether they may ask for no more now."""
        return self.open >= MOST_OPEN or self.lately >= MOST_A_MINUTE


def crowd(connection: Connection, actor: str, *, now: datetime) -> Crowd:
    """Return how many inspections a viewer has asked for."""
    lately = func.count().filter(InspectionRow.created_at > now - _MINUTE)
    query = select(func.count().filter(text(_OPEN)), lately).where(
        InspectionRow.actor == actor, InspectionRow.created_at > now - TAKEN_WITHIN - OVERDUE
    )
    return Crowd(*connection.execute(query).one())


def ask(connection: Connection, asked: Asked, *, now: datetime) -> str:
    """Store what somebody asks for; return its id."""
    row = {
        "id": str(uuid4()),
        "placement_id": asked.placement_id,
        "project": asked.project,
        "cluster": asked.ref.cluster,
        "application": asked.ref.application,
        "pool": asked.pool,
        "what": asked.question.what,
        "params": asked.question.params,
        "actor": asked.actor,
        "state": InspectionState.ASKED,
        "created_at": now,
        "expires_at": now + KEPT,
    }
    connection.execute(insert(InspectionRow).values(row))
    return str(row["id"])


def get(connection: Connection, id_: str, *, now: datetime) -> Inspection | None:
    """Return an inspection as it stands; None where there is none, or not any more."""
    row = connection.execute(select(*InspectionRow.__table__.c).where(InspectionRow.id == id_)).one_or_none()
    if row is None or row.expires_at <= now:
        return None
    found = _inspection(row)
    why = _given_up(row, now)
    return replace(found, state=InspectionState.FAILED, error=why) if why else found


def _given_up(row: Any, now: datetime) -> Reason:
    """Return why no answer comes any more, though nobody has said so."""
    if row.state == InspectionState.ASKED and row.created_at <= now - TAKEN_WITHIN:
        return Reason(InspectionReason.UNTAKEN, {"pool": row.pool})
    if row.state == InspectionState.TAKEN and (row.taken_at or row.created_at) <= now - OVERDUE:
        return Reason(InspectionReason.LOST)
    return NONE


def under_way(connection: Connection, *, now: datetime) -> dict[tuple[str, str], int]:
    """Return by pool and cluster how many were sent, or are looked at, and have not been answered."""
    query = select(InspectionRow.pool, InspectionRow.cluster, func.count()).where(
        text(_OPEN),
        InspectionRow.sent_at.is_not(None),
        InspectionRow.created_at > now - TAKEN_WITHIN - OVERDUE,
    )
    grouped = query.group_by(InspectionRow.pool, InspectionRow.cluster)
    return {(pool, cluster): count for pool, cluster, count in connection.execute(grouped)}


def lately(connection: Connection, actors: Sequence[str], *, now: datetime) -> dict[str, int]:
    """Return for each of some viewers who has any how many were sent that they asked for in the last minutes."""
    query = select(InspectionRow.actor, func.count()).where(
        InspectionRow.actor.in_(actors),
        InspectionRow.sent_at.is_not(None),
        InspectionRow.created_at > now - TAKEN_WITHIN - OVERDUE,
    )
    return {actor: count for actor, count in connection.execute(query.group_by(InspectionRow.actor))}


def due(connection: Connection, *, resend_before: datetime, limit: int, now: datetime) -> list[DueInspection]:
    """Return those to send, oldest first; what was asked for too long ago is left out."""
    unsent = InspectionRow.sent_at.is_(None) | (InspectionRow.sent_at < resend_before)
    asked = InspectionRow.state == InspectionState.ASKED
    row = InspectionRow
    query = select(row.id, row.pool, row.cluster, row.actor, row.sent_at.is_not(None)).where(
        text(_OPEN), asked, row.created_at > now - TAKEN_WITHIN, unsent
    )
    return [DueInspection(*found) for found in connection.execute(query.order_by(row.created_at).limit(limit))]


def mark_sent(connection: Connection, ids: Sequence[str], *, now: datetime) -> None:
    """Note that these are about to be sent."""
    _set_sent(connection, ids, now)


def unsend(connection: Connection, ids: Sequence[str]) -> None:
    """Note that these could not be sent after all."""
    _set_sent(connection, ids, None)


def forget_sent(connection: Connection) -> None:
    """Note that the broker has lost everything."""
    asked = InspectionRow.state == InspectionState.ASKED
    connection.execute(update(InspectionRow).where(text(_OPEN), asked).values(sent_at=None))


def _set_sent(connection: Connection, ids: Sequence[str], sent_at: datetime | None) -> None:
    for batch in batched(ids):
        asked = InspectionRow.state == InspectionState.ASKED
        mine = update(InspectionRow).where(asked, InspectionRow.id.in_(batch))
        connection.execute(mine.values(sent_at=sent_at))


def take(connection: Connection, id_: str, *, now: datetime) -> Inspection | None:
    """Take an inspection, so that nobody else carries it out; None where somebody has, or nobody waits for it."""
    waits = (InspectionRow.state == InspectionState.ASKED, InspectionRow.created_at > now - TAKEN_WITHIN)
    mine = update(InspectionRow).where(InspectionRow.id == id_, *waits)
    taken = mine.values(state=InspectionState.TAKEN, taken_at=now).returning(*InspectionRow.__table__.c)
    row = connection.execute(taken).one_or_none()
    return None if row is None else _inspection(row)


def answer(connection: Connection, id_: str, answer: Mapping[str, Any], *, now: datetime) -> None:
    """Store what was seen; nothing where it is over."""
    _end(connection, id_, state=InspectionState.ANSWERED, ended_at=now, answer=dict(answer))


def fail(connection: Connection, id_: str, error: Reason, *, now: datetime) -> None:
    """Store why nothing could be seen."""
    _end(connection, id_, state=InspectionState.FAILED, ended_at=now, **columns_of("error", error))


def _end(connection: Connection, id_: str, **values: Any) -> None:
    mine = update(InspectionRow).where(InspectionRow.id == id_, InspectionRow.state == InspectionState.TAKEN)
    connection.execute(mine.values(values))


def expire(connection: Connection, *, limit: int, now: datetime) -> int:
    """Delete what is over; return how many rows."""
    over = select(InspectionRow.id).where(InspectionRow.expires_at <= now).order_by(InspectionRow.expires_at)
    gone = delete(InspectionRow).where(InspectionRow.id.in_(over.limit(limit))).returning(InspectionRow.id)
    return len(connection.execute(gone).all())


def _inspection(row: Any) -> Inspection:
    asked = Asked(
        row.placement_id,
        PlacementRef(row.cluster, row.application),
        row.project,
        row.pool,
        row.actor,
        Question.of(row.what, row.params or {}),
    )
    return Inspection(
        id=row.id,
        asked=asked,
        state=InspectionState(row.state),
        created_at=row.created_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        answer=row.answer if isinstance(row.answer, dict) else None,  # a pool's role may write anything that is JSON
        error=reason_in(row, "error") if row.error_code else NONE,
    )
