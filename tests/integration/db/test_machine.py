"""Any order of events: one unended run for each placement, attempts without a gap, nothing vanishes or comes back."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from common.domain.changes import Action
from common.domain.refs import AttemptRef, ObjectId, RunId
from common.domain.runs import AttemptOutcome
from common.store.engine.session import Database
from common.store.queue import attempts, dispatch, leases, reaper, runs, waits
from common.store.queue.attempts import AttemptEnding
from common.store.queue.runs import ClaimedRun
from common.store.schema.tables import AttemptRow, LeaseRow, OpenRunRow, RunRow
from tests.factories import said
from tests.integration.db.rows import LEASE, NOW, add_placements, heartbeat, new_run, whole_row

PLACEMENTS = 3
POISON = 3
OBJECTS = tuple(ObjectId("", "ConfigMap", "shop", name) for name in "abc")
Row = dict[str, Any]


class Runs(RuleBasedStateMachine):
    """Creators, workers, the reaper and people, in any order; time moves only when told."""

    template: Path
    made: Bundle[RunId] = Bundle("made")
    claims: Bundle[ClaimedRun] = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        path = Path(self.folder.name) / "machine.db"
        shutil.copyfile(self.template, path)
        self.database = Database(f"sqlite:///{path}")
        self.now = NOW
        self.frozen: dict[object, Row] = {}
        self.known: set[RunId] = set()
        self.holders: dict[int, ClaimedRun] = {}
        self.planned: dict[AttemptRef, set[ObjectId]] = {}
        self.late_writes: dict[int, set[ObjectId]] = {}
        heartbeat(self.database, "alive", started=NOW - LEASE, seen=NOW + timedelta(days=9_999))
        with self.database.write() as connection:
            self.placements = add_placements(connection, *[f"eu/a{n}" for n in range(PLACEMENTS)])

    def teardown(self) -> None:
        self.database.dispose()
        self.folder.cleanup()

    @rule(seconds=st.integers(1, 15))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(target=made, index=st.integers(0, PLACEMENTS - 1))
    def create(self, index: int) -> RunId | MultipleResults[RunId]:
        placement = self.placements[index]
        with self.database.write() as connection:
            unended = connection.execute(select(OpenRunRow.run_id).where(OpenRunRow.placement_id == placement)).first()
            run = runs.create(connection, new_run(placement, f"eu/a{index}"), now=self.now)
        assert (run is None) == (unended is not None)
        if run is None:
            return multiple()
        self.known.add(run)
        return run

    @rule(target=claims, run=made, worker=st.sampled_from(["alive", "dying"]))
    def claim(self, run: RunId, worker: str) -> ClaimedRun | MultipleResults[ClaimedRun]:
        with self.database.write() as connection:
            stands = select(OpenRunRow.state, OpenRunRow.not_before).where(OpenRunRow.run_id == run)
            before = connection.execute(stands).one_or_none()
            found = runs.claim(connection, run, worker=worker, lease=LEASE, now=self.now)
        is_due = before is not None and before.not_before <= self.now + runs.EARLY
        claimable = before is not None and before.state == "queued" and is_due
        assert (found is not None) == claimable
        if found is None:
            return multiple()
        assert found.placement_id not in self.holders
        self.holders[found.placement_id] = found
        with self.database.read() as connection:
            fenced = attempts.fenced_objects(connection, found.placement_id, found.attempt)
        assert fenced == self.late_writes.get(found.placement_id, set())
        return found

    @rule(found=claims, objects=st.sets(st.sampled_from(OBJECTS), min_size=1))
    def plan(self, found: ClaimedRun, objects: set[ObjectId]) -> None:
        changes = [(object_, Action.CONFIGURED) for object_ in sorted(objects)]
        with self.database.write() as connection:
            stored = attempts.plan(connection, found.attempt, placement_id=found.placement_id, changes=changes)
        assert stored == self._holds(found)
        if stored:
            self.planned.setdefault(found.attempt, set()).update(objects)

    @rule(found=claims)
    def renew(self, found: ClaimedRun) -> None:
        name = leases.of_placement(found.placement_id)
        with self.database.write() as connection:
            held = leases.renew(connection, {name: str(found.attempt)}, lease=LEASE, now=self.now)
        assert (held == {name}) == self._holds(found)

    @rule(found=claims, outcome=st.sampled_from([o for o in AttemptOutcome if o is not AttemptOutcome.INTERRUPTED]))
    def end(self, found: ClaimedRun, outcome: AttemptOutcome) -> None:
        not_before = self.now + timedelta(seconds=5) if outcome is AttemptOutcome.RETRYING else None
        with self.database.write() as connection:
            ending = AttemptEnding(outcome, not_before=not_before)
            done = attempts.end_attempt(connection, found.attempt, ending, now=self.now)
            if done and not_before:
                dispatch.park(connection, found.attempt.run, limit=1)
        assert done == self._holds(found)
        if done:
            del self.holders[found.placement_id]
            if outcome in {AttemptOutcome.SUCCEEDED, AttemptOutcome.WAITING}:
                self.late_writes.pop(found.placement_id, None)

    @rule()
    def reap(self) -> None:
        with self.database.write() as connection:
            lapsed = set(connection.execute(select(LeaseRow.token).where(LeaseRow.expires_at <= self.now)).scalars())
            reaped = reaper.reap(connection, now=self.now, dead_after=LEASE, poison_limit=POISON)
        assert {str(found.attempt) for found in reaped} == lapsed
        for found in reaped:
            lost = self.holders.pop(found.placement_id)
            assert lost.attempt == found.attempt
            assert found.died == (found.worker == "dying")
            late = self.planned.get(found.attempt, set())
            if late:
                self.late_writes.setdefault(found.placement_id, set()).update(late)

    @rule(run=made, what=st.sampled_from(["resume", "fail", "send", "wipe"]))
    def nudge(self, run: RunId, what: str) -> None:
        with self.database.write() as connection:
            if what == "resume":
                waits.resume(connection, run, now=self.now)
            elif what == "fail":
                waits.fail(connection, run, error=said("late"), now=self.now)
            elif what == "send":
                dispatch.mark_sent(connection, [run], now=self.now)
            else:
                dispatch.unsend_all(connection)

    @rule(index=st.integers(0, PLACEMENTS - 1))
    def supersede(self, index: int) -> None:
        with self.database.write() as connection:
            runs.supersede(connection, [self.placements[index]], reason=said("newer"), now=self.now)

    @invariant()
    def history_holds(self) -> None:
        with self.database.read() as connection:
            run_rows = [whole_row(connection, id_) for id_ in connection.execute(select(RunRow.id)).scalars()]
            attempt_rows = [dict(row) for row in connection.execute(select(AttemptRow.__table__)).mappings()]
            held = {row.name: row.token for row in connection.execute(select(LeaseRow.name, LeaseRow.token))}
        assert {row["id"] for row in run_rows} == self.known
        for row in run_rows:
            mine = [attempt for attempt in attempt_rows if attempt["run_id"] == row["id"]]
            self._check_run(row, sorted(mine, key=lambda attempt: attempt["number"]))
        for row in [*run_rows, *attempt_rows]:
            if row["outcome"] is not None:
                key = (row.get("run_id") or row["id"], row.get("number"))
                assert self.frozen.setdefault(key, row) == row
        unended = [row["placement_id"] for row in run_rows if row["state"] != "ended"]
        assert len(unended) == len(set(unended))
        assert held == {leases.of_placement(id_): str(found.attempt) for id_, found in self.holders.items()}

    def _check_run(self, row: Row, mine: list[Row]) -> None:
        outcomes = [attempt["outcome"] for attempt in mine]
        assert [attempt["number"] for attempt in mine] == list(range(1, len(mine) + 1))
        assert row["attempts"] == len(mine)
        assert row["retries"] == outcomes.count("retrying")
        assert (row["state"] == "running") == (None in outcomes)
        assert None not in outcomes[:-1]
        assert (row["state"] == "ended") == (row["outcome"] is not None)
        died = sum(attempt["outcome"] == "interrupted" and attempt["worker"] == "dying" for attempt in mine)
        assert row["interruptions"] == died
        assert (row["outcome"] == "interrupted") == (died == POISON)
        ends = {"succeeded", "failed", "superseded", "skipped", "needs-approval"} & set(outcomes)
        assert len([outcome for outcome in outcomes if outcome in ends]) <= 1
        if ends:
            assert row["outcome"] == outcomes[-1]

    def _holds(self, found: ClaimedRun) -> bool:
        holder = self.holders.get(found.placement_id)
        return holder is not None and holder.attempt == found.attempt


def test_no_order_of_events_breaks_the_history(sqlite_template: Path) -> None:
    machine = type("Runs", (Runs,), {"template": sqlite_template})
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=50, stateful_step_count=40, suppress_health_check=list(HealthCheck)),
    )
