"""What the database holds everybody to is put in force by each upgrade, of whatever version it finds the database."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import JSON, Column, Connection, MetaData, Table, event, text

from common.store.engine import roles, upgrade
from common.store.engine.errors import DatabaseError
from common.store.engine.session import Database
from common.store.schema import enforced
from common.store.schema.migrations import MIGRATIONS
from tests.fixtures.postgres import PostgresServer
from tests.integration.db.rows import NOW

REVISIONS = [one.revision for one in reversed(list(ScriptDirectory(str(MIGRATIONS)).walk_revisions()))]
FORMER = {
    "sqlite": (
        "CREATE TRIGGER guard_runs_update BEFORE UPDATE ON runs WHEN OLD.outcome IS NOT NULL "
        "BEGIN SELECT RAISE(ABORT, 'history is append-only: UPDATE on runs'); END",
        "CREATE TRIGGER guard_placements_update BEFORE UPDATE ON placements WHEN NEW.pause_reason = 'never' "
        "BEGIN SELECT RAISE(ABORT, 'a guard that this version does not know'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION flotilla_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'history is append-only'; END $$",
        "CREATE FUNCTION pool_former() RETURNS boolean LANGUAGE sql BEGIN ATOMIC SELECT true; END",
        "CREATE TRIGGER guard_runs_update BEFORE UPDATE ON runs FOR EACH ROW WHEN (OLD.outcome IS NOT NULL) "
        "EXECUTE FUNCTION flotilla_refuse()",
        "CREATE POLICY pool_former ON placements FOR SELECT USING (pause_reason <> '' AND pool_former())",
        "CREATE POLICY look ON approvals FOR SELECT USING (kind = 'prune')",
        "ALTER TABLE placements ENABLE ROW LEVEL SECURITY",
    ),
}
"""Guards as a version of that time might have had them: on columns, and by names, that this one need not know."""


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without a table."""
    if request.param == "sqlite":
        made = Database(f"sqlite:///{tmp_path / 'empty.db'}")
        yield made
        made.dispose()
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.fresh()
    made = Database(server.url(name))
    yield made
    made.dispose()
    server.drop(name)


def _chosen(database: Database) -> list[str]:
    """Some former versions, the first and the last among them: each takes a second."""
    return [*REVISIONS[:-2:6], REVISIONS[-2]] if database.dialect == "sqlite" else [REVISIONS[0], REVISIONS[-2]]


def _as_of(database: Database, revision: str) -> None:
    """Make the schema of an earlier version, with guards, and an ended run in it."""
    with database.write() as connection:
        command.upgrade(upgrade.config(connection), revision)
        _fill(connection)
        for statement in FORMER[database.dialect]:
            connection.exec_driver_sql(statement)


_STATUS = {"sync_status": "synced", "health": "healthy"}


def _fill(connection: Connection) -> None:
    tables = MetaData()
    for name, given in (
        ("fleet_snapshots", {"id": 1}),
        ("placements", {"id": 1, "cluster": "eu", "application": "web", "state": "placed", **_STATUS}),
        (
            "runs",
            {
                "id": "01990000-0000-7000-8000-000000000001",
                "trigger": "revision",
                "state": "ended",
                "outcome": "succeeded",
                "ended_at": NOW,
                "placement_id": 1,
            },
        ),
    ):
        table = Table(name, tables, autoload_with=connection)
        must = [one for one in table.columns if not one.nullable and one.server_default is None]
        values = {one.name: _some(one) for one in must}
        values |= {column: value for column, value in given.items() if column in table.columns}
        connection.execute(table.insert().values(values))


def _some(column: Column[Any]) -> object:
    if isinstance(column.type, JSON):
        return {}
    return {int: 0, str: "", bool: False, float: 0.0}.get(column.type.python_type, NOW)


def _scripts(database: Database) -> str | None:
    with database.read() as connection:
        return connection.execute(text("SELECT outcome FROM runs")).scalar()


def test_whatever_version_it_was_of_what_is_enforced_is_this_ones(empty: Database) -> None:
    for revision in _chosen(empty):
        _as_of(empty, revision)
        upgrade.upgrade(empty)
        assert upgrade.is_current(empty)
        with empty.read() as connection:
            assert enforced.missing(connection) == (), revision
        assert _scripts(empty) == "succeeded", revision
        with pytest.raises(DatabaseError, match="append-only"), empty.write() as connection:
            connection.execute(text("UPDATE runs SET actor = 'rewritten'"))
        upgrade.downgrade(empty)


def test_an_upgrade_that_is_stopped_changes_nothing(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    _as_of(empty, REVISIONS[-2])

    def stopped(_: Connection) -> None:
        message = "the process was stopped"
        raise RuntimeError(message)

    with monkeypatch.context() as patched:
        patched.setattr(roles, "refresh", stopped)
        with pytest.raises(RuntimeError):
            upgrade.upgrade(empty)
    assert upgrade.current_revision(empty) == REVISIONS[-2]
    with pytest.raises(DatabaseError, match="append-only"), empty.write() as connection:
        connection.execute(text("UPDATE runs SET actor = 'rewritten'"))
    upgrade.upgrade(empty)
    with empty.read() as connection:
        assert enforced.missing(connection) == ()


def test_where_all_is_in_force_nothing_is_locked(postgres_database: Database) -> None:
    held = text(
        "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' "
        "AND mode NOT IN ('AccessShareLock', 'RowExclusiveLock')"
    )
    seen: list[int] = []
    with postgres_database.read() as connection:
        engine = connection.engine

    def count(connection: Connection) -> None:
        seen.append(int(connection.execute(held).scalar_one()))

    event.listen(engine, "commit", count)
    upgrade.upgrade(postgres_database)
    assert set(seen) == {0}
    with postgres_database.write() as connection:
        enforced.remove(connection)
        assert not enforced.is_in_force(connection)
    upgrade.upgrade(postgres_database)
    assert max(seen) > 0


@pytest.mark.parametrize(
    "change",
    [
        "DROP TRIGGER guard_audit_delete ON audit",
        "ALTER TABLE runs DISABLE TRIGGER guard_runs_update",
        "DROP POLICY pool_all ON placements",
        "ALTER POLICY pool_all ON placements USING (true)",
        "ALTER TABLE audit DISABLE ROW LEVEL SECURITY",
        "CREATE OR REPLACE FUNCTION flotilla_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        "CREATE POLICY pool_more ON runs FOR SELECT USING (true)",
    ],
)
def test_what_was_changed_by_hand_is_told_and_mended(postgres_database: Database, change: str) -> None:
    with postgres_database.write() as connection:
        connection.exec_driver_sql(change)
        assert enforced.missing(connection)
    upgrade.upgrade(postgres_database)
    with postgres_database.read() as connection:
        assert enforced.missing(connection) == ()


def test_a_guard_that_was_changed_in_a_file_is_told_and_mended(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        connection.execute(text("DROP TRIGGER guard_audit_delete"))
        connection.execute(text("CREATE TRIGGER guard_audit_delete BEFORE DELETE ON audit BEGIN SELECT 1; END"))
        assert enforced.missing(connection)
    upgrade.upgrade(sqlite_database)
    with sqlite_database.read() as connection:
        assert enforced.missing(connection) == ()


def test_a_migration_may_drop_a_column_that_a_policy_uses(postgres_database: Database) -> None:
    drop = text("ALTER TABLE clusters DROP COLUMN pool")
    with pytest.raises(DatabaseError, match="depend"), postgres_database.write() as connection:
        connection.execute(drop)
    with postgres_database.write() as connection:
        enforced.remove(connection)
        connection.execute(drop)


def test_another_schema_of_the_same_database_is_left_alone(
    postgres_server: PostgresServer, postgres_database: Database
) -> None:
    with postgres_database.write() as connection:
        name = connection.engine.url.database
        for statement in (
            "CREATE SCHEMA theirs",
            "CREATE TABLE theirs.runs (id int)",
            "CREATE FUNCTION theirs.pool_size() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END",
            "CREATE POLICY pool_all ON theirs.runs USING (theirs.pool_size() = 1)",
        ):
            connection.exec_driver_sql(statement)
        enforced.remove(connection)
        enforced.create(connection)
    answer = postgres_server.ask("SELECT theirs.pool_size()::text", database=name or "")
    assert answer == "1"
    postgres_server.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier("theirs")), database=name or "")


def test_an_upgrade_gives_up_where_somebody_holds_a_table(
    postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrade, "TRY", timedelta(milliseconds=100))
    with postgres_database.write() as connection:
        enforced.remove(connection)
    with postgres_database.read() as reader:
        reader.execute(text("SELECT count(*) FROM runs"))
        with pytest.raises(upgrade.UpgradeBlockedError, match="lock timeout"):
            upgrade.upgrade(postgres_database, patience=timedelta())
        # Who comes after it goes on.
        with postgres_database.read() as other:
            other.execute(text("SELECT count(*) FROM runs"))


def test_an_upgrade_whose_statement_takes_too_long_is_not_said_to_wait_for_somebody(
    postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrade, "_LONGEST_STATEMENT", timedelta(milliseconds=200))
    with postgres_database.write() as connection:
        enforced.remove(connection)
    monkeypatch.setattr(enforced, "create", lambda connection: connection.execute(text("SELECT pg_sleep(30)")))
    with pytest.raises(upgrade.UpgradeCancelledError, match="statement timeout") as caught:
        upgrade.upgrade(postgres_database)
    assert "for one statement" in caught.value.remedy
    monkeypatch.undo()
    upgrade.upgrade(postgres_database)


def test_an_upgrade_tries_again(postgres_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrade, "TRY", timedelta(milliseconds=100))
    with postgres_database.write() as connection:
        enforced.remove(connection)
    tried = threading.Event()
    monkeypatch.setattr(upgrade, "time", SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: tried.set()))
    with ThreadPoolExecutor(1) as pool:
        with postgres_database.read() as reader:
            reader.execute(text("SELECT count(*) FROM runs"))
            upgraded = pool.submit(upgrade.upgrade, postgres_database)
            assert tried.wait(30)
        assert upgraded.result(30) == ()
    with postgres_database.read() as connection:
        assert enforced.is_in_force(connection)
