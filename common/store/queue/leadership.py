"""Which scheduler leads, proved inside each transaction that it writes.

Two rows: the lease, whose expiry the leader prolongs, and the leadership, which only a take-over changes. A
writing transaction of a leader holds the second one shared, so that nobody takes over between its proof and its commit,
while prolonging the first never waits for the work.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from sqlalchemy import Connection, select, text

from common.domain.errors import TransientError
from common.store.engine.dialect import insert
from common.store.queue import leases
from common.store.schema.tables import LeadershipRow

ROW = 1
TRY = timedelta(milliseconds=500)
"""How long one try to take over waits for the transactions of the former leader."""


class NotLeadingError(TransientError):
    """Another scheduler leads since; nothing was written."""

    code: ClassVar[str] = "leader.not"


def take(connection: Connection, *, holder: str, lease: timedelta, now: datetime) -> str | None:
    """Take the lead if nobody's lease lasts; return the token that proves it, or None while another leads.

    Args:
        connection: of a writing transaction.
        holder: who takes it, for people to read.
        lease: how long it lasts unless prolonged.
        now: by the database's clock.

    Raises:
        DatabaseBusyError: (at the latest when the transaction ends) the former leader's transaction has not ended yet;
            the next try may succeed.
    """
    if leases.is_held(connection, leases.LEADER, now=now):
        return None
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = {int(TRY.total_seconds() * 1000)}"))
    token = leases.take(connection, leases.LEADER, holder=holder, lease=lease, now=now)
    if token is None:
        return None
    values = {"token": token, "holder": holder, "taken_at": now}
    taken = insert(connection, LeadershipRow).values(id=ROW, **values)
    connection.execute(taken.on_conflict_do_update(index_elements=[LeadershipRow.id], set_=values))
    return token


def prove(connection: Connection, token: str) -> None:
    """Return if ``token`` leads, and keep it so until this transaction ends.

    PostgreSQL locks the row; on SQLite a writing transaction excludes every other from its beginning.

    Raises:
        NotLeadingError: another leads.
    """
    mine = select(LeadershipRow.id).where(LeadershipRow.id == ROW, LeadershipRow.token == token)
    if connection.execute(mine.with_for_update(read=True)).first() is None:
        message = "another scheduler leads by now"
        raise NotLeadingError(message)
