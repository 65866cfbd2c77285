"""Brings a database to the schema this version wants, and says which one it has."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from typing import ClassVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from common.domain.errors import TransientError
from common.store.engine import indexes, roles
from common.store.engine.errors import DatabaseBusyError, sqlstate
from common.store.engine.session import Database
from common.store.schema import emitters, enforced, months
from common.store.schema.migrations import MIGRATIONS
from common.store.schema.tables import Base

_UPGRADE_LOCK = 0x666C6F74
TRY = timedelta(seconds=2)
"""How long one try waits for the tables; whoever comes after it waits for it for no longer than that."""
PATIENCE = timedelta(minutes=1)
_PAUSE = timedelta(seconds=1)
_LONGEST_STATEMENT = timedelta(minutes=15)
"""Of a migration, on tables that nothing else uses then."""
_CANCELLED = "57014"
"""PostgreSQL's query_canceled, of statement time-outs too; a lock that is not to be had is another state."""


class UpgradeBlockedError(TransientError):
    """Somebody else used the tables for too long; nothing was changed."""

    code: ClassVar[str] = "database.upgrade-blocked"

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"the schema was not changed: {detail}",
            remedy="End the transaction that holds the tables (see pg_stat_activity), or stop the hub's processes.",
        )


class UpgradeCancelledError(TransientError):
    """A statement of it took too long, or somebody cancelled it; nothing was changed."""

    code: ClassVar[str] = "database.upgrade-cancelled"

    def __init__(self, detail: str) -> None:
        minutes = int(_LONGEST_STATEMENT / timedelta(minutes=1))
        super().__init__(
            f"the schema was not changed: {detail}",
            remedy=f"See why the server needs more than {minutes} minutes for one statement, and upgrade again.",
        )


def upgrade(database: Database, *, patience: timedelta = PATIENCE) -> tuple[str, ...]:
    """Bring the schema to the newest revision, and what is enforced to this code; all of it or nothing.

    Several processes may call it at once. Where all is as it should be, no table is locked. Otherwise all of ours are,
    in short tries, so that work which goes on meanwhile never waits for long behind a try. What only makes reading
    quicker is built after that, beside the work; what of it could not be had in time is left to the next upgrade.

    Args:
        database: as its tables' owner.
        patience: how long it is tried.

    Returns:
        Database roles that could change our tables without being a pool's, and can no more; see ``roles.refresh``.

    Raises:
        UpgradeBlockedError: the tables were not to be had.
        UpgradeCancelledError: a statement took too long; trying again takes as long.
    """
    deadline = time.monotonic() + patience.total_seconds()
    while True:
        try:
            changed, gone = _upgrade(database)
        except DatabaseBusyError as error:
            if sqlstate(error) == _CANCELLED:
                raise UpgradeCancelledError(str(error)) from error
            if time.monotonic() >= deadline:
                raise UpgradeBlockedError(str(error)) from error
        else:
            if changed:
                _count(database)
            indexes.build(database)
            return gone
        time.sleep(_PAUSE.total_seconds())


def _upgrade(database: Database) -> tuple[bool, tuple[str, ...]]:
    """Return whether anything was changed, and what ``upgrade`` returns."""
    with database.write() as connection:
        if database.dialect == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_UPGRADE_LOCK})"))
        changed = _revision(connection) != _head() or not enforced.is_in_force(connection)
        if changed:
            _take_tables(connection)
            enforced.remove(connection)
            command.upgrade(config(connection), "head")
            enforced.create(connection)
            months.make_ahead(connection, now=database.now(connection))
        emitters.go_on(connection)
        return changed, roles.refresh(connection)


def _count(database: Database) -> None:
    """Have the server count all tables: of a column that was rewritten it knows nothing any more, and plans badly."""
    if database.dialect == "postgresql":
        with suppress(DatabaseBusyError), database.write() as connection:
            connection.execute(text(f"ANALYZE {', '.join(Base.metadata.tables)}"))


def _take_tables(connection: Connection) -> None:
    """Lock what there is of our tables, in one order, before anything is changed; on SQLite the transaction does."""
    if connection.dialect.name != "postgresql":
        return
    for bound, longest in (("lock_timeout", TRY), ("statement_timeout", _LONGEST_STATEMENT)):
        connection.execute(text(f"SET LOCAL {bound} = {int(longest / timedelta(milliseconds=1))}"))
    there = sorted(set(inspect(connection).get_table_names()) & set(Base.metadata.tables))
    for table in there:
        connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))


def downgrade(database: Database, revision: str = "base") -> None:
    """Take the schema back to ``revision``; what later revisions hold is lost, and nothing is enforced any more."""
    with database.write() as connection:
        enforced.remove(connection)
        command.downgrade(config(connection), revision)


def current_revision(database: Database) -> str | None:
    """Return the revision the database is at; None when it is empty."""
    with database.read() as connection:
        return _revision(connection)


def is_current(database: Database) -> bool:
    """Return whether the database is at the revision this version wants."""
    return current_revision(database) == _head()


def config(connection: Connection) -> Config:
    """Return Alembic's configuration for the caller's transaction."""
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _head() -> str | None:
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()
