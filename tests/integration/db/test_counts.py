"""Placements are counted by how they stand: whatever happens to them, the sums are what counting them anew gives."""

from __future__ import annotations

import random
import threading
from collections import Counter
from contextlib import suppress
from itertools import product
from typing import Any

import pytest
from sqlalchemy import Connection, delete, func, insert, select, text, update

from common.domain.health import Health
from common.domain.placements import PlacementState
from common.domain.rights import ALL
from common.domain.runs import SyncStatus
from common.domain.severity import Severity, severity
from common.store.engine.errors import DatabaseError
from common.store.engine.session import Database
from common.store.reads.placements import PlacementFilter
from common.store.reads.summary import summary
from common.store.schema import enforced
from common.store.schema.counters import KINDS
from common.store.schema.tables import PlacementCountRow, PlacementRow
from common.store.state import counts, observations
from scheduler.loop import counting as counting_loop
from scheduler.loop.counting import Counting
from tests.harness.scheduler import ManualClock, Steps
from tests.integration.db.rows import NOW, add_placements

SEED = 20_261_130
_STATES: dict[str, tuple[Any, ...]] = {
    "state": ("placed", "leaving", "retained"),
    "sync_status": tuple(SyncStatus),
    "health": tuple(Health),
    "project": ("", "shop", "pay"),
    "paused_by": (None, "ann", "bob"),
    "objects": (1, 2),
}


class _TakenBackError(Exception):
    """Takes a transaction back."""


def _counted(connection: Connection) -> Counter[tuple[Any, ...]]:
    key = [getattr(PlacementCountRow, name) for name in (*KINDS, "paused")]
    rows = connection.execute(select(*key, func.sum(PlacementCountRow.placements)).group_by(*key))
    return Counter({tuple(kind): number for *kind, number in rows if number})


def _there(connection: Connection) -> Counter[tuple[Any, ...]]:
    key = [getattr(PlacementRow, name) for name in KINDS]
    rows = connection.execute(select(*key, PlacementRow.paused_by))
    return Counter((*kind, paused_by is not None) for *kind, paused_by in rows)


def _rows(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(PlacementCountRow)).scalar_one()


def _step(connection: Connection, draw: random.Random, number: int) -> None:
    """Do one thing to one placement, to some of them, or to all."""
    mine = PlacementRow.id.in_([draw.randrange(1, 60) for _ in range(draw.choice((1, 1, 20)))])
    match draw.randrange(8):
        case 0:
            row = {"cluster": f"c{draw.randrange(4)}", "application": f"a{number}", "state": "placed", "mark": "m"}
            connection.execute(insert(PlacementRow).values(row))
        case 1:
            connection.execute(delete(PlacementRow).where(PlacementRow.id == draw.randrange(1, 60)))
        case 2:
            ids = connection.execute(select(PlacementRow.id).where(mine)).scalars().all()
            observations.lose_contact(connection, ids, code="cluster.unreachable", message="gone")
        case 3:
            counts.fold(connection)
        case _:
            column = draw.choice(sorted(_STATES))
            legal = PlacementRow.state.in_(("placed", "leaving", "retained"))
            connection.execute(update(PlacementRow).where(mine, legal).values({column: draw.choice(_STATES[column])}))


def test_the_sums_are_right_whatever_happens(database: Database) -> None:
    draw = random.Random(SEED)  # noqa: S311 - a seed
    with database.write() as connection:
        add_placements(connection, *(f"c{n % 4}/b{n}" for n in range(40)))
    for number in range(80):
        with suppress(_TakenBackError, DatabaseError), database.write() as connection:
            for part in range(draw.randrange(1, 4)):
                _step(connection, draw, 10 * number + part)
            assert _counted(connection) == _there(connection)
            if draw.random() < 0.2:
                raise _TakenBackError
        with database.read() as connection:
            assert _counted(connection) == _there(connection)
    with database.read() as connection:
        assert len(_there(connection)) > 10


def test_nothing_is_written_for_what_stands_as_it_did(database: Database) -> None:
    with database.write() as connection:
        ids = add_placements(connection, *(f"eu/a{n}" for n in range(5)))
    before = _rows(database)
    with database.write() as connection:
        observations.mark_observed(connection, ids, now=NOW)
        connection.execute(update(PlacementRow).values(objects=7, state="placed", paused_by=None))
    assert _rows(database) == before


def test_many_rows_of_a_kind_become_one(database: Database) -> None:
    with database.write() as connection:
        add_placements(connection, *(f"c{n % 3}/a{n}" for n in range(30)))
        connection.execute(update(PlacementRow).values(health="healthy"))
    with database.write() as connection:
        assert counts.fold(connection) == 90
        assert counts.fold(connection) == 0
        assert _counted(connection) == _there(connection)
    assert _rows(database) == 3


def test_who_counts_while_it_is_folded_is_neither_waited_for_nor_lost(postgres_database: Database) -> None:
    with postgres_database.write() as connection:
        ids = add_placements(connection, *(f"c{n % 3}/a{n}" for n in range(30)))
    failed: list[BaseException] = []

    def change(seed: int) -> None:
        draw = random.Random(seed)  # noqa: S311 - a seed
        mine = ids[seed::3]
        try:
            for _ in range(60):
                with postgres_database.write() as connection:
                    one = update(PlacementRow).where(PlacementRow.id == draw.choice(mine))
                    connection.execute(
                        one.values(health=draw.choice(tuple(Health)), sync_status=draw.choice(tuple(SyncStatus)))
                    )
        except BaseException as error:
            failed.append(error)

    workers = [threading.Thread(target=change, args=(seed,)) for seed in range(3)]
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        with postgres_database.write() as connection:
            counts.fold(connection)
        with postgres_database.read() as connection:
            assert sum(_counted(connection).values()) == 30
    for worker in workers:
        worker.join()
    assert not failed
    with postgres_database.read() as connection:
        assert _counted(connection) == _there(connection)


def test_nobody_waits_for_who_counts_in_the_same_cluster(postgres_database: Database) -> None:
    with postgres_database.write() as connection:
        one, other = add_placements(connection, "eu/a", "eu/b")
    with postgres_database.write() as first, postgres_database.write() as second:
        second.execute(text("SET LOCAL lock_timeout = '1s'"))
        first.execute(update(PlacementRow).where(PlacementRow.id == one).values(health="healthy"))
        second.execute(update(PlacementRow).where(PlacementRow.id == other).values(health="healthy"))
        counts.fold(second)


def test_what_was_written_while_nothing_counted_is_counted_later(database: Database) -> None:
    with database.write() as connection:
        add_placements(connection, "eu/a", "eu/b", "us/c")
    with database.write() as connection:
        enforced.remove(connection)
        connection.execute(update(PlacementRow).where(PlacementRow.cluster == "eu").values(health="degraded"))
        connection.execute(delete(PlacementRow).where(PlacementRow.cluster == "us"))
        enforced.create(connection)
        assert _counted(connection) != _there(connection)
    with database.write() as connection:
        assert counts.recount(connection) > 0
        assert counts.recount(connection) == 0
        assert _counted(connection) == _there(connection)


def test_a_scheduler_keeps_them_short(steps: Steps) -> None:
    steps.synced("a")
    steps.turns()
    assert _rows(steps.db) == 1


@pytest.fixture
def steps(database: Database) -> Steps:
    return Steps(database)


WHICH = (
    PlacementFilter(),
    PlacementFilter(cluster="c1"),
    PlacementFilter(clusters=("c0", "c2")),
    PlacementFilter(clusters=()),
    PlacementFilter(sync="failed"),
    PlacementFilter(health="degraded", clusters=("c1",)),
    PlacementFilter(application="a3"),
    PlacementFilter(application="a3", sync="synced"),
)


@pytest.mark.parametrize("which", WHICH, ids=str)
def test_the_summary_is_what_counting_gives(database: Database, which: PlacementFilter) -> None:
    kinds = list(product(_STATES["state"], SyncStatus, Health, (None, "ann")))
    rows = [
        {"cluster": f"c{n % 3}", "application": f"a{n // 3}", "mark": "m"}
        | {"state": state, "sync_status": sync, "health": health, "paused_by": paused_by}
        for n, (state, sync, health, paused_by) in enumerate(kinds * 2)
    ]
    with database.write() as connection:
        connection.execute(insert(PlacementRow), rows)
    mine = [
        row
        for row in rows
        if which.cluster in {"", row["cluster"]}
        and which.application in {"", row["application"]}
        and which.sync in {"", row["sync_status"]}
        and which.health in {"", row["health"]}
        and (which.clusters is None or row["cluster"] in which.clusters)
    ]
    placed = [row for row in mine if row["state"] == "placed"]
    worse = [severity(PlacementState(r["state"]), SyncStatus(r["sync_status"]), Health(r["health"])) for r in mine]
    with database.read() as connection:
        seen = summary(connection, ALL, which)
    assert seen.sync == Counter(row["sync_status"] for row in placed)
    assert seen.health == Counter(row["health"] for row in placed)
    assert seen.paused == sum(row["paused_by"] is not None for row in placed)
    assert seen.leaving == sum(row["state"] == "leaving" for row in mine)
    assert seen.retained == sum(row["state"] == "retained" for row in mine)
    assert seen.troubled == sum(one < Severity.FINE for one in worse)


def test_what_is_gone_is_not_told_as_none(database: Database) -> None:
    with database.write() as connection:
        add_placements(connection, "eu/a")
        connection.execute(update(PlacementRow).values(sync_status="synced", health="healthy"))
    with database.read() as connection:
        seen = summary(connection, ALL)
    assert (dict(seen.sync), dict(seen.health)) == ({"synced": 1}, {"healthy": 1})


def test_a_recount_that_fails_keeps_nothing_from_being_put_together(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[float] = []
    clock = ManualClock()

    def fails(_connection: Connection) -> int:
        tried.append(clock.seconds)
        message = "cancelled by the statement time-out"
        raise DatabaseError(message)

    with database.write() as connection:
        add_placements(connection, *(f"c{n % 3}/a{n}" for n in range(30)))
    monkeypatch.setattr(counts, "recount", fails)
    counting = Counting(database, clock)
    for _ in range(2 * int(counting_loop.AGAIN.total_seconds())):
        with suppress(DatabaseError):
            counting.tick()
        clock.seconds += 1
    assert _rows(database) == 3
    assert len(tried) == 2, "not at every turn"
    monkeypatch.undo()
    clock.seconds += counting_loop.AGAIN.total_seconds()
    counting.tick()
    monkeypatch.setattr(counts, "recount", fails)
    clock.seconds += counting_loop.RECOUNT.total_seconds() / 2
    counting.tick()
