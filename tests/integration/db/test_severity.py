"""How bad it is with a placement: the database says what the pure function says, whoever wrote the row."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update
from sqlalchemy.exc import DBAPIError

from common.domain.health import Health, HealthReport
from common.domain.placements import PlacementState
from common.domain.rights import ALL
from common.domain.runs import SyncStatus
from common.domain.severity import Severity, severity
from common.store.engine.connection import Connection
from common.store.engine.errors import DatabaseError
from common.store.engine.session import Database
from common.store.reads import placements, problems
from common.store.reads.placements import PlacementFilter
from common.store.schema.tables import PlacementRow
from common.store.state import healths, observations, outcomes
from common.store.state.healths import SeenHealth
from tests.factories import said
from tests.integration.db.rows import NOW, add_placements

CASES = tuple(product(PlacementState, SyncStatus, Health))
_COLUMNS = (PlacementRow.id, PlacementRow.severity, PlacementRow.state, PlacementRow.sync_status, PlacementRow.health)


def _fill(database: Database) -> None:
    rows = [
        {
            "cluster": f"c{n % 7}",
            "application": f"a{n}",
            "state": state,
            "mark": "m",
            "sync_status": sync,
            "health": health,
        }
        for n, (state, sync, health) in enumerate(CASES)
    ]
    with database.write() as connection:
        connection.execute(insert(PlacementRow), rows)


def _agrees(connection: Connection) -> dict[int, int]:
    found: dict[int, int] = {}
    for row in connection.execute(select(*_COLUMNS)):
        wanted = severity(PlacementState(row.state), SyncStatus(row.sync_status), Health(row.health))
        assert row.severity == wanted, tuple(row)
        found[row.id] = row.severity
    return found


def test_each_combination_is_as_bad_as_the_function_says(database: Database) -> None:
    _fill(database)
    with database.read() as connection:
        assert set(_agrees(connection).values()) == set(Severity)


def test_the_worst_come_first_and_page_by_page(database: Database) -> None:
    _fill(database)
    seen: list[str] = []
    with database.read() as connection:
        after = ""
        while page := placements.troubled(connection, ALL, PlacementFilter(), after=after, limit=7):
            seen += [view.ref for view in page.items]
            after = page.after
            if not after:
                break
        rows = connection.execute(select(PlacementRow.cluster, PlacementRow.application, PlacementRow.severity))
        wanted = sorted((row.severity, row.cluster, row.application) for row in rows if row.severity < Severity.FINE)
        told = problems.problems(connection, ALL, PlacementFilter())
        fewer = problems.problems(connection, ALL, PlacementFilter(), limit=2)
    assert (fewer.items, fewer.more) == (told.items[:2], len(told.items) - 2)
    assert seen == [f"{cluster}/{application}" for _, cluster, application in wanted]
    assert sum(one.count for one in told.items) == len(wanted)


def test_nobody_says_it_by_hand(database: Database) -> None:
    with database.write() as connection:
        add_placements(connection, "eu/web")
    with pytest.raises((DatabaseError, DBAPIError)), database.write() as connection:
        connection.execute(update(PlacementRow).values(severity=0))


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("health"), st.sampled_from(Health)),
        st.tuples(st.just("lost"), st.none()),
        st.tuples(st.just("reached"), st.none()),
        st.tuples(st.just("observed"), st.none()),
        st.tuples(st.just("found"), st.sampled_from(["", "drift.found", "sync.waits"])),
        st.tuples(st.just("state"), st.sampled_from(["leaving", "placed"])),
        st.tuples(st.just("left"), st.none()),
    ),
    max_size=12,
)


def _take(connection: Connection, one: int, step: tuple[str, Any]) -> None:
    match step:
        case ("health", health):
            healths.record_healths(connection, [SeenHealth(one, HealthReport(health), None, None)], now=NOW)
        case ("lost", _):
            observations.lose_contact(connection, [one], code="cluster.unreachable", message="gone")
        case ("reached", _):
            observations.reached(connection, [one], now=NOW)
        case ("observed", _):
            observations.mark_observed(connection, [one], now=NOW)
        case ("found", code):
            reason = said("x")
            outcomes.record_found(connection, one, type(reason)(code, reason.params) if code else type(reason)("", {}))
        case ("state", state):
            mine = update(PlacementRow).where(PlacementRow.id == one, PlacementRow.state.in_(["placed", "leaving"]))
            connection.execute(mine.values(state=state))
        case ("left", _):
            outcomes.record_left(connection, one)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=_STEPS)
def test_it_is_right_after_every_step(database: Database, steps: list[tuple[str, Any]]) -> None:
    with database.write() as connection:
        connection.execute(update(PlacementRow).values(state="placed"))
        found = connection.execute(select(PlacementRow.id)).scalar()
        one = found if found is not None else add_placements(connection, "eu/web")[0]
        for step in steps:
            _take(connection, one, step)
            _agrees(connection)
