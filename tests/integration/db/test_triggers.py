"""History is append-only, whoever asks."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, text

from common.domain.runs import AttemptOutcome
from common.store.engine.errors import DatabaseError
from common.store.engine.session import Database
from common.store.events import audit
from common.store.queue import attempts
from common.store.queue.attempts import AttemptEnding
from common.store.schema import triggers
from common.store.schema.tables import ObjectResultRow
from tests.integration.db.rows import NOW, claimed

BREACHES = (
    "UPDATE runs SET reason_code = 'rewritten' WHERE outcome IS NOT NULL",
    "UPDATE runs SET outcome = NULL, ended_at = NULL WHERE outcome IS NOT NULL",
    "INSERT INTO open_runs (run_id, placement_id, cluster, application, trigger, priority, queue, state, not_before) "
    "SELECT id, placement_id, cluster, application, trigger, priority, queue, 'queued', created_at FROM runs",
    "DELETE FROM runs",
    "UPDATE attempts SET outcome = 'failed' WHERE outcome IS NOT NULL",
    "DELETE FROM attempts",
    "UPDATE object_results SET action = 'unchanged'",
    "DELETE FROM object_results",
    "UPDATE audit SET actor = 'somebody else'",
    "DELETE FROM audit",
    'INSERT INTO object_results (run_id, attempt, ordinal, "group", kind, namespace, name, action, diff, detail_code) '
    'SELECT run_id, attempt, 1, "group", kind, namespace, name, action, diff, detail_code FROM object_results',
    "INSERT INTO attempts (run_id, number, placement_id, worker, started_at, error_code) "
    "SELECT run_id, 2, placement_id, worker, started_at, '' FROM attempts",
    'INSERT INTO planned_changes (run_id, attempt, "group", kind, namespace, name, placement_id, action) '
    "SELECT id, 1, '', 'Pod', 'shop', 'late', placement_id, 'created' FROM runs",
)


@pytest.fixture
def history(database: Database) -> Database:
    """A database that holds an ended run with its attempt, an object's result and an audit row."""
    found = claimed(database)
    with database.write() as connection:
        pod = {"group": "", "kind": "Pod", "namespace": "shop", "name": "web", "action": "created"}
        result = {"run_id": found.attempt.run, "attempt": 1, "ordinal": 0} | pod
        connection.execute(insert(ObjectResultRow).values(result))
        attempts.end_attempt(connection, found.attempt, AttemptEnding(AttemptOutcome.SUCCEEDED), now=NOW)
        audit.append(connection, audit.Deed("ann", "sync", "eu/web", project="", detail={"why": "x"}), now=NOW)
    return database


@pytest.mark.parametrize("breach", BREACHES)
def test_history_cannot_be_changed(history: Database, breach: str) -> None:
    with pytest.raises(DatabaseError, match=r"append-only|no such change of state"), history.write() as connection:
        connection.execute(text(breach))


def test_history_cannot_be_replaced(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        audit.append(connection, audit.Deed("ann", "sync", "eu/web", project=""), now=NOW)
    with pytest.raises(DatabaseError, match="append-only"), sqlite_database.write() as connection:
        connection.execute(text("REPLACE INTO audit (id, at, actor, action, subject) VALUES (1, 0, 'x', 'x', 'x')"))


@pytest.mark.parametrize("table", triggers.TRUNCATED)
def test_history_cannot_be_emptied(postgres_database: Database, table: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), postgres_database.write() as connection:
        connection.execute(text(f"TRUNCATE {table} CASCADE"))


def test_a_guard_that_is_gone_is_named(database: Database) -> None:
    with database.write() as connection:
        assert triggers.missing(connection) == ()
        on_table = " ON audit" if database.dialect == "postgresql" else ""
        connection.execute(text(f"DROP TRIGGER guard_audit_delete{on_table}"))
        assert triggers.missing(connection) == ("guard_audit_delete",)


def test_a_guard_that_is_switched_off_is_named(postgres_database: Database) -> None:
    with postgres_database.write() as connection:
        connection.execute(text("ALTER TABLE runs DISABLE TRIGGER guard_runs_update"))
        assert triggers.missing(connection) == ("guard_runs_update",)
