"""Indexes of large tables are built beside the work, and taken up again where somebody was in the way."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, text

from common.domain.refs import RunId
from common.store.engine import indexes, upgrade
from common.store.engine.session import Database
from common.store.queue import runs
from common.store.schema import months
from common.store.schema.tables import RunRow
from tests.integration.db.rows import NOW, add_placements, new_run, queued

NAME = "ix_runs_drift"


@pytest.fixture
def unindexed(postgres_database: Database) -> Database:
    """A hub of a version that did not have the index."""
    with postgres_database.write() as connection:
        connection.execute(text(f"DROP INDEX {NAME}"))
    return postgres_database


def unfinished(connection: Connection) -> int:
    found = text("SELECT count(*) FROM pg_index WHERE NOT indisvalid AND CAST(indexrelid AS regclass)::text LIKE :name")
    return int(connection.execute(found, {"name": f"{NAME}%"}).scalar_one())


def test_an_upgrade_leaves_none_unbuilt(postgres_database: Database) -> None:
    with postgres_database.read() as connection:
        assert NAME in {index.name for index in indexes.marked()}
        assert indexes.missing(connection) == ()
        assert unfinished(connection) == 0


def test_it_is_built_while_runs_are_made(unindexed: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[RunId | None] = []
    step = indexes._concurrently

    def beside(*given: object) -> object:
        with unindexed.write() as other:
            (placement,) = add_placements(other, f"eu/a{len(made)}")
            made.append(runs.create(other, new_run(placement, f"eu/a{len(made)}"), now=NOW))
        return step(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(indexes, "_concurrently", beside)
    assert indexes.build(unindexed) == ()
    assert len(made) > 2
    assert all(made)


def test_who_is_in_the_way_delays_it_and_the_next_try_takes_it_up(
    unindexed: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "PATIENCE", timedelta(milliseconds=200))
    run = queued(unindexed)
    with unindexed.write() as busy:
        busy.execute(select(RunRow.id).where(RunRow.id == run).with_for_update()).all()
        busy.execute(text("UPDATE runs SET cause_code = 'x'"))
        assert indexes.build(unindexed) == (NAME,)
    with unindexed.read() as connection:
        assert indexes.missing(connection) == (NAME,)
    upgrade.upgrade(unindexed)
    with unindexed.read() as connection:
        assert indexes.missing(connection) == ()
        assert unfinished(connection) == 0


def test_what_a_broken_try_left_is_replaced(unindexed: Database) -> None:
    with unindexed.write() as connection:
        connection.execute(text(f"CREATE INDEX {NAME} ON ONLY runs (id) WHERE trigger = 'drift'"))
        connection.execute(text(f"CREATE INDEX {NAME}_before ON runs_before (id) WHERE trigger = 'drift'"))
        connection.execute(
            text(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = CAST('{NAME}_before' AS regclass)")  # noqa: S608 - a constant
        )
        assert unfinished(connection) == 2
    assert indexes.build(unindexed) == ()
    with unindexed.read() as connection:
        assert unfinished(connection) == 0


def test_a_month_that_is_made_later_has_it(postgres_database: Database) -> None:
    with postgres_database.write() as connection:
        later = postgres_database.now(connection) + timedelta(days=400)
        made = months.make_ahead(connection, now=later)
        assert made
        assert indexes.missing(connection) == ()
        whole = text("SELECT count(*) FROM pg_inherits WHERE inhparent = CAST(:name AS regclass)")
        assert (
            connection.execute(whole, {"name": NAME}).scalar_one()
            == connection.execute(whole, {"name": "runs"}).scalar_one()
        )


def test_one_process_builds_and_another_does_not_wait(unindexed: Database) -> None:
    with unindexed.autocommit() as other:
        other.execute(text(f"SELECT pg_advisory_lock({indexes.LOCK})"))
        assert indexes.build(unindexed) == (NAME,)
    assert indexes.build(unindexed) == ()


def test_sqlite_has_its_own_from_the_migration(sqlite_database: Database) -> None:
    assert indexes.build(sqlite_database) == ()
    with sqlite_database.read() as connection:
        assert indexes.missing(connection) == ()
        found = text("SELECT count(*) FROM sqlite_master WHERE name = :name")
        assert connection.execute(found, {"name": NAME}).scalar_one() == 1
