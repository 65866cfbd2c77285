"""What a change of the registry would do: said by the same planning that would do it."""

from __future__ import annotations

from dataclasses import replace

from common.domain.fleet import (
    Application,
    ApplicationState,
    Cluster,
    ClusterState,
    Fleet,
    GitSource,
    LeavingBounds,
    OnUnmatch,
    Ref,
    RefKind,
    Substitution,
    ValueLayer,
    Where,
)
from common.domain.holds import Hold
from common.domain.placements import PlacementState
from common.domain.refs import PlacementRef
from common.domain.status import Reason
from scheduler.planning.facts import Current, Facts
from scheduler.planning.plan import plan
from scheduler.planning.preview import Effect, preview
from tests.factories import application, cluster, current, facts, fleet, resolved

EU, US, AP = cluster("eu"), cluster("us"), cluster("ap")
WEB = application("web", on_unmatch=OnUnmatch.DELETE)
NOW = fleet([EU, US], [WEB])
FOUND = resolved("web")


def _synced(fleet_: Fleet) -> Facts:
    steps = plan(fleet_, facts(found=FOUND)).steps
    known: dict[PlacementRef, Current] = {
        step.ref: current(desired=step.desired, applied=step.desired.identity if step.desired else None)
        for step in steps
    }
    return facts(known, found=FOUND)


def _effects(then: Fleet, now: Fleet = NOW) -> dict[str, tuple[Effect, str]]:
    found = preview(now, then, _synced(now))
    return {str(one.ref): (one.effect, one.detail) for one in found.placements}


def _with(application_: Application, *clusters: Cluster) -> Fleet:
    return fleet(clusters or [EU, US], [application_])


def test_the_same_registry_changes_nothing() -> None:
    assert _effects(NOW) == {}
    assert preview(NOW, NOW, _synced(NOW)).clusters == ()


def test_a_document_that_only_moved_changes_nothing() -> None:
    there = Where("elsewhere.yaml", 12)
    moved = replace(
        WEB, where=there, values=ValueLayer(where=there), targets=tuple(replace(t, where=there) for t in WEB.targets)
    )
    then = fleet([replace(EU, where=there), US], [moved])
    assert preview(NOW, then, _synced(NOW)) == preview(NOW, NOW, _synced(NOW))


def test_a_new_cluster_adds_placements() -> None:
    found = preview(NOW, _with(WEB, EU, US, AP), _synced(NOW))
    assert [(str(one.ref), one.effect) for one in found.placements] == [("ap/web", Effect.ADDED)]
    assert [(one.name, one.detail) for one in found.clusters] == [("ap", "added")]


def test_the_first_registry_adds_everything() -> None:
    found = preview(None, NOW, facts())
    assert [one.effect for one in found.placements] == [Effect.ADDED] * 2
    assert [one.detail for one in found.clusters] == ["added"] * 2


def test_what_is_rendered_otherwise_is_changed_and_says_by_what() -> None:
    source = WEB.source
    assert isinstance(source, GitSource)
    moved = replace(WEB, sources=(replace(source, path="web/v2"),), namespace="front")
    assert _effects(_with(moved))["eu/web"] == (Effect.CHANGED, "path web to web/v2, namespace web to front")
    valued = replace(WEB, values=ValueLayer("application web", {"replicas": 3}))
    assert _effects(_with(valued))["eu/web"] == (Effect.CHANGED, "value replicas")
    assert _effects(_with(replace(WEB, substitute=Substitution())))["us/web"] == (Effect.CHANGED, "how it is rendered")


def test_another_repository_or_ref_is_named() -> None:
    source = WEB.source
    assert isinstance(source, GitSource)
    for repo in ("https://a.example.com/x.git", "https://z.example.com/x.git"):
        elsewhere = replace(WEB, sources=(replace(source, repo=repo),))
        assert _effects(_with(elsewhere))["eu/web"] == (Effect.CHANGED, f"source {repo} at refs/heads/main")
    tagged = replace(WEB, sources=(replace(source, ref=Ref(RefKind.TAG, "v2")),))
    assert _effects(_with(tagged))["eu/web"] == (Effect.CHANGED, "ref refs/heads/main to refs/tags/v2")


def test_a_change_of_what_is_held_up_says_so() -> None:
    frozen = cluster("eu", ClusterState.FROZEN)
    now, then = fleet([frozen], [WEB]), fleet([frozen], [replace(WEB, namespace="front")])
    (found,) = preview(now, then, _synced(now)).placements
    assert (found.effect, "held: frozen" in found.detail) == (Effect.CHANGED, True)


def test_a_mapping_that_was_empty_is_told_by_what_is_put_into_it() -> None:
    empty = _with(replace(WEB, values=ValueLayer("application web", {"b": {}, "z": 1})))
    filled = _with(replace(WEB, values=ValueLayer("application web", {"b": {"c": {"d": 1}}, "z": 2})))
    assert _effects(filled, empty)["eu/web"] == (Effect.CHANGED, "value b.c.d, value z")


def test_a_label_reaches_only_its_own_cluster() -> None:
    labelled = replace(EU, labels={"env": "prod"})
    assert _effects(_with(WEB, labelled, US)) == {"eu/web": (Effect.CHANGED, "value cluster.labels.env")}


def test_settings_that_shape_no_object_are_told_apart() -> None:
    assert _effects(_with(replace(WEB, create_namespace=True)))["eu/web"] == (Effect.SETTINGS, "createNamespace")


def test_a_placement_that_no_target_takes_leaves_or_stays_as_its_application_says() -> None:
    elsewhere = application("web", clusters=["us"], on_unmatch=OnUnmatch.DELETE)
    effect, detail = _effects(_with(elsewhere))["eu/web"]
    assert (effect, "onUnmatch is delete" in detail) == (Effect.REMOVED, True)
    kept = application("web", clusters=["us"])
    assert _effects(_with(kept))["eu/web"][0] is Effect.RETAINED


def test_leaving_over_the_bounds_asks() -> None:
    bounds = LeavingBounds(max_placements=1)
    now = fleet([EU, US], [WEB], bounds)
    retired = fleet([EU, US], [replace(WEB, state=ApplicationState.RETIRED)], bounds)
    found = _effects(retired, now)
    assert {effect for effect, _ in found.values()} == {Effect.ASKS}
    assert "2 placements would leave" in found["eu/web"][1]


def test_an_application_whose_file_is_gone_is_left_alone() -> None:
    assert {effect for effect, _ in _effects(fleet([EU, US], [])).values()} == {Effect.RETAINED}


def test_freezing_a_cluster_holds_its_placements_and_thawing_lets_them_go() -> None:
    frozen = fleet([cluster("eu", ClusterState.FROZEN), US], [WEB])
    assert _effects(frozen)["eu/web"][0] is Effect.HELD
    facts_ = _synced(NOW)
    held = {ref: replace(one, hold=Reason(Hold.FROZEN)) for ref, one in facts_.current.items()}
    back = preview(frozen, NOW, replace(facts_, current=held))
    assert [(str(one.ref), one.effect) for one in back.placements] == [("eu/web", Effect.HELD)]
    assert back.placements[0].detail.startswith("no longer held")
    assert [one.detail for one in back.clusters] == ["state"]


def test_a_removed_cluster_document_deletes_nothing() -> None:
    found = preview(NOW, fleet([cluster("eu", removed=True), US], [WEB]), _synced(NOW))
    assert [(one.name, one.detail) for one in found.clusters] == [
        ("eu", "removed: it counts as frozen, and nothing on it is deleted")
    ]
    assert {one.effect for one in found.placements} == {Effect.HELD}


def test_a_placement_that_comes_back_is_added() -> None:
    gone = fleet([EU, US], [])
    retained = {ref: replace(one, state=PlacementState.RETAINED) for ref, one in _synced(NOW).current.items()}
    found = preview(gone, NOW, facts(retained, found=FOUND))
    assert {one.effect for one in found.placements} == {Effect.ADDED}
