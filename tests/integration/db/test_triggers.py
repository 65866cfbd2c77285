"""History is append-only, whoever asks; and on PostgreSQL the workers' role can do nothing about it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg import sql
from sqlalchemy import insert, text

from common.db import approvals, attempts, audit, faults, leases, reaper, runs, triggers
from common.db.approvals import ApprovalKind
from common.db.attempts import AttemptEnding
from common.db.errors import DatabaseError
from common.db.roles import RIGHTS, grant_worker_role
from common.db.session import Database
from common.db.tables import Base, ObjectResultRow
from common.domain.changes import Action
from common.domain.refs import ObjectId
from common.domain.runs import AttemptOutcome
from tests.fixtures.postgres import PostgresServer
from tests.integration.db.rows import LEASE, NOW, claimed, new_run

BREACHES = (
    "UPDATE runs SET reason = 'rewritten' WHERE state = 'ended'",
    "UPDATE runs SET state = 'queued', outcome = NULL, ended_at = NULL WHERE state = 'ended'",
    "DELETE FROM runs",
    "UPDATE attempts SET outcome = 'failed' WHERE outcome IS NOT NULL",
    "DELETE FROM attempts",
    "UPDATE object_results SET action = 'unchanged'",
    "DELETE FROM object_results",
    "UPDATE audit SET actor = 'somebody else'",
    "DELETE FROM audit",
)


@pytest.fixture
def history(database: Database) -> Database:
    """A database that holds an ended run with its attempt, an object's result and an audit row."""
    found = claimed(database)
    with database.write() as connection:
        attempts.end_attempt(connection, found.attempt, AttemptEnding(AttemptOutcome.SUCCEEDED), now=NOW)
        pod = {"group": "", "kind": "Pod", "namespace": "shop", "name": "web", "action": "created"}
        result = {"run_id": found.attempt.run, "attempt": 1, "ordinal": 0} | pod
        connection.execute(insert(ObjectResultRow).values(result))
        audit.append(connection, actor="ann", action="sync", subject="eu/web", detail={"why": "x"}, now=NOW)
    return database


@pytest.mark.parametrize("breach", BREACHES)
def test_history_cannot_be_changed(history: Database, breach: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), history.write() as connection:
        connection.execute(text(breach))


def test_history_cannot_be_replaced(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        audit.append(connection, actor="ann", action="sync", subject="eu/web", now=NOW)
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


ROLE = 'worker "of" tests'


@pytest.fixture
def worker_database(postgres_database: Database, postgres_server: PostgresServer) -> Iterator[Database]:
    """The same database as a worker sees it: through a role with the workers' rights and no other."""
    role = sql.Identifier(ROLE)
    postgres_server.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'worker'").format(role))
    with postgres_database.write() as connection:
        grant_worker_role(connection, ROLE)
        grant_worker_role(connection, ROLE)
        name = connection.execute(text("SELECT current_database()")).scalar_one()
    made = Database(postgres_server.url(name, user="worker%20%22of%22%20tests", password="worker"))
    yield made
    made.dispose()
    postgres_server.execute(sql.SQL("DROP OWNED BY {}").format(role), database=name)
    postgres_server.execute(sql.SQL("DROP ROLE {}").format(role))


def test_every_table_has_a_word_on_the_workers_rights() -> None:
    assert set(Base.metadata.tables) - set(RIGHTS) == {
        "intents",
        "leadership",
        "run_tallies",
        "sessions",
        "tallied",
    }


def test_the_workers_role_can_do_a_workers_work(postgres_database: Database, worker_database: Database) -> None:
    found = claimed(postgres_database, "eu/web")
    with worker_database.write() as connection:
        change = (ObjectId("", "Pod", "shop", "web"), Action.CREATED)
        assert attempts.plan(connection, found.attempt, placement_id=found.placement_id, changes=[change])
        name, token = leases.of_placement(found.placement_id), str(found.attempt)
        assert leases.renew(connection, {name: token}, lease=LEASE, now=NOW)
        ending = AttemptEnding(AttemptOutcome.SUCCEEDED)
        assert attempts.end_attempt(connection, found.attempt, ending, now=NOW)
        run = runs.create(connection, new_run(found.placement_id, "eu/web"), now=NOW)
        assert run is not None
        assert runs.claim(connection, run, worker="w", lease=LEASE, now=NOW) is not None
        assert reaper.reap(connection, now=NOW + LEASE, dead_after=LEASE)
        audit.append(connection, actor="flotilla", action="refuse", subject="message", now=NOW)
        faults.add(connection, faults.MESSAGES, faults.StoredFault("broker.forged", "a message was forged"), now=NOW)
        first = approvals.ask(connection, ApprovalKind.PRUNE, "eu/web", payload={"a": 1}, reason="over", now=NOW)
        second = approvals.ask(connection, ApprovalKind.PRUNE, "eu/web", payload={"b": 1}, reason="over", now=NOW)
    with postgres_database.read() as connection:
        states = [stored.state for id_ in (first, second) if (stored := approvals.get(connection, id_))]
    assert states == ["void", "open"]


def test_a_worker_cannot_approve_what_it_asked_for(postgres_database: Database, worker_database: Database) -> None:
    with worker_database.write() as connection:
        asked = approvals.ask(connection, ApprovalKind.PRUNE, "eu/web", payload={"a": 1}, reason="over", now=NOW)
    approve = text("UPDATE approvals SET state = 'approved', decided_by = 'ann'")
    with pytest.raises(DatabaseError, match="row-level security"), worker_database.write() as connection:
        connection.execute(approve)
    with postgres_database.write() as connection:
        connection.execute(approve)
    with worker_database.write() as connection:
        assert connection.execute(text("UPDATE approvals SET state = 'void' RETURNING id")).first() is None
        stored = approvals.get(connection, asked)
    assert stored is not None
    assert stored.state == "approved"


@pytest.mark.parametrize(
    "attempt",
    [
        "ALTER TABLE runs DISABLE TRIGGER ALL",
        "DROP TRIGGER guard_runs_update ON runs",
        "SET session_replication_role = replica",
        "CREATE OR REPLACE FUNCTION flotilla_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
        "DELETE FROM runs",
        "TRUNCATE audit",
        "DROP TABLE audit",
        "CREATE TABLE mine (id integer)",
        "UPDATE audit SET actor = 'x'",
        "ALTER TABLE approvals DISABLE ROW LEVEL SECURITY",
        "INSERT INTO intents (kind, subject, actor, reason, created_at, result) VALUES ('', '', '', '', now(), '')",
        "SELECT * FROM sessions",
    ],
)
def test_the_workers_role_can_do_no_more(worker_database: Database, attempt: str) -> None:
    with pytest.raises(DatabaseError, match=r"permission denied|must be owner"), worker_database.write() as connection:
        connection.execute(text(attempt))
