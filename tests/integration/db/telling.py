"""Short ways to what events are told of, and to all that were told."""

from __future__ import annotations

from sqlalchemy import insert

from common.domain.events import Event, Position
from common.domain.rights import ALL
from common.store.engine.session import Database
from common.store.events import stream
from common.store.events.stream import EventFilter
from common.store.schema.tables import ClusterRow, SourceRow
from tests.integration.db.rows import NOW


def told(database: Database) -> tuple[Event, ...]:
    """Return every event that a reader can see, in order."""
    with database.read() as connection:
        return stream.behind(connection, Position(), EventFilter(ALL), limit=10_000)


def add_cluster(database: Database, name: str) -> None:
    """Add a cluster that was never contacted."""
    row = {"name": name, "declared": True, "state": "active", "pool": "default", "server": "", "credentials": ""}
    with database.write() as connection:
        connection.execute(insert(ClusterRow).values(row))


def add_source(database: Database) -> int:
    """Add a source that was never resolved; return its number."""
    row = {"repo": "https://git.example.com/a", "credentials": "", "ref": "main", "pool": "default"}
    with database.write() as connection:
        made = insert(SourceRow).values(row | {"used": True, "due_at": NOW}).returning(SourceRow.id)
        return int(connection.execute(made).scalar_one())
