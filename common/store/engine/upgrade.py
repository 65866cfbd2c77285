"""Brings a database to the schema this version wants, and says which one it has."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from common.store.engine import roles
from common.store.engine.session import Database
from common.store.schema.migrations import MIGRATIONS

_UPGRADE_LOCK = 0x666C6F74


def upgrade(database: Database) -> tuple[str, ...]:
    """Bring the schema to the newest revision; all of it or nothing. Several processes may call it at once.

    Returns:
        Database roles that could change our tables without being a pool's, and can no more; see ``roles.refresh``.
    """
    with database.write() as connection:
        if database.dialect == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_UPGRADE_LOCK})"))
        command.upgrade(config(connection), "head")
        return roles.refresh(connection)


def downgrade(database: Database, revision: str = "base") -> None:
    """Take the schema back to ``revision``; what later revisions hold is lost."""
    with database.write() as connection:
        command.downgrade(config(connection), revision)


def current_revision(database: Database) -> str | None:
    """Return the revision the database is at; None when it is empty."""
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def is_current(database: Database) -> bool:
    """Return whether the database is at the revision this version wants."""
    return current_revision(database) == ScriptDirectory(str(MIGRATIONS)).get_current_head()


def config(connection: Connection) -> Config:
    """Return Alembic's configuration for the caller's transaction."""
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made
