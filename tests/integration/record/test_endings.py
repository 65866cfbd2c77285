"""However an attempt ends, its run, its placement and what is asked of people say the same, from one transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from common.domain.changes import Action, Change
from common.domain.codes import RunReason, SyncReason
from common.domain.errors import TransientError
from common.domain.fleet import Placement, SyncMode
from common.domain.holds import Hold
from common.domain.inventory import InventoryItem
from common.domain.manifest_warnings import ManifestWarning
from common.domain.reasons import hold_sentence, nested, sentence
from common.domain.redact import MASK
from common.domain.refs import ObjectId
from common.domain.runs import LONGEST_BACK_OFF, AttemptOutcome, RetryPolicy, Trigger
from common.domain.secrecy import Secrets
from common.domain.status import NONE, Found, Reason, Remedy
from common.domain.tenant import Signer, Tenant
from common.store.engine.session import Database
from common.store.queue import runs
from common.store.queue.runs import ClaimedRun, NewRun
from common.store.schema.tables import ApprovalRow, AttemptRow, ClusterRow, LeaseRow, OpenRunRow, PlacementRow, RunRow
from common.store.state import inventory, outcomes
from common.store.state.intents import IntentKind
from common.store.state.stored_reasons import reason_in
from tests.factories import DIFFERS, application, cluster, fleet, said
from tests.harness import texts
from tests.harness.scheduler import PAY, REGISTRY, AwayError, Steps
from workers.record.endings import Ender
from workers.record.known import Known
from workers.sync.requests import Phase
from workers.sync.results import Ending, Fight, SyncResult

CONFIG = ObjectId("", "ConfigMap", "pay", "settings")
SERVER = ObjectId("apps", "Deployment", "pay", "server")
NEAR = timedelta(seconds=5)
RETIRED = REGISTRY | {"app.yaml": texts.application(more="  state: retired\n")}


def _placement(mode: SyncMode = SyncMode.ENFORCE) -> Placement:
    found = fleet([cluster("c1")], [application("pay", mode=mode)]).placement(PAY)
    assert found is not None
    return found


def _result(ending: Ending = Ending.SUCCEEDED, *changes: Change, **more: Any) -> SyncResult:
    return SyncResult(ending, changes or (Change(CONFIG, Action.CREATED),), **more)


class Attempt:
    """One claimed run of ``pay``, and what SQL says of it."""

    def __init__(self, database: Database) -> None:
        self.steps = Steps(database)
        self.steps.look()
        self.steps.workers()
        self.steps.resolve("a")
        self.steps.planner.tick()
        self.run = self.steps.claim()
        self.start = self._now()

    def ender(
        self,
        mode: SyncMode = SyncMode.ENFORCE,
        run: ClaimedRun | None = None,
        *,
        phase: Phase = Phase.APPLY,
        **more: Any,
    ) -> Ender:
        known = Known(
            placement=_placement(mode),
            phase=phase,
            manifest_digest="m" * 64,
            tenant=Tenant("default", ""),
            signer=Signer(b"k" * 32, self.run.ref, "m"),
        )
        return Ender(self.steps.db, run or self.run, replace(known, **more))

    def registered(self) -> Ender:
        """Return an ender that knows the placement as the registry in force has it."""
        _, found = self.steps.snapshots.in_force(self.steps.db)
        return self.ender(placement=found.placement(PAY), projects=found.projects)

    def _now(self) -> datetime:
        with self.steps.db.read() as connection:
            return self.steps.db.now(connection)

    def _one(self, table: Any, *conditions: Any) -> Any:
        with self.steps.db.read() as connection:
            return connection.execute(select(*table.__table__.c).where(*conditions)).one()

    @property
    def row(self) -> Any:
        return self._one(RunRow, RunRow.id == self.run.attempt.run)

    @property
    def open(self) -> Any:
        """How the run stands; there is none where it has ended."""
        return self._one(OpenRunRow, OpenRunRow.run_id == self.run.attempt.run)

    @property
    def is_open(self) -> bool:
        with self.steps.db.read() as connection:
            mine = select(OpenRunRow.run_id).where(OpenRunRow.run_id == self.run.attempt.run)
            return connection.execute(mine).first() is not None

    @property
    def attempt(self) -> Any:
        return self._one(AttemptRow, AttemptRow.run_id == self.run.attempt.run)

    @property
    def placement(self) -> Any:
        return self._one(PlacementRow)

    @property
    def cluster(self) -> Any:
        return self._one(ClusterRow)

    def again(self, trigger: Trigger = Trigger.RETRY, *, actor: str = "flotilla") -> None:
        """Make and claim another run for the same revision."""
        with self.steps.db.write() as connection:
            now = self.steps.db.now(connection)
            one = self.steps.placement()
            wanted = NewRun(one.id, PAY, trigger, actor, NONE, "default", one.desired, one.source_id, 1, project="")
            made = runs.create(connection, wanted, now=now)
        assert made is not None
        self.run = self.steps.claim(made)
        self.start = self._now()

    def leases(self) -> int:
        with self.steps.db.read() as connection:
            return len(connection.execute(select(LeaseRow.name).where(LeaseRow.name != "leader")).all())

    def approvals(self) -> list[Any]:
        with self.steps.db.read() as connection:
            return list(connection.execute(select(*ApprovalRow.__table__.c)))

    def after(self, instant: datetime | None) -> timedelta:
        """Return how long after the claim an instant lies."""
        assert instant is not None
        return instant - self.start


@pytest.fixture
def attempt(sqlite_database: Database) -> Attempt:
    return Attempt(sqlite_database)


def _about(found: timedelta, wanted: timedelta) -> bool:
    return wanted <= found < wanted + NEAR


# -- success -------------------------------------------------------------------------------------------------------


def test_a_success_is_the_revision_that_the_placement_has(attempt: Attempt) -> None:
    attempt.ender().ended(_result())
    row = attempt.placement
    assert (row.applied_source_digest, row.manifest_digest, row.objects) == ("a" * 64, "m" * 64, 1)
    assert (row.sync_status, row.failures, row.found_code) == ("synced", 0, "")
    assert (attempt.is_open, attempt.row.outcome) == (False, "succeeded")
    assert attempt.row.ended_at - attempt.row.started_at < NEAR
    assert (attempt.row.attempts, attempt.row.counts) == (1, {"created": 1})
    assert (attempt.attempt.outcome, attempt.attempt.manifest_digest) == ("succeeded", "m" * 64)
    assert attempt.leases() == 0


def test_what_was_pruned_is_no_object_of_the_placement(attempt: Attempt) -> None:
    changes = (Change(CONFIG, Action.UNCHANGED), Change(SERVER, Action.PRUNED))
    attempt.ender().ended(_result(Ending.SUCCEEDED, *changes))
    assert attempt.placement.objects == 1


def test_health_is_awaited_where_something_takes_time_to_be_healthy(attempt: Attempt) -> None:
    attempt.ender().ended(_result(Ending.SUCCEEDED, Change(SERVER, Action.CREATED)))
    assert _about(attempt.after(attempt.placement.observe_until), _placement().sync.deadline)
    assert attempt.after(attempt.cluster.observe_due_at) < NEAR


def test_nothing_is_awaited_where_all_is_healthy_at_once(attempt: Attempt) -> None:
    attempt.ender().ended(_result())
    assert (attempt.placement.observe_until, attempt.placement.health) == (None, "healthy")


def test_a_full_check_is_due_within_a_day(attempt: Attempt) -> None:
    attempt.ender().ended(_result())
    due = attempt.after(attempt.placement.full_check_due_at)
    assert timedelta(hours=17) < due <= timedelta(hours=24) + NEAR


def test_outcomes_are_counted_on_the_attempt(attempt: Attempt) -> None:
    result = _result(requests={"get": 3}, timings={"apply": 7})
    attempt.ender().ended(result)
    row = attempt.attempt
    assert (row.counts, row.requests, row.timings) == ({"created": 1}, {"get": 3}, {"apply": 7})


@pytest.mark.parametrize(
    ("trigger", "action", "healed"),
    [
        (Trigger.DRIFT, Action.CONFIGURED, True),
        (Trigger.DRIFT, Action.UNCHANGED, False),
        (Trigger.REVISION, Action.CONFIGURED, False),
    ],
)
def test_only_drift_that_was_corrected_counts_as_healed(
    attempt: Attempt,
    trigger: Trigger,
    action: Action,
    healed: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    run = replace(attempt.run, trigger=trigger)
    item = InventoryItem(CONFIG, "v1")
    with attempt.steps.db.write() as connection:
        inventory.replace(connection, attempt.run.placement_id, [item])
    attempt.ender(run=run).ended(_result(Ending.SUCCEEDED, Change(CONFIG, action)))
    with attempt.steps.db.read() as connection:
        found = inventory.healings(connection, [attempt.run.placement_id])
    assert bool(found) is healed


def test_a_removal_leaves_nothing(sqlite_database: Database) -> None:
    attempt = Attempt(sqlite_database)
    attempt.ender().ended(_result())
    attempt.steps.commit(RETIRED)
    attempt.steps.planner.tick()
    attempt.run = attempt.steps.claim()
    assert attempt.run.revision is None
    attempt.ender(phase=Phase.REMOVE).ended(_result(Ending.SUCCEEDED, Change(CONFIG, Action.PRUNED)))
    row = attempt.placement
    assert (row.state, row.applied_source_digest, row.objects) == ("left", None, 0)


# -- checks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "status"),
    [
        (Action.UNCHANGED, "synced"),
        (Action.SKIPPED, "synced"),
        (Action.CREATED, "out-of-sync"),
        (Action.CONFIGURED, "out-of-sync"),
        (Action.PRUNED, "out-of-sync"),
        (Action.CONFLICT, "out-of-sync"),
    ],
)
def test_a_check_says_whether_anything_differs_and_what_does_not_is_in(
    attempt: Attempt, action: Action, status: str
) -> None:
    attempt.ender(SyncMode.WARN, phase=Phase.CHECK).ended(
        _result(Ending.SUCCEEDED, Change(CONFIG, action, diff=DIFFERS))
    )
    row = attempt.placement
    assert (row.sync_status, row.applied_source_digest) == (status, "a" * 64 if status == "synced" else None)
    assert (row.found_code, (row.found_params or {}).get("objects")) == (
        ("drift.warned", 1) if status == "out-of-sync" else ("", None)
    )
    assert _about(attempt.after(row.retry_at), _placement().interval)


# -- failure -------------------------------------------------------------------------------------------------------


def test_a_failure_says_why_since_when_and_how_often(attempt: Attempt) -> None:
    attempt.ender().failed("render.broken", "no such file")
    row = attempt.placement
    assert (row.sync_status, row.failure_code, row.failure_params) == (
        "failed",
        "render.broken",
        {"message": "no such file"},
    )
    assert (row.failure_count, row.failures, row.failure_remedy) == (1, 1, "permanent")
    assert row.failure_since == row.failure_last_at
    assert (attempt.row.outcome, attempt.row.error_code) == ("failed", "render.broken")
    assert attempt.leases() == 0


def test_a_refused_sync_has_failed_with_its_code(attempt: Attempt) -> None:
    attempt.ender().ended(_result(Ending.FAILED, reason=said("refused"), error_code="cluster.forbidden"))
    assert (attempt.placement.sync_status, attempt.row.error_code) == ("failed", "cluster.forbidden")
    assert attempt.attempt.counts == {"created": 1}


@pytest.mark.parametrize(
    ("second", "count"), [(("x", "y"), 2), (("x", "other"), 1), (("z", "y"), 1)], ids=["same", "words", "code"]
)
def test_the_same_failure_is_counted_and_another_begins_anew(
    attempt: Attempt, second: tuple[str, str], count: int
) -> None:
    attempt.ender().failed("x", "y")
    first = attempt.placement
    attempt.again()
    attempt.ender().failed(*second)
    row = attempt.placement
    assert (row.failure_count, row.failures) == (count, 2)
    assert (row.failure_since == first.failure_since) is (count == 2)
    assert row.failure_last_at > first.failure_last_at


def test_what_only_a_change_helps_is_never_tried_again_by_time(attempt: Attempt) -> None:
    attempt.registered().failed("x", "y")
    assert attempt.placement.retry_at is None
    attempt.steps.turns(20)
    assert attempt.steps.placement().run is None


def test_what_may_pass_is_tried_later_and_later_up_to_an_hour(sqlite_database: Database) -> None:
    attempt = Attempt(sqlite_database)
    with attempt.steps.db.write() as connection:
        connection.execute(update(PlacementRow).values(failures=20))
    attempt.ender().failed("x", "y", Remedy.TIME)
    assert _placement().interval < LONGEST_BACK_OFF
    assert _about(attempt.after(attempt.placement.retry_at), LONGEST_BACK_OFF)


def test_the_first_time_it_waits_for_the_ceiling_of_its_retries(attempt: Attempt) -> None:
    attempt.ender().failed("x", "y", Remedy.TIME)
    assert _about(attempt.after(attempt.placement.retry_at), RetryPolicy().ceiling)


def test_what_is_synced_by_hand_never_tries_again_by_itself(attempt: Attempt) -> None:
    attempt.ender(SyncMode.MANUAL).failed("x", "y", Remedy.TIME)
    assert attempt.placement.retry_at is None


def test_a_failure_of_what_is_wanted_no_longer_is_none_of_the_placement(attempt: Attempt) -> None:
    attempt.steps.resolve("b")
    attempt.steps.planner.tick()
    attempt.ender().failed("x", "y")
    row = attempt.placement
    assert (row.sync_status, row.failure_code, row.failures) == ("out-of-sync", "", 0)


def test_a_newer_revision_forgets_the_failure_of_the_older(attempt: Attempt) -> None:
    attempt.ender().failed("x", "y")
    attempt.steps.resolve("b")
    attempt.steps.planner.tick()
    assert (attempt.placement.sync_status, attempt.placement.failure_code) == ("out-of-sync", "")
    assert attempt.steps.wanted() == "b"


def test_another_word_of_the_registry_is_worth_another_try(attempt: Attempt) -> None:
    attempt.registered().failed("apply.conflict", "owned by helm")
    attempt.steps.turns()
    assert attempt.steps.placement().run is None
    more = "  sync:\n    conflicts: take-over\n"
    attempt.steps.commit(REGISTRY | {"app.yaml": texts.application(more=more)})
    attempt.steps.planner.tick()
    assert attempt.steps.placement().run is not None


def test_a_look_that_is_refused_is_no_failure_of_the_placement(attempt: Attempt) -> None:
    attempt.ender().ended(_result())
    attempt.again(Trigger.DRIFT)
    ender = attempt.ender(SyncMode.MANUAL, phase=Phase.CHECK, hint="h")
    ender.ended(_result(Ending.FAILED, reason=said("refused"), error_code="cluster.denied"))
    row = attempt.placement
    assert (row.sync_status, row.found_code, row.failure_code) == ("out-of-sync", "drift.refused", "")
    assert (row.hint_judged, attempt.row.outcome) == ("h", "failed")


def test_a_field_that_only_changed_hands_is_no_drift_and_is_not_looked_at_again(attempt: Attempt) -> None:
    attempt.ender().ended(_result())
    attempt.again(Trigger.DRIFT)
    ender = attempt.ender(SyncMode.MANUAL, phase=Phase.CHECK, hint="h")
    ender.ended(_result(Ending.SUCCEEDED, Change(CONFIG, Action.CONFIGURED)))
    row = attempt.placement
    assert (row.sync_status, row.found_code, row.hint_judged) == ("synced", "", "h")


def test_what_a_finalizer_keeps_is_told(attempt: Attempt) -> None:
    result = _result(Ending.SUCCEEDED, Change(CONFIG, Action.PRUNED), going=((CONFIG, "example.com/hold"),))
    attempt.ender().ended(result)
    row = attempt.placement
    assert (row.sync_status, row.found_code) == ("out-of-sync", "prune.held")
    assert row.found_params == {"objects": 1, "first": "ConfigMap settings", "finalizers": "example.com/hold"}


def test_a_prune_that_a_person_rejected_says_who_and_is_not_asked_again(attempt: Attempt) -> None:
    asks = _result(Ending.NEEDS_APPROVAL, reason=said("2 objects would go"), prune=(CONFIG,))
    attempt.ender().ended(asks)
    assert attempt.placement.found_code == "prune.asked"
    attempt.steps.ask(IntentKind.REJECT, str(attempt.approvals()[0].id))
    attempt.steps.intents.tick()
    row = attempt.placement
    assert (row.sync_status, row.found_code) == ("out-of-sync", "prune.rejected")
    assert row.found_params == {"objects": 1, "by": "ann", "why": "because"}
    attempt.again(Trigger.DRIFT)
    attempt.ender().ended(asks)
    assert (attempt.placement.found_code, len(attempt.approvals())) == ("prune.rejected", 1)
    attempt.again(Trigger.MANUAL, actor="ann")
    attempt.ender().ended(asks)
    assert (attempt.placement.found_code, len(attempt.approvals())) == ("prune.asked", 2)
    assert [one.asked_by for one in attempt.approvals()] == ["flotilla", "ann"], "whose request led to it"


def test_an_object_that_is_held_back_is_a_fight_that_names_the_other(attempt: Attempt) -> None:
    attempt.ender().ended(_result())
    attempt.again(Trigger.DRIFT)
    ender = attempt.ender(hint="h")
    until = attempt.start + timedelta(seconds=30)
    ender.ended(_result(Ending.SUCCEEDED, fights=(Fight(CONFIG, "rival", until),)))
    row = attempt.placement
    assert (row.sync_status, row.found_code, row.hint_judged) == ("out-of-sync", "drift.fight", "h")
    assert row.found_params["manager"] == "rival"


# -- retries -------------------------------------------------------------------------------------------------------


def test_a_transient_error_queues_the_run_again_with_a_countdown(attempt: Attempt) -> None:
    done = attempt.ender().transient(AwayError("away"))
    base = RetryPolicy().base
    assert done.countdown is not None
    assert base / 2 <= done.countdown <= base
    row = attempt.open
    assert (row.state, row.retries, row.parked, attempt.leases()) == ("queued", 1, True, 0)
    assert _about(attempt.after(row.not_before), done.countdown)
    assert attempt.attempt.outcome == "retrying"


def test_each_retry_waits_longer(attempt: Attempt) -> None:
    policy = RetryPolicy()
    done = attempt.ender(run=replace(attempt.run, retries=3)).transient(AwayError("away"))
    longest = policy.base * policy.factor**3
    assert done.countdown is not None
    assert longest / 2 <= done.countdown <= longest


@pytest.mark.parametrize("asked", [timedelta(minutes=5), timedelta(0)])
def test_what_the_other_side_asks_for_is_a_lower_bound(attempt: Attempt, asked: timedelta) -> None:
    done = attempt.ender().transient(AwayError("away", retry_after=asked))
    assert done.countdown is not None
    assert done.countdown >= max(asked, RetryPolicy().base / 2)


def test_the_last_retry_ends_the_run(attempt: Attempt) -> None:
    done = attempt.ender(run=replace(attempt.run, retries=RetryPolicy().limit)).transient(AwayError("away"))
    assert (done.countdown, attempt.row.outcome, attempt.row.error_code) == (None, "failed", "test.away")
    assert "after 5 retries" in sentence(Reason(attempt.row.error_code, attempt.row.error_params))


def test_without_a_free_place_the_retry_waits_in_sql(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.record.endings.PARKED_PER_SLOT", 0)
    done = attempt.ender().transient(AwayError("away"))
    row = attempt.open
    assert (done.countdown, row.state, row.parked, row.sent_at) == (None, "queued", False, None)
    assert attempt.after(row.not_before) > timedelta(0)


def test_a_cluster_that_does_not_answer_is_not_known_to_be_synced(attempt: Attempt) -> None:
    class UnreachableError(TransientError):
        code = "cluster.unreachable"

    with attempt.steps.db.write() as connection:
        connection.execute(update(PlacementRow).values(sync_status="synced", health="healthy"))
    attempt.ender().transient(UnreachableError("no route"))
    row = attempt.placement
    assert (row.sync_status, row.health, row.contact_params["message"]) == ("unknown", "unknown", "no route")


def test_another_error_for_now_leaves_what_was_known(attempt: Attempt) -> None:
    attempt.ender().ended(_result())
    attempt.again(Trigger.DRIFT)
    attempt.ender().transient(AwayError("git is away"))
    row = attempt.placement
    assert (row.sync_status, row.health, row.found_code) == ("synced", "healthy", "run.retries")
    with attempt.steps.db.write() as connection:
        outcomes.record_given_up(connection, attempt.run.placement_id)
    assert attempt.placement.found_code == ""


def test_a_lease_that_may_be_lost_queues_the_run_again_at_once(attempt: Attempt) -> None:
    done = attempt.ender().lost()
    assert done.countdown == timedelta(0)
    assert (attempt.open.state, attempt.attempt.error_code) == ("queued", "lease.lost")


# -- the rest ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [AttemptOutcome.SKIPPED, AttemptOutcome.SUPERSEDED])
def test_what_is_stopped_says_why_and_changes_nothing_on_the_placement(
    attempt: Attempt, outcome: AttemptOutcome
) -> None:
    before = attempt.placement
    attempt.ender().stop(outcome, said("because"))
    assert (attempt.row.outcome, attempt.row.reason_code, attempt.row.reason_params) == (
        outcome,
        "told",
        {"text": "because"},
    )
    assert attempt.placement == before


def test_a_blocked_cluster_is_skipped(attempt: Attempt) -> None:
    attempt.ender().stop_blocked(Reason(Hold.SAME_CLUSTER, {"others": ["us"]}))
    why = Reason(attempt.row.reason_code, attempt.row.reason_params)
    assert (attempt.row.outcome, hold_sentence(why)) == ("skipped", "blocked: the same cluster as us")


def test_a_run_that_waits_for_health_holds_its_placement_and_no_lease(attempt: Attempt) -> None:
    attempt.ender().ended(_result(Ending.WAITING, reason=said("2 objects go once it is healthy")))
    deadline = _placement().sync.deadline
    assert (attempt.open.state, attempt.row.outcome, attempt.leases()) == ("waiting", None, 0)
    assert _about(attempt.after(attempt.open.deadline_at), deadline)
    assert _about(attempt.after(attempt.placement.observe_until), deadline)
    assert attempt.placement.sync_status == "out-of-sync"
    assert attempt.after(attempt.cluster.observe_due_at) < NEAR


ILL = {"kind": "Deployment", "name": "web", "health": "progressing", "objects": 2}
WAITS = Reason(
    SyncReason.STEP, {"step": "wave 1", "why": nested(Reason(SyncReason.ILL, ILL | {"why": nested(said("0 of 1"))}))}
)


def test_what_is_waited_for_is_kept_as_codes_and_read_in_words(attempt: Attempt) -> None:
    attempt.ender().ended(_result(Ending.WAITING, reason=WAITS))
    row, placement = attempt.open, attempt.placement
    assert (row.reason_code, row.reason_params) == (Found.WAITS, {"what": nested(WAITS)})
    assert (placement.found_code, placement.found_params) == (Found.WAITS, {"what": nested(WAITS)})
    assert sentence(reason_in(row, "reason")) == "wave 1: Deployment web: 0 of 1, and 1 more"


def test_words_that_an_older_version_kept_are_read_as_they_are() -> None:
    for code, name in ((Found.WAITS, "what"), (RunReason.ASKS, "what")):
        assert sentence(Reason(code, {name: "14 objects would go"})) == "14 objects would go"
    asked = sentence(Reason(Found.PRUNE_ASKED, {"objects": 14, "why": "14 objects would go"}))
    assert asked.startswith("14 objects would go: nothing is removed before")


@pytest.mark.parametrize("ending", [Ending.WAITING, Ending.FAILED, Ending.NEEDS_APPROVAL])
def test_no_secret_is_kept_in_why_a_sync_ended(attempt: Attempt, ending: Ending) -> None:
    ender = attempt.ender(secrets=Secrets(["hunter2hunter2"]))
    inner = Reason(SyncReason.ILL, ILL | {"why": nested(said("hunter2hunter2 is wrong"))})
    reason = Reason(SyncReason.STEP, {"step": "wave 1", "why": nested(inner)})
    ender.ended(_result(ending, reason=reason, prune=(CONFIG,)))
    row = attempt.open if ending is Ending.WAITING else attempt.row
    placement = attempt.placement
    kept = (row.reason_params, row.error_params, placement.found_params, placement.failure_params)
    assert MASK in f"{kept}"
    assert "hunter2" not in f"{kept}{[one.reason_params for one in attempt.approvals()]}"


@pytest.mark.parametrize("phase", [Phase.APPLY, Phase.CHECK])
def test_warnings_of_manifests_are_kept_as_codes_without_secrets(attempt: Attempt, phase: Phase) -> None:
    lookup = Reason(ManifestWarning.LOOKUP, {"template": "templates/a.yaml"})
    option = Reason(ManifestWarning.OPTION, {"option": "hunter2hunter2", "objects": 1})
    ender = attempt.ender(phase=phase, warnings=(lookup,), secrets=Secrets(["hunter2hunter2"]))
    ender.ended(_result(warnings=(option,)))
    masked = Reason(option.code, {"option": MASK, "objects": 1})
    assert attempt.row.reason_params["warnings"] == [nested(lookup), nested(masked)]
    assert sentence(reason_in(attempt.row, "reason")).endswith(
        f"templates/a.yaml: `lookup` finds nothing here, as in `helm template`; {MASK} is not carried out (1 object)"
    )


def test_what_needs_a_person_asks_for_exactly_these_objects(attempt: Attempt) -> None:
    result = _result(Ending.NEEDS_APPROVAL, reason=said("2 objects would go"), prune=(SERVER, CONFIG))
    attempt.ender().ended(result)
    (asked,) = attempt.approvals()
    assert (asked.kind, asked.subject, asked.state) == ("prune", str(PAY), "open")
    assert asked.payload == {"objects": sorted([str(CONFIG), str(SERVER)])}
    assert (attempt.row.outcome, attempt.placement.sync_status) == ("needs-approval", "out-of-sync")
    assert attempt.placement.applied_source_digest == "a" * 64, "what was applied stays applied"


def test_a_removal_that_needs_a_person_applies_nothing(attempt: Attempt) -> None:
    result = _result(Ending.NEEDS_APPROVAL, reason=said("2 objects would go"), prune=(CONFIG,))
    attempt.ender(phase=Phase.REMOVE).ended(result)
    assert attempt.placement.applied_source_digest is None
    assert len(attempt.approvals()) == 1


@pytest.mark.parametrize("how", ["success", "failure", "transient", "lost", "waiting", "approval", "stop"])
def test_an_attempt_that_another_ended_changes_nothing(attempt: Attempt, how: str) -> None:
    with attempt.steps.db.write() as connection:
        connection.execute(update(LeaseRow).where(LeaseRow.name != "leader").values(token="another's"))
    before = (attempt.row, attempt.open, attempt.attempt, attempt.placement, attempt.cluster)
    ender = attempt.ender()
    match how:
        case "success":
            done = ender.ended(_result())
        case "failure":
            done = ender.failed("x", "y")
        case "transient":
            done = ender.transient(AwayError("away"))
        case "lost":
            done = ender.lost()
        case "waiting":
            done = ender.ended(_result(Ending.WAITING))
        case "approval":
            done = ender.ended(_result(Ending.NEEDS_APPROVAL, prune=(CONFIG,)))
        case _:
            done = ender.stop(AttemptOutcome.SKIPPED, said("because"))
    assert done.countdown is None
    assert (attempt.row, attempt.open, attempt.attempt, attempt.placement, attempt.cluster) == before
    assert attempt.approvals() == []
