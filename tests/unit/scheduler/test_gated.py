"""What a gate holds is planned again once the gate opens, although nothing else has changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from importlib import import_module

import pytest

from common.domain.admission import Gate, Wish, gates
from common.domain.fleet import Placement, SyncMode
from common.domain.holds import Hold
from common.domain.placements import PlacementState
from common.domain.refs import PlacementRef
from common.domain.runs import Trigger
from common.domain.status import NONE, Reason
from scheduler.planning.due import NoRun, Waiting, decide
from scheduler.planning.gated import Gated
from scheduler.planning.plan import plan
from tests.factories import NOW, application, cluster, current, facts, fleet, resolved, revision

WEB = PlacementRef("eu", "web")
OPENS = NOW + timedelta(hours=1)
CLOSED = Reason("window.closed", {"until": "13:00"})
WANTED = fleet([cluster("eu")], [application("web")])
MANUAL = fleet([cluster("eu")], [application("web", mode=SyncMode.MANUAL)])
BEHIND = facts({WEB: current(desired=revision(), applied=("old", "p"))}, found=resolved("web"))


def _window(wish: Wish, _: Placement) -> Reason:
    return CLOSED if wish.now < OPENS and not wish.by_person else NONE


@pytest.fixture(autouse=True)
def _gate(monkeypatch: pytest.MonkeyPatch) -> None:
    window = Gate(CLOSED.code, lambda _: "not before 13:00", _window)
    monkeypatch.setattr(import_module("common.domain.admission.gates"), "_GATES", [*gates(), window])


def test_nothing_is_planned_again_while_the_gate_is_closed() -> None:
    planned = plan(WANTED, BEHIND)
    assert [(step.hold, step.wants_run) for step in planned.steps] == [(CLOSED, False)]
    assert not planned.gated.outdated(NOW + timedelta(seconds=59))


def test_it_is_once_the_gate_opens_and_then_it_wants_its_run() -> None:
    planned = plan(WANTED, replace(BEHIND, now=OPENS - timedelta(seconds=1)))
    assert planned.gated.outdated(OPENS)
    held = current(desired=planned.steps[0].desired, applied=("old", "p"), hold=CLOSED)
    (step,) = plan(WANTED, replace(BEHIND, now=OPENS, current={WEB: held})).steps
    assert (step.hold, step.wants_run) == (NONE, True)


def test_a_hold_that_a_persons_run_made_void_goes_within_a_minute() -> None:
    planned = plan(WANTED, BEHIND)
    assert planned.gated.outdated(NOW + timedelta(minutes=1))
    desired = planned.steps[0].desired
    assert desired is not None
    done = current(desired=desired, applied=desired.identity, hold=CLOSED)
    again = plan(WANTED, replace(BEHIND, current={WEB: done}))
    assert [(step.hold, step.wants_run) for step in again.steps] == [(NONE, False)]
    assert not again.gated.outdated(NOW + timedelta(days=1)), "nothing is held any more"


def test_a_gate_that_closed_after_the_plan_opens_again() -> None:
    placement = WANTED.placement(WEB)
    waiting = Waiting(PlacementState.PLACED, revision(), ("old", "p"), paused=False, failures=0, owner="")
    decision = decide(waiting, placement, cluster=cluster("eu"), now=NOW)
    assert isinstance(decision, NoRun)
    assert decision.wish is not None
    gated = Gated(NOW).with_more([(decision.wish, decision.hold)])
    assert not gated.outdated(NOW + timedelta(seconds=59))
    assert replace(gated, asked_at=OPENS).outdated(OPENS)


@pytest.mark.parametrize("hold", [Hold.MANUAL, Hold.PAUSED])
def test_what_opens_by_a_person_or_a_commit_is_not_asked_again_and_again(hold: Hold) -> None:
    placement = MANUAL.placement(WEB)
    wish = Wish(Trigger.REVISION, PlacementState.PLACED, placement, cluster("eu"), "", NOW, paused=True)
    assert hold.value in {gate.code for gate in gates()}
    assert Gated(NOW).with_more([(wish, Reason(hold))]).held == ()
    assert plan(MANUAL, BEHIND).gated.held == ()
