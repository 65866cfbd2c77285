"""Who did what, when: rows that are added and never touched again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert

from common.store.engine.dialect import batched
from common.store.schema.tables import AuditRow


class Asked(StrEnum):
    """What became of what a person asked of the API."""

    ASKED = "asked"
    """It is a request now; what came of that says the request."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Way:
    """How a person came to ask.

    Attributes:
        outcome: what became of it there.
        verb: the right that it takes; empty where it takes none.
        credential: id of the session or token that was shown; at most 64 characters are kept.
        address: of the network that it came from; at most 64 characters are kept.
    """

    outcome: Asked
    verb: str = ""
    credential: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done.

    Attributes:
        actor: ``flotilla``, or the person or token that asked; at most 200 characters.
        action: what was done: ``sync``, ``pause``, ``approve``, …; at most 40 characters.
        subject: placement, cluster or approval it was done to; at most 300 characters.
        project: that of the subject, now; empty where that belongs to none.
        detail: whatever helps to understand it later, as JSON; no secrets.
        way: how a person came to ask; None for what nobody asked of the API.
    """

    actor: str
    action: str
    subject: str
    project: str
    detail: Mapping[str, Any] | None = None
    way: Way | None = None


def append(connection: Connection, deed: Deed, *, now: datetime) -> None:
    """Add an audit row, in the transaction that does what is noted."""
    append_all(connection, [deed], now=now)


def append_all(connection: Connection, deeds: Sequence[Deed], *, now: datetime) -> None:
    """Add audit rows, a thousand in one round trip."""
    for batch in batched(deeds):
        connection.execute(insert(AuditRow), [_row(deed, now) for deed in batch])


def _row(deed: Deed, now: datetime) -> dict[str, Any]:
    row = {"at": now, "actor": deed.actor, "action": deed.action, "subject": deed.subject, "project": deed.project}
    row["detail"] = dict(deed.detail) if deed.detail else None
    if deed.way is not None:
        row |= {"outcome": deed.way.outcome.value, "verb": deed.way.verb}
        row |= {"credential": deed.way.credential[:64], "address": deed.way.address[:64]}
    return row
