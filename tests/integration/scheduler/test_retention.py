"""The scheduler deletes what is old, a batch each turn, and goes on with its work meanwhile."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select
from typer.testing import CliRunner

from common.domain.runs import AttemptOutcome
from common.settings import settings
from common.store.engine.session import Database
from common.store.queue.leadership import NotLeadingError
from common.store.schema.tables import AuditRow, LeadershipRow, RetentionRow, RunRow
from console.cli import main
from scheduler.loop.retention import EVERY, FIRST, Retention
from tests.harness.scheduler import KEEP, ManualClock, Steps
from tests.integration.db.test_retention import placement, ran

DAY = timedelta(days=1)


def runs_in(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(RunRow)).scalar_one())


def with_history(database: Database) -> None:
    """Give a placement two runs of which the first is old enough to go."""
    with database.read() as connection:
        now = database.now(connection)
    of = placement(database, "away/web")
    ran(database, of, now - KEEP - DAY)
    ran(database, of, now - DAY)


def test_turns_delete_what_is_old_once_it_is_time(steps: Steps) -> None:
    with_history(steps.db)
    steps.scheduler.turn()
    assert runs_in(steps.db) == 2
    steps.clock.seconds += FIRST.total_seconds()
    steps.scheduler.turn()  # sees to the months: a turn has one transaction of it
    assert runs_in(steps.db) == 2
    steps.scheduler.turn()
    assert runs_in(steps.db) == 1


def test_a_pass_ends_and_the_next_comes_an_hour_later(database: Database) -> None:
    clock = ManualClock()
    step = Retention(database, clock, keep=KEEP)
    clock.seconds += FIRST.total_seconds()
    while step.tick():
        pass
    with_history(database)
    assert not step.tick()
    assert runs_in(database) == 2
    clock.seconds += EVERY.total_seconds()
    assert step.tick(), "the months come first"
    assert step.tick()
    assert runs_in(database) == 1


def test_who_leads_no_more_deletes_nothing(steps: Steps) -> None:
    with_history(steps.db)
    clock = ManualClock()
    assert steps.scheduler.turn()
    led = steps.db.guarded(steps.leadership.prove)
    step = Retention(led, clock, keep=KEEP)
    with steps.db.write() as connection:
        connection.execute(delete(LeadershipRow))
    clock.seconds += FIRST.total_seconds()
    for _ in ("what is over", "what is old"):
        with pytest.raises(NotLeadingError):
            step.tick()
    assert runs_in(steps.db) == 2
    assert not step.tick()  # the next pass comes in an hour


@pytest.fixture
def at_home(database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Database:
    """A database that commands find by the environment."""
    monkeypatch.setenv("FLOTILLA_DATABASE_URL", database_url)
    monkeypatch.setenv("FLOTILLA_HOME", str(tmp_path))
    settings.cache_clear()
    return database


def test_the_command_deletes_what_is_older_and_leaves_a_word(at_home: Database) -> None:
    with_history(at_home)
    of = placement(at_home, "away/pay")
    with at_home.read() as connection:
        now = at_home.now(connection)
    ran(at_home, of, now - 40 * DAY, AttemptOutcome.FAILED)
    ran(at_home, of, now - 39 * DAY)
    seen = CliRunner().invoke(main.app, ["db", "prune", "--older-than", "30d"])
    assert seen.exit_code == 0
    assert runs_in(at_home) == 2
    with at_home.read() as connection:
        detail = connection.execute(select(AuditRow.detail)).scalar_one()
        assert connection.execute(select(func.count()).select_from(RetentionRow)).scalar_one() == 0
    assert detail == {"older_than_days": 30, "deleted": {"runs": 2, "attempts": 2, "object_results": 2}}


@pytest.mark.parametrize("given", ["0d", "soon", "-5d", "90"])
def test_the_command_takes_days_and_leaves_the_last(at_home: Database, given: str) -> None:
    with_history(at_home)
    assert CliRunner().invoke(main.app, ["db", "prune", "--older-than", given]).exit_code != 0
    assert runs_in(at_home) == 2
