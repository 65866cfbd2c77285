"""What is old goes, what is needed stays, and nobody deletes anything else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Executable, func, insert, select, text, update

from common.domain.refs import LEAST_UUID, RunId
from common.domain.runs import AttemptOutcome, Trigger
from common.store.engine.errors import DatabaseError
from common.store.engine.session import Database
from common.store.events import audit
from common.store.queue import attempts, retention, runs
from common.store.queue.attempts import AttemptEnding
from common.store.schema.tables import (
    ApprovalRow,
    AttemptRow,
    AuditRow,
    Base,
    FaultRow,
    FleetRow,
    FleetSnapshotRow,
    IntentRow,
    ObjectResultRow,
    PlannedChangeRow,
    PruneSpendingRow,
    RetentionRow,
    RunRow,
)
from tests.integration.db.rows import LEASE, add_placements, new_run

KEEP = timedelta(days=400)
DAY = timedelta(days=1)


@pytest.fixture
def now(database: Database) -> datetime:
    """The database's present."""
    with database.read() as connection:
        return database.now(connection)


def placement(database: Database, ref: str = "eu/web") -> int:
    with database.write() as connection:
        (made,) = add_placements(connection, ref)
    return made


def ran(
    database: Database,
    placement_id: int,
    at: datetime,
    outcome: AttemptOutcome = AttemptOutcome.SUCCEEDED,
    *,
    trigger: Trigger = Trigger.REVISION,
) -> RunId:
    """Add a run that ended then, with an attempt and an object's result."""
    with database.write() as connection:
        made = runs.create(connection, new_run(placement_id, "eu/web", trigger=trigger), now=at)
        assert made is not None
        found = runs.claim(connection, made, worker="w", lease=LEASE, now=at)
        assert found is not None
        pod = {"group": "", "kind": "Pod", "namespace": "shop", "name": "web", "action": "created"}
        result = {"run_id": made, "attempt": 1, "ordinal": 0} | pod
        connection.execute(insert(ObjectResultRow).values(result))
        attempts.end_attempt(connection, found.attempt, AttemptEnding(outcome), now=at)
    return made


def pruned(database: Database, keep: timedelta = KEEP, *, batch: int = retention.BATCH) -> Mapping[str, int]:
    deleted: Counter[str] = Counter()
    for one in retention.prune(database, keep=keep, batch=batch):
        deleted.update(one)
    return {name: rows for name, rows in deleted.items() if rows}


def carried_out(database: Database, *statements: Executable) -> None:
    with database.write() as connection:
        for statement in statements:
            connection.execute(statement)


def left(database: Database) -> set[str]:
    with database.read() as connection:
        return set(connection.execute(select(RunRow.id)).scalars())


def count(database: Database, row: type[Base]) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(row)).scalar_one())


def test_old_runs_go_with_all_that_hangs_on_them(database: Database, now: datetime) -> None:
    of = placement(database)
    ran(database, of, now - 500 * DAY)
    ran(database, of, now - 450 * DAY, AttemptOutcome.FAILED)
    young = ran(database, of, now - 399 * DAY)
    assert pruned(database) == {"runs": 2, "attempts": 2, "object_results": 2}
    assert left(database) == {young}
    assert count(database, AttemptRow) == count(database, ObjectResultRow) == 1
    assert pruned(database) == {}
    assert count(database, RetentionRow) == 0


def test_of_each_placement_the_last_good_run_and_the_last_one_stay(database: Database, now: datetime) -> None:
    of = placement(database)
    ran(database, of, now - 600 * DAY)
    good = ran(database, of, now - 590 * DAY)
    ran(database, of, now - 580 * DAY, AttemptOutcome.FAILED)
    last = ran(database, of, now - 570 * DAY, AttemptOutcome.FAILED)
    ran(database, of, now - 560 * DAY, trigger=Trigger.CHECK)
    assert pruned(database)["runs"] == 3
    assert left(database) == {good, last}


def test_what_an_approval_is_of_stays_as_long_as_it(database: Database, now: datetime) -> None:
    of = placement(database)
    asked = ran(database, of, now - 500 * DAY, AttemptOutcome.NEEDS_APPROVAL)
    last = ran(database, of, now - 490 * DAY)
    approval = {"kind": "prune", "subject": "eu/web", "digest": "d", "payload": {}, "created_at": now}
    with database.write() as connection:
        connection.execute(insert(ApprovalRow).values(approval | {"state": "rejected", "run_id": asked}))
    assert pruned(database) == {}
    assert left(database) == {asked, last}


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_batches_pass_what_stays(database: Database, now: datetime, batch: int) -> None:
    kept = set()
    for number in range(4):
        of = placement(database, f"c{number}/web")
        ran(database, of, now - (600 - number) * DAY)
        kept.add(ran(database, of, now - (590 - number) * DAY))
    assert pruned(database, batch=batch)["runs"] == 4
    assert left(database) == kept


def test_what_is_not_of_runs_goes_by_its_own_age(database: Database, now: datetime) -> None:
    old, young = now - 401 * DAY, now - 399 * DAY
    fault = {"scope": "message", "code": "x", "first_seen_at": old, "last_seen_at": old}
    intent = {"kind": "sync", "subject": "eu/web", "actor": "ann", "created_at": old}
    asked = {"kind": "prune", "subject": "eu/web", "payload": {}, "created_at": old, "decided_at": old}
    rows: Mapping[type[Base], list[dict[str, object]]] = {
        FaultRow: [fault | {"digest": str(n), "cleared_at": at} for n, at in enumerate((old, young, None))],
        IntentRow: [intent | {"handled_at": at} for at in (old, young, None)],
        ApprovalRow: [
            asked | {"digest": digest, "state": state}
            for digest, state in (("a", "done"), ("b", "void"), ("c", "rejected"), ("c", "void"), ("d", "approved"))
        ],
    }
    with database.write() as connection:
        for row, values in rows.items():
            connection.execute(insert(row), values)
        audit.append(connection, audit.Deed("ann", "sync", "eu/web", project=""), now=old)
    assert pruned(database) == {"faults": 1, "intents": 1, "approvals": 2}
    with database.read() as connection:
        states = connection.execute(select(ApprovalRow.digest, ApprovalRow.state).order_by(ApprovalRow.id)).all()
    # Were the last one gone, the rejection before it would be the last word on what it was about.
    assert [tuple(one) for one in states] == [("c", "rejected"), ("c", "void"), ("d", "approved")]
    assert count(database, AuditRow) == 1


def test_planned_changes_go_with_their_run(database: Database, now: datetime) -> None:
    of = placement(database)
    with database.write() as connection:
        made = runs.create(connection, new_run(of, "eu/web"), now=now - 500 * DAY)
        assert made is not None
        plan = {"run_id": made, "attempt": 1, "group": "", "kind": "Pod", "namespace": "shop", "name": "late"}
        connection.execute(insert(PlannedChangeRow).values(plan | {"placement_id": of, "action": "late"}))
        ended = {"outcome": "interrupted", "ended_at": now - 500 * DAY}
        connection.execute(update(RunRow).where(RunRow.id == made).values(ended))
    assert pruned(database) == {}
    ran(database, of, now)
    assert pruned(database) == {"runs": 1, "planned_changes": 1}


def test_what_was_spent_under_revisions_of_the_past_goes(database: Database) -> None:
    rows = [
        {"application": "web", "source_digest": digest, "placement_id": of, "objects": 0}
        for digest, of in (("old", 0), ("now", 0), ("now", 7))
    ]
    with database.write() as connection:
        connection.execute(insert(PruneSpendingRow), rows)
    assert pruned(database) == {"prune_spending": 1}


def test_snapshots_stay_while_something_refers_to_them(database: Database, now: datetime) -> None:
    old = now - 2 * DAY
    rows = [
        {"id": id_, "commit": "c" * 40, "documents": {}, "created_at": at}
        for id_, at in ((1, old), (2, old), (3, now), (4, old), (5, old))
    ]
    with database.write() as connection:
        connection.execute(insert(FleetSnapshotRow), rows)
        connection.execute(insert(FleetRow).values(id=1, name="f", snapshot_id=4, created_at=now))
    ran(database, placement(database), now)  # under snapshot 1
    assert pruned(database, batch=1) == {"fleet_snapshots": 1}
    with database.read() as connection:
        assert list(connection.execute(select(FleetSnapshotRow.id)).scalars()) == [1, 3, 4, 5]


def test_the_last_day_is_not_deleted(database: Database) -> None:
    with pytest.raises(retention.TooYoungError):
        pruned(database, timedelta(hours=23))


@pytest.mark.parametrize("statement", ["DELETE FROM object_results", "DELETE FROM attempts", "DELETE FROM runs"])
def test_the_database_refuses_what_is_young_or_kept(database: Database, now: datetime, statement: str) -> None:
    of = placement(database)
    ran(database, of, now - 500 * DAY)
    ran(database, of, now - 490 * DAY)  # the last good one
    for horizon in (now - 495 * DAY, now - 501 * DAY, None):
        stated = [insert(RetentionRow).values(id=1, horizon=horizon)] if horizon is not None else []
        with pytest.raises(DatabaseError, match="append-only"):
            carried_out(database, *stated, text(statement))


def test_a_batch_that_fails_leaves_everything(database: Database, now: datetime) -> None:
    of = placement(database)
    ran(database, of, now - 500 * DAY)
    ran(database, of, now)
    found = []

    def broken() -> None:
        with database.write() as connection:
            old = retention.delete_runs(connection, horizon=now - KEEP, after=(now - 999 * DAY, LEAST_UUID), limit=9)
            found.append(old.deleted["runs"])
            connection.execute(text("DELETE FROM runs"))

    with pytest.raises(DatabaseError):
        broken()
    assert found == [1]
    assert count(database, RunRow) == 2
    assert count(database, RetentionRow) == 0


def test_what_somebody_holds_is_passed_over(postgres_database: Database) -> None:
    with postgres_database.read() as connection:
        now = postgres_database.now(connection)
    of = placement(postgres_database)
    held = ran(postgres_database, of, now - 500 * DAY)
    ran(postgres_database, of, now - 490 * DAY)
    last = ran(postgres_database, of, now)
    with postgres_database.write() as other:
        other.execute(select(RunRow.id).where(RunRow.id == held).with_for_update())
        assert pruned(postgres_database)["runs"] == 1
    assert left(postgres_database) == {held, last}
    assert pruned(postgres_database)["runs"] == 1
