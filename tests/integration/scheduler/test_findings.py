"""Only the scheduler makes runs: what a worker files leads to one by the next turn, and to one alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import literal, select, text, update

from common.domain.codes import CauseReason, SweepReason
from common.domain.refs import PlacementRef
from common.domain.runs import Trigger
from common.domain.status import Reason, Remedy
from common.store.engine.session import Database
from common.store.schema.tables import FindingRow, Json, OpenRunRow, PlacementRow, RunRow
from common.store.state.findings import NewFinding
from scheduler.loop import findings
from tests.harness import texts
from tests.harness.scheduler import PAY, REGISTRY, Steps

SEEN = Reason(
    CauseReason.DRIFTED, {"objects": 1, "kind": "ConfigMap", "name": "web", "what": SweepReason.GONE, "by": ""}
)


@pytest.fixture
def synced(steps: Steps) -> Steps:
    """A leader that has sent all there is."""
    steps.synced()
    steps.turns(2)
    return steps


def drift(steps: Steps, ref: PlacementRef = PAY, hint: str = "seen") -> NewFinding:
    return NewFinding(steps.placement(ref).id, Trigger.DRIFT, SEEN, hint)


def left(steps: Steps) -> int:
    with steps.db.read() as connection:
        return len(connection.execute(select(FindingRow.placement_id)).all())


def test_drift_is_a_run_and_on_its_way_by_the_next_turn(synced: Steps) -> None:
    sent = len(synced.outbox.of("sync"))
    synced.file(drift(synced))
    assert synced.placement().run is None, "nothing but a turn makes it"
    synced.turns(1)
    run = synced.placement().run
    assert run is not None
    assert run.trigger == Trigger.DRIFT
    assert synced.outbox.of("sync")[sent:] == [run.id]
    assert left(synced) == 0
    with synced.db.read() as connection:
        row = connection.execute(select(*RunRow.__table__.c).where(RunRow.id == run.id)).one()
    assert (row.actor, row.queue) == ("flotilla", "default")
    assert Reason(row.cause_code, row.cause_params) == SEEN
    assert (row.source_digest, row.source_id) == ("a" * 64, synced.placement().source_id)


def test_an_awaited_look_goes_beside_the_run_that_writes(synced: Steps) -> None:
    awaited = NewFinding(synced.placement().id, Trigger.CHECK, Reason(CauseReason.TAKE_OVER, {"placement": "c1/old"}))
    synced.file(drift(synced), awaited)
    synced.turns(1)
    with synced.db.read() as connection:
        made = connection.execute(select(OpenRunRow.trigger)).scalars().all()
    assert sorted(made) == ["check", "drift"]
    assert left(synced) == 0


def test_two_schedulers_at_once_make_one_run(synced: Steps) -> None:
    synced.file(drift(synced))
    others = [Steps(synced.db, name=name, snapshots=synced.snapshots) for name in "bc"]
    with ThreadPoolExecutor(2) as pool:
        made = [*pool.map(lambda one: one.findings.tick(), others)]
    assert sum(made) == 1
    assert synced.placement().run is not None
    assert left(synced) == 0


def test_drift_beside_a_run_that_is_under_way_makes_none(synced: Steps) -> None:
    synced.resolve("b")
    synced.planner.tick()
    synced.claim()
    synced.file(drift(synced))
    assert synced.findings.tick() == 0
    assert left(synced) == 0
    assert synced.wanted() == "b"


def test_what_may_not_be_is_forgotten_until_it_is_found_again(synced: Steps) -> None:
    synced.file(drift(synced))
    synced.commit(REGISTRY | {"app.yaml": texts.application(target="select: {matchLabels: {env: dev}}")})
    synced.planner.tick()
    assert synced.findings.tick() == 0
    assert left(synced) == 0


def test_without_a_fleet_a_finding_waits(database: Database) -> None:
    steps = Steps(database)
    assert steps.findings.tick() == 0


def test_what_fails_is_tried_again_within_the_turn_that_decides_it(synced: Steps) -> None:
    id_ = synced.placement().id
    with synced.db.write() as connection:
        failed_at = synced.db.now(connection) - timedelta(hours=2)
        failed = {
            "failure_code": "x", "failure_params": {"message": "no"}, "failure_remedy": Remedy.CHANGE,
            "failure_since": failed_at, "failure_last_at": failed_at, "failure_count": 1, "failures": 1,
        }  # fmt: skip
        connection.execute(update(PlacementRow).where(PlacementRow.id == id_).values(failed))
    synced.file(replace(drift(synced), hint=""))
    synced.turns(1)
    assert synced.placement().run is None, "it looks as it did when it failed"
    synced.file(drift(synced))
    synced.turns(1)
    run = synced.placement().run
    assert run is not None
    assert synced.outbox.of("sync")[-1] == run.id


def test_a_pool_that_floods_does_not_keep_another_waiting(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "PER_TICK", 4)
    clusters = texts.documents(*(texts.cluster(f"c{number}") for number in range(1, 9)))
    steps.commit(REGISTRY | {"clusters.yaml": clusters})
    steps.synced()
    flood = [drift(steps, PlacementRef(f"c{number}", "pay")) for number in range(1, 8)]
    quiet = PlacementRef("c8", "pay")
    steps.file(*flood, pool="loud")
    steps.file(drift(steps, quiet), pool="quiet")
    assert steps.findings.tick() == 3
    assert steps.placement(quiet).run is not None
    assert left(steps) == 5
    for _ in range(2):
        steps.findings.tick()
    assert left(steps) == 0


def test_a_finding_that_makes_no_sense_holds_up_none(synced: Steps) -> None:
    odd = replace(drift(synced), trigger=Trigger.CHECK, cause=Reason("cause.mine", {"first": ["\x00"]}))
    synced.file(drift(synced), odd)
    with synced.db.write() as connection:
        # As whoever has a pool's role could write it, past our code.
        looks = update(FindingRow).where(FindingRow.trigger == "check")
        connection.execute(looks.values(cause_code="cause.take-over", cause_params=literal(["x"], Json)))
    synced.findings.tick()
    assert left(synced) == 0


@pytest.mark.parametrize(
    "poison",
    ['{"x": 1' + "0" * 5_000 + "}", '{"x": ' + "[" * 3_000 + "]" * 3_000 + "}"],
    ids=["a number that Python refuses", "lists in lists"],
)
def test_what_cannot_be_read_of_one_pool_keeps_no_other_from_its_runs(synced: Steps, poison: str) -> None:
    other = NewFinding(synced.placement().id, Trigger.CHECK, Reason(CauseReason.TAKE_OVER, {"placement": "c1/old"}))
    synced.file(other, pool="bad")
    synced.file(drift(synced), pool="good")
    params = "CAST(:params AS JSONB)" if synced.db.dialect == "postgresql" else ":params"
    with synced.db.write() as connection:
        odd = text(f"UPDATE findings SET cause_params = {params} WHERE pool = 'bad'")  # noqa: S608 - constants
        connection.execute(odd, {"params": poison})
    assert synced.findings.tick() == 1
    assert left(synced) == 1


def test_a_failure_that_is_dated_far_ahead_counts_as_of_now(synced: Steps) -> None:
    ahead = datetime(8999, 12, 31, tzinfo=UTC)
    failed = {
        "failure_code": "x", "failure_params": {"message": "no"}, "failure_remedy": Remedy.CHANGE,
        "failure_since": ahead, "failure_last_at": ahead, "failure_count": 1, "failures": 1,
    }  # fmt: skip
    with synced.db.write() as connection:
        connection.execute(update(PlacementRow).where(PlacementRow.id == synced.placement().id).values(failed))
    synced.file(drift(synced))
    synced.findings.tick()
    assert left(synced) == 0


@pytest.mark.parametrize("filed", [timedelta(seconds=-1), timedelta(seconds=1)], ids=["before its end", "after it"])
def test_what_was_seen_while_a_run_wrote_is_judged_by_that_run(synced: Steps, filed: timedelta) -> None:
    synced.file(drift(synced), ago=timedelta(seconds=5))
    with synced.db.write() as connection:
        ended = {"applied_at": synced.db.now(connection) - filed}
        connection.execute(update(PlacementRow).where(PlacementRow.id == synced.placement().id).values(ended))
    assert synced.findings.tick() == 0
    assert left(synced) == 0
