"""Whether what a worker found leads to a run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from common.domain.codes import CauseReason, SweepReason
from common.domain.fleet import Cluster, ClusterState, Placement, SyncMode
from common.domain.holds import Hold
from common.domain.placements import PlacementState
from common.domain.refs import GitRef, PlacementRef
from common.domain.runs import RetryPolicy, Trigger, own_back_off
from common.domain.status import BY_LOOKS, NONE, Found, Reason
from scheduler.planning.due import MakeRun, NoRun
from scheduler.planning.findings import Decision, Filed, TryAgain, decide
from tests.factories import application, cluster, fleet, revision

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = revision()
SEEN = Reason(
    CauseReason.DRIFTED,
    {"objects": 2, "kind": "ConfigMap", "name": "web", "what": SweepReason.CHANGED, "by": "kubectl"},
)
DRIFTED = Filed(
    trigger=Trigger.DRIFT,
    cause=SEEN,
    hint="seen",
    state=PlacementState.PLACED,
    desired=AT,
    applied=AT.identity,
    paused=False,
    owner="",
)
AWAITED = replace(DRIFTED, trigger=Trigger.CHECK, cause=Reason(CauseReason.TAKE_OVER, {"placement": "eu/old"}), hint="")
FAILING = replace(DRIFTED, failures=1, failed_at=NOW)
OTHERS = tuple(
    replace(DRIFTED, cause=Reason(code))
    for code in (CauseReason.BACK, CauseReason.FULL_CHECK, CauseReason.CREATED_LATE)
)
FIGHT = Reason(CauseReason.DRIFTED, {**SEEN.params, "fight": True})


def _placement(mode: SyncMode = SyncMode.ENFORCE, state: ClusterState = ClusterState.ACTIVE) -> Placement:
    found = fleet([cluster("eu", state)], [application("web", mode=mode)]).placement(PlacementRef("eu", "web"))
    assert found is not None
    return found


def _decide(found: Filed, placement: Placement | None = None, blocked: Reason = NONE) -> Decision:
    wanted = placement or _placement()
    known: Cluster = wanted.cluster
    return decide(found, wanted, cluster=known, now=NOW, blocked=blocked)


def test_drift_gets_a_run_for_the_revision_that_is_in() -> None:
    assert _decide(DRIFTED) == MakeRun(Trigger.DRIFT, AT, SEEN, supersede=False)


def test_what_is_awaited_gets_a_look_whatever_is_in() -> None:
    wanted = MakeRun(Trigger.CHECK, AT, AWAITED.cause, supersede=False)
    assert _decide(AWAITED) == wanted
    assert _decide(replace(AWAITED, applied=("other", "p"), paused=True), _placement(SyncMode.MANUAL)) == wanted


@pytest.mark.parametrize("found", [DRIFTED, AWAITED, *OTHERS], ids=lambda found: str(found.cause.code))
@pytest.mark.parametrize("state", [one for one in PlacementState if one is not PlacementState.PLACED])
def test_what_is_not_placed_gets_none(found: Filed, state: PlacementState) -> None:
    assert _decide(replace(found, state=state)) == NoRun(Reason(Hold.UNPLACED))
    assert decide(found, None, cluster=None, now=NOW) == NoRun()


@pytest.mark.parametrize("found", [DRIFTED, AWAITED, *OTHERS], ids=lambda found: str(found.cause.code))
def test_what_has_no_revision_gets_none(found: Filed) -> None:
    assert _decide(replace(found, desired=None)) == NoRun()


@pytest.mark.parametrize("found", [DRIFTED, AWAITED, *OTHERS], ids=lambda found: str(found.cause.code))
def test_nothing_is_done_on_a_cluster_that_is_blocked(found: Filed) -> None:
    blocked = Reason(Hold.SAME_CLUSTER)
    assert _decide(found, blocked=blocked) == NoRun(blocked)


def test_what_another_project_wrote_is_left_alone() -> None:
    decision = _decide(replace(DRIFTED, owner="theirs"))
    assert isinstance(decision, NoRun)
    assert decision.hold.code == Hold.TRANSFERRED


def test_where_another_revision_is_wanted_its_own_run_corrects_drift() -> None:
    assert _decide(replace(DRIFTED, applied=("other", "p"))) == NoRun()


def test_what_a_run_has_judged_since_gets_none() -> None:
    assert _decide(replace(DRIFTED, hint_judged="seen")) == NoRun()
    assert isinstance(_decide(replace(DRIFTED, hint_judged="other")), MakeRun)


@pytest.mark.parametrize("cause", [FIGHT, Reason(CauseReason.FULL_CHECK), Reason(CauseReason.CREATED_LATE)])
def test_what_was_judged_is_judged_again_where_that_is_what_is_asked_for(cause: Reason) -> None:
    assert isinstance(_decide(replace(DRIFTED, cause=cause, hint_judged="seen")), MakeRun)


@pytest.mark.parametrize("mode", [SyncMode.WARN, SyncMode.ENFORCE])
def test_what_an_older_version_told_is_judged_anew(mode: SyncMode) -> None:
    told = replace(DRIFTED, hint_judged="seen", found=Found.TOLD)
    assert isinstance(_decide(told, _placement(mode)), MakeRun)


@pytest.mark.parametrize("code", sorted(BY_LOOKS))
def test_what_a_look_has_left_is_corrected_once_it_may_be(code: str) -> None:
    left = replace(DRIFTED, hint_judged="seen", found=code)
    assert _decide(left, _placement(SyncMode.WARN)) == NoRun()
    assert _decide(replace(left, paused=True)) == NoRun()
    assert isinstance(_decide(left), MakeRun)


@pytest.mark.parametrize("mode", [SyncMode.WARN, SyncMode.MANUAL])
def test_what_may_not_be_corrected_is_looked_at_though_runs_fail(mode: SyncMode) -> None:
    assert isinstance(_decide(FAILING, _placement(mode)), MakeRun)


def test_what_fails_is_tried_again_after_its_back_off_where_something_has_changed() -> None:
    pause = own_back_off(1, RetryPolicy())
    assert pause > timedelta(0)
    assert _decide(FAILING) == TryAgain(NOW + pause)
    assert _decide(replace(FAILING, applied=("other", "p"))) == TryAgain(NOW + pause)
    assert _decide(replace(FAILING, hint_judged="seen")) == NoRun()


@pytest.mark.parametrize("cause", [FIGHT, SEEN, Reason(CauseReason.FULL_CHECK)])
def test_what_fails_and_looks_the_same_has_its_own_time(cause: Reason) -> None:
    assert _decide(replace(FAILING, cause=cause, hint_judged="seen", found=Found.DRIFTED)) == NoRun()


def test_what_was_created_late_is_removed_though_runs_fail() -> None:
    late = replace(FAILING, cause=Reason(CauseReason.CREATED_LATE, {"object": "Pod shop/x"}), hint="")
    assert _decide(late) == MakeRun(Trigger.DRIFT, AT, late.cause, supersede=False)


@pytest.mark.parametrize("code", ["cause.mine", "", CauseReason.ASKED, CauseReason.LEAVES, CauseReason.NEW_REVISION])
def test_a_cause_that_is_not_a_workers_leads_to_nothing(code: str) -> None:
    assert _decide(replace(DRIFTED, cause=Reason(code))) == NoRun()
    assert _decide(replace(AWAITED, cause=Reason(code))) == NoRun()


def test_a_cause_goes_with_the_run_that_it_is_of() -> None:
    assert _decide(replace(DRIFTED, cause=AWAITED.cause)) == NoRun()
    assert _decide(replace(AWAITED, cause=SEEN)) == NoRun()


def test_a_revision_of_a_source_that_was_exchanged_gets_none() -> None:
    other = GitRef("https://git.example.com/other", "", "refs/heads/main")
    former = replace(AT, sources=tuple(replace(one, source=other) for one in AT.sources))
    for found in (DRIFTED, AWAITED, *OTHERS):
        assert _decide(replace(found, desired=former)) == NoRun()


def test_what_a_run_has_seen_since_gets_none_but_what_was_created_late() -> None:
    for found in (DRIFTED, *OTHERS):
        late = found.cause.code == CauseReason.CREATED_LATE
        assert isinstance(_decide(replace(found, seen_since=True)), MakeRun if late else NoRun)
