"""On PostgreSQL history lies by the month: made ahead of time, dropped as a whole, and nothing that is kept with it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, event, insert, select, text

from common.domain.refs import RunId
from common.domain.runs import AttemptOutcome
from common.store.engine import upgrade
from common.store.engine.errors import DatabaseBusyError, DatabaseError
from common.store.engine.session import Database
from common.store.queue import months as old_months
from common.store.queue import retention, runs
from common.store.schema import enforced, months
from common.store.schema.tables import (
    ApprovalRow,
    AttemptRow,
    EventRow,
    ObjectResultRow,
    OpenRunRow,
    PlannedChangeRow,
    RunRow,
)
from tests.integration.db.rows import new_run
from tests.integration.db.test_retention import DAY, KEEP, count, left, placement, pruned, ran

MONTHS = 17
"""As far back as these tests look."""


@pytest.fixture
def hub(postgres_database: Database) -> Database:
    """A hub that has parted its history for longer than it keeps it."""
    with postgres_database.write() as connection:
        now = postgres_database.now(connection)
        for table in reversed(months.PARTED):
            connection.execute(text(f"ALTER TABLE {table} DETACH PARTITION {table}_before"))
            connection.execute(text(f"DROP TABLE {table}_before"))
        for month in range(MONTHS):
            months.make_ahead(connection, now=now - month * 31 * DAY)
    return postgres_database


@pytest.fixture
def now(hub: Database) -> datetime:
    """The database's present."""
    with hub.read() as connection:
        return hub.now(connection)


def names(database: Database, table: str = "runs") -> list[str]:
    with database.read() as connection:
        return [one.name for one in months.partitions(connection) if one.table == table]


def where(connection: Connection, run: RunId) -> str:
    """Return the partition that a run lies in."""
    found = select(text("CAST(tableoid AS regclass)")).select_from(RunRow).where(RunRow.id == run)
    return str(connection.execute(found).scalar_one())


def test_an_upgrade_makes_this_month_and_those_to_come(postgres_database: Database) -> None:
    with postgres_database.read() as connection:
        now = postgres_database.now(connection)
        there = months.partitions(connection)
    for table in months.PARTED:
        mine = sorted((one for one in there if one.table == table), key=lambda one: one.upper)
        assert mine[0].lower is None, "what was there before"
        assert [one.upper for one in mine[:-1]] == [one.lower for one in mine[1:]], "no gap, and nothing twice"
        assert mine[-1].upper > months.first_id_at(now + months.AHEAD * 30 * DAY)


def test_making_them_again_makes_none_and_locks_nothing(postgres_database: Database) -> None:
    held = text("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND mode = 'AccessExclusiveLock'")
    with postgres_database.write() as connection:
        assert months.make_ahead(connection, now=postgres_database.now(connection)) == ()
        assert connection.execute(held).scalar_one() == 0


def test_a_month_that_nobody_made_takes_its_rows_and_costs_no_insert(hub: Database, now: datetime) -> None:
    """A scheduler that was away for a year, or a clock that leapt."""
    far = now + 400 * DAY
    of = placement(hub)
    first = ran(hub, of, far)
    with hub.write() as connection:
        assert where(connection, first) == "runs_default"
        made = months.make_ahead(connection, now=far)
    assert f"runs_y{far:%Y}m{far:%m}" not in made, "its rows are elsewhere"
    assert f"events_y{far:%Y}m{far:%m}" in made, "events are told by the server's clock"
    later = ran(hub, of, far + 40 * DAY)
    with hub.read() as connection:
        assert where(connection, later) in made
    assert left(hub) == {first, later}


def test_whoever_works_is_not_kept_waiting_by_a_month_to_be_made(hub: Database, now: datetime) -> None:
    with hub.write() as busy:
        busy.execute(select(RunRow.id).with_for_update()).all()
        with pytest.raises(DatabaseBusyError), hub.write() as connection:
            months.make_ahead(connection, now=now + 400 * DAY)
    with hub.write() as connection:
        assert months.make_ahead(connection, now=now + 400 * DAY)


def test_a_month_goes_as_a_whole_and_what_is_kept_of_it_stays(hub: Database, now: datetime) -> None:
    of, other = placement(hub), placement(hub, "us/web")
    gone = ran(hub, of, now - 470 * DAY)
    good = ran(hub, of, now - 470 * DAY + timedelta(hours=1))
    ran(hub, of, now - 440 * DAY, AttemptOutcome.FAILED)
    last = ran(hub, of, now - 10 * DAY, AttemptOutcome.FAILED)
    asked = ran(hub, other, now - 470 * DAY, AttemptOutcome.NEEDS_APPROVAL)
    ran(hub, other, now - 2 * DAY)
    approval = {"kind": "prune", "subject": "us/web", "digest": "a", "payload": {}, "state": "rejected"}
    with hub.write() as connection:
        connection.execute(insert(ApprovalRow).values(approval | {"run_id": asked, "created_at": now}))
        old = where(connection, gone)
    kept = {good, asked}
    with hub.read() as connection:
        before = connection.execute(select(*ObjectResultRow.__table__.c).where(ObjectResultRow.run_id == good)).all()
    deleted = pruned(hub)
    assert {name: deleted[name] for name in ("runs", "attempts", "object_results")} == dict.fromkeys(
        ("runs", "attempts", "object_results"), 2
    )
    assert old not in names(hub)
    assert gone not in left(hub)
    assert kept | {last} < left(hub)
    with hub.read() as connection:
        assert {where(connection, run) for run in kept} == {"runs_default"}
        after = connection.execute(select(*ObjectResultRow.__table__.c).where(ObjectResultRow.run_id == good)).all()
        assert after == before
        assert enforced.missing(connection) == ()
    assert count(hub, AttemptRow) == count(hub, RunRow)
    assert pruned(hub) == {}


def test_what_was_kept_goes_once_it_is_needed_no_more(hub: Database, now: datetime) -> None:
    of = placement(hub)
    good = ran(hub, of, now - 470 * DAY)
    pruned(hub)
    assert left(hub) == {good}
    newer = ran(hub, of, now)
    assert pruned(hub) == {"runs": 1, "attempts": 1, "object_results": 1}
    assert left(hub) == {newer}


def test_a_month_with_a_run_that_is_open_stays_and_the_rest_of_it_goes(hub: Database, now: datetime) -> None:
    of, other = placement(hub), placement(hub, "us/web")
    ran(hub, of, now - 470 * DAY)
    ran(hub, of, now)
    with hub.write() as connection:
        open_ = runs.create(connection, new_run(other, "us/web"), now=now - 470 * DAY)
    assert open_ is not None
    assert pruned(hub)["runs"] == 1
    assert open_ in left(hub)
    assert count(hub, OpenRunRow) == 1


def test_a_month_whose_rows_an_attempt_may_still_follow_stays(hub: Database, now: datetime) -> None:
    of = placement(hub)
    late = ran(hub, of, now - 470 * DAY)
    plan = {"run_id": late, "attempt": 1, "group": "", "kind": "Pod", "namespace": "shop", "name": "late"}
    with hub.write() as connection:
        # As an attempt leaves it that ends with its run.
        connection.execute(text("ALTER TABLE planned_changes DISABLE TRIGGER guard_planned_changes_insert"))
        connection.execute(insert(PlannedChangeRow).values(plan | {"placement_id": of, "action": "late"}))
        connection.execute(text("ALTER TABLE planned_changes ENABLE TRIGGER guard_planned_changes_insert"))
    assert "runs" not in pruned(hub)
    assert count(hub, PlannedChangeRow) == 1
    ran(hub, of, now)
    assert pruned(hub)["planned_changes"] == 1
    assert count(hub, PlannedChangeRow) == 0


def test_a_month_of_which_too_much_is_kept_goes_row_by_row(
    hub: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(old_months, "MOST_KEPT", 1)
    of = [placement(hub, f"eu/a{number}") for number in range(3)]
    for one in of:
        ran(hub, one, now - 470 * DAY)
        ran(hub, one, now - 470 * DAY + timedelta(hours=1))
    before = names(hub)
    assert pruned(hub)["runs"] == 3
    assert len(left(hub)) == 3
    month = f"runs_y{now - 470 * DAY:%Y}m{now - 470 * DAY:%m}"
    assert month in before
    assert month in names(hub)


def test_a_month_that_is_in_use_is_left_for_the_next_time(hub: Database, now: datetime) -> None:
    of = placement(hub)
    old, young = ran(hub, of, now - 470 * DAY), ran(hub, of, now)
    before = names(hub)
    with hub.write() as busy:
        busy.execute(select(RunRow.id).where(RunRow.id == young).with_for_update()).all()
        assert pruned(hub) == {}, "nor does any row of it go by itself"
        assert names(hub) == before
        assert left(hub) == {old, young}
    assert pruned(hub)["runs"] == 1
    assert len(names(hub)) < len(before)


def test_a_month_that_cannot_be_dropped_goes_row_by_row(
    hub: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> dict[str, int]:
        message = "permission denied"
        raise DatabaseError(message)

    monkeypatch.setattr(old_months, "drop", refused)
    of = placement(hub)
    ran(hub, of, now - 470 * DAY)
    young = ran(hub, of, now)
    assert pruned(hub)["runs"] == 1
    assert left(hub) == {young}


def test_a_month_goes_while_workers_work_and_none_of_them_is_cancelled(hub: Database, now: datetime) -> None:
    of = placement(hub)
    ran(hub, of, now - 470 * DAY)
    ran(hub, of, now)
    before, ended, done = names(hub), [], threading.Event()

    def work(number: int) -> None:
        mine = placement(hub, f"eu/w{number}")
        while not done.is_set():
            ended.append(ran(hub, mine, now))

    with ThreadPoolExecutor(3) as threads:
        working = [threads.submit(work, number) for number in range(3)]
        try:
            for _ in range(20):
                pruned(hub)
                if len(names(hub)) < len(before):
                    break
        finally:
            done.set()
        for one in working:
            one.result()
    assert len(names(hub)) < len(before)
    assert set(ended) < left(hub)


def test_no_right_to_temporary_tables_is_needed_to_drop_a_month(hub: Database, now: datetime) -> None:
    of = placement(hub)
    good = ran(hub, of, now - 470 * DAY)
    before = names(hub)
    made: list[str] = []
    with hub.read() as connection:
        engine = connection.engine
    event.listen(engine, "before_cursor_execute", lambda *given: made.append(given[2]))
    pruned(hub)
    assert len(names(hub)) < len(before)
    assert left(hub) == {good}
    assert not [statement for statement in made if "TEMP" in statement]


def test_what_is_known_of_the_tables_is_counted_after_an_upgrade(postgres_database: Database) -> None:
    """A column that is rewritten loses its statistics, and a table with partitions never gets any by itself."""
    of = placement(postgres_database)
    with postgres_database.read() as connection:
        now = postgres_database.now(connection)
    for days in range(3):
        ran(postgres_database, of, now - days * DAY)
    upgrade.downgrade(postgres_database, "0040")
    upgrade.upgrade(postgres_database)
    counted = text("SELECT DISTINCT tablename FROM pg_stats WHERE attname IN ('id', 'run_id')")
    with postgres_database.read() as connection:
        assert {"runs", "runs_before", "attempts", "object_results"} <= set(connection.execute(counted).scalars())


def test_what_is_younger_than_the_month_that_is_over_stays_to_the_day(hub: Database, now: datetime) -> None:
    """The month in which the horizon lies goes as a whole, later: row by row it would cost what months are for."""
    of = placement(hub)
    horizon = now - KEEP
    first = horizon.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    just_before, within = ran(hub, of, first - timedelta(seconds=1)), ran(hub, of, first + timedelta(seconds=1))
    ran(hub, of, now)
    pruned(hub)
    assert just_before not in left(hub)
    assert within in left(hub)


def test_events_of_a_month_that_is_over_go_with_it(hub: Database, now: datetime) -> None:
    told = {"tx": 1, "kind": "fault.raised", "subject": "s", "cluster": "", "application": "", "project": ""}
    rows = [
        told | {"id": months.first_id_at(at), "at": at, "code": "", "params": {}, "actor": ""}
        for at in (now - 470 * DAY, now - 10 * DAY)
    ]
    with hub.write() as connection:
        connection.execute(insert(EventRow), rows)
    assert pruned(hub) == {"events": 1}
    with hub.read() as connection:
        assert connection.execute(select(EventRow.id)).scalars().all() == [rows[1]["id"]]


@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {}", "UPDATE {} SET outcome = 'failed'"])
def test_a_month_is_guarded_as_its_table_is(hub: Database, now: datetime, statement: str) -> None:
    of = placement(hub)
    run = ran(hub, of, now - 470 * DAY)
    with hub.read() as connection:
        part = where(connection, run)
    with pytest.raises(DatabaseError, match=r"append-only|foreign key"), hub.write() as connection:
        connection.execute(text(statement.format(part)))


@pytest.mark.parametrize("table", months.PARTED)
def test_what_is_empty_cannot_be_emptied(hub: Database, table: str) -> None:
    for part in (f"{table}_default", names(hub, table)[0]):
        with pytest.raises(DatabaseError, match=r"append-only|foreign key"), hub.write() as connection:
            connection.execute(text(f"TRUNCATE {part}"))


def test_a_new_version_brings_the_guards_of_months_back(hub: Database) -> None:
    part = names(hub)[0]
    with hub.write() as connection:
        connection.execute(text(f"DROP TRIGGER guard_{part}_truncate ON {part}"))
        assert enforced.missing(connection) == (f"guard_{part}_truncate",)
    upgrade.upgrade(hub)
    with hub.read() as connection:
        assert enforced.missing(connection) == ()


def test_the_hub_that_is_upgraded_keeps_its_ids_and_order(postgres_database: Database, now: datetime) -> None:
    of = placement(postgres_database)
    made = [ran(postgres_database, of, now - days * DAY) for days in (40, 30, 20)]
    upgrade.downgrade(postgres_database, "0040")
    with postgres_database.read() as connection:
        rows = connection.execute(text("SELECT id, state FROM runs ORDER BY id")).all()
    assert [tuple(row) for row in rows] == [(run, "ended") for run in made]
    upgrade.upgrade(postgres_database)
    assert left(postgres_database) == set(made)
    with postgres_database.read() as connection:
        assert {where(connection, run) for run in made} == {"runs_before"}


def test_pruning_by_hand_goes_by_months_too(hub: Database, now: datetime) -> None:
    of = placement(hub)
    ran(hub, of, now - 100 * DAY)
    ran(hub, of, now)
    for _ in retention.prune(hub, keep=30 * DAY):
        pass
    assert len(left(hub)) == 1


def test_what_goes_together_is_made_together(hub: Database, now: datetime) -> None:
    """A run that nobody claimed for long has no attempt yet; what it will have lies beside it, and goes with it."""
    far = now + 400 * DAY
    of = placement(hub)
    with hub.write() as connection:
        waiting = runs.create(connection, new_run(of, "eu/web"), now=far)
    assert waiting is not None
    with hub.write() as connection:
        made = months.make_ahead(connection, now=far)
        taken = f"y{far:%Y}m{far:%m}"
        assert {name for name in made if name.endswith(taken)} == {f"events_{taken}"}
        held = text("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND mode = 'AccessExclusiveLock'")
    with hub.write() as connection:
        assert months.make_ahead(connection, now=far) == ()
        assert connection.execute(held).scalar_one() == 0, "what cannot be made costs no lock"
