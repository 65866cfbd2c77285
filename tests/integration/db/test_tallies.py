"""Runs that ended are counted once each, and the history is not read for it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text, update

from common.store.engine.session import Database
from common.store.queue import tallies
from common.store.queue.tallies import LAG, Tally
from common.store.schema.tables import RunRow
from tests.integration.db.rows import NOW, SECOND, queued

HOUR = timedelta(hours=1)


def count(database: Database, now: datetime) -> int:
    with database.write() as connection:
        return tallies.count_ended(connection, now=now)


def totals(database: Database) -> tuple[Tally, ...]:
    with database.read() as connection:
        return tallies.totals(connection)


def end(database: Database, ref: str, at: datetime, *, took: timedelta | None, outcome: str = "succeeded") -> None:
    """Have a run that ended."""
    run = queued(database, ref, now=at - HOUR)
    started = None if took is None else at - took
    values = {"state": "ended", "outcome": outcome, "ended_at": at, "started_at": started}
    with database.write() as connection:
        connection.execute(update(RunRow).where(RunRow.id == run).values(values))


def test_each_run_is_counted_once_by_outcome_and_time(database: Database) -> None:
    end(database, "eu/before", NOW - LAG - SECOND, took=SECOND)
    assert count(database, NOW) == 0, "counting begins now"
    end(database, "eu/a", NOW + SECOND, took=SECOND)
    end(database, "eu/b", NOW + SECOND, took=3 * SECOND)
    end(database, "eu/c", NOW + SECOND, took=2 * HOUR)
    end(database, "eu/d", NOW + 2 * SECOND, took=None, outcome="superseded")
    assert count(database, NOW + LAG) == 0, "an end may be committed later than it is dated"
    assert count(database, NOW + LAG + 2 * SECOND) == 4
    assert count(database, NOW + HOUR) == 0
    assert totals(database) == (
        Tally("succeeded", "revision", 3, 7204.0, {"1": 1, "5": 1, "+Inf": 1}),
        Tally("superseded", "revision", 1, 0.0, {}),
    )
    end(database, "eu/e", NOW + HOUR, took=SECOND)
    assert count(database, NOW + 2 * HOUR) == 1
    assert totals(database)[0].runs == 4


def test_many_that_end_at_once_are_counted_in_goes(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "ENDED", tallies.ENDED.limit(2))
    count(database, NOW)
    for number in range(5):
        end(database, f"eu/a{number}", NOW + SECOND, took=SECOND)
    assert [count(database, NOW + HOUR) for _ in range(4)] == [2, 2, 1, 0]
    assert totals(database)[0].runs == 5


def test_the_index_on_ends_is_used(postgres_database: Database) -> None:
    with postgres_database.write() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        statement = str(tallies.ENDED.compile(connection.engine, compile_kwargs={"render_postcompile": True}))
        given = {"ended_at": NOW, "id": "", "until": NOW, "param_1": 2}
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", given).scalars())
    assert "ix_runs_ended" in plan, plan
