"""Transactions, clocks and errors: the same promises on both databases."""

from __future__ import annotations

import sqlite3
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from common.settings import Settings
from common.store.engine.errors import DatabaseBusyError, DatabaseError, DatabaseUnavailableError
from common.store.engine.session import Bounds, Database, open_database
from common.store.events import audit
from tests.fixtures.ports import free_port
from tests.fixtures.postgres import PostgresServer
from tests.integration.db.rows import NOW


def _audit_rows(database: Database) -> int:
    with database.read() as connection:
        found: int = connection.execute(text("SELECT count(*) FROM audit")).scalar_one()
        return found


def test_the_server_holds_a_session_to_the_bounds_that_were_asked_for(postgres_url: str) -> None:
    made = Database(postgres_url, bounds=Bounds(idle=timedelta(milliseconds=300), statement=timedelta(seconds=7)))
    with made.read() as connection:
        names = ("idle_in_transaction_session_timeout", "statement_timeout")
        assert [connection.execute(text(f"SHOW {name}")).scalar_one() for name in names] == ["300ms", "7s"]
    made.dispose()


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as connection:  # noqa: PT012 - what is before matters
        audit.append(connection, audit.Deed("a", "b", "c", project=""), now=NOW)
        raise ZeroDivisionError
    assert _audit_rows(database) == 0


def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(DatabaseError), database.read() as connection:
        audit.append(connection, audit.Deed("a", "b", "c", project=""), now=NOW)
    with database.write() as connection:
        audit.append(connection, audit.Deed("a", "b", "c", project=""), now=NOW)
    assert _audit_rows(database) == 1


def test_a_reader_sees_one_snapshot(database: Database) -> None:
    with database.read() as reader:
        before = reader.execute(text("SELECT count(*) FROM audit")).scalar_one()
        with database.write() as connection:
            audit.append(connection, audit.Deed("a", "b", "c", project=""), now=NOW)
        assert reader.execute(text("SELECT count(*) FROM audit")).scalar_one() == before == 0
    assert _audit_rows(database) == 1


def test_the_clock_is_the_databases_aware_and_goes_on_within_a_transaction(database: Database) -> None:
    with database.write() as connection:
        first, second = database.now(connection), database.now(connection)
    assert first.utcoffset() == timedelta(0)
    assert first < second
    assert abs(first - datetime.now(UTC)) < timedelta(minutes=1)


def test_what_the_database_refuses_is_permanent_and_holds_no_values(database: Database) -> None:
    with pytest.raises(DatabaseError) as caught, database.write() as connection:
        connection.execute(text("INSERT INTO audit (nonsense) VALUES (:value)"), {"value": "canary"})
    assert "canary" not in str(caught.value)
    assert "canary" not in str(caught.value.__cause__)


def test_sqlite_is_durable_and_waits(sqlite_database: Database) -> None:
    pragmas = {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 30_000, "foreign_keys": 1}
    with sqlite_database.read() as connection:
        found = {name: connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in pragmas}
    assert found == pragmas


def test_a_lock_that_is_never_given_back_is_transient(sqlite_database: Database, tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "flotilla.db", isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        with sqlite_database.read() as connection:
            connection.execute(text("PRAGMA busy_timeout=10"))
        with pytest.raises(DatabaseBusyError), sqlite_database.write():
            pass
    finally:
        holder.close()


def test_a_file_that_is_no_database_is_not_taken_for_an_outage(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database\n" * 100, encoding="utf-8")
    with pytest.raises(DatabaseError), Database(f"sqlite:///{path}").write():
        pass


def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailableError), Database(f"sqlite:///{tmp_path}/no/flotilla.db").read():
        pass


def test_the_embedded_database_is_its_owners_alone(tmp_path: Path) -> None:
    opened = open_database(Settings(home=tmp_path / "home"))
    with opened.write() as connection:
        connection.execute(text("CREATE TABLE t (x integer)"))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "home").iterdir()}
    assert modes == {"flotilla.db": 0o600, "flotilla.db-wal": 0o600, "flotilla.db-shm": 0o600}
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700
    opened.dispose()


def test_a_password_comes_from_its_file_and_shows_nowhere(
    postgres_server: PostgresServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "password"
    file.write_text(f"{postgres_server.password}\n", encoding="utf-8")
    url = f"postgresql://flotilla@127.0.0.1:{postgres_server.port}/postgres"
    opened = open_database(Settings(database_url=url, database_password_file=file))
    assert opened.wait(within=timedelta(seconds=5))
    opened.dispose()
    wrong = Database(url, password="canary-password")
    with pytest.raises(DatabaseUnavailableError) as caught, wrong.read():
        pass
    assert "canary" not in f"{caught.value!r} {caught.value} {caught.value.__cause__} {caplog.text}"


def test_a_server_that_is_not_there_is_unavailable_and_not_waited_for_for_ever() -> None:
    nobody = Database(f"postgresql+psycopg://flotilla@127.0.0.1:{free_port()}/postgres")
    with pytest.raises(DatabaseUnavailableError), nobody.read():
        pass
    assert not nobody.wait(within=timedelta(milliseconds=200))
    stop = threading.Event()
    stop.set()
    assert not nobody.wait(stop=stop)


def test_an_outage_is_transient_and_over_once_the_server_is_back(
    postgres_server: PostgresServer, postgres_database: Database
) -> None:
    with pytest.raises(DatabaseUnavailableError), postgres_database.write() as connection:  # noqa: PT012 - so does this
        audit.append(connection, audit.Deed("a", "b", "c", project=""), now=NOW)
        postgres_server.stop()
    try:
        with pytest.raises(DatabaseUnavailableError), postgres_database.read():
            pass
        back = threading.Timer(0.3, postgres_server.start)
        back.start()
        assert postgres_database.wait(within=timedelta(seconds=20))
        back.join()
    except BaseException:
        postgres_server.start()
        raise
    assert _audit_rows(postgres_database) == 0


@pytest.mark.parametrize("url", ["mysql://localhost/x", "sqlite://", "sqlite:///:memory:"])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="PostgreSQL"):
        Database(url)
