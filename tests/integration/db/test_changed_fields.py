"""What differed of an object is a value in its row: it is read as it was written, and nothing else breaks a page."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, text

from common.domain.changes import Action, Change
from common.domain.differences import NO_DIFF, ChangedField, Diff
from common.domain.refs import ObjectId
from common.domain.rights import ALL
from common.domain.runs import AttemptOutcome
from common.store.engine import upgrade
from common.store.engine.session import Database
from common.store.queue import attempts, results, runs
from common.store.queue.attempts import AttemptEnding
from common.store.queue.runs import ClaimedRun
from common.store.reads import runs as run_reads
from common.store.reads.runs import ObjectResultView
from common.store.schema.tables import ObjectResultRow
from common.store.state.stored_diffs import diff_in
from tests.integration.db.rows import LEASE, NOW, add_placements, new_run

BEFORE = "0048"
OBJECT = ObjectId("apps", "Deployment", "shop", "web")
DIFF = Diff(
    (
        ChangedField(".spec.replicas", "5", "3", "kubectl-edit"),
        ChangedField(".spec.paused", None, "true"),
        ChangedField('.metadata.labels.a"b', '"\u2603"', None, masked=True),
    ),
    more=7,
)


def claimed(database: Database) -> ClaimedRun:
    with database.write() as connection:
        add_placements(connection, "eu/web")
        made = runs.create(connection, new_run(1, "eu/web"), now=NOW)
        assert made is not None
        found = runs.claim(connection, made, worker="w", lease=LEASE, now=NOW)
    assert isinstance(found, ClaimedRun)
    return found


def read(database: Database, run: ClaimedRun) -> ObjectResultView:
    with database.read() as connection:
        detail = run_reads.run(connection, ALL, run.attempt.run)
    assert detail is not None
    (one,) = detail.objects
    return one


def write(database: Database, diff: Diff) -> ClaimedRun:
    run = claimed(database)
    with database.write() as connection:
        results.append(connection, run.attempt, [Change(OBJECT, Action.CONFIGURED, diff=diff)], first=0)
    return run


def test_fields_are_read_as_they_were_written_with_the_parts_of_their_object(database: Database) -> None:
    one = read(database, write(database, DIFF))
    assert one.fields == DIFF.fields
    assert one.more_fields == 7
    assert one.diff.splitlines()[0] == "~ .spec.replicas: 5 -> 3"
    assert (one.group, one.kind, one.namespace, one.name) == ("apps", "Deployment", "shop", "web")
    assert one.object == "apps/Deployment:shop/web"


def test_what_no_database_stores_does_not_keep_a_run_from_ending(database: Database) -> None:
    odd = "a\x00b\ud800" + "x" * 100_000
    run = write(database, Diff(tuple(ChangedField(odd, odd, odd, odd) for _ in range(300))))
    with database.write() as connection:
        attempts.end_attempt(connection, run.attempt, AttemptEnding(AttemptOutcome.SUCCEEDED), now=NOW)
    one = read(database, run)
    assert sum(len(field.path) for field in one.fields) < 100_000


@pytest.mark.parametrize(
    "stored",
    [
        {"fields": "x"},
        {"fields": [1, None, [], {"path": 1}, {"before": "x"}]},
        {"fields": {"path": "x"}, "more": -1},
        {"more": "many"},
        {"fields": [{"path": "p", "before": 1, "after": [], "owner": {}, "masked": "yes"}] * 10_000},
        {"else": True},
    ],
    ids=range(6),
)
def test_any_json_that_a_pools_role_may_write_is_read(database: Database, stored: Any) -> None:
    run = claimed(database)
    row = {"run_id": run.attempt.run, "attempt": 1, "ordinal": 0, "action": "configured", "fields": stored}
    parts = {"group": "", "kind": "ConfigMap", "namespace": "a", "name": "b"}
    with database.write() as connection:
        connection.execute(insert(ObjectResultRow), {**row, **parts})
    one = read(database, run)
    assert len(one.fields) <= 200
    assert one.more_fields >= 0


@pytest.mark.parametrize("stored", [[1], "x", 1, None], ids=repr)
def test_what_is_no_mapping_is_no_difference(stored: Any) -> None:
    assert diff_in(stored) == NO_DIFF


def test_rows_from_before_keep_their_lines(database: Database) -> None:
    run = write(database, DIFF)
    upgrade.downgrade(database, BEFORE)
    with database.write() as connection:
        connection.execute(text("UPDATE object_results SET diff = '~ .a: 1 -> 2'"))
    upgrade.upgrade(database)
    one = read(database, run)
    assert (one.fields, one.more_fields, one.diff) == ((), 0, "~ .a: 1 -> 2")
