"""``GET /api/v1/events``: what came about, in the one order that every reader sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from common.domain.events import Event, Position, sentence
from common.store.engine.session import Database
from common.store.events import stream
from common.store.events.stream import EventFilter
from common.store.reads.page import MAX_PAGE
from console.api import known

router = APIRouter(prefix="/api/v1")
Kinds = Annotated[list[str] | None, Query()]


@dataclass(frozen=True, slots=True)
class EventView:
    """One event; fields as in ``Event``.

    Attributes:
        id: its position: give it back as ``after`` to go on behind it.
        sentence: the code and parameters in words.
    """

    id: str
    at: datetime
    kind: str
    subject: str
    cluster: str
    application: str
    project: str
    code: str
    params: dict[str, Any]
    run: str | None
    actor: str
    sentence: str


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events, the oldest first.

    Attributes:
        items: at most as many as were asked for.
        after: give it back to get what comes next, now or later; never empty.
    """

    items: tuple[EventView, ...]
    after: str


@router.get("/events")
def get_events(
    request: Request,
    cluster: str = "",
    application: str = "",
    kind: Kinds = None,
    after: str = "",
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> EventPage:
    """Return the events behind a position; without one the latest. Either way the oldest of them comes first."""
    which = EventFilter(cluster, application, tuple(map(known.event_kind, kind or ())))
    position = Position.parse(after) if after else None
    database: Database = request.app.state.database
    with database.read() as connection:
        known.cluster(connection, cluster)
        known.application(connection, application)
        if position is None:
            position, found = stream.head(connection), stream.latest(connection, which, limit=limit)
        else:
            found = stream.behind(connection, position, which, limit=limit)
            position = found[-1].position if found else position
    return EventPage(_views(found), str(position))


def _views(found: Sequence[Event]) -> tuple[EventView, ...]:
    return tuple(
        EventView(
            id=str(event.position),
            at=event.at,
            kind=event.kind.value,
            subject=event.subject,
            cluster=event.cluster,
            application=event.application,
            project=event.project,
            code=event.code,
            params=dict(event.params),
            run=event.run,
            actor=event.actor,
            sentence=sentence(event),
        )
        for event in found
    )
