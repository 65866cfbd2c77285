"""``GET /api/v1/events``: what came about, in the one order that every reader sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Query, Request

from common.domain.events import Position
from common.domain.rights import Verb
from common.store.engine.session import Database
from common.store.events import stream
from common.store.events.stream import EventFilter
from common.store.reads.events import EventView, views
from common.store.reads.page import MAX_PAGE
from console.api.contract.routing import api_router
from console.api.door.needs import Reading, needs
from console.api.reads import known

router = api_router("events")
Kinds = Annotated[list[str] | None, Query()]


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events, the oldest first.

    Attributes:
        items: at most as many as were asked for.
        after: give it back to get what comes next, now or later; never empty.
    """

    items: tuple[EventView, ...]
    after: str


@router.get("/events", dependencies=[needs(Verb.READ)])
def get_events(  # noqa: PLR0913 - each is one query parameter
    request: Request,
    scope: Reading,
    cluster: str = "",
    application: str = "",
    kind: Kinds = None,
    after: str = "",
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> EventPage:
    """Return the events behind a position; without one the latest. Either way the oldest of them comes first."""
    which = EventFilter(scope, cluster, application, tuple(map(known.event_kind, kind or ())))
    position = Position.parse(after) if after else None
    database: Database = request.app.state.database
    with database.read() as connection:
        known.cluster(connection, scope, cluster)
        known.application(connection, scope, application)
        if position is None:
            position, found = stream.head(connection, scope), stream.latest(connection, which, limit=limit)
        else:
            found = stream.behind(connection, position, which, limit=limit)
            position = found[-1].position if found else position
    return EventPage(views(found), str(position))
