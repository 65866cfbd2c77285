"""Any order of commits, failures, sweeps, outages, hands and people: the status of a placement is never wrong.

The store, the planning and the recording are the real ones; the cluster is a few values. How many sequences are tried
says ``FLOTILLA_SEQUENCES`` (150 unless set).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select, update

from common.domain.changes import Action, Change
from common.domain.codes import SweepReason
from common.domain.differences import NO_DIFF
from common.domain.errors import TransientError
from common.domain.inventory import InventoryItem
from common.domain.refs import ObjectId, RunId
from common.domain.runs import SyncStatus, Trigger
from common.domain.status import Reason, sync_status
from common.domain.tenant import Signer, Tenant
from common.snapshots import Snapshots
from common.store.engine.session import Database
from common.store.queue import claims, runs, waits
from common.store.queue.runs import ClaimedRun
from common.store.schema.tables import ApprovalRow, FleetRow, OpenRunRow, PlacementRow
from common.store.state import clusters, inventory, observations, placement_status, placements, retries
from common.store.state.intents import IntentKind
from common.store.state.status import facts_of
from tests.factories import DIFFERS, said
from tests.harness import texts
from tests.harness.scheduler import PAY, REGISTRY, Steps
from workers.record.endings import Ender
from workers.record.known import Known
from workers.sync.requests import Phase
from workers.sync.results import Ending, Fight, SyncResult, Unended
from workers.sync.sweep import Drift, Finding, SweepResult, SweptPlacement
from workers.tasks.looking import Site
from workers.tasks.preflight import Go, Stop, preflight
from workers.tasks.sweep_cluster import Recorder

SEQUENCES = int(os.environ.get("FLOTILLA_SEQUENCES", "150"))
CONFIG = ObjectId("", "ConfigMap", "pay", "settings")
OLD = ObjectId("", "ConfigMap", "pay", "old")
HOOK = ObjectId("batch", "Job", "pay", "migrate")
PEOPLE = (IntentKind.RESUME, IntentKind.RESUME, IntentKind.PAUSE, IntentKind.SYNC, IntentKind.CHECK)
HOWS = ("denied", "faulty", "given up", "waits", "asks", "fights", "holds", "hook fails", "hook fails")
WITH_HOOKS = {Trigger.REVISION, Trigger.RETRY, Trigger.MANUAL}
OBSERVERS = ("sweep", "sweep", "partial sweep", "outage", "contact", "person looks", "turn")
PAST = datetime(2020, 1, 1, tzinfo=UTC)


class UnreachableError(TransientError):
    """The cluster does not answer."""

    code = "cluster.unreachable"


class FaultyError(TransientError):
    """It answers with an error of its own."""

    code = "cluster.server-error"


@dataclass(slots=True)
class Truth:
    """One cluster with one object and one hook after it, and what was found out about them.

    Attributes:
        content: digest of the revision that is in; empty for none.
        edits: writes to the object, ours and others'.
        known_edits: of these, as of our last look that was stored.
        edited: somebody's change is in it.
        reachable: it answers.
        contact: what was noted of that last: there is contact, a part could not be read, or none.
        failed: the last run for the wanted revision failed.
        judged: a look has found it to differ, and nothing was judged since.
        events: what has changed so far that may help a failure which only a change helps.
        tried: of these, those before the last attempt that failed began.
        swept: of the edits, those that a sweep has seen.
        by_hook: it was the hook that failed.
        changes: how often the cluster changed since the first failure.
        met: of these, how often before the last attempt that failed began.
        going: an object that was pruned is kept by a finalizer.
        hook: the revision that the hook was begun for last, and whether it succeeded.
    """

    content: str = ""
    edits: int = 0
    known_edits: int = 0
    edited: bool = False
    reachable: bool = True
    contact: str = "yes"
    failed: bool = False
    judged: bool = False
    events: int = 0
    tried: int = 0
    swept: int = 0
    by_hook: bool = False
    changes: int = 0
    met: int = 0
    going: bool = False
    hook: tuple[str, bool] = ("", False)

    def unended(self, revision: str) -> Unended:
        """Return what an attempt sees of the hook that does not run it."""
        of, succeeded = self.hook
        if of != revision:
            return Unended((HOOK,))
        return Unended() if succeeded else Unended((HOOK,), (HOOK,))

    @property
    def kept(self) -> tuple[tuple[ObjectId, str], ...]:
        """What every attempt sees that comes to its end."""
        return ((OLD, "example.com/hold"),) if self.going else ()


class Statuses(RuleBasedStateMachine):
    """The world, the hub's two sides and people, in any order."""

    template: Path
    database: Database
    path: Path
    snapshots: Snapshots
    modes: Mapping[str, int]

    def __init__(self) -> None:
        super().__init__()
        # One engine for all sequences, whose statements are compiled once, on a fresh file each time.
        for old in self.path.parent.glob(f"{self.path.name}*"):
            old.unlink()
        shutil.copyfile(self.template, self.path)
        self.steps = Steps(self.database, snapshots=self.snapshots)
        self.truth = Truth()
        self.commits = 1
        self.running: tuple[ClaimedRun, Ender, Go] | None = None
        self.begun = (0, 0)
        self.commit("a")
        # Most of what can go wrong needs something that is in.
        self.work("well")

    def teardown(self) -> None:
        self.database.dispose()

    # -- the world -----------------------------------------------------------------------------------------------

    @rule(digest=st.sampled_from("abc"))
    def commit(self, digest: str) -> None:
        before = self.steps.placement().desired if self.commits > 1 else None
        self.commits += 1
        self.steps.resolve(digest)
        self.steps.planner.tick()
        desired = self.steps.placement().desired
        if before is None or desired is None or before.identity != desired.identity:
            self.truth.failed = self.truth.judged = False
            self.truth.met = self.truth.changes
            self.truth.events += 1

    @rule(mode=st.sampled_from(["enforce", "enforce", "warn", "manual"]))
    def change_mode(self, mode: str) -> None:
        with self.steps.db.write() as connection:
            connection.execute(update(FleetRow).values(snapshot_id=self.modes[mode]))
        self.steps.planner.tick()
        self.truth.events += 1

    @rule(reachable=st.sampled_from([True, True, False]))
    def connect(self, *, reachable: bool) -> None:
        self.truth.reachable = reachable

    @precondition(lambda self: self.truth.content)
    @rule(undo=st.booleans())
    def drift(self, *, undo: bool) -> None:
        self.truth.edits += 1
        self.truth.edited = not undo
        self.truth.events += 1

    @rule()
    def let_go(self) -> None:
        self.truth.going = False

    @rule()
    def change_cluster(self) -> None:
        with self.steps.db.write() as connection:
            retries.cluster_changed(connection, "c1", now=self.steps.db.now(connection))
        self.truth.events += 1
        self.truth.changes += self.truth.failed

    # -- people --------------------------------------------------------------------------------------------------

    @rule(kind=st.sampled_from(PEOPLE))
    def person(self, kind: IntentKind) -> None:
        self.steps.ask(kind, str(PAY))
        self.steps.intents.tick()
        self.truth.events += 1

    @rule(yes=st.booleans())
    def decide(self, *, yes: bool) -> None:
        with self.steps.db.read() as connection:
            waiting = connection.execute(select(ApprovalRow.id).where(ApprovalRow.state == "open")).scalars().all()
        for id_ in waiting:
            self.steps.ask(IntentKind.APPROVE if yes else IntentKind.REJECT, str(id_))
            self.truth.events += 1
        self.steps.intents.tick()

    # -- the scheduler -------------------------------------------------------------------------------------------

    @rule()
    def turn(self) -> None:
        before = self._row()
        had_run = self.steps.placement().run is not None
        self.steps.findings.tick()
        self.steps.planner.tick()
        with self.steps.db.write() as connection:
            now = self.steps.db.now(connection)
            placements.clear_holds(connection)
            placements.want_what_was_missed(connection, now=now)
        self.steps.planner.tick()
        if before.failure_remedy == "permanent" and not had_run and self.truth.events == self.truth.tried:
            assert self.steps.placement().run is None, "only a change helps, and nothing has changed"
        run = self.steps.placement().run
        if run is not None and not had_run and self.truth.failed and self.truth.changes > self.truth.met:
            by_time = {"retry", "drift"} if self.truth.by_hook else {"retry"}
            assert run.trigger not in by_time, "a hook that failed runs again: its cluster has changed"

    @rule()
    def time_passes(self) -> None:
        with self.steps.db.write() as connection:
            connection.execute(update(OpenRunRow).where(OpenRunRow.state == "queued").values(not_before=PAST))
            wanted = update(PlacementRow).where(PlacementRow.retry_at.is_not(None))
            connection.execute(wanted.values(retry_at=PAST))

    # -- the workers ---------------------------------------------------------------------------------------------

    @precondition(lambda self: self.running is None)
    @rule(how=st.sampled_from(["well", "well", "denied", "faulty", "hook fails", "holds"]))
    def work(self, how: str) -> None:
        """What mostly happens: a run that is wanted is made, begun and ended, with nothing in between."""
        self.turn()
        self.begin()
        if self.running is not None:
            self.finish(how)

    @precondition(lambda self: self.running is None)
    @rule(digest=st.sampled_from("abc"), how=st.sampled_from(["well", "denied", "denied", "faulty"]))
    def deliver(self, digest: str, how: str) -> None:
        """Commit, and see it carried out or refused."""
        self.commit(digest)
        self.work(how)

    @precondition(lambda self: self.running is None)
    @rule(
        how=st.sampled_from(["denied", "hook fails"]),
        digest=st.sampled_from("abc"),
        observers=st.lists(st.sampled_from(OBSERVERS), min_size=1, max_size=4),
    )
    def fail(self, how: str, digest: str, observers: list[str]) -> None:
        """Commit what is refused, and let those look who see only the cluster: none of them may hide it."""
        self.connect(reachable=True)
        self.deliver(digest, how)
        for observer in observers:
            match observer:
                case "sweep" | "partial sweep":
                    self.sweep(partial=observer == "partial sweep")
                case "outage" | "contact":
                    self.connect(reachable=observer == "contact")
                    self.sweep(partial=False)
                case "person looks":
                    self.person(IntentKind.CHECK)
                    self.work("well")
                case "turn":
                    self.turn()
            self.the_status_is_never_wrong()

    @precondition(lambda self: self.running is None)
    @rule()
    def begin(self) -> None:
        query = select(OpenRunRow.run_id).where(OpenRunRow.state == "queued")
        with self.steps.db.write() as connection:
            now = self.steps.db.now(connection)
            queued = connection.execute(query.order_by(OpenRunRow.priority, OpenRunRow.run_id).limit(1)).scalar()
            run = (
                runs.claim(connection, RunId(queued), worker="w1", lease=timedelta(days=9), now=now) if queued else None
            )
        if run is None:
            return
        _, fleet = self.steps.snapshots.in_force(self.steps.db)
        with self.steps.db.read() as connection:
            facts = claims.facts_of(connection, run)
        placement = fleet.placement(run.ref)
        decision = preflight(run, facts, placement, cluster=fleet.clusters.get("c1"), owner="", agreed=False)
        phase = decision.phase if isinstance(decision, Go) else None
        known = Known(
            placement=placement,
            projects=fleet.projects,
            hint=facts.status.hint,
            phase=phase,
            manifest_digest=run.revision.source_digest if run.revision is not None else None,
            tenant=Tenant("default", ""),
            signer=Signer(b"k" * 32, run.ref, "m"),
        )
        ender = Ender(self.steps.db, run, known)
        if isinstance(decision, Stop):
            ender.stop(decision.outcome, decision.reason)
            return
        self.begun = (self.truth.events, self.truth.changes)
        self.running = (run, ender, decision)

    @precondition(lambda self: self.running is not None)
    @rule(how=st.sampled_from(["well", "well", "well", *HOWS]))
    def finish(self, how: str) -> None:
        assert self.running is not None
        (run, ender, go), self.running = self.running, None
        looks = run.trigger is Trigger.CHECK
        if not self.truth.reachable:
            exhausted = run.retries >= 5 or looks
            ender.transient(UnreachableError("no route"))
            self._noted(run, contact="no", failed=exhausted, go=go)
        elif how == "denied":
            ender.ended(SyncResult(Ending.FAILED, (), reason=said("denied"), error_code="cluster.denied"))
            self._noted(run, failed=True, go=go, refused=True)
        elif how == "faulty":
            ender.transient(FaultyError("etcd is slow"))
            self._noted(run, failed=run.retries >= 5 or looks, go=go)
        elif how == "given up":
            ender.ended(SyncResult(Ending.FAILED, (), reason=said("not healthy in time")))
            self._noted(run, failed=True, go=go)
        elif go.phase is Phase.CHECK:
            self._checked(run, ender)
        else:
            self._applied(run, ender, how, go)

    def _checked(self, run: ClaimedRun, ender: Ender) -> None:
        assert run.revision is not None
        differs = self.truth.edited or self.truth.content != run.revision.source_digest
        action = Action.CONFIGURED if differs else Action.UNCHANGED
        edits = self.truth.edits
        row, revision = self._row(), run.revision.source_digest
        left = self.truth.unended(revision)
        was_in = revision in {row.applied_source_digest, row.manifest_digest}
        unseen = row.failure_code in {"sync.deadline", "hook.failed"} or (left.begun if was_in else left.hooks)
        changes = (Change(CONFIG, action, diff=DIFFERS if differs else NO_DIFF),)
        ender.ended(SyncResult(Ending.SUCCEEDED, changes, going=self.truth.kept, unended=left))
        if run.trigger is Trigger.CHECK:
            return
        self.truth.contact, self.truth.judged = "yes", differs
        if not differs:
            self.truth.known_edits = edits
            if not unseen:
                self._succeeded(run)

    def _applied(self, run: ClaimedRun, ender: Ender, how: str, go: Go) -> None:
        assert run.revision is not None
        changes, digest = (Change(CONFIG, Action.CONFIGURED),), run.revision.source_digest
        applied = self._row().applied_source_digest
        hooked = run.trigger in WITH_HOOKS or (run.trigger is Trigger.APPROVAL and applied != digest)
        seen: dict[str, Any] = {"unended": Unended() if hooked else self.truth.unended(digest)}
        if how == "fights" and run.trigger is Trigger.DRIFT and self.truth.edited:
            until = datetime.now(UTC) + timedelta(seconds=30)
            fights = (Fight(CONFIG, "rival", until),)
            ender.ended(SyncResult(Ending.SUCCEEDED, (), fights=fights, going=self.truth.kept, **seen))
            self.truth.contact, self.truth.judged = "yes", True
            self._succeeded(run)
            return
        self.truth.content, self.truth.edited = digest, False
        self.truth.edits += 1
        self.truth.known_edits = self.truth.edits
        item = InventoryItem(CONFIG, "v1", fingerprint=str(self.truth.edits))
        with self.steps.db.write() as connection:
            inventory.replace(connection, run.placement_id, [item])
        if how == "waits":
            self.truth.contact = "yes"
            ender.ended(SyncResult(Ending.WAITING, changes, reason=said("once the rest is healthy")))
            return
        again = run.trigger is Trigger.RETRY and self.truth.hook == (digest, False)
        if hooked and (how == "hook fails" or again):
            self.truth.hook = (digest, False)
            ender.ended(SyncResult(Ending.FAILED, changes, reason=said("it failed"), error_code="hook.failed"))
            self._noted(run, failed=True, go=go, by_hook=True)
            return
        self.truth.contact = "yes"
        self.truth.hook = (digest, True) if hooked else self.truth.hook
        self.truth.judged = False
        if how == "asks":
            asks = SyncResult(Ending.NEEDS_APPROVAL, changes, reason=said("1 of 2"), prune=(CONFIG,), **seen)
            ender.ended(asks)
        else:
            self._pruned(run, holds=how == "holds")
            ender.ended(SyncResult(Ending.SUCCEEDED, changes, going=self.truth.kept, **seen))
        self._succeeded(run)

    def _pruned(self, run: ClaimedRun, *, holds: bool) -> None:
        """Delete what is no longer wanted; a finalizer may keep it."""
        self.truth.going = self.truth.going or holds
        if self.truth.going:
            with self.steps.db.write() as connection:
                inventory.replace(connection, run.placement_id, [InventoryItem(OLD, "v1", wanted=False, going=True)])

    def _succeeded(self, run: ClaimedRun) -> None:
        assert run.revision is not None
        blind = self.truth.by_hook and self.truth.hook == (run.revision.source_digest, False)
        if self._is_wanted(run) and not blind:
            self.truth.failed = False
            self.truth.met = self.truth.changes

    def _noted(self, run: ClaimedRun, *, failed: bool, go: Go, **how: Any) -> None:
        if run.trigger is Trigger.CHECK:
            return
        self.truth.contact = how.get("contact", self.truth.contact)
        only_looked = run.trigger is Trigger.DRIFT and go.phase is Phase.CHECK
        if only_looked and how.get("refused"):
            self.truth.judged, self.truth.contact = True, "yes"
        elif failed and not only_looked and self._is_wanted(run):
            self.truth.failed = True
            self.truth.tried = max(self.truth.tried, self.begun[0])
            self.truth.by_hook = how.get("by_hook", False)
            self.truth.met = max(self.truth.met, self.begun[1])

    def _is_wanted(self, run: ClaimedRun) -> bool:
        desired = self.steps.placement().desired
        return desired is not None and run.revision is not None and desired.identity == run.revision.identity

    @rule()
    def resume_waiting(self) -> None:
        with self.steps.db.write() as connection:
            now = self.steps.db.now(connection)
            for waiting in waits.on(connection, "c1"):
                waits.resume(connection, waiting.run, now=now)

    @rule(partial=st.sampled_from([False, False, False, True]))
    def sweep(self, *, partial: bool) -> None:
        snapshot_id, fleet = self.steps.snapshots.in_force(self.steps.db)
        with self.steps.db.write() as connection:
            now = self.steps.db.now(connection)
            found = placement_status.of_cluster(connection, "c1")
            if not self.truth.reachable:
                ids = [one.id for one in found]
                observations.lose_contact(connection, ids, code="cluster.unreachable", message="no route")
                self.truth.contact = "no"
                return
            looks = clusters.looks_due(connection, "c1")
            assert looks is not None
            where = Site(snapshot_id, fleet, fleet.clusters["c1"], found, looks)
            Recorder(connection, where, now).record(SweepResult(self._swept(partial=partial), ()))
        self.truth.events += self.truth.swept != self.truth.edits
        self.truth.swept = self.truth.edits
        if self.truth.contact == "no":
            self.truth.events += 1
        self.truth.contact = "partly" if partial and self.truth.content else "yes"

    def _swept(self, *, partial: bool) -> tuple[SweptPlacement, ...]:
        if not self.truth.content:
            return ()
        if partial:
            return (SweptPlacement(PAY, Finding.PARTIAL, reason=Reason(SweepReason.UNLISTED, {"kind": "ConfigMap"})),)
        gone = () if self.truth.going else (OLD,)
        if self.truth.edits == self.truth.known_edits:
            return (SweptPlacement(PAY, Finding.CONFIRMED, gone=gone),)
        drift = Drift(CONFIG, SweepReason.CHANGED, "somebody", seen=str(self.truth.edits))
        return (SweptPlacement(PAY, Finding.DRIFTED, (drift,), gone=gone),)

    # -- what must hold ------------------------------------------------------------------------------------------

    @invariant()
    def the_status_is_never_wrong(self) -> None:
        row = self._row()
        assert row.sync_status == sync_status(facts_of(row))
        self._synced_is_only_what_is_in(row)
        self._nobody_hides_a_failure(row)
        self._unknown_is_only_what_cannot_be_read(row)

    def _synced_is_only_what_is_in(self, row: Any) -> None:
        if row.sync_status == SyncStatus.SYNCED:
            assert self.truth.content == row.desired_source_digest
            assert not self.truth.failed
            assert not self.truth.judged, "a look has found it to differ"
            assert not self.truth.going, "what was removed is still there"
            assert self.truth.hook == (row.desired_source_digest, True), "its hook has not succeeded"

    def _nobody_hides_a_failure(self, row: Any) -> None:
        assert bool(row.failure_code) == self.truth.failed
        if self.truth.failed:
            assert row.sync_status == (SyncStatus.UNKNOWN if self.truth.contact == "no" else SyncStatus.FAILED)
            assert row.failure_count >= 1
            assert row.failure_since <= row.failure_last_at
            assert row.failure_params["message"]

    def _unknown_is_only_what_cannot_be_read(self, row: Any) -> None:
        assert (row.contact_code == "contact.lost") == (self.truth.contact == "no")
        if row.sync_status == SyncStatus.UNKNOWN:
            assert self.truth.contact != "yes"
        if self.truth.contact == "no":
            assert row.sync_status == SyncStatus.UNKNOWN

    def _row(self) -> Any:
        with self.steps.db.read() as connection:
            return connection.execute(select(*PlacementRow.__table__.c)).one()


def start(template: Path, path: Path) -> Mapping[str, int]:
    """Make a database in which the registry was read with each mode, and a worker lives; return the snapshots."""
    shutil.copyfile(template, path)
    steps = Steps(Database(f"sqlite:///{path}"))
    modes = {}
    for mode in ("manual", "warn", "enforce"):
        steps.commit(REGISTRY | {"app.yaml": texts.application(more=f"  sync: {{mode: {mode}}}\n")})
        modes[mode], _ = steps.snapshots.in_force(steps.db)
    steps.workers()
    # The last connection to close folds the log into the file, so that the file alone is the database.
    steps.db.dispose()
    return modes


@pytest.mark.timeout(6 * SEQUENCES)  # an idle machine takes a fraction of a second for one
def test_no_order_of_events_shows_a_wrong_status(sqlite_template: Path, tmp_path: Path) -> None:
    started, path = tmp_path / "started.db", tmp_path / "machine.db"
    world = {
        "modes": start(sqlite_template, started),
        "template": started,
        "database": Database(f"sqlite:///{path}"),
        "path": path,
        "snapshots": Snapshots(),
    }
    run_state_machine_as_test(
        type("Statuses", (Statuses,), world),
        settings=settings(max_examples=SEQUENCES, stateful_step_count=25, suppress_health_check=list(HealthCheck)),
    )
