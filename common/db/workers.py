"""Worker processes that live, and how many runs they can take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from common.db.dialect import insert
from common.db.tables import WorkerRow

DEAD_AFTER = timedelta(seconds=20)
"""How old a heartbeat may be before its process counts as dead."""


def beat(  # noqa: PLR0913 - each is one column
    connection: Connection,
    name: str,
    *,
    queues: Sequence[str],
    slots: int,
    started_at: datetime,
    now: datetime,
    render_cache: Mapping[str, int] | None = None,
) -> None:
    """Note that a worker process lives, and how often its cache of renderings was asked since its start."""
    values = {"name": name, "queues": list(queues), "slots": slots, "started_at": started_at, "seen_at": now}
    values["render_cache"] = dict(render_cache or {}) or None
    statement = insert(connection, WorkerRow).values(values)
    changing = {column: value for column, value in values.items() if column != "name"}
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=changing))


def leave(connection: Connection, name: str) -> None:
    """Forget a worker that ended in order."""
    connection.execute(delete(WorkerRow).where(WorkerRow.name == name))


def lives(connection: Connection, name: str, *, now: datetime) -> bool:
    """Return whether a worker process lives whose name begins so."""
    seen = select(WorkerRow.name).where(WorkerRow.name.startswith(name), WorkerRow.seen_at >= now - DEAD_AFTER)
    return connection.execute(seen).first() is not None


def render_caches(connection: Connection, *, now: datetime) -> dict[str, dict[str, int]]:
    """Return, by the name of each worker that lives, how often its cache was asked, by where the answer lay."""
    query = select(WorkerRow.name, WorkerRow.render_cache).where(WorkerRow.seen_at >= now - DEAD_AFTER)
    return {name: dict(answers) for name, answers in connection.execute(query) if answers}


def live_slots(connection: Connection, *, now: datetime) -> dict[str, int]:
    """Return how many runs each queue's live workers can have at once."""
    slots: dict[str, int] = {}
    query = select(WorkerRow.queues, WorkerRow.slots).where(WorkerRow.seen_at >= now - DEAD_AFTER)
    for queues, count in connection.execute(query):
        for queue in queues:
            slots[queue] = slots.get(queue, 0) + count
    return slots
