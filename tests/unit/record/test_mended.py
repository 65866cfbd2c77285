"""What a placement failed for has gone: it is tried again, whoever noticed first; and nobody hides what is left."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from common.db import placements, standing
from common.db.session import Database
from common.db.tables import PlacementRow
from common.domain.changes import Action, Change
from common.domain.fleet import SyncMode
from common.domain.runs import RetryPolicy, Trigger
from common.domain.status import Remedy
from tests.integration.scheduler.harness import PAY, REGISTRY
from tests.unit.record.test_endings import CONFIG, RETIRED, SERVER, Attempt, _result
from tests.unit.registry import texts
from workers.record.endings import Ender
from workers.sync.ports import Ending, Phase

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
        standing.reached(connection, [attempt.placement.id], now=attempt.steps.db.now(connection))


def _lost(attempt: Attempt, code: str) -> None:
    with attempt.steps.db.write() as connection:
        standing.lose_contact(connection, [attempt.placement.id], code=code, message="no")


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
    ender = attempt.ender(mode)
    ender.phase, ender.hint = Phase.CHECK, "h"
    return ender


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
    attempt.ender().ended(Phase.APPLY, _result())
    before = attempt.placement
    _look(attempt).failed(code, "no route", remedy)
    row = attempt.placement
    assert (row.contact_code, row.sync_status, row.found_code, row.failure_code) == (contact, status, "", "")
    assert (row.confirmed_at, row.hint_judged) == (before.confirmed_at, before.hint_judged)
    assert attempt.row.outcome == "failed"


def test_a_look_that_was_given_up_is_not_on_its_way_any_more(attempt: Attempt) -> None:
    attempt.ender().ended(Phase.APPLY, _result())
    ender = _look(attempt)
    with attempt.steps.db.write() as connection:
        standing.record_retrying(connection, attempt.placement.id, code="cluster.server-error", message="etcd")
    ender.failed("cluster.server-error", "etcd", Remedy.TIME)
    assert attempt.placement.found_code == ""


@pytest.mark.parametrize("code", ["hook.failed", "prune.claimed", ""])
def test_no_look_forgets_a_failure_that_it_cannot_see(attempt: Attempt, code: str) -> None:
    attempt.ender().ended(Phase.APPLY, _result())
    attempt.again(Trigger.MANUAL)
    attempt.ender().ended(Phase.APPLY, _result(Ending.FAILED, error_code=code, reason="it failed"))
    _look(attempt).ended(Phase.CHECK, _result(Ending.SUCCEEDED, Change(CONFIG, Action.UNCHANGED)))
    assert (attempt.placement.sync_status, attempt.placement.failure_code) == ("failed", code or "sync.deadline")
    attempt.again(Trigger.MANUAL)
    attempt.ender().ended(Phase.APPLY, _result())
    assert (attempt.placement.sync_status, attempt.placement.failure_code) == ("synced", "")


def test_a_look_in_warn_mode_calls_nothing_in_whose_hook_failed(attempt: Attempt) -> None:
    attempt.ender().ended(Phase.APPLY, _result(Ending.FAILED, error_code="hook.failed", reason="it failed"))
    attempt.again()
    unchanged = _result(Ending.SUCCEEDED, Change(CONFIG, Action.UNCHANGED))
    attempt.ender(SyncMode.WARN).ended(Phase.CHECK, unchanged)
    row = attempt.placement
    assert (row.sync_status, row.failure_code, row.applied_source_digest) == ("failed", "hook.failed", None)


def test_what_a_finalizer_keeps_is_still_kept_after_a_look(attempt: Attempt) -> None:
    attempt.ender().ended(Phase.APPLY, _result(going=((CONFIG, "example.com/hold"),)))
    _look(attempt).ended(Phase.CHECK, _result(Ending.SUCCEEDED, Change(CONFIG, Action.UNCHANGED)))
    row = attempt.placement
    assert (row.sync_status, row.found_code) == ("out-of-sync", "prune.held")
    assert row.found_params["finalizers"] == "example.com/hold"


@pytest.mark.parametrize("code", ["prune.asked", "prune.rejected"])
@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ((Change(CONFIG, Action.PRUNED),), ""),
        ((Change(CONFIG, Action.PRUNED), Change(SERVER, Action.CONFIGURED, diff="- a")), "drift.found"),
        ((Change(SERVER, Action.UNCHANGED),), "none"),
    ],
    ids=["removals", "more", "nothing"],
)
def test_removals_that_wait_for_a_person_do_so_after_a_look_where_nothing_else_differs(
    attempt: Attempt, code: str, changes: tuple[Change, ...], found: str
) -> None:
    attempt.ender().ended(Phase.APPLY, _result(Ending.NEEDS_APPROVAL, reason="too many", prune=(CONFIG,)))
    if code == "prune.rejected":
        with attempt.steps.db.write() as connection:
            standing.record_rejected(connection, PAY, by="ana", why="no")
    assert attempt.placement.found_code == code
    _look(attempt).ended(Phase.CHECK, _result(Ending.SUCCEEDED, *changes))
    assert attempt.placement.found_code == {"": code, "none": ""}.get(found, found)


# -- removals ------------------------------------------------------------------------------------------------------


def _leave(attempt: Attempt) -> Ender:
    attempt.ender().ended(Phase.APPLY, _result())
    attempt.steps.commit(RETIRED)
    attempt.steps.planner.tick()
    attempt.run = attempt.steps.claim()
    attempt.start = attempt.placement.applied_at
    ender = attempt.ender()
    ender.phase, ender.placement = Phase.REMOVE, None
    return ender


def test_a_removal_that_was_refused_is_tried_again_later_and_later(attempt: Attempt) -> None:
    refused = _result(Ending.FAILED, error_code="cluster.forbidden", reason="403 on delete")
    _leave(attempt).ended(Phase.REMOVE, refused)
    row = attempt.placement
    assert (row.state, row.failure_code, row.failure_remedy) == ("leaving", "cluster.forbidden", "permanent")
    assert RetryPolicy().ceiling <= attempt.after(row.retry_at) < RetryPolicy().ceiling + NEAR
    with attempt.steps.db.write() as connection:
        connection.execute(update(PlacementRow).values(retry_at=row.failure_last_at))
    attempt.steps.turns()
    assert attempt.steps.placement().run is not None


def test_a_removal_that_an_earlier_version_gave_up_is_wanted_again(attempt: Attempt) -> None:
    refused = _result(Ending.FAILED, error_code="cluster.forbidden", reason="403 on delete")
    _leave(attempt).ended(Phase.REMOVE, refused)
    with attempt.steps.db.write() as connection:
        connection.execute(update(PlacementRow).values(retry_at=None))
        placements.want_what_was_missed(connection, now=attempt.steps.db.now(connection))
    assert attempt.placement.retry_at is not None
