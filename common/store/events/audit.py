"""Who did what, when: rows that are added and never touched again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from common.store.schema.tables import AuditRow


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done.

    Attributes:
        actor: ``flotilla``, or the person or token that asked; at most 200 characters.
        action: what was done: ``sync``, ``pause``, ``approve``, …; at most 40 characters.
        subject: placement, cluster or approval it was done to; at most 300 characters.
        project: that of the subject, now; empty where that belongs to none.
        detail: whatever helps to understand it later, as JSON; no secrets.
    """

    actor: str
    action: str
    subject: str
    project: str
    detail: Mapping[str, Any] | None = None


def append(connection: Connection, deed: Deed, *, now: datetime) -> None:
    """Add an audit row, in the transaction that does what is noted."""
    row = {"at": now, "actor": deed.actor, "action": deed.action, "subject": deed.subject, "project": deed.project}
    connection.execute(insert(AuditRow).values(row | {"detail": dict(deed.detail) if deed.detail else None}))
