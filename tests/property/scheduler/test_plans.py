"""What holds for every plan, whatever the fleet."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from common.domain.fleet import (
    Application,
    ApplicationState,
    ClusterState,
    Fleet,
    LeavingBounds,
    OnUnmatch,
    SyncMode,
)
from common.domain.placements import PlacementState
from common.domain.refs import PlacementRef
from scheduler.planning.facts import Asked, Current, Facts
from scheduler.planning.leaving import FLEET
from scheduler.planning.plan import Plan, plan
from scheduler.planning.window import room
from tests.factories import NOW, application, cluster, current, facts, fleet, resolved

CLUSTERS = [f"c{n}" for n in range(6)]
APPLICATIONS = [f"a{n}" for n in range(4)]


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    clusters = [
        cluster(name, draw(st.sampled_from(ClusterState)), removed=draw(st.booleans()))
        for name in draw(st.lists(st.sampled_from(CLUSTERS), unique=True))
    ]
    applications: list[Application] = [
        application(
            name,
            clusters=draw(st.none() | st.lists(st.sampled_from(CLUSTERS), unique=True)),
            state=draw(st.sampled_from(ApplicationState)),
            on_unmatch=draw(st.sampled_from(OnUnmatch)),
            mode=draw(st.sampled_from(SyncMode)),
        )
        for name in draw(st.lists(st.sampled_from(APPLICATIONS), unique=True))
    ]
    bounds = LeavingBounds(draw(st.integers(0, 12)), draw(st.integers(0, 100)))
    return fleet(clusters, applications, bounds)


@st.composite
def known(draw: st.DrawFn) -> dict[PlacementRef, Current]:
    refs = draw(
        st.lists(st.builds(PlacementRef, st.sampled_from(CLUSTERS), st.sampled_from(APPLICATIONS)), unique=True)
    )
    return {
        ref: current(
            draw(st.sampled_from(PlacementState)),
            applied=draw(st.none() | st.just(("d0", "p0"))),
            owns=draw(st.booleans()),
        )
        for ref in refs
    }


def _after(before: dict[PlacementRef, Current], planned: Plan) -> dict[PlacementRef, Current]:
    """Return the facts once a plan was stored and every run it wanted has succeeded."""
    after = {}
    for step in planned.steps:
        owned = before[step.ref].owns if step.ref in before else False
        applied = before[step.ref].applied if step.ref in before else None
        if step.wants_run and step.desired is not None:
            applied, owned = step.desired.identity, True
        after[step.ref] = Current(
            step.state, step.source_id, step.desired, applied, step.hold, owned, project=step.project
        )
    return after


def _asked(planned: Plan) -> Asked | None:
    """Return what a person was asked for by a plan that was stored."""
    asks = planned.departures.asks.get(FLEET)
    return Asked(frozenset(asks), planned.departures.of) if asks else None


@given(fleets(), known())
def test_a_plan_once_carried_out_plans_nothing(wanted: Fleet, before: dict[PlacementRef, Current]) -> None:
    found = resolved(*APPLICATIONS)
    first = plan(wanted, facts(before, found=found))
    second = plan(wanted, facts(_after(before, first), found=found, asked=_asked(first)))
    assert not [step for step in second.steps if step.wants_run]


@given(
    placed=st.integers(0, 30),
    leaving=st.integers(0, 30),
    coming=st.integers(0, 30),
    bounds=st.builds(LeavingBounds, st.integers(0, 30), st.integers(0, 100)),
)
def test_what_one_commit_brings_frees_nothing_that_it_removes(
    placed: int, leaving: int, coming: int, bounds: LeavingBounds
) -> None:
    clusters = [cluster(f"c{n}") for n in range(placed + leaving + coming)]
    names = [one.name for one in clusters]
    kept, left, new = names[:placed], names[placed : placed + leaving], names[placed + leaving :]
    web = application("web", clusters=kept + new, on_unmatch=OnUnmatch.DELETE)
    wanted, found = fleet(clusters, [web], bounds), resolved("web")
    before = {PlacementRef(name, "web"): current(applied=("d0", "p0")) for name in kept + left}
    first = plan(wanted, facts(before, found=found))
    again = plan(wanted, facts(_after(before, first), found=found, asked=_asked(first)))
    assert again.departures.free.keys() == first.departures.free.keys()
    assert again.departures.asks == first.departures.asks


@given(known())
def test_an_empty_fleet_removes_nothing(before: dict[PlacementRef, Current]) -> None:
    planned = plan(fleet([], []), facts(before))
    assert not planned.departures.free
    for step in planned.steps:
        assert step.state is before[step.ref].state or step.state is PlacementState.RETAINED
        assert not step.wants_run


@given(fleets(), known())
def test_unasked_leaving_stays_within_its_bounds(wanted: Fleet, before: dict[PlacementRef, Current]) -> None:
    planned = plan(wanted, facts(before))
    placed = sum(one.state is PlacementState.PLACED for one in before.values())
    newly = [
        ref for ref in planned.departures.free if before[ref].owns and before[ref].state is not PlacementState.LEAVING
    ]
    bounds = wanted.leaving
    assert len(newly) <= 1 or (len(newly) <= bounds.max_placements and len(newly) * 100 <= bounds.max_percent * placed)


@given(fleets(), known())
def test_every_placement_has_a_revision_or_a_reason(wanted: Fleet, before: dict[PlacementRef, Current]) -> None:
    for step in plan(wanted, facts(before, found=resolved("a0", "a1"))).steps:
        if step.state is PlacementState.PLACED and not step.hold:
            assert step.desired is not None


@given(fleets(), known())
def test_nothing_is_written_to_clusters_that_are_not_active(wanted: Fleet, before: dict[PlacementRef, Current]) -> None:
    writable = {ClusterState.ACTIVE, ClusterState.DRAINING}
    for step in plan(wanted, facts(before, found=resolved(*APPLICATIONS))).steps:
        if step.wants_run:
            where = wanted.clusters[step.ref.cluster]
            assert where.state in writable
            assert not where.removed


@given(st.integers(0, 1000), st.integers(0, 5000))
def test_the_window_is_never_exceeded(slots: int, sent: int) -> None:
    assert sent + room(slots, sent) <= max(sent, 2 * slots)


def test_no_facts_at_all_are_facts() -> None:
    assert plan(fleet([cluster("c0")], [application("a0")]), Facts(NOW)).steps
