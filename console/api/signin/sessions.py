"""``/api/v1/sessions``: where somebody is signed in, and how to end that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Path, Query, Request

from common.domain.rights import EVERYWHERE, Verb
from common.store.engine.session import Database
from common.store.events import audit
from common.store.state import sessions
from console.api.contract.errors import NotFoundError
from console.api.contract.routing import api_router
from console.api.door.gate import Gate
from console.api.door.needs import allowed, signed_in
from console.api.door.people import actor_of
from console.api.door.viewer import Asking, Viewer
from console.token import ACTOR

router = api_router("access")
Everybodys = Annotated[bool, Query(alias="all", description="those of everybody; needs the right admin")]


@dataclass(frozen=True, slots=True)
class SessionView:
    """A browser that has signed in.

    Attributes:
        actor: whose it is.
        address: of the network from which it signed in.
        seen_at: when it was used last, to the minute.
        expires_at: at the latest; earlier where it is not used for eight hours.
        current: whether it is the one that asks.
    """

    id: int
    actor: str
    address: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    current: bool


def _view(one: sessions.Session, who: Viewer) -> SessionView:
    return SessionView(
        id=one.id,
        actor=ACTOR if one.user is None else actor_of(one.user),
        address=one.address,
        created_at=one.created_at,
        seen_at=one.seen_at,
        expires_at=one.expires_at,
        current=who.credential == f"session:{one.id}",
    )


NOBODY = 0
"""No user has this number: what asks belongs to none, as the hub's own token does, or stands for less than a user."""


def whose(who: Viewer, *, everybodys: bool) -> int | None:
    """Return whose sessions or tokens somebody may see and end: of one user, or None for all.

    Raises:
        ForbiddenError: they ask for everybody's and may not administer.
    """
    if everybodys:
        allowed(who, Verb.ADMIN, EVERYWHERE)
        return None
    return NOBODY if who.user_id is None or not who.whole else who.user_id


@router.get("/sessions", dependencies=[signed_in()])
def get_sessions(request: Request, who: Asking, everybodys: Everybodys = False) -> tuple[SessionView, ...]:  # noqa: FBT002 - a query
    """Return the sessions that are open, newest first."""
    database: Database = request.app.state.database
    user_id = whose(who, everybodys=everybodys)
    with database.read() as connection:
        found = sessions.listed(connection, user_id=user_id, now=database.now(connection))
    return tuple(_view(one, who) for one in found)


@router.delete("/sessions/{session_id}", dependencies=[signed_in()])
def delete_session(request: Request, who: Asking, session_id: Annotated[int, Path(ge=1, le=2**63 - 1)]) -> SessionView:
    """End a session: one's own, or as an admin anybody's."""
    database: Database = request.app.state.database
    gate: Gate = request.app.state.gate
    user_id = whose(who, everybodys=who.may(Verb.ADMIN, EVERYWHERE))
    with gate.changes({f"session:{session_id}"}) as connection:
        now = database.now(connection)
        found = sessions.get(connection, session_id, now=now)
        if found is None or (user_id is not None and (found.user is None or found.user.id != user_id)):
            message = f"there is no session {session_id}"
            raise NotFoundError(message)
        sessions.end(connection, session_id)
        told = _view(found, who)
        audit.append(connection, who.deed("session.end", told.actor, {"session": session_id}), now=now)
    return told
