"""Looks that somebody asked for, of sources and of the registry: brought forward, and kept apart.

``sources.poked_at`` is when a source was last asked for, or, where it was asked for shortly before, when it will be
looked at. ``fleet.poked_at`` and ``fleet.registry_poked_at`` tell the scheduler that there is something to look at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, select, update

from common.domain.pushes import Push, concerns, places
from common.sources.kinds import source_ref
from common.store.engine.dialect import batched
from common.store.schema.tables import FleetRow, SourceRow

APART = timedelta(seconds=2)
"""Between two looks at one source that pushes bring forward."""
AT_ONCE = 16
"""Looks at one repository within ``APART``."""
RECENT = timedelta(seconds=30)
"""For which the end of a look that was brought forward is waited for."""


@dataclass(frozen=True, slots=True)
class Poke:
    """A look at one source, brought forward to an instant."""

    source_id: int
    at: datetime


def followed(connection: Connection) -> Mapping[str, tuple[str, ...]]:
    """Return the URLs of followed repositories by what a push may call them."""
    found: dict[str, dict[str, None]] = {}
    query = select(SourceRow.repo, SourceRow.credentials, SourceRow.ref).where(SourceRow.used)
    for repo, credentials, text in connection.execute(query):
        ref = source_ref(repo, credentials, text)
        for one in places(ref) if ref is not None else ():
            found.setdefault(one, {})[repo] = None
    return {one: tuple(repos) for one, repos in found.items()}


def to_poke(connection: Connection, repos: Sequence[str], push: Push, *, now: datetime) -> tuple[Poke, ...]:
    """Return which sources a push brings forward, and to when: none that will be looked at anyway, few at once.

    Args:
        connection: to read with.
        repos: URLs of the repository that was pushed to, as the fleet follows it.
        push: what was pushed.
        now: the instant.
    """
    columns = (SourceRow.id, SourceRow.repo, SourceRow.credentials, SourceRow.ref, SourceRow.poked_at)
    query = select(*columns).where(SourceRow.used, SourceRow.repo.in_(repos)).order_by(SourceRow.id)
    return tuple(_planned(connection.execute(query).all(), push, now))


def _planned(rows: Sequence[Any], push: Push, now: datetime) -> Iterator[Poke]:
    lately = sum(row.poked_at is not None and row.poked_at > now - APART for row in rows)
    for row in rows:
        ref = source_ref(row.repo, row.credentials, row.ref)
        will_be = row.poked_at is not None and row.poked_at > now
        if ref is None or will_be or not concerns(push.refs, ref):
            continue
        at = now + APART * (lately // AT_ONCE)
        yield Poke(row.id, at if row.poked_at is None else max(at, row.poked_at + APART))
        lately += 1


def poke(connection: Connection, pokes: Sequence[Poke], *, now: datetime) -> None:
    """Bring looks forward; one that is under way goes on, and is followed by the one that was asked for."""
    sooner = case((SourceRow.due_at > bindparam("at"), bindparam("at")), else_=SourceRow.due_at)
    mine = update(SourceRow).where(SourceRow.id == bindparam("source")).values(poked_at=bindparam("at"), due_at=sooner)
    # In one order, so that two who poke do not wait for each other.
    rows = [{"source": one.source_id, "at": one.at} for one in sorted(pokes, key=lambda one: one.source_id)]
    for batch in batched(rows):
        connection.execute(mine, batch)
    connection.execute(update(FleetRow).values(poked_at=now))


def poke_registry(connection: Connection, *, now: datetime) -> None:
    """Have the registry looked at now."""
    connection.execute(update(FleetRow).values(poked_at=now, registry_poked_at=now))


def registry_poked_at(connection: Connection) -> datetime | None:
    """Return when a look at the registry was last asked for."""
    return connection.execute(select(FleetRow.registry_poked_at)).scalar_one_or_none()


def marker(connection: Connection, *, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return a value that differs when a look was brought forward, or one of those has ended."""
    poked_at = connection.execute(select(FleetRow.poked_at)).scalar_one_or_none()
    if poked_at is None or poked_at < now - RECENT:
        return poked_at, None
    ended = select(func.max(SourceRow.checked_at)).where(SourceRow.poked_at > now - RECENT)
    return poked_at, connection.execute(ended).scalar_one()
