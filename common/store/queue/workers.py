"""Worker processes that live, and how many runs they can take."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from common.domain.work import WorkerState
from common.store.engine.dialect import insert
from common.store.schema.tables import WorkerRow

DEAD_AFTER = timedelta(seconds=20)
"""How old a heartbeat may be before its process counts as dead."""


def beat(
    connection: Connection,
    state: WorkerState,
    *,
    started_at: datetime,
    now: datetime,
    render_cache: Mapping[str, int] | None = None,
    sandbox: Mapping[str, bool] | None = None,
) -> None:
    """Note that a worker process lives and how it does.

    Args:
        connection: in a transaction.
        state: its condition.
        started_at: when it started.
        now: by the database's clock.
        render_cache: how often its render cache was asked since its start, by where the answer lay.
        sandbox: which layers of its renderers' sandbox hold, by name.
    """
    values = {
        "name": state.name,
        "queues": list(state.queues),
        "slots": state.slots,
        "started_at": started_at,
        "seen_at": now,
        "render_cache": dict(render_cache or {}) or None,
        "sandbox": dict(sandbox or {}) or None,
        "stuck": state.stuck,
        "clock_ahead": state.clock_ahead,
        "refused": state.refused,
        "refused_code": state.refused_code,
        "deaf_for": state.deaf_for,
    }
    statement = insert(connection, WorkerRow).values(values)
    changing = {column: value for column, value in values.items() if column != "name"}
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=changing))


def leave(connection: Connection, name: str) -> None:
    """Forget a worker that ended in order."""
    connection.execute(delete(WorkerRow).where(WorkerRow.name == name))


def lives(connection: Connection, name: str, *, now: datetime) -> bool:
    """Return whether a worker process lives, and takes work, whose name begins so."""
    return any(one.live_slots for one in states(connection, now=now) if one.name.startswith(name))


def render_caches(connection: Connection, *, now: datetime) -> dict[str, dict[str, int]]:
    """Return, by the name of each worker that lives, how often its cache was asked, by where the answer lay."""
    query = select(WorkerRow.name, WorkerRow.render_cache).where(WorkerRow.seen_at >= now - DEAD_AFTER)
    return {name: dict(answers) for name, answers in connection.execute(query) if answers}


def sandboxes(connection: Connection, *, now: datetime) -> dict[str, dict[str, bool]]:
    """Return, by the name of each worker that lives, which layers of its renderers' sandbox hold, by name."""
    query = select(WorkerRow.name, WorkerRow.sandbox).where(WorkerRow.seen_at >= now - DEAD_AFTER)
    return {name: dict(layers) for name, layers in connection.execute(query) if layers}


def states(connection: Connection, *, now: datetime) -> tuple[WorkerState, ...]:
    """Return the worker processes whose heartbeats are fresh, by name."""
    query = select(*WorkerRow.__table__.c).where(WorkerRow.seen_at >= now - DEAD_AFTER).order_by(WorkerRow.name)
    return tuple(
        WorkerState(
            name=row.name,
            queues=tuple(row.queues),
            slots=row.slots,
            stuck=row.stuck,
            clock_ahead=row.clock_ahead,
            refused=row.refused,
            refused_code=row.refused_code,
            deaf_for=row.deaf_for,
        )
        for row in connection.execute(query)
    )


def sendable_slots(connection: Connection, *, now: datetime) -> dict[str, int]:
    """Return for how many runs at once each queue may be sent messages; see ``WorkerState.trial_slots``."""
    slots: dict[str, int] = {}
    for worker in states(connection, now=now):
        for queue in worker.queues:
            slots[queue] = slots.get(queue, 0) + worker.trial_slots
    return slots
