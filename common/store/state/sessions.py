"""Browser sessions: opened with the hub's token, kept as digests, ended by time or by another token."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from common.store.schema.tables import SessionRow


def digest_of(secret: str) -> str:
    """Return the sha256 hex under which a session id or a token is known here."""
    return hashlib.sha256(secret.encode()).hexdigest()


def open_session(connection: Connection, session_id: str, *, token: str, lifetime: timedelta, now: datetime) -> None:
    """Store a session and drop those that have expired."""
    connection.execute(delete(SessionRow).where(SessionRow.expires_at <= now))
    connection.execute(
        insert(SessionRow).values(
            digest=digest_of(session_id), token_digest=digest_of(token), created_at=now, expires_at=now + lifetime
        )
    )


def is_open(connection: Connection, session_id: str, *, token: str, now: datetime) -> bool:
    """Return whether the session exists, has not expired, and was opened with this token."""
    query = select(SessionRow.expires_at).where(
        SessionRow.digest == digest_of(session_id),
        SessionRow.token_digest == digest_of(token),
        SessionRow.expires_at > now,
    )
    return connection.execute(query).first() is not None


def close_session(connection: Connection, session_id: str) -> None:
    """Forget a session."""
    connection.execute(delete(SessionRow).where(SessionRow.digest == digest_of(session_id)))
