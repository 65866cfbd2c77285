"""Which state of a placement follows which: what planning can do in any situation, against what the diagram shows."""

from __future__ import annotations

from itertools import product

from common.domain.fleet import ApplicationState, Cluster, ClusterState, LeavingBounds, OnUnmatch
from common.domain.placements import PlacementState
from common.domain.refs import PlacementRef
from common.domain.transitions import PLACEMENT
from scheduler.planning.facts import Current
from scheduler.planning.plan import plan
from tests.factories import application, cluster, current, facts, fleet, resolved

WEB = PlacementRef("eu", "web")
FREE = LeavingBounds(max_percent=100)


def clusters() -> list[list[Cluster]]:
    """Return what the registry may say of clusters: each state, a document that is gone, and none at all."""
    return [[], [cluster("eu", removed=True)], *([cluster("eu", state)] for state in ClusterState)]


def states_after(before: Current | None) -> set[PlacementState]:
    """Return the states that planning gives a placement, over everything that the registry may say."""
    known = {} if before is None else {WEB: before}
    found: set[PlacementState] = set()
    for there, life, policy, placed in product(clusters(), ApplicationState, OnUnmatch, (None, ())):
        web = application("web", clusters=placed, state=life, on_unmatch=policy)
        for wanted in (fleet(there, [web], FREE), fleet(there, [], FREE)):
            found |= {step.state for step in plan(wanted, facts(known, found=resolved("web"))).steps}
    return found


def test_planning_takes_each_change_of_the_diagram_and_no_other() -> None:
    taken = {
        (state, after)
        for state, owns in product(PlacementState, (True, False))
        for after in states_after(current(state, owns=owns))
        if after is not state
    }
    assert taken == set(PLACEMENT.changes)


def test_a_placement_is_made_in_the_states_that_the_diagram_begins_with() -> None:
    assert states_after(None) == set(PLACEMENT.first)
