"""``/api/v1/users``: who may sign in. For admins; a user's own password is their own to change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, ClassVar

from fastapi import Path, Request, status
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from common.domain.rights import BuiltInRole, Verb
from common.store.engine.connection import Connection
from common.store.engine.session import Database
from common.store.events import audit
from common.store.state import sessions, users
from console.api.contract.errors import ForbiddenError, NotFoundError, RequestError, ThrottledError
from console.api.contract.routing import api_router
from console.api.door.gate import HUBS, Gate
from console.api.door.needs import needs_everywhere, signed_in
from console.api.door.people import actor_of
from console.api.door.refusals import SEVERAL
from console.api.door.viewer import Asking, Viewer
from console.api.serving.sources import UNKNOWN
from console.api.signin.passwords import Passwords
from console.token import ACTOR

router = api_router("access")
RESERVED = frozenset({ACTOR, "flotilla", SEVERAL, UNKNOWN})
"""Whom runs and audit name already: the bearer of the hub's own token, the hub itself, and who is not known."""
NAME = r"^[a-z0-9][a-z0-9._@-]{0,62}$"
"""How users of this hub's own are called."""
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Group = Annotated[str, Field(min_length=1, max_length=200)]
Groups = Annotated[tuple[Group, ...], Field(max_length=200)]


class NameTakenError(RequestError):
    """A user of that name exists, or the name is the hub's own."""

    code: ClassVar[str] = "user.taken"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class NewUser(BaseModel):
    """A user of this hub's own who is to be added."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=NAME, description="with which they sign in; never changes")
    password: SecretStr = Field(description="12 characters or more")
    role: BuiltInRole | None = Field(default=None, description="of the whole fleet; null for none")
    groups: Groups = Field(default=(), description="to which the registry gives roles")


class Change(BaseModel):
    """What is to be changed of a user; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    password: SecretStr | None = Field(default=None, description="another one; ends all of their sessions")
    role: BuiltInRole | None = Field(default=None, description="of the whole fleet; null for none")
    groups: Groups = Field(default=(), description="to which the registry gives roles")
    disabled: bool = Field(default=False, description="whether they may not sign in, and their tokens do not count")


class OwnPassword(BaseModel):
    """A user's own password, and the one that is to take its place."""

    model_config = ConfigDict(extra="forbid")

    current: SecretStr
    new: SecretStr


@dataclass(frozen=True, slots=True)
class UserView:
    """Somebody who signs in.

    Attributes:
        actor: as runs and the audit name them.
        issuer: the identity provider's URL; empty for a user of this hub's own.
        shown: how the provider names them to people.
        role: of the whole fleet; null for none.
        groups: as an admin set them, or as the provider told them when they signed in last.
        ungrouped: why the provider's groups are not known, as a code; empty where they are.
    """

    id: int
    actor: str
    issuer: str
    shown: str
    role: BuiltInRole | None
    groups: tuple[str, ...]
    ungrouped: str
    created_at: datetime
    signed_in_at: datetime | None
    disabled_at: datetime | None


def _view(user: users.User) -> UserView:
    return UserView(
        id=user.id,
        actor=actor_of(user),
        issuer=user.issuer,
        shown=user.shown,
        role=user.role,
        groups=user.groups,
        ungrouped=user.ungrouped,
        created_at=user.created_at,
        signed_in_at=user.signed_in_at,
        disabled_at=user.disabled_at,
    )


@router.get("/users", dependencies=[needs_everywhere(Verb.ADMIN)])
def get_users(request: Request) -> tuple[UserView, ...]:
    """Return everybody who may sign in or has signed in, by issuer and name."""
    database: Database = request.app.state.database
    with database.read() as connection:
        return tuple(map(_view, users.everybody(connection)))


@router.post("/users", status_code=status.HTTP_201_CREATED, dependencies=[needs_everywhere(Verb.ADMIN)])
def post_user(request: Request, who: Asking, body: NewUser) -> UserView:
    """Add a user of this hub's own."""
    database: Database = request.app.state.database
    gate: Gate = request.app.state.gate
    passwords: Passwords = request.app.state.passwords
    hashed = _hashed(passwords, who, body.password)
    with gate.changes({HUBS}) as connection:
        now = database.now(connection)
        made = (
            None
            if body.name in RESERVED
            else users.add(connection, body.name, password=hashed, role=body.role, groups=body.groups, now=now)
        )
        if made is None:
            message = f"the name {body.name} is taken"
            raise NameTakenError(message, remedy="take another; `flotilla user list` has those that there are")
        detail = {"role": body.role, "groups": list(body.groups)}
        audit.append(connection, who.deed("user.add", body.name, detail, verb=Verb.ADMIN), now=now)
        return _view(_found(connection, made))


@router.patch("/users/{user_id}", dependencies=[needs_everywhere(Verb.ADMIN)])
def patch_user(request: Request, who: Asking, user_id: Number, body: Change) -> UserView:
    """Change a user: what of it is given. Whom a provider vouches for has neither a password nor groups here."""
    database: Database = request.app.state.database
    gate: Gate = request.app.state.gate
    passwords: Passwords = request.app.state.passwords
    hashed = None if body.password is None else _hashed(passwords, who, body.password)
    with gate.changes({HUBS, f"user:{user_id}"}) as connection:
        now = database.now(connection)
        user = _found(connection, user_id)
        if user.issuer != users.LOCAL and body.model_fields_set & {"password", "groups"}:
            message = "their password and their groups are the identity provider's"
            raise RequestError(message, remedy="change them there")
        values = _changed(body, user, hashed, now=now)
        if values:
            users.change(connection, user_id, values)
            noted = body.model_dump(mode="json", include=body.model_fields_set - {"password"})
            noted["new_password"] = hashed is not None
            audit.append(connection, who.deed("user.change", actor_of(user), noted, verb=Verb.ADMIN), now=now)
        if hashed is not None or body.disabled:
            sessions.end_all(connection, user_id)
        return _view(_found(connection, user_id))


def _hashed(passwords: Passwords, who: Viewer, password: SecretStr) -> str:
    return passwords.hashed(password.get_secret_value(), name=who.actor, source=who.address)


def _changed(body: Change, user: users.User, hashed: str | None, *, now: datetime) -> dict[str, Any]:
    """Return the columns that a change gives values to."""
    values: dict[str, Any] = {} if hashed is None else {"password": hashed}
    if "role" in body.model_fields_set:
        values["role"] = body.role or ""
    if "groups" in body.model_fields_set:
        values["groups"] = list(body.groups)
    if "disabled" in body.model_fields_set:
        values["disabled_at"] = (user.disabled_at or now) if body.disabled else None
    return values


@router.delete("/users/{user_id}", dependencies=[needs_everywhere(Verb.ADMIN)])
def delete_user(request: Request, who: Asking, user_id: Number) -> UserView:
    """Remove a user, with their sessions and tokens; the audit keeps what they did."""
    database: Database = request.app.state.database
    gate: Gate = request.app.state.gate
    with gate.changes({HUBS, f"user:{user_id}"}) as connection:
        user = _found(connection, user_id)
        users.remove(connection, user_id)
        audit.append(
            connection,
            who.deed("user.remove", actor_of(user), verb=Verb.ADMIN),
            now=database.now(connection),
        )
        return _view(user)


@router.post("/me/password", dependencies=[signed_in()])
def post_own_password(request: Request, who: Asking, body: OwnPassword) -> UserView:
    """Change one's own password, of which the former one is asked for; all other sessions end."""
    database: Database = request.app.state.database
    gate: Gate = request.app.state.gate
    passwords: Passwords = request.app.state.passwords
    with database.read() as connection:
        user = None if who.user_id is None else users.find(connection, who.user_id)
        found = None if user is None or user.issuer != users.LOCAL else users.password_of(connection, user.subject)
    if found is None or not who.credential.startswith("session:"):
        message = "only a user of this hub's own who is signed in has a password here"
        raise ForbiddenError(message, remedy="sign in with a name and a password")
    throttle = request.app.state.accounts.of(found[0].subject)
    if not throttle.allows(who.address):
        raise ThrottledError(throttle.wait, "too many tries")
    if not passwords.matches(body.current.get_secret_value(), found[1], name=found[0].subject, source=who.address):
        throttle.failed(who.address)
        message = "that is not your password"
        raise ForbiddenError(message, remedy="an admin can set another one")
    hashed = passwords.hashed(body.new.get_secret_value(), name=found[0].subject, source=who.address)
    current = int(who.credential.partition(":")[2])
    with gate.changes() as connection:
        now = database.now(connection)
        # An admin may have ended what was shown since it was looked at.
        if not users.replace_password(connection, found[0].id, former=found[1], new=hashed) or not sessions.is_open(
            connection, current, now=now
        ):
            message = "your password or your session has changed meanwhile"
            raise ForbiddenError(message, remedy="sign in again; an admin can set another password")
        sessions.end_all(connection, found[0].id, but=current)
        audit.append(
            connection,
            who.deed("user.change", actor_of(found[0]), {"new_password": True}),
            now=now,
        )
        return _view(_found(connection, found[0].id))


def _found(connection: Connection, user_id: int) -> users.User:
    found = users.find(connection, user_id)
    if found is None:
        message = f"there is no user {user_id}"
        raise NotFoundError(message)
    return found
