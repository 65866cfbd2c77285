"""Browser sessions: kept as digests, ended by time, by their user, by an admin, or by another token of the hub."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, or_, select, update

from common.store.schema.tables import SessionRow, UserRow
from common.store.state import users
from common.store.state.users import User

IDLE = timedelta(hours=8)
"""After which a session that was not used has ended."""
LONGEST = timedelta(hours=24)
"""That a session holds in all."""
REFRESHED_AGAIN = timedelta(seconds=30)
"""After which a provider that did not answer is asked again about somebody."""
MOST = 20
"""That one user has open; with another one the oldest ends."""
MARKED = timedelta(minutes=1)
"""How often its use is noted at most."""


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that has signed in.

    Attributes:
        user: None for one that has shown the hub's own token.
        address: of the network from which it signed in.
        seen_at: when it was used last, to the minute.
        expires_at: at the latest.
    """

    id: int
    user: User | None
    address: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


def digest_of(secret: str) -> str:
    """Return the sha256 hex under which a session id or a token is known here."""
    return hashlib.sha256(secret.encode()).hexdigest()


def open_session(
    connection: Connection,
    session_id: str,
    *,
    user_id: int | None,
    token: str,
    address: str,
    now: datetime,
) -> int:
    """Store a session, drop those that have ended, and return its number.

    Args:
        connection: of a writing transaction.
        session_id: what the browser shows.
        user_id: whose it is; None where the hub's own token was shown.
        token: that token; empty otherwise.
        address: of the network that it comes from.
        now: when.
    """
    connection.execute(delete(SessionRow).where(SessionRow.expires_at <= now))
    values = {
        "digest": digest_of(session_id), "user_id": user_id, "token_digest": digest_of(token) if token else "",
        "address": address, "created_at": now, "seen_at": now, "expires_at": now + LONGEST,
    }  # fmt: skip
    return connection.execute(insert(SessionRow).values(values).returning(SessionRow.id)).scalar_one()


def end_oldest(connection: Connection, user_id: int | None) -> tuple[int, ...]:
    """Forget the sessions of a user, or of the hub's own token, beyond ``MOST``; return their numbers."""
    whose = SessionRow.user_id.is_(None) if user_id is None else SessionRow.user_id == user_id
    oldest = select(SessionRow.id).where(whose).order_by(SessionRow.id.desc()).offset(MOST).limit(MOST)
    statement = delete(SessionRow).where(SessionRow.id.in_(oldest.scalar_subquery())).returning(SessionRow.id)
    return tuple(connection.execute(statement).scalars())


def is_open(connection: Connection, session: int, *, now: datetime) -> bool:
    """Return whether a session has not ended."""
    query = select(SessionRow.id).where(
        SessionRow.id == session, SessionRow.expires_at > now, SessionRow.seen_at > now - IDLE
    )
    return connection.execute(query).first() is not None


def find(connection: Connection, session_id: str, *, token: str, now: datetime) -> Session | None:
    """Return a session that is open; one that the hub's own token opened is while ``token`` is still that."""
    query = (
        _query(now)
        .where(SessionRow.digest == digest_of(session_id))
        .where(or_(SessionRow.user_id.is_not(None), SessionRow.token_digest == digest_of(token)))
        .where(UserRow.disabled_at.is_(None))
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _of(row)


def listed(connection: Connection, *, user_id: int | None, now: datetime) -> tuple[Session, ...]:
    """Return the sessions that are open, newest first: of one user, or of everybody."""
    query = _query(now).order_by(SessionRow.id.desc())
    if user_id is not None:
        query = query.where(SessionRow.user_id == user_id)
    return tuple(map(_of, connection.execute(query)))


def get(connection: Connection, session: int, *, now: datetime) -> Session | None:
    """Return a session by its number; None where none is open by that."""
    row = connection.execute(_query(now).where(SessionRow.id == session)).one_or_none()
    return None if row is None else _of(row)


def mark(connection: Connection, session: int, *, now: datetime) -> None:
    """Note that a session is used."""
    connection.execute(update(SessionRow).where(SessionRow.id == session).values(seen_at=now))


def end(connection: Connection, session: int) -> None:
    """Forget a session by its number."""
    connection.execute(delete(SessionRow).where(SessionRow.id == session))


def close_session(connection: Connection, session_id: str) -> int | None:
    """Forget a session by what its browser shows, and return its number; None where there is none."""
    statement = delete(SessionRow).where(SessionRow.digest == digest_of(session_id))
    return connection.execute(statement.returning(SessionRow.id)).scalar_one_or_none()


def end_all(connection: Connection, user_id: int, *, but: int | None = None) -> None:
    """Forget every session of a user, but one."""
    statement = delete(SessionRow).where(SessionRow.user_id == user_id)
    connection.execute(statement if but is None else statement.where(SessionRow.id != but))


def can_ask(connection: Connection, session: int) -> bool:
    """Return whether there is anything to ask a provider with about the user of a session."""
    query = select(SessionRow.id).where(SessionRow.id == session, SessionRow.refresh != "")
    return connection.execute(query).first() is not None


def claim_refresh(connection: Connection, session: int, *, now: datetime) -> str | None:
    """Return with what a provider is asked again, for the one who asks; None while somebody else does, or just did."""
    free = or_(SessionRow.refreshing_at.is_(None), SessionRow.refreshing_at <= now - REFRESHED_AGAIN)
    statement = update(SessionRow).where(SessionRow.id == session, free).values(refreshing_at=now)
    return connection.execute(statement.returning(SessionRow.refresh)).scalar_one_or_none()


def keep_refresh(connection: Connection, session: int, refresh: str) -> None:
    """Keep with what a provider is asked next time, sealed."""
    connection.execute(update(SessionRow).where(SessionRow.id == session).values(refresh=refresh, refreshing_at=None))


_COLUMNS = tuple(
    column.label(f"session_{column.name}")
    for column in SessionRow.__table__.c
    if column.name not in {"digest", "token_digest", "user_id", "refresh", "refreshing_at"}
)


def _query(now: datetime) -> Select[Any]:
    return (
        select(*_COLUMNS, *users.COLUMNS)
        .select_from(SessionRow)
        .outerjoin(UserRow, UserRow.id == SessionRow.user_id)
        .where(SessionRow.expires_at > now, SessionRow.seen_at > now - IDLE)
    )


def _of(row: Row[Any]) -> Session:
    user = None if row.id is None else users.of_row(row)
    return Session(
        id=row.session_id,
        user=user,
        address=row.session_address,
        created_at=row.session_created_at,
        seen_at=row.session_seen_at,
        expires_at=row.session_expires_at,
    )
