"""Runs that ended are counted once each, and the history is not read for it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from common.store.engine.session import Database
from common.store.events import readers
from common.store.queue import tallies
from common.store.queue.tallies import RunTallies, Tally
from common.store.schema.tables import RunRow
from tests.integration.db.rows import NOW, SECOND, queued

HOUR = timedelta(hours=1)


def count(database: Database) -> int:
    with database.write() as connection:
        return readers.advance(connection, RunTallies(), now=NOW)


def totals(database: Database) -> tuple[Tally, ...]:
    with database.read() as connection:
        return tallies.totals(connection)


def end(database: Database, ref: str, at: datetime, *, took: timedelta | None, outcome: str = "succeeded") -> None:
    """Have a run that ended."""
    run = queued(database, ref, now=at - HOUR)
    started = None if took is None else at - took
    values = {"outcome": outcome, "ended_at": at, "started_at": started}
    with database.write() as connection:
        connection.execute(update(RunRow).where(RunRow.id == run).values(values))


def test_each_run_is_counted_once_by_outcome_and_time(database: Database) -> None:
    end(database, "eu/before", NOW, took=SECOND)
    assert count(database) == 0, "counting begins now"
    end(database, "eu/a", NOW, took=SECOND)
    end(database, "eu/b", NOW, took=3 * SECOND)
    end(database, "eu/c", NOW, took=2 * HOUR)
    end(database, "eu/d", NOW, took=None, outcome="superseded")
    assert count(database) == 4
    assert count(database) == 0
    assert totals(database) == (
        Tally("succeeded", "revision", 3, 7204.0, {"1": 1, "5": 1, "+Inf": 1}),
        Tally("superseded", "revision", 1, 0.0, {}),
    )
    end(database, "eu/e", NOW, took=SECOND)
    assert count(database) == 1
    assert totals(database)[0].runs == 4


def test_many_that_end_at_once_are_counted_in_goes(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "MOST", 2)
    count(database)
    for number in range(5):
        end(database, f"eu/a{number}", NOW, took=SECOND)
    assert [count(database) for _ in range(4)] == [2, 2, 1, 0]
    assert totals(database)[0].runs == 5
