"""Who did what, when: rows that are added and never touched again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from common.store.schema.tables import AuditRow


def append(
    connection: Connection,
    *,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
    now: datetime,
) -> None:
    """Add an audit row.

    Args:
        connection: of the transaction that does what is noted.
        actor: ``flotilla``, or the person or token that asked.
        action: what was done: ``sync``, ``pause``, ``approve``, …; at most 40 characters.
        subject: placement, cluster or approval it was done to; at most 300 characters.
        detail: whatever helps to understand it later, as JSON; no secrets.
        now: when.
    """
    row = {"at": now, "actor": actor, "action": action, "subject": subject, "detail": dict(detail) if detail else None}
    connection.execute(insert(AuditRow).values(row))
