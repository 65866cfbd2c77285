"""Tokens of people and of programs: kept as digests, with what they may be used for at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, exists, func, insert, or_, select, update
from sqlalchemy.orm import aliased

from common.domain.rights import Grants, Verb
from common.store.schema.tables import TokenRow, UserRow
from common.store.state import users
from common.store.state.sessions import digest_of
from common.store.state.users import User

MARKED = timedelta(minutes=1)
"""How often its use is noted at most."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a program shows instead of a person.

    Attributes:
        maker: None for one that was made with the hub's own token.
        root: number of the token with which it was made; None for one made by a person.
        grants: what it may be used for at most.
        actor: in whose name, where it was given to a pipeline, or made with what was; empty otherwise.
        used_at: when it was used last, to the minute.
        expires_at: at the latest.
    """

    id: int
    name: str
    maker: User | None
    root: int | None
    actor: str
    grants: Grants
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Maker:
    """Whose tokens are counted together; all of it empty for the hub's own token.

    Attributes:
        user_id: a user; whatever their tokens make counts as theirs.
        actor: a pipeline, where there is no user.
        root: number of the token that makes them, where there is neither.
    """

    user_id: int | None = None
    actor: str = ""
    root: int | None = None


@dataclass(frozen=True, slots=True)
class New:
    """A token to be made; see ``Token`` for what is not said here.

    Attributes:
        user_id: of its maker; None where that has shown the hub's own token, or is a pipeline.
    """

    name: str
    user_id: int | None
    root: int | None
    grants: Grants
    lifetime: timedelta
    actor: str = ""


def add(connection: Connection, secret: str, new: New, *, now: datetime) -> Token:
    """Store a token, and return it."""
    values: Mapping[str, Any] = {
        "digest": digest_of(secret),
        "name": new.name,
        "user_id": new.user_id,
        "root_id": new.root,
        "actor": new.actor,
        "grants": sorted([verb.value, project] for verb, project in new.grants.held),
        "created_at": now,
        "expires_at": now + new.lifetime,
    }
    made = connection.execute(insert(TokenRow).values(values).returning(TokenRow.id)).scalar_one()
    found = get(connection, made)
    assert found is not None  # noqa: S101 - of this very transaction
    return found


def find(connection: Connection, secret: str, *, now: datetime) -> Token | None:
    """Return a token that holds now: neither it nor its root expired or revoked, and its maker not disabled."""
    holds = exists().where(_Root.id == TokenRow.root_id, _Root.revoked_at.is_(None), _Root.expires_at > now)
    query = _QUERY.where(
        TokenRow.digest == digest_of(secret),
        TokenRow.revoked_at.is_(None),
        TokenRow.expires_at > now,
        UserRow.disabled_at.is_(None),
        or_(TokenRow.root_id.is_(None), holds),
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _of(row)


def is_known(connection: Connection, secret: str) -> bool:
    """Return whether a token was made here, whether or not it holds."""
    return connection.execute(select(TokenRow.id).where(TokenRow.digest == digest_of(secret))).first() is not None


def get(connection: Connection, token: int) -> Token | None:
    """Return a token by its number, whether or not it holds."""
    row = connection.execute(_QUERY.where(TokenRow.id == token)).one_or_none()
    return None if row is None else _of(row)


def listed(connection: Connection, *, user_id: int | None) -> tuple[Token, ...]:
    """Return the tokens that were made, newest first: by one user, or by everybody."""
    query = _QUERY.order_by(TokenRow.id.desc())
    return tuple(map(_of, connection.execute(query if user_id is None else query.where(TokenRow.user_id == user_id))))


def in_force(connection: Connection, maker: Maker, *, now: datetime) -> int:
    """Return how many tokens of one maker have neither ended nor been revoked."""
    holds = (*_made_by(maker), TokenRow.revoked_at.is_(None), TokenRow.expires_at > now)
    return connection.execute(select(func.count()).select_from(TokenRow).where(*holds)).scalar_one()


def forget_ended(connection: Connection, maker: Maker, *, but: int, now: datetime) -> None:
    """Drop what one maker has of tokens that ended, but the newest."""
    ended = (*_made_by(maker), or_(TokenRow.revoked_at.is_not(None), TokenRow.expires_at <= now))
    newest_dropped = select(TokenRow.id).where(*ended).order_by(TokenRow.id.desc()).limit(1).offset(but)
    connection.execute(delete(TokenRow).where(*ended, TokenRow.id <= newest_dropped.scalar_subquery()))


def _made_by(maker: Maker) -> tuple[ColumnElement[bool], ...]:
    if maker.user_id is not None:
        return (TokenRow.user_id == maker.user_id,)
    if maker.actor:
        return (TokenRow.user_id.is_(None), TokenRow.actor == maker.actor)
    of_root = TokenRow.root_id.is_(None) if maker.root is None else TokenRow.root_id == maker.root
    return (TokenRow.user_id.is_(None), TokenRow.actor == "", of_root)


def forget(connection: Connection, before: datetime) -> None:
    """Drop the tokens that ended by themselves before an instant."""
    connection.execute(delete(TokenRow).where(TokenRow.expires_at < before))


def forget_pipelines(connection: Connection, before: datetime) -> None:
    """Drop the tokens of pipelines that ended before an instant: there are many, and the audit has who had them."""
    of_pipelines = (TokenRow.actor != "", TokenRow.user_id.is_(None))
    connection.execute(delete(TokenRow).where(TokenRow.expires_at < before, *of_pipelines))


def mark(connection: Connection, token: int, *, now: datetime) -> None:
    """Note that a token is used."""
    connection.execute(update(TokenRow).where(TokenRow.id == token).values(used_at=now))


def revoke(connection: Connection, token: int, *, now: datetime) -> tuple[int, ...]:
    """End a token, and those that were made with it; return the numbers of those that had not been ended."""
    mine = or_(TokenRow.id == token, TokenRow.root_id == token)
    statement = update(TokenRow).where(mine, TokenRow.revoked_at.is_(None)).values(revoked_at=now)
    return tuple(connection.execute(statement.returning(TokenRow.id)).scalars())


_Root = aliased(TokenRow)
_COLUMNS = tuple(
    column.label(f"token_{column.name}") for column in TokenRow.__table__.c if column.name not in {"digest", "user_id"}
)
_QUERY: Select[Any] = (
    select(*_COLUMNS, *users.COLUMNS).select_from(TokenRow).outerjoin(UserRow, UserRow.id == TokenRow.user_id)
)


def _of(row: Row[Any]) -> Token:
    return Token(
        id=row.token_id,
        name=row.token_name,
        maker=None if row.id is None else users.of_row(row),
        root=row.token_root_id,
        actor=row.token_actor,
        grants=Grants(frozenset((Verb(verb), str(project)) for verb, project in row.token_grants)),
        created_at=row.token_created_at,
        expires_at=row.token_expires_at,
        used_at=row.token_used_at,
        revoked_at=row.token_revoked_at,
    )
