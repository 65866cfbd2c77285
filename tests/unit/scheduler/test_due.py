"""Whether a placement whose time has come gets a run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from common.domain.codes import CauseReason
from common.domain.fleet import Cluster, ClusterState, Placement, SyncMode
from common.domain.holds import Hold
from common.domain.placements import PlacementState
from common.domain.refs import GitRef, PlacementRef
from common.domain.runs import RunState, Trigger
from common.domain.status import NONE, Reason
from scheduler.planning.due import Decision, Later, MakeRun, NoRun, Waiting, decide
from tests.factories import application, cluster, fleet, revision

NEW = revision("new", "p")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OTHER = GitRef("https://git.example.com/other", "", "refs/heads/main")
BEHIND = Waiting(PlacementState.PLACED, NEW, ("old", "p"), paused=False, failures=0, owner="")
LEAVING = Waiting(PlacementState.LEAVING, None, ("old", "p"), paused=False, failures=0, owner="")


def _placement(mode: SyncMode = SyncMode.ENFORCE, state: ClusterState = ClusterState.ACTIVE) -> Placement:
    found = fleet([cluster("eu", state)], [application("web", mode=mode)]).placement(PlacementRef("eu", "web"))
    assert found is not None
    return found


def _decide(waiting: Waiting, placement: Placement | None = None, blocked: Reason = NONE) -> Decision:
    wanted = placement or _placement()
    return decide(waiting, wanted, cluster=wanted.cluster, now=NOW, blocked=blocked)


def test_a_new_revision_gets_a_run() -> None:
    assert _decide(BEHIND) == MakeRun(Trigger.REVISION, NEW, Reason(CauseReason.NEW_REVISION), supersede=False)


def test_after_failures_the_run_is_called_a_retry() -> None:
    decision = _decide(replace(BEHIND, failures=2))
    assert isinstance(decision, MakeRun)
    assert decision.trigger is Trigger.RETRY
    assert decision.cause == Reason(CauseReason.FAILED, {"runs": 2, "changed": False})


def test_after_a_change_the_run_is_for_the_revision_anew() -> None:
    decision = _decide(replace(BEHIND, failures=1, changed=True))
    assert isinstance(decision, MakeRun)
    assert decision.trigger is Trigger.REVISION
    assert decision.cause == Reason(CauseReason.FAILED, {"runs": 1, "changed": True})


def test_what_runs_what_it_should_gets_none() -> None:
    assert _decide(replace(BEHIND, applied=NEW.identity)) == NoRun()


def test_without_a_revision_there_is_none() -> None:
    assert _decide(replace(BEHIND, desired=None)) == NoRun()


def test_what_nothing_places_gets_none() -> None:
    assert decide(BEHIND, None, cluster=cluster("eu"), now=NOW) == NoRun()


@pytest.mark.parametrize("state", [PlacementState.RETAINED, PlacementState.LEFT])
def test_what_is_retained_or_gone_gets_none(state: PlacementState) -> None:
    assert _decide(replace(BEHIND, state=state)) == NoRun()


def test_a_paused_placement_gets_none_and_says_so() -> None:
    assert _decide(replace(BEHIND, paused=True)) == NoRun(Reason(Hold.PAUSED))


def test_manual_mode_waits_for_a_person() -> None:
    assert _decide(BEHIND, _placement(SyncMode.MANUAL)) == NoRun(Reason(Hold.MANUAL))


def test_a_blocked_cluster_gets_none() -> None:
    changed = Reason(Hold.IDENTITY_CHANGED, {"identity": "b", "was": "a"})
    assert _decide(BEHIND, blocked=changed) == NoRun(changed)
    assert _decide(LEAVING, blocked=changed) == NoRun(changed)


def test_a_frozen_cluster_gets_none() -> None:
    assert _decide(BEHIND, _placement(state=ClusterState.FROZEN)) == NoRun(Reason(Hold.FROZEN))


@pytest.mark.parametrize(
    ("at", "hold"),
    [
        (cluster("eu", ClusterState.FROZEN), Hold.FROZEN),
        (cluster("eu", ClusterState.JOINING), Hold.JOINING),
        (cluster("eu", removed=True), Hold.UNDECLARED),
        (None, Hold.UNDECLARED),
    ],
)
def test_nothing_leaves_a_cluster_that_is_not_written_to_now(at: Cluster | None, hold: Hold) -> None:
    decision = decide(LEAVING, None, cluster=at, now=NOW)
    assert decision == NoRun(Reason(hold)), "a run would be skipped, and wanted anew for ever"


def test_a_running_run_is_waited_for() -> None:
    running = replace(BEHIND, run_state=RunState.RUNNING, run_identity=("older", "p"))
    assert _decide(running) == Later()


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.WAITING])
def test_a_newer_revision_supersedes_a_run_in_nobodys_hands(state: RunState) -> None:
    decision = _decide(replace(BEHIND, run_state=state, run_identity=("older", "p")))
    assert decision == MakeRun(Trigger.REVISION, NEW, Reason(CauseReason.NEWER_REVISION), supersede=True)


@pytest.mark.parametrize("older", [("a", "p"), ("z", "p")])
def test_any_other_revision_is_superseded_whichever_sorts_first(older: tuple[str, str]) -> None:
    decision = _decide(replace(BEHIND, run_state=RunState.QUEUED, run_identity=older))
    assert decision == MakeRun(Trigger.REVISION, NEW, Reason(CauseReason.NEWER_REVISION), supersede=True)


def test_a_run_for_the_same_revision_is_enough() -> None:
    assert _decide(replace(BEHIND, run_state=RunState.QUEUED, run_identity=NEW.identity)) == NoRun()


def test_a_leaving_placement_gets_a_run_that_removes() -> None:
    assert _decide(LEAVING) == MakeRun(Trigger.LEAVING, None, Reason(CauseReason.LEAVES), supersede=False)


def test_a_leaving_placement_supersedes_what_would_bring_it_to_a_revision() -> None:
    decision = _decide(replace(LEAVING, run_state=RunState.QUEUED, run_identity=("old", "p")))
    assert isinstance(decision, MakeRun)
    assert decision.supersede


def test_a_leaving_placement_waits_for_what_runs() -> None:
    assert _decide(replace(LEAVING, run_state=RunState.RUNNING, run_identity=("old", "p"))) == Later()


def test_one_removal_is_enough() -> None:
    assert _decide(replace(LEAVING, run_state=RunState.QUEUED, run_identity=None)) == NoRun()


def test_a_revision_of_a_source_that_was_exchanged_gets_none_until_the_new_one_is_resolved() -> None:
    former = replace(NEW, sources=tuple(replace(one, source=OTHER) for one in NEW.sources))
    unresolved = NoRun(Reason(Hold.UNRESOLVED))
    assert _decide(replace(BEHIND, desired=former)) == unresolved
    assert _decide(replace(BEHIND, desired=former, applied=former.identity, failures=2)) == unresolved
