"""``/api/v1/tokens``: what programs show instead of a person; each gives at most what its maker may do at its use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, ClassVar

from fastapi import Path, Request, status
from pydantic import BaseModel, ConfigDict, Field

from common.domain.rights import EVERYWHERE, Grants, Verb, granted
from common.store.engine.session import Database
from common.store.events import audit
from common.store.state import tokens
from console.api.contract.errors import ForbiddenError, NotFoundError, RequestError
from console.api.contract.routing import api_router
from console.api.door import token_format
from console.api.door.gate import Gate
from console.api.door.needs import signed_in
from console.api.door.people import actor_of
from console.api.door.viewer import Asking, Means, Viewer, unauthenticated
from console.api.signin.sessions import Everybodys, whose
from console.token import ACTOR

router = api_router("access")
MOST_DAYS = 365
USUAL_DAYS = 90
MOST = 100
"""Tokens of one person, or of one program, that count. The hub's own token makes as many as there are programs."""
MOST_ENDED = 100
"""Tokens of one maker that are listed although they have ended."""
KEPT = timedelta(days=90)
"""How long one that has ended by itself is listed; the audit keeps that it was made."""


class ManyTokensError(RequestError):
    """Somebody has as many tokens as one may have."""

    code: ClassVar[str] = "token.many"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class TokenWanted(BaseModel):
    """Body of a request for a token."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[ -~]{1,100}$", description="what it is for, as people will read it")
    verbs: tuple[Verb, ...] = Field(
        default=tuple(Verb), min_length=1, max_length=len(Verb), description="what it may be used for at most"
    )
    projects: tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,63}$")], ...] = Field(
        default=(), max_length=1000, description="where; none is wherever its maker may"
    )
    days: int = Field(default=USUAL_DAYS, ge=1, le=MOST_DAYS, description="after which it ends by itself")


@dataclass(frozen=True, slots=True)
class Right:
    """A verb in a project; ``*`` is every one."""

    verb: Verb
    project: str


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token, without the token itself.

    Attributes:
        maker: who made it, and may do no less for it to be of use.
        rights: what it may be used for at most; no more than its maker may do when it is used.
        used_at: when it was used last, to the minute.
        expires_at: at the latest.
        revoked_at: when somebody ended it before.
        current: whether it is the one that asks.
    """

    id: int
    name: str
    maker: str
    rights: tuple[Right, ...]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None
    current: bool


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was made now; ``secret`` is told this once."""

    token: TokenView
    secret: str


def _view(one: tokens.Token, who: Viewer) -> TokenView:
    return TokenView(
        id=one.id,
        name=one.name,
        maker=(one.actor or ACTOR) if one.maker is None else actor_of(one.maker),
        rights=tuple(Right(verb, project) for verb, project in sorted(one.grants.held)),
        created_at=one.created_at,
        expires_at=one.expires_at,
        used_at=one.used_at,
        revoked_at=one.revoked_at,
        current=who.credential == f"token:{one.id}",
    )


@router.get("/tokens", dependencies=[signed_in()])
def get_tokens(request: Request, who: Asking, everybodys: Everybodys = False) -> tuple[TokenView, ...]:  # noqa: FBT002 - a query
    """Return the tokens that were made, newest first."""
    database: Database = request.app.state.database
    user_id = whose(who, everybodys=everybodys)
    with database.read() as connection:
        found = tokens.listed(connection, user_id=user_id)
    return tuple(_view(one, who) for one in found)


@router.post("/tokens", status_code=status.HTTP_201_CREATED, dependencies=[signed_in()])
def post_token(request: Request, who: Asking, body: TokenWanted) -> NewToken:
    """Make a token, which is told this once; one that was made with a token gives no more and ends no later."""
    database: Database = request.app.state.database
    gate: Gate = request.app.state.gate
    grants = _wanted(who, body.verbs, body.projects, named="verbs" in body.model_fields_set)
    with gate.changes(of=()) as connection:
        now = database.now(connection)
        tokens.forget(connection, now - KEPT)
        lifetime, root, actor = timedelta(days=body.days), None, ""
        if who.means is Means.TOKEN:
            mine = tokens.get(connection, _number(who))
            if mine is None or mine.revoked_at is not None or mine.expires_at <= now:  # it ended a moment ago
                raise unauthenticated()
            if mine.root is not None:  # a third one would not end with the second
                message = "a token that was made with a token makes none"
                raise ForbiddenError(message, remedy="make it with the token that made this one, or sign in")
            lifetime, root = min(lifetime, mine.expires_at - now), mine.id
            actor = mine.actor
        maker = tokens.Maker(who.user_id, actor, root)
        tokens.forget_ended(connection, maker, but=MOST_ENDED, now=now)
        if maker != tokens.Maker() and tokens.in_force(connection, maker, now=now) >= MOST:
            message = f"you have {MOST} tokens that count"
            raise ManyTokensError(message, remedy="end one that is of no use any more: flotilla tokens revoke ID")
        secret = token_format.new_token()
        new = tokens.New(body.name, who.user_id, root, grants, lifetime, actor)
        made = tokens.add(connection, secret, new, now=now)
        detail = {"token": made.id, "expires_at": made.expires_at.isoformat()}
        audit.append(connection, who.deed("token.make", body.name, detail), now=now)
    return NewToken(_view(made, who), secret)


def _wanted(who: Viewer, verbs: Sequence[Verb], projects: Sequence[str], *, named: bool) -> Grants:
    """Return what a new token may be used for at most: never more than what its maker shows may be.

    Args:
        who: its maker.
        verbs: what is asked for.
        projects: where; none is wherever they may.
        named: whether these verbs were asked for, rather than all that the maker has.

    Raises:
        ForbiddenError: the maker may not do what is asked, or nothing in a project that is named.
    """
    for project in projects:
        held = {verb for verb in verbs if who.may(verb, project)}
        if not held or (named and held != set(verbs)):
            raise _never(min(set(verbs) - held), f"in project {project}")
    nowhere = set(verbs) - {verb for verb, _ in who.grants.held} if named and not projects else set()
    if nowhere:
        raise _never(min(nowhere), "anywhere")
    asked = Grants().and_also(granted(verbs, project) for project in projects or (EVERYWHERE,))
    # One made with a token is bounded by that one for ever; a person's by what they may do when it is used.
    return asked.within(who.grants) if who.user_id is None or who.means is Means.TOKEN else asked


def _never(verb: Verb, where: str) -> ForbiddenError:
    message = f"you may not {verb.value} {where}, so no token of yours may"
    return ForbiddenError(message, remedy="the page Access and GET /api/v1/me say what you may do")


def _number(who: Viewer) -> int:
    return int(who.credential.partition(":")[2])


@router.delete("/tokens/{token_id}", dependencies=[signed_in()])
def delete_token(request: Request, who: Asking, token_id: Annotated[int, Path(ge=1, le=2**63 - 1)]) -> TokenView:
    """End a token, and those that were made with it: one's own, or as an admin anybody's."""
    database: Database = request.app.state.database
    gate: Gate = request.app.state.gate
    ended: list[str] = []
    with gate.changes(ended) as connection:
        now = database.now(connection)
        found = tokens.get(connection, token_id)
        if found is None or not _theirs(who, found):
            message = f"there is no token {token_id}"
            raise NotFoundError(message)
        ended += [f"token:{one}" for one in tokens.revoke(connection, token_id, now=now)]
        audit.append(connection, who.deed("token.revoke", found.name, {"token": token_id}), now=now)
        told = tokens.get(connection, token_id)
    assert told is not None  # noqa: S101 - of this very transaction
    return _view(told, who)


def _theirs(who: Viewer, token: tokens.Token) -> bool:
    mine = who.whole and token.maker is not None and token.maker.id == who.user_id
    return mine or who.credential == f"token:{token.id}" or who.may(Verb.ADMIN, EVERYWHERE)
