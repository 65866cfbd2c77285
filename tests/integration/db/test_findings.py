"""Findings on both databases: one for each placement and trigger, decided on by pool, removed as they were read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import select

from common.domain.codes import CauseReason
from common.domain.placements import PlacementState
from common.domain.refs import PlacementRef
from common.domain.runs import Trigger
from common.domain.status import Reason
from common.store.engine.connection import Connection
from common.store.engine.errors import DatabaseError
from common.store.engine.session import Database
from common.store.schema.tables import FindingRow
from common.store.state import clusters, findings
from common.store.state.findings import NewFinding, OpenFinding
from tests.factories import cluster
from tests.integration.db.rows import NOW, SECOND, add_placements

CAUSE = Reason(CauseReason.DRIFTED, {"objects": 1, "name": "web"})


def _drift(placement_id: int, hint: str = "h") -> NewFinding:
    return NewFinding(placement_id, Trigger.DRIFT, CAUSE, hint)


def _file(connection: Connection, *ids: int, pool: str = "eu", after: int = 0) -> None:
    findings.file(connection, [_drift(one) for one in ids], pool=pool, now=NOW + after * SECOND)


def _oldest(connection: Connection, limit: int = 100) -> Sequence[OpenFinding]:
    pools = findings.waiting_pools(connection)
    return [one for pool in pools for one in findings.oldest(connection, pool, limit=limit)]


def test_what_was_filed_is_read_with_its_placement(database: Database) -> None:
    with database.write() as connection:
        (id_,) = add_placements(connection, "eu/web")
        _file(connection, id_)
    with database.read() as connection:
        (one,) = _oldest(connection)
    assert (one.placement_id, one.trigger, one.cause, one.hint) == (id_, Trigger.DRIFT, CAUSE, "h")
    assert (one.ref, one.state) == (PlacementRef("eu", "web"), PlacementState.PLACED)
    assert (one.desired, one.applied, one.failed_at, one.tenant, one.paused) == (None, None, None, None, False)


def test_of_a_placement_and_trigger_the_last_word_counts_and_the_first_time(database: Database) -> None:
    with database.write() as connection:
        (id_,) = add_placements(connection, "eu/web")
        _file(connection, id_)
        awaited = NewFinding(id_, Trigger.CHECK, Reason(CauseReason.TAKE_OVER))
        findings.file(connection, [_drift(id_, "1"), awaited, _drift(id_, "2")], pool="us", now=NOW + SECOND)
    with database.read() as connection:
        found = {one.trigger: (one.hint, one.filed) for one in _oldest(connection)}
        rows = connection.execute(select(FindingRow.trigger, FindingRow.pool, FindingRow.found_at)).all()
    assert found == {Trigger.DRIFT: ("2", 2), Trigger.CHECK: ("", 1)}
    assert sorted(tuple(row) for row in rows) == [("check", "us", NOW + SECOND), ("drift", "us", NOW)]


def test_pools_that_have_findings_are_told_and_each_is_read_by_itself(database: Database) -> None:
    with database.write() as connection:
        here, there = add_placements(connection, "eu/a", "us/a")
        assert findings.waiting_pools(connection) == ()
        assert list(_oldest(connection)) == []
        _file(connection, here)
        _file(connection, there, pool="us", after=1)
        assert findings.waiting_pools(connection) == ("eu", "us")
        assert [one.placement_id for one in findings.oldest(connection, "us", limit=10)] == [there]


def test_what_was_found_goes_with_its_cluster_to_another_pool(database: Database) -> None:
    with database.write() as connection:
        clusters.declare(connection, [replace(cluster("eu"), pool="eu"), replace(cluster("us"), pool="us")], now=NOW)
        moved, stays = add_placements(connection, "eu/a", "us/a")
        _file(connection, moved)
        _file(connection, stays, pool="us", after=1)
        clusters.declare(connection, [replace(cluster("eu"), pool="new"), replace(cluster("us"), pool="us")], now=NOW)
        found = {pool: findings.oldest(connection, pool, limit=10) for pool in findings.waiting_pools(connection)}
    assert {pool: [one.placement_id for one in each] for pool, each in found.items()} == {"new": [moved], "us": [stays]}


def test_an_object_that_was_created_late_is_not_forgotten_for_what_is_seen_again(database: Database) -> None:
    late = Reason(CauseReason.CREATED_LATE, {"object": "v1/ConfigMap/web/a"})
    with database.write() as connection:
        (id_,) = add_placements(connection, "eu/web")
        findings.file(connection, [NewFinding(id_, Trigger.DRIFT, late)], pool="eu", now=NOW)
        _file(connection, id_, after=1)
        (one,) = _oldest(connection)
    assert (one.cause, one.hint, one.filed) == (late, "", 2)


def test_the_oldest_goes_first(database: Database) -> None:
    with database.write() as connection:
        first, second, third = add_placements(connection, "eu/a", "eu/b", "eu/c")
        _file(connection, third)
        _file(connection, second, after=1)
        _file(connection, first, third, after=2)
        assert [one.placement_id for one in _oldest(connection, limit=2)] == [third, second]


def test_what_was_filed_again_since_it_was_read_stays(database: Database) -> None:
    with database.write() as connection:
        first, second = add_placements(connection, "eu/a", "eu/b")
        _file(connection, first, second)
        read = _oldest(connection)
    with database.write() as connection:
        _file(connection, second, after=1)
    with database.write() as connection:
        findings.remove(connection, read)
        assert [one.placement_id for one in _oldest(connection)] == [second]
        findings.remove(connection, _oldest(connection))
        assert findings.waiting_pools(connection) == ()


def test_words_of_any_length_and_kind_are_cut(database: Database) -> None:
    with database.write() as connection:
        (id_,) = add_placements(connection, "eu/web")
        odd = {"name": "nul \x00 and \ud800 " + "x" * 90_000, "objects": 1}
        found = NewFinding(id_, Trigger.DRIFT, Reason("x" * 300, odd))
        findings.file(connection, [found], pool="eu", now=NOW)
        (one,) = _oldest(connection)
    assert len(one.cause.code) == 100
    assert one.cause.params["objects"] == 1
    assert len(one.cause.params["name"]) <= 400
    assert "\x00" not in one.cause.params["name"]


@pytest.mark.parametrize("trigger", [Trigger.MANUAL, Trigger.LEAVING, Trigger.REVISION])
def test_nobody_files_what_is_not_a_workers_to_find(database: Database, trigger: Trigger) -> None:
    with database.write() as connection:
        (id_,) = add_placements(connection, "eu/web")
    with pytest.raises(DatabaseError), database.write() as connection:
        findings.file(connection, [NewFinding(id_, trigger, CAUSE)], pool="eu", now=NOW)


def test_nothing_is_filed_of_what_is_no_placement(database: Database) -> None:
    with pytest.raises(DatabaseError), database.write() as connection:
        findings.file(connection, [_drift(99)], pool="eu", now=NOW)
