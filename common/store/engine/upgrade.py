"""Brings a database to the schema this version wants, and says which one it has."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from common.store.engine import roles
from common.store.engine.session import Database
from common.store.schema import enforced
from common.store.schema.migrations import MIGRATIONS

_UPGRADE_LOCK = 0x666C6F74


def upgrade(database: Database) -> tuple[str, ...]:
    """Bring the schema to the newest revision, and what is enforced to this code; all of it or nothing.

    Several processes may call it at once. Where all is as it should be, no table is locked.

    Returns:
        Database roles that could change our tables without being a pool's, and can no more; see ``roles.refresh``.
    """
    with database.write() as connection:
        if database.dialect == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_UPGRADE_LOCK})"))
        if _revision(connection) != _head() or not enforced.is_in_force(connection):
            enforced.remove(connection)
            command.upgrade(config(connection), "head")
            enforced.create(connection)
        return roles.refresh(connection)


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
