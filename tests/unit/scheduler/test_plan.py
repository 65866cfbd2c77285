"""What becomes of placements: they enter, follow, are held up, retained, or leave within bounds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from common.domain.fleet import (
    Application,
    ApplicationState,
    ClusterState,
    GitSource,
    LeavingBounds,
    OnUnmatch,
    Ref,
    RefKind,
    SyncMode,
)
from common.domain.holds import Hold
from common.domain.placements import PlacementState
from common.domain.refs import GitRef, PlacementRef, SourceRef
from common.domain.revisions import Revision
from common.domain.status import Reason
from scheduler.planning.facts import Current, Resolved
from scheduler.planning.plan import Plan, Step, plan
from tests.factories import (
    SOURCE,
    SOURCE_ID,
    application,
    cluster,
    current,
    facts,
    fleet,
    rendered_by,
    resolved,
    revision,
)

WEB = PlacementRef("eu", "web")
CHANGED = Reason(Hold.IDENTITY_CHANGED, {"identity": "b", "was": "a"})


def _unreadable(message: str) -> Reason:
    return Reason(Hold.UNREADABLE, {"message": message})


def _only(planned: Plan) -> Step:
    (step,) = planned.steps
    return step


def _settled(step: Step) -> Current:
    identity = step.desired.identity if step.desired else None
    return current(step.state, desired=step.desired, applied=identity, hold=step.hold)


def test_a_placement_waits_until_its_source_is_resolved() -> None:
    step = _only(plan(fleet([cluster("eu")], [application("web")]), facts()))
    assert (step.state, step.desired, step.wants_run) == (PlacementState.PLACED, None, False)
    assert step.hold == Reason(Hold.UNRESOLVED)


def test_a_source_that_cannot_be_reached_is_named_as_the_reason() -> None:
    step = _only(plan(fleet([cluster("eu")], [application("web")]), facts(errors={1: "git.unreachable"})))
    assert step.hold == _unreadable("git.unreachable")


def test_a_resolved_placement_wants_a_run() -> None:
    step = _only(plan(fleet([cluster("eu")], [application("web")]), facts(found=resolved("web"))))
    assert step.wants_run
    assert step.renewed
    assert step.desired is not None
    assert step.desired.source_digest == "d1"


def test_an_unchanged_placement_is_left_as_it_is() -> None:
    wanted = fleet([cluster("eu")], [application("web")])
    first = _only(plan(wanted, facts(found=resolved("web"))))
    step = _only(plan(wanted, facts({WEB: _settled(first)}, found=resolved("web"))))
    assert not step.differs
    assert not step.wants_run


def test_another_commit_with_the_same_digest_is_no_new_revision() -> None:
    wanted = fleet([cluster("eu")], [application("web")])
    first = _only(plan(wanted, facts(found=resolved("web"))))
    moved = {key: type(r)(r.source_id, r.digest, "e" * 40, r.renderers) for key, r in resolved("web").items()}
    step = _only(plan(wanted, facts({WEB: _settled(first)}, found=moved)))
    assert not step.differs
    assert step.desired == first.desired


def test_a_new_digest_is_a_new_revision() -> None:
    wanted = fleet([cluster("eu")], [application("web")])
    first = _only(plan(wanted, facts(found=resolved("web"))))
    step = _only(plan(wanted, facts({WEB: _settled(first)}, found=resolved("web", digest="d2"))))
    assert step.wants_run
    assert step.renewed


def test_an_unreadable_footprint_keeps_the_last_good_revision_and_says_why() -> None:
    wanted = fleet([cluster("eu")], [application("web")])
    first = _only(plan(wanted, facts(found=resolved("web"))))
    step = _only(plan(wanted, facts({WEB: _settled(first)}, found=resolved("web", error="path missing"))))
    assert step.desired == first.desired
    assert step.hold == _unreadable("path missing")
    assert not step.wants_run


def test_a_new_cluster_gets_the_last_good_revision_of_an_application_that_cannot_be_read_now() -> None:
    step = _only(plan(fleet([cluster("eu")], [application("web")]), facts(found=resolved("web", error="bad yaml"))))
    assert step.wants_run


@pytest.mark.parametrize(
    ("state", "hold"),
    [(ClusterState.JOINING, Hold.JOINING), (ClusterState.FROZEN, Hold.FROZEN)],
)
def test_nothing_runs_where_nothing_may_be_written(state: ClusterState, hold: Hold) -> None:
    step = _only(plan(fleet([cluster("eu", state)], [application("web")]), facts(found=resolved("web"))))
    assert (step.hold, step.wants_run) == (Reason(hold), False)


def test_a_removed_cluster_document_freezes() -> None:
    wanted = fleet([cluster("eu", removed=True)], [application("web")])
    step = _only(plan(wanted, facts(found=resolved("web"))))
    assert step.hold == Reason(Hold.UNDECLARED)
    assert not step.wants_run


def test_a_blocked_application_is_left_alone() -> None:
    wanted = fleet([cluster("eu")], [application("web", blocked="its project forbids it")])
    step = _only(plan(wanted, facts(found=resolved("web"))))
    assert step.hold == Reason(Hold.APPLICATION_BLOCKED, {"message": "its project forbids it"})


def test_a_blocked_cluster_gets_no_run_and_one_once_it_is_free() -> None:
    wanted = fleet([cluster("eu")], [application("web")])
    held = _only(plan(wanted, facts(found=resolved("web"), blocked={"eu": CHANGED})))
    assert (held.hold, held.wants_run) == (CHANGED, False)
    before = current(held.state, desired=held.desired, hold=held.hold)
    freed = _only(plan(wanted, facts({WEB: before}, found=resolved("web"))))
    assert freed.wants_run
    assert not freed.renewed


def test_a_manual_application_waits_for_a_person() -> None:
    wanted = fleet([cluster("eu")], [application("web", mode=SyncMode.MANUAL)])
    step = _only(plan(wanted, facts(found=resolved("web"))))
    assert (step.hold, step.wants_run) == (Reason(Hold.MANUAL), False)


def test_a_retired_cluster_is_left_alone() -> None:
    wanted = fleet([cluster("eu", ClusterState.RETIRED)], [application("web")])
    step = _only(plan(wanted, facts({WEB: current()}, found=resolved("web"))))
    assert step.state is PlacementState.RETAINED
    assert not step.wants_run


def test_a_placement_that_nothing_wants_any_more_is_retained() -> None:
    wanted = fleet([cluster("eu")], [application("web", clusters=["us"])])
    step = _only(plan(wanted, facts({WEB: current()})))
    assert step.state is PlacementState.RETAINED
    assert not step.wants_run


def test_a_retained_placement_that_is_wanted_again_comes_back_with_a_run_if_it_is_behind() -> None:
    wanted = fleet([cluster("eu")], [application("web")])
    desired = _only(plan(wanted, facts(found=resolved("web")))).desired
    behind = current(PlacementState.RETAINED, desired=desired, applied=("old", "old"))
    step = _only(plan(wanted, facts({WEB: behind}, found=resolved("web"))))
    assert step.state is PlacementState.PLACED
    assert step.wants_run


def test_an_application_document_that_is_gone_never_deletes() -> None:
    step = _only(plan(fleet([cluster("eu")], []), facts({WEB: current()})))
    assert step.state is PlacementState.RETAINED


def test_a_placement_leaves_where_its_application_says_so() -> None:
    wanted = fleet([cluster("eu")], [application("web", clusters=["us"], on_unmatch=OnUnmatch.DELETE)])
    step = _only(plan(wanted, facts({WEB: current()})))
    assert step.state is PlacementState.LEAVING
    assert step.desired is None
    assert step.wants_run


@pytest.mark.parametrize("state", [ClusterState.FROZEN, ClusterState.JOINING, ClusterState.RETIRED])
def test_nothing_leaves_a_cluster_that_is_not_written_to(state: ClusterState) -> None:
    wanted = fleet([cluster("eu", state)], [application("web", clusters=["us"], on_unmatch=OnUnmatch.DELETE)])
    step = _only(plan(wanted, facts({WEB: current()})))
    assert step.state is PlacementState.RETAINED


def test_a_retired_application_leaves() -> None:
    wanted = fleet([cluster("eu")], [application("web", state=ApplicationState.RETIRED)])
    step = _only(plan(wanted, facts({WEB: current()})))
    assert step.state is PlacementState.LEAVING


def test_a_placement_that_owns_nothing_has_left_at_once() -> None:
    wanted = fleet([cluster("eu")], [application("web", state=ApplicationState.RETIRED)])
    assert _only(plan(wanted, facts({WEB: current(owns=False)}))).state is PlacementState.LEFT
    assert _only(plan(wanted, facts())).state is PlacementState.LEFT


def test_who_is_leaving_already_is_not_counted_again() -> None:
    wanted = fleet([cluster("eu")], [application("web", state=ApplicationState.RETIRED)], LeavingBounds(0, 0))
    planned = plan(wanted, facts({WEB: current(PlacementState.LEAVING)}))
    assert _only(planned).state is PlacementState.LEAVING
    assert not _only(planned).wants_run


def test_who_has_left_stays_gone() -> None:
    gone = current(PlacementState.LEFT, owns=False)
    step = _only(plan(fleet([cluster("eu")], []), facts({WEB: gone})))
    assert step.state is PlacementState.LEFT
    assert not step.differs


def _many(count: int) -> dict[PlacementRef, Current]:
    return {PlacementRef(f"c{n}", "web"): current() for n in range(count)}


def test_more_than_the_bound_ask_and_nobody_leaves() -> None:
    clusters = [cluster(f"c{n}") for n in range(20)]
    wanted = fleet(clusters, [application("web", state=ApplicationState.RETIRED)], LeavingBounds(10, 100))
    planned = plan(wanted, facts(_many(20)))
    assert {step.state for step in planned.steps} == {PlacementState.PLACED}
    asked = Reason(Hold.ASKED, {"placements": 20, "why": Hold.APPLICATION_RETIRED.value})
    assert all(step.hold == asked for step in planned.steps)
    assert set(planned.departures.asks["fleet"]) == set(_many(20))


def test_the_percentage_bounds_too() -> None:
    clusters = [cluster(f"c{n}") for n in range(20)]
    apps = [application("web", clusters=[f"c{n}" for n in range(18)], on_unmatch=OnUnmatch.DELETE)]
    planned = plan(fleet(clusters, apps, LeavingBounds(10, 5)), facts(_many(20)))
    assert len(planned.departures.asks["fleet"]) == 2


def test_those_a_person_let_go_leave_and_others_still_ask() -> None:
    clusters = [cluster(f"c{n}") for n in range(5)]
    wanted = fleet(clusters, [application("web", state=ApplicationState.RETIRED)], LeavingBounds(1, 100))
    allowed = frozenset({PlacementRef("c0", "web"), PlacementRef("c1", "web")})
    planned = plan(wanted, facts(_many(5), allowed=allowed))
    leaving = {step.ref for step in planned.steps if step.state is PlacementState.LEAVING}
    assert leaving == allowed
    assert len(planned.departures.asks["fleet"]) == 3


def test_a_draining_cluster_asks_once_for_all_of_it_even_for_one() -> None:
    wanted = fleet([cluster("eu", ClusterState.DRAINING)], [application("web")])
    planned = plan(wanted, facts({WEB: current(), PlacementRef("eu", "gone"): current(PlacementState.RETAINED)}))
    assert planned.departures.asks == {"eu": (PlacementRef("eu", "gone"), WEB)}
    freed = plan(wanted, facts({WEB: current()}, allowed=frozenset({WEB})))
    assert _only(freed).state is PlacementState.LEAVING


def test_a_revision_knows_its_parameters() -> None:
    first = _only(plan(fleet([cluster("eu")], [application("web")]), facts(found=resolved("web"))))
    other = _only(plan(fleet([cluster("us")], [application("web")]), facts(found=resolved("web"))))
    assert isinstance(first.desired, Revision)
    assert other.desired is not None
    assert first.desired.parameters_digest != other.desired.parameters_digest, "the cluster's own values count"


def _owned(count: int, *, state: PlacementState = PlacementState.PLACED) -> dict[PlacementRef, Current]:
    return {PlacementRef(f"c{number}", "web"): current(state, applied=("d", "p")) for number in range(count)}


@pytest.mark.parametrize(
    ("leaving", "placed", "bounds", "free"),
    [
        (2, 4, LeavingBounds(3, 50), True),
        (2, 4, LeavingBounds(3, 49), False),
        (3, 6, LeavingBounds(3, 50), True),
        (4, 40, LeavingBounds(3, 50), False),
        (2, 40, LeavingBounds(3, 5), True),
        (1, 1, LeavingBounds(0, 0), True),
    ],
)
def test_both_bounds_may_be_reached_and_not_exceeded(
    leaving: int, placed: int, bounds: LeavingBounds, *, free: bool
) -> None:
    clusters = [cluster(f"c{number}") for number in range(placed)]
    left = application("web", clusters=[f"c{number}" for number in range(leaving, placed)], on_unmatch=OnUnmatch.DELETE)
    going = plan(fleet(clusters, [left], bounds), facts(_owned(placed), found=resolved("web"))).departures
    assert len(going.free) == (leaving if free else 0)
    assert len(going.waiting) == (0 if free else leaving)


def test_many_that_are_leaving_already_ask_for_nothing_more() -> None:
    clusters = [cluster(f"c{number}") for number in range(5)]
    retired = application("web", state=ApplicationState.RETIRED)
    known = _owned(5, state=PlacementState.LEAVING)
    planned = plan(fleet(clusters, [retired], LeavingBounds(0, 0)), facts(known))
    assert (len(planned.departures.free), planned.departures.asks) == (5, {})
    assert {(step.state, step.wants_run, step.renewed) for step in planned.steps} == {
        (PlacementState.LEAVING, False, False)
    }


def test_a_frozen_cluster_asks_for_no_departure() -> None:
    frozen = cluster("eu", ClusterState.FROZEN)
    planned = plan(fleet([frozen], [application("web")]), facts({WEB: current(applied=("d", "p"))}))
    assert (planned.departures.free, planned.departures.asks) == ({}, {})


def test_why_a_placement_leaves_is_said() -> None:
    retired = application("web", state=ApplicationState.RETIRED)
    known = {WEB: current(applied=("d", "p"))}
    assert plan(fleet([cluster("eu")], [retired]), facts(known)).departures.free[WEB] is Hold.APPLICATION_RETIRED
    draining = cluster("eu", ClusterState.DRAINING)
    asked = plan(fleet([draining], [application("web")]), facts(known)).departures.waiting[WEB]
    assert asked == Reason(Hold.ASKED, {"placements": 1, "why": Hold.DRAINING.value})


def test_a_departing_placement_has_no_revision_to_be_at() -> None:
    retired = application("web", state=ApplicationState.RETIRED)
    known = {WEB: current(desired=revision("d1", "p"), applied=("d1", "p"))}
    step = _only(plan(fleet([cluster("eu")], [retired]), facts(known)))
    assert (step.desired, step.renewed, step.wants_run, step.differs) == (None, False, True, True)


def test_a_placement_that_is_behind_for_a_known_reason_wants_no_run_at_every_plan() -> None:
    wanted = fleet([cluster("eu")], [application("web")])
    first = _only(plan(wanted, facts(found=resolved("web"))))
    assert first.differs
    failing = current(desired=first.desired, applied=None)
    assert not _only(plan(wanted, facts({WEB: failing}, found=resolved("web")))).wants_run


def test_what_is_wrong_with_one_folder_is_said_before_what_is_wrong_with_its_repository() -> None:
    wanted = fleet([cluster("eu")], [application("web")])
    found = resolved("web", digest="", error="web: no such folder")
    step = _only(plan(wanted, facts(found=found, errors={1: "the server is away"})))
    assert step.hold == _unreadable("web: no such folder")


def test_a_placement_of_a_retired_cluster_is_stored_when_it_is_new() -> None:
    retired = fleet([cluster("eu", ClusterState.RETIRED)], [application("web")])
    step = _only(plan(retired, facts()))
    assert (step.state, step.differs) == (PlacementState.RETAINED, True)


def test_a_new_hold_alone_is_stored() -> None:
    wanted = fleet([cluster("eu")], [application("web")])
    first = _only(plan(wanted, facts(found=resolved("web"))))
    known = {WEB: current(desired=first.desired, applied=first.desired.identity if first.desired else None)}
    assert not _only(plan(wanted, facts(known, found=resolved("web")))).differs
    assert _only(plan(wanted, facts(known, found=resolved("web"), blocked={"eu": CHANGED}))).differs


def test_a_departure_is_stored_with_or_without_a_revision() -> None:
    retired = fleet([cluster("eu")], [application("web", state=ApplicationState.RETIRED)])
    for desired in (None, revision("d1", "p")):
        assert _only(plan(retired, facts({WEB: current(desired=desired, applied=("d1", "p"))}))).differs


# -- several sources ---------------------------------------------------------------------------------------------------

OTHER = GitRef("https://git.example.com/config.git", "", "refs/heads/main")


def _several() -> Application:
    config = GitSource(OTHER.repo, Ref(RefKind.BRANCH, "main"), name="config")
    one = application("web")
    chart = replace(config, repo=SOURCE.repo, path=one.source.path, name="chart")
    return replace(one, sources=(chart, config))


def _both(digest: str = "d2", renderer: str = "helm 1", error: str = "") -> dict[tuple[SourceRef, str], Resolved]:
    return resolved("web") | {(OTHER, "web"): Resolved(2, digest, "e" * 40, rendered_by(renderer), error)}


def test_of_several_sources_the_revision_has_all() -> None:
    wanted = fleet([cluster("eu")], [_several()])
    first = _only(plan(wanted, facts(found=_both())))
    assert first.desired is not None
    assert [(one.source, one.commit) for one in first.desired.sources] == [(SOURCE, "c" * 40), (OTHER, "e" * 40)]
    assert [one.renderers for one in first.desired.sources] == [rendered_by("plain 1"), rendered_by("helm 1")]
    assert first.source_id == SOURCE_ID
    again = _only(plan(wanted, facts({WEB: _settled(first)}, found=_both())))
    assert not again.differs
    for changed in (_both(digest="d3"), _both(renderer="helm 2")):
        step = _only(plan(wanted, facts({WEB: _settled(first)}, found=changed)))
        assert step.renewed
        assert step.wants_run


def test_of_several_sources_the_one_that_is_not_resolved_is_the_reason_and_the_last_good_stays() -> None:
    wanted = fleet([cluster("eu")], [_several()])
    first = _only(plan(wanted, facts(found=_both())))
    unreachable = replace(facts(found=resolved("web"), errors={2: "git.unreachable"}), sources={SOURCE: 1, OTHER: 2})
    assert _only(plan(wanted, unreachable)).hold == _unreadable("git.unreachable")
    faulty = _only(plan(wanted, facts({WEB: _settled(first)}, found=_both(error="the file is gone"))))
    assert (faulty.desired, faulty.hold) == (first.desired, _unreadable("the file is gone"))
    never = _only(plan(wanted, facts(found=_both(digest="", error="the file is not there"))))
    assert (never.desired, never.hold) == (None, _unreadable("the file is not there"))


def test_a_source_that_is_exchanged_for_one_that_cannot_be_resolved_wants_no_run() -> None:
    former = _only(plan(fleet([cluster("eu")], [application("web")]), facts(found=resolved("web"))))
    assert former.desired is not None
    other = GitRef("https://git.example.com/other", "", "refs/heads/main")
    of_other = replace(former.desired, sources=tuple(replace(one, source=other) for one in former.desired.sources))
    behind = current(desired=of_other, applied=("an", "older one"))
    step = _only(plan(fleet([cluster("eu")], [application("web")]), facts({WEB: behind}, errors={1: "no such branch"})))
    assert (step.wants_run, step.hold) == (False, _unreadable("no such branch"))
