"""How the leading scheduler's sending goes: one row, written by dispatch alone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select

from common.domain.work import SendingState
from common.store.engine.dialect import insert
from common.store.schema.tables import SendingRow

_ONLY = 1


def note(connection: Connection, *, error_code: str, clock_ahead: float, now: datetime) -> None:
    """Note how sending goes now; since when it fails stays until it goes again.

    Args:
        connection: of a writing transaction.
        error_code: why the broker takes nothing; empty when it does.
        clock_ahead: seconds by which the scheduler's clock is ahead of the database's.
        now: by the database's clock.
    """
    since = now if error_code else None
    values = {"seen_at": now, "error_code": error_code, "clock_ahead": clock_ahead}
    statement = insert(connection, SendingRow).values(id=_ONLY, failing_since=since, **values)
    kept = func.coalesce(SendingRow.failing_since, statement.excluded.failing_since) if error_code else None
    changing = values | {"failing_since": kept}
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changing))


def state(connection: Connection) -> SendingState | None:
    """Return how sending goes; None before any scheduler has sent."""
    row = connection.execute(select(*SendingRow.__table__.c)).one_or_none()
    return None if row is None else SendingState(row.seen_at, row.failing_since, row.error_code, row.clock_ahead)
