"""Who listens to events: each reader takes all of them, at least once, in order, and at its own pace.

A reader's cursor moves in the transaction in which the reader takes the events. What it writes into this database is
therefore written exactly once. What it does elsewhere (a message, a call) it does again where the process dies before
the commit: such a reader is to put what it owes into a table of this database, and to pay from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, select, update

from common.domain.events import Event, EventKind, Position
from common.domain.rights import ALL
from common.store.engine.dialect import insert
from common.store.events import stream
from common.store.events.stream import EventFilter
from common.store.schema.tables import EventCursorRow

MOST = 500
"""Events taken in one transaction."""


class EventReader(Protocol):
    """Something that is to happen because of events."""

    @property
    def name(self) -> str:
        """Name of its cursor, at most 63 characters; never changed, or it begins again."""
        ...

    @property
    def kinds(self) -> Sequence[EventKind]:
        """What it listens to; empty is everything."""
        ...

    def take(self, connection: Connection, events: Sequence[Event], *, now: datetime) -> None:
        """Take some events, the oldest first, in the transaction that moves the cursor behind them.

        What it raises undoes the transaction, and the same events come again.
        """
        ...


def advance(connection: Connection, reader: EventReader, *, now: datetime) -> int:
    """Have a reader take the events behind its cursor, ``MOST`` at most; return how many there were.

    A reader that was never here begins now: what is before is history. Two that call it at once wait for each other.

    Args:
        connection: of a writing transaction.
        reader: who is to take them.
        now: by the database's clock.
    """
    position = _cursor(connection, reader.name)
    if position is None:
        _begin(connection, reader.name, now)
        return 0
    events = stream.behind(connection, position, EventFilter(ALL, kinds=reader.kinds), limit=MOST)
    if events:
        reader.take(connection, events, now=now)
        last = events[-1].position
        moved = update(EventCursorRow).where(EventCursorRow.reader == reader.name)
        connection.execute(moved.values(tx=last.tx, id=last.id, moved_at=now))
    return len(events)


def waiting(connection: Connection, readers: Sequence[EventReader]) -> tuple[EventReader, ...]:
    """Return the readers that have something to take, and those that were never here; nothing is locked."""
    known = cursors(connection)
    return tuple(
        one
        for one in readers
        if one.name not in known
        or stream.behind(connection, known[one.name], EventFilter(ALL, kinds=one.kinds), limit=1)
    )


def cursors(connection: Connection) -> dict[str, Position]:
    """Return how far each reader has come, by its name."""
    query = select(EventCursorRow.reader, EventCursorRow.tx, EventCursorRow.id)
    return {name: Position(tx, id_) for name, tx, id_ in connection.execute(query)}


def _cursor(connection: Connection, name: str) -> Position | None:
    query = select(EventCursorRow.tx, EventCursorRow.id).where(EventCursorRow.reader == name)
    row = connection.execute(query.with_for_update()).one_or_none()
    return None if row is None else Position(row.tx, row.id)


def _begin(connection: Connection, name: str, now: datetime) -> None:
    at = stream.head(connection, ALL)
    row = {"reader": name, "tx": at.tx, "id": at.id, "moved_at": now}
    connection.execute(insert(connection, EventCursorRow).values(row).on_conflict_do_nothing())
