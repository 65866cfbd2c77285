"""Events in their order, and none of them missed.

On PostgreSQL transactions commit in another order than they begin, and than they draw numbers: whoever goes by the
largest number seen so far misses what a slower one commits later below it. So each event has the number of its
transaction, and only those are read whose number is below the oldest transaction that is still open: there nothing
can come any more. What is told by a transaction that takes long, and whatever came meanwhile, is read once it has
ended: later, and in order. On SQLite, with one writer at a time, everything that can be seen is settled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, bindparam, func, literal_column, select, tuple_

from common.domain.events import Event, EventKind, Position
from common.domain.refs import RunId
from common.domain.rights import Scope
from common.store.engine.dialect import table_of
from common.store.schema.tables import EventClockRow, EventRow, Uuid

_EVENT = table_of(EventRow)
_PLACE = (_EVENT.c.tx, _EVENT.c.id)
_CLOCK = func.coalesce(select(EventClockRow.last).scalar_subquery(), 0)
_OLDEST_OPEN: ColumnElement[int] = literal_column(
    "CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)", BigInteger
)
_BEHIND = tuple_(*_PLACE) > tuple_(bindparam("of_tx", type_=BigInteger), bindparam("of_id", type_=Uuid))


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events: within a scope of one cluster, one application, some kinds; empty is all."""

    scope: Scope
    cluster: str = ""
    application: str = ""
    kinds: Sequence[EventKind] = ()


def behind(connection: Connection, position: Position, which: EventFilter, *, limit: int) -> tuple[Event, ...]:
    """Return the settled events behind a position, in their order; fewer than ``limit``: that is all for now."""
    query = _settled(connection, which).where(_BEHIND).order_by(*_PLACE).limit(limit)
    return tuple(map(_event, connection.execute(query, {"of_tx": position.tx, "of_id": position.id})))


def latest(connection: Connection, which: EventFilter, *, limit: int) -> tuple[Event, ...]:
    """Return the last settled events, in their order."""
    query = _settled(connection, which).order_by(_EVENT.c.tx.desc(), _EVENT.c.id.desc()).limit(limit)
    return tuple(map(_event, connection.execute(query).all()[::-1]))


def head(connection: Connection, scope: Scope) -> Position:
    """Return the position of the last settled event of a scope: whatever is told there from now on is behind it."""
    last = latest(connection, EventFilter(scope), limit=1)
    return last[0].position if last else Position()


def _settled(connection: Connection, which: EventFilter) -> Select[Any]:
    query = select(*_EVENT.c)
    if connection.dialect.name == "postgresql":
        query = query.where(_EVENT.c.tx < _OLDEST_OPEN + _CLOCK)
    if which.scope.projects is not None:
        query = query.where(_EVENT.c.project.in_(sorted(which.scope.projects)))
    if which.cluster:
        query = query.where(_EVENT.c.cluster == which.cluster)
    if which.application:
        query = query.where(_EVENT.c.application == which.application)
    if which.kinds:
        query = query.where(_EVENT.c.kind.in_([kind.value for kind in which.kinds]))
    return query


def _event(row: Any) -> Event:
    return Event(
        position=Position(row.tx, row.id),
        at=row.at,
        kind=EventKind(row.kind),
        subject=row.subject,
        cluster=row.cluster,
        application=row.application,
        project=row.project,
        code=row.code,
        params=row.params,
        run=None if row.run_id is None else RunId(row.run_id),
        actor=row.actor,
    )
