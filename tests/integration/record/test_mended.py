"""What a placement failed for has gone: it is tried again, whoever noticed first; and nobody hides what is left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from common.domain.changes import Action, Change
from common.domain.fleet import SyncMode
from common.domain.refs import ObjectId
from common.domain.runs import RetryPolicy, Trigger
from common.domain.status import Remedy
from common.store.engine.session import Database
from common.store.schema.tables import PlacementRow
from common.store.state import observations, outcomes, placements, retries
from common.store.state.intents import IntentKind
from tests.factories import DIFFERS, said
from tests.harness import texts
from tests.harness.scheduler import REGISTRY
from tests.integration.record.test_endings import CONFIG, RETIRED, SERVER, Attempt, _result
from workers.record.endings import Ender
from workers.sync.requests import Phase
from workers.sync.results import Ending, Fight, Unended

MIGRATE = ObjectId("batch", "Job", "pay", "migrate")
SAME = Change(CONFIG, Action.UNCHANGED)
EDITED = Change(CONFIG, Action.CONFIGURED, diff=DIFFERS)
NEAR = timedelta(seconds=5)
BY_CONTACT = (
    "cluster.unauthorised",
    "cluster.untrusted",
    "cluster.proxy-refused",
    "credentials.missing",
)


@pytest.fixture
def attempt(sqlite_database: Database) -> Attempt:
    return Attempt(sqlite_database)


def _reached(attempt: Attempt) -> None:
    with attempt.steps.db.write() as connection:
        observations.reached(connection, [attempt.placement.id], now=attempt.steps.db.now(connection))


def _lost(attempt: Attempt, code: str) -> None:
    with attempt.steps.db.write() as connection:
        observations.lose_contact(connection, [attempt.placement.id], code=code, message="no")


@pytest.mark.parametrize("code", BY_CONTACT)
def test_what_failed_for_want_of_access_is_tried_again_at_once_when_contact_is_back(
    attempt: Attempt, code: str
) -> None:
    attempt.ender().failed(code, "no")
    _lost(attempt, code)
    _reached(attempt)
    assert attempt.after(attempt.placement.retry_at) < NEAR


@pytest.mark.parametrize("code", BY_CONTACT)
def test_access_that_was_mended_before_any_sweep_missed_it_is_tried_again_too(attempt: Attempt, code: str) -> None:
    attempt.ender().failed(code, "no")
    _reached(attempt)
    assert attempt.placement.contact_code == ""
    assert RetryPolicy().ceiling <= attempt.after(attempt.placement.retry_at) < RetryPolicy().ceiling + NEAR


def test_access_that_only_a_run_lacks_is_tried_later_and_later(attempt: Attempt) -> None:
    attempt.ender().failed("cluster.unauthorised", "no")
    attempt.again()
    attempt.ender().failed("cluster.unauthorised", "no")
    _reached(attempt)
    assert attempt.after(attempt.placement.retry_at) >= 2 * RetryPolicy().ceiling


def test_a_sweep_that_sees_the_cluster_wakes_no_other_failure(attempt: Attempt) -> None:
    attempt.ender().failed("cluster.denied", "no")
    _reached(attempt)
    assert attempt.placement.retry_at is None


def test_another_proxy_is_another_way_worth_a_try(attempt: Attempt) -> None:
    attempt.registered().failed("cluster.denied", "by what stands in between")
    proxy = ", proxy: {url: 'http://proxy.example.com:3128'}"
    attempt.steps.commit(REGISTRY | {"clusters.yaml": texts.cluster("c1", more=proxy)})
    attempt.steps.planner.tick()
    assert attempt.steps.placement().run is not None


# -- looks that see nothing, or not everything ---------------------------------------------------------------------


def _look(attempt: Attempt, mode: SyncMode = SyncMode.MANUAL) -> Ender:
    """Return the ender of a run that only judges what a sweep saw."""
    attempt.again(Trigger.DRIFT)
    return attempt.ender(mode, phase=Phase.CHECK, hint="h")


@pytest.mark.parametrize(
    ("code", "remedy", "contact", "status"),
    [
        ("cluster.unreachable", Remedy.TIME, "contact.lost", "unknown"),
        ("cluster.server-error", Remedy.TIME, "", "synced"),
        ("cluster.unauthorised", Remedy.CHANGE, "", "synced"),
        ("cluster.proxy-refused", Remedy.CHANGE, "", "synced"),
        ("credentials.missing", Remedy.CHANGE, "", "synced"),
    ],
)
def test_a_look_that_saw_nothing_confirms_and_judges_nothing(
    attempt: Attempt, code: str, remedy: Remedy, contact: str, status: str
) -> None:
    attempt.ender().ended(_result())
    before = attempt.placement
    _look(attempt).failed(code, "no route", remedy)
    row = attempt.placement
    assert (row.contact_code, row.sync_status, row.found_code, row.failure_code) == (contact, status, "", "")
    assert (row.confirmed_at, row.hint_judged) == (before.confirmed_at, before.hint_judged)
    assert attempt.row.outcome == "failed"


def test_a_look_that_was_given_up_is_not_on_its_way_any_more(attempt: Attempt) -> None:
    attempt.ender().ended(_result())
    ender = _look(attempt)
    with attempt.steps.db.write() as connection:
        outcomes.record_retrying(connection, attempt.placement.id, code="cluster.server-error", message="etcd")
    ender.failed("cluster.server-error", "etcd", Remedy.TIME)
    assert attempt.placement.found_code == ""


@pytest.mark.parametrize("code", ["hook.failed", "prune.claimed", ""])
def test_no_look_forgets_a_failure_that_it_cannot_see(attempt: Attempt, code: str) -> None:
    attempt.ender().ended(_result())
    attempt.again(Trigger.MANUAL)
    attempt.ender().ended(_result(Ending.FAILED, error_code=code, reason=said("it failed")))
    _look(attempt).ended(_result(Ending.SUCCEEDED, Change(CONFIG, Action.UNCHANGED)))
    assert (attempt.placement.sync_status, attempt.placement.failure_code) == ("failed", code or "sync.deadline")
    attempt.again(Trigger.MANUAL)
    attempt.ender().ended(_result())
    assert (attempt.placement.sync_status, attempt.placement.failure_code) == ("synced", "")


def test_a_look_in_warn_mode_calls_nothing_in_whose_hook_failed(attempt: Attempt) -> None:
    attempt.ender().ended(_result(Ending.FAILED, error_code="hook.failed", reason=said("it failed")))
    attempt.again()
    unchanged = _result(Ending.SUCCEEDED, Change(CONFIG, Action.UNCHANGED))
    attempt.ender(SyncMode.WARN, phase=Phase.CHECK).ended(unchanged)
    row = attempt.placement
    assert (row.sync_status, row.failure_code, row.applied_source_digest) == ("failed", "hook.failed", None)


def test_what_a_finalizer_keeps_is_still_kept_after_a_look(attempt: Attempt) -> None:
    attempt.ender().ended(_result(going=((CONFIG, "example.com/hold"),)))
    held = ((CONFIG, "example.com/hold"),)
    _look(attempt).ended(_result(Ending.SUCCEEDED, EDITED, going=held))
    assert attempt.placement.found_code == "drift.found"
    _look(attempt).ended(_result(Ending.SUCCEEDED, SAME, going=held))
    row = attempt.placement
    assert (row.sync_status, row.found_code) == ("out-of-sync", "prune.held"), "somebody undid the drift by hand"
    assert row.found_params["finalizers"] == "example.com/hold"


@pytest.mark.parametrize("code", ["prune.asked", "prune.rejected"])
@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ((Change(CONFIG, Action.PRUNED),), ""),
        ((Change(CONFIG, Action.PRUNED), Change(SERVER, Action.CONFIGURED, diff=DIFFERS)), "drift.found"),
        ((Change(SERVER, Action.UNCHANGED),), "none"),
    ],
    ids=["removals", "more", "nothing"],
)
def test_removals_that_wait_for_a_person_do_so_after_a_look_where_nothing_else_differs(
    attempt: Attempt, code: str, changes: tuple[Change, ...], found: str
) -> None:
    attempt.ender().ended(_result(Ending.NEEDS_APPROVAL, reason=said("too many"), prune=(CONFIG,)))
    if code == "prune.rejected":
        attempt.steps.ask(IntentKind.REJECT, str(attempt.approvals()[0].id))
        attempt.steps.intents.tick()
    assert attempt.placement.found_code == code
    params = attempt.placement.found_params
    _look(attempt).ended(_result(Ending.SUCCEEDED, *changes))
    assert attempt.placement.found_code == {"": code, "none": ""}.get(found, found)
    _look(attempt).ended(_result(Ending.SUCCEEDED, Change(CONFIG, Action.PRUNED)))
    assert (attempt.placement.found_code, attempt.placement.found_params) == (code, params), "whatever came in between"


@pytest.mark.parametrize("still", [CONFIG, SERVER], ids=["other removals", "fewer"])
def test_other_removals_than_those_that_a_person_was_asked_for_differ(attempt: Attempt, still: ObjectId) -> None:
    asked = (CONFIG, ObjectId("", "Secret", "pay", "key")) if still == CONFIG else (CONFIG,)
    attempt.ender().ended(_result(Ending.NEEDS_APPROVAL, reason=said("too many"), prune=asked))
    _look(attempt).ended(_result(Ending.SUCCEEDED, Change(still, Action.PRUNED)))
    assert attempt.placement.found_code == "drift.found"


def test_what_a_person_was_asked_for_holds_what_goes_already_too(attempt: Attempt) -> None:
    attempt.ender().ended(_result(Ending.NEEDS_APPROVAL, reason=said("too many"), prune=(CONFIG, SERVER)))
    look = _result(Ending.SUCCEEDED, Change(CONFIG, Action.PRUNED), going=((SERVER, "example.com/hold"),))
    _look(attempt).ended(look)
    assert (attempt.placement.found_code, attempt.placement.found_params["objects"]) == ("prune.asked", 2)


# -- hooks that are not through ------------------------------------------------------------------------------------


def _ill(attempt: Attempt, code: str = "hook.failed") -> None:
    """Have what is in fail at a sync that a person asks for."""
    attempt.ender().ended(_result())
    attempt.again(Trigger.MANUAL)
    attempt.ender().ended(_result(Ending.FAILED, error_code=code, reason=said("it failed")))


def test_a_look_calls_nothing_in_whose_hooks_are_not_through(attempt: Attempt) -> None:
    attempt.ender().failed("cluster.server-error", "a webhook is away", Remedy.TIME)
    attempt.again()
    left = _result(Ending.SUCCEEDED, SAME, unended=Unended((MIGRATE,), (MIGRATE,)))
    attempt.ender(SyncMode.WARN, phase=Phase.CHECK).ended(left)
    row = attempt.placement
    assert (row.sync_status, row.failure_code) == ("failed", "cluster.server-error")
    assert (row.applied_source_digest, row.found_code) == (None, "hooks.unended")
    assert row.found_params == {"objects": 1, "first": "Job migrate"}


def test_a_revision_that_renders_the_very_bytes_of_the_last_needs_no_hook(attempt: Attempt) -> None:
    attempt.ender().ended(_result())
    attempt.steps.resolve("b")
    attempt.steps.planner.tick()
    attempt.run = attempt.steps.claim()
    ender = attempt.ender(SyncMode.WARN, phase=Phase.CHECK)
    ender.ended(_result(Ending.SUCCEEDED, SAME, unended=Unended((MIGRATE,))))
    assert (attempt.placement.sync_status, attempt.placement.applied_source_digest) == ("synced", "b" * 64)


@pytest.mark.parametrize(
    ("digest", "unended", "status"),
    [
        ("n", Unended((MIGRATE,)), "out-of-sync"),
        ("m", Unended((MIGRATE,), (MIGRATE,)), "out-of-sync"),
        ("n", Unended(), "synced"),
    ],
    ids=["other bytes", "the same, and one was begun", "all are through"],
)
def test_another_revision_is_in_with_its_hooks(attempt: Attempt, digest: str, unended: Unended, status: str) -> None:
    attempt.ender().ended(_result())
    attempt.steps.resolve("b")
    attempt.steps.planner.tick()
    attempt.run = attempt.steps.claim()
    ender = attempt.ender(SyncMode.WARN, phase=Phase.CHECK, manifest_digest=digest * 64)
    ender.ended(_result(Ending.SUCCEEDED, SAME, unended=unended))
    assert attempt.placement.sync_status == status


@pytest.mark.parametrize("trigger", [Trigger.DRIFT, Trigger.APPROVAL])
def test_a_run_without_hooks_forgets_no_failure_of_one(attempt: Attempt, trigger: Trigger) -> None:
    _ill(attempt)
    attempt.again(trigger)
    attempt.ender().ended(_result(unended=Unended((MIGRATE,), (MIGRATE,))))
    row = attempt.placement
    assert (row.sync_status, row.failure_code, row.failures) == ("failed", "hook.failed", 1)
    attempt.again(Trigger.MANUAL)
    attempt.ender().ended(_result())
    assert (attempt.placement.sync_status, attempt.placement.failure_code) == ("synced", "")


def test_a_run_without_hooks_forgets_another_failure_and_says_which_hooks_are_not_through(attempt: Attempt) -> None:
    _ill(attempt, "cluster.denied")
    attempt.again(Trigger.DRIFT)
    attempt.ender().ended(_result(unended=Unended((MIGRATE,), (MIGRATE,))))
    row = attempt.placement
    assert (row.sync_status, row.failure_code, row.found_code) == ("out-of-sync", "", "hooks.unended")


@pytest.mark.parametrize("phase", [Phase.APPLY, Phase.CHECK])
@pytest.mark.parametrize("code", ["drift.fight", "hooks.unended"])
def test_what_goes_hides_nothing_that_lasts_longer(attempt: Attempt, phase: Phase, code: str) -> None:
    """A sweep that sees it gone says that nothing is left."""
    attempt.ender().ended(_result())
    attempt.again(Trigger.DRIFT)
    more: dict[str, Any] = {"unended": Unended((MIGRATE,), (MIGRATE,))}
    if code == "drift.fight":
        more = {"fights": (Fight(SERVER, "rival", attempt.start),)}
    ender = attempt.ender(phase=phase)
    ender.ended(_result(Ending.SUCCEEDED, SAME, going=((CONFIG, "example.com/hold"),), **more))
    assert attempt.placement.found_code == code


# -- time, or a change -----------------------------------------------------------------------------------------


def _planned(attempt: Attempt) -> str:
    """Return what the run is called that the placement gets now."""
    attempt.steps.planner.tick()
    run = attempt.steps.placement().run
    return run.trigger if run is not None else ""


def _cluster_changes(attempt: Attempt) -> None:
    with attempt.steps.db.write() as connection:
        retries.cluster_changed(connection, "c1", now=attempt.steps.db.now(connection))


def _time_passes(attempt: Attempt) -> None:
    with attempt.steps.db.write() as connection:
        retries.want_again(connection, attempt.placement.id, at=attempt.steps.db.now(connection))


def _registry_changes(attempt: Attempt) -> None:
    attempt.steps.commit(REGISTRY | {"app.yaml": texts.application(more="  sync: {conflicts: take-over}\n")})


def _kinds_come(attempt: Attempt) -> None:
    with attempt.steps.db.write() as connection:
        retries.kinds_served(connection, attempt.placement.id, now=attempt.steps.db.now(connection))


@pytest.mark.parametrize(
    ("event", "trigger"),
    [
        (_time_passes, "retry"),
        (_cluster_changes, "revision"),
        (_registry_changes, "revision"),
        (_kinds_come, "revision"),
    ],
)
def test_hooks_run_again_for_a_change_and_not_by_time(
    attempt: Attempt, event: Callable[[Attempt], None], trigger: str
) -> None:
    attempt.registered().ended(_result(Ending.FAILED, error_code="hook.failed", reason=said("it failed")))
    event(attempt)
    assert _planned(attempt) == trigger
    attempt.run = attempt.steps.claim()
    attempt.registered().ended(_result(Ending.FAILED, error_code="hook.failed", reason=said("it failed")))
    _time_passes(attempt)
    assert _planned(attempt) == "retry", "that change was met"


def test_a_change_during_a_run_counts_after_it(attempt: Attempt) -> None:
    failed = _result(Ending.FAILED, error_code="hook.failed", reason=said("it failed"))
    attempt.registered().ended(failed)
    attempt.again()
    _cluster_changes(attempt)
    attempt.registered().ended(failed)
    assert _planned(attempt) == "revision"


@pytest.mark.parametrize(
    ("code", "event", "trigger"),
    [
        ("hook.failed", _cluster_changes, "revision"),
        ("hook.failed", _time_passes, "drift"),
        ("cluster.denied", _cluster_changes, "drift"),
    ],
)
def test_a_hook_that_failed_for_what_is_in_runs_again_once_its_cluster_changes(
    attempt: Attempt, code: str, event: Callable[[Attempt], None], trigger: str
) -> None:
    _ill(attempt, code)
    event(attempt)
    assert _planned(attempt) == trigger


# -- removals ------------------------------------------------------------------------------------------------------


def _leave(attempt: Attempt) -> Ender:
    attempt.ender().ended(_result())
    attempt.steps.commit(RETIRED)
    attempt.steps.planner.tick()
    attempt.run = attempt.steps.claim()
    attempt.start = attempt.placement.applied_at
    return attempt.ender(phase=Phase.REMOVE, placement=None)


def test_a_removal_that_was_refused_is_tried_again_later_and_later(attempt: Attempt) -> None:
    refused = _result(Ending.FAILED, error_code="cluster.forbidden", reason=said("403 on delete"))
    _leave(attempt).ended(refused)
    row = attempt.placement
    assert (row.state, row.failure_code, row.failure_remedy) == ("leaving", "cluster.forbidden", "permanent")
    assert RetryPolicy().ceiling <= attempt.after(row.retry_at) < RetryPolicy().ceiling + NEAR
    with attempt.steps.db.write() as connection:
        connection.execute(update(PlacementRow).values(retry_at=row.failure_last_at))
    attempt.steps.turns()
    assert attempt.steps.placement().run is not None


def test_a_removal_that_an_earlier_version_gave_up_is_wanted_again(attempt: Attempt) -> None:
    refused = _result(Ending.FAILED, error_code="cluster.forbidden", reason=said("403 on delete"))
    _leave(attempt).ended(refused)
    with attempt.steps.db.write() as connection:
        connection.execute(update(PlacementRow).values(retry_at=None))
        placements.want_what_was_missed(connection, now=attempt.steps.db.now(connection))
    assert attempt.placement.retry_at is not None
