"""Requests that a client has called by a name: asked for twice, they are stored once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from common.domain.errors import PermanentError
from common.store.engine.dialect import insert
from common.store.schema.tables import IdempotencyKeyRow

LIFETIME = timedelta(hours=24)
"""How long a name stands for what was asked for first."""


class KeyReusedError(PermanentError):
    """The name of a request stands for another one, of the same actor."""

    code = "idempotency.reused"


@dataclass(frozen=True, slots=True)
class Key:
    """The name of a request.

    Attributes:
        actor: who gave it; others may use the same.
        name: any text.
        body: what is asked for.
    """

    actor: str
    name: str
    body: bytes

    @property
    def digests(self) -> tuple[str, str]:
        """Return what is stored of the name and of the body."""
        return _digest(self.name.encode()), _digest(self.body)


def known(connection: Connection, key: Key, *, now: datetime) -> int | None:
    """Return the request that a name stands for; None where it stands for none any more.

    Raises:
        KeyReusedError: it stands for one that asks for something else.
    """
    name, body = key.digests
    columns = (IdempotencyKeyRow.body, IdempotencyKeyRow.intent_id, IdempotencyKeyRow.created_at)
    mine = (IdempotencyKeyRow.actor == key.actor, IdempotencyKeyRow.key == name)
    row = connection.execute(select(*columns).where(*mine)).one_or_none()
    if row is None or row.created_at <= now - LIFETIME:
        return None
    if row.body != body:
        message = "this Idempotency-Key was used for another request"
        raise KeyReusedError(message, remedy="Use a new key for each request; the same one only to ask again.")
    return int(row.intent_id)


def remember(connection: Connection, key: Key, intent_id: int, *, now: datetime) -> bool:
    """Let a name stand for a request; return False where another transaction has given it a meaning meanwhile."""
    name, body = key.digests
    old = (IdempotencyKeyRow.actor == key.actor, IdempotencyKeyRow.key == name)
    connection.execute(delete(IdempotencyKeyRow).where(*old, IdempotencyKeyRow.created_at <= now - LIFETIME))
    values = {"actor": key.actor, "key": name, "body": body, "intent_id": intent_id, "created_at": now}
    made = insert(connection, IdempotencyKeyRow).values(values).on_conflict_do_nothing()
    return connection.execute(made.returning(IdempotencyKeyRow.id)).first() is not None


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
