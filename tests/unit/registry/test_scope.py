"""What a fault does: it refuses the commit, or keeps its document; never more."""

from __future__ import annotations

import pytest

from common.registry import Documents, FaultScope
from tests.harness.texts import FLEET, application, cluster, documents, in_order, lines, parsed, placed, registry

STRATEGY = "kind: RolloutStrategy\nmetadata: {name: waves}\nspec: {waves: [{name: one, remaining: true}]}\n"
WINDOW = "kind: SyncWindow\nmetadata: {name: hours}\nspec: {allow: [{cron: '0 9 * * *', duration: 8h}]}\n"
BOTH = {"c1/pay": "sync", "c2/pay": "sync"}


def test_a_fault_in_one_application_leaves_it_and_the_rest_as_they_should_be() -> None:
    good = in_order(registry(pay=application(), web=application("web")))
    result = parsed(
        registry(
            pay=application(target="select: {matchLabels: {region: us}}, wrong: 1"),
            web=application("web", target="select: {matchLabels: {region: us}}"),
        ),
        good,
    )
    assert not result.refused
    assert placed(result) == {**BOTH, "c2/web": "sync"}
    assert result.faults[0].scope is FaultScope.KEEPS


def test_a_new_application_with_a_fault_is_not_placed() -> None:
    result = parsed(registry(pay=application(), web=application("web", more="  wrong: 1\n")))
    assert placed(result) == BOTH


def test_a_corrected_application_goes_on() -> None:
    good = in_order(registry(pay=application()))
    bad = parsed(registry(pay=application(more="  wrong: 1\n")), good)
    assert placed(in_order(registry(pay=application(target="clusters: [c1]")), bad)) == {"c1/pay": "sync"}


def test_a_core_fault_keeps_the_last_good_commit_in_force() -> None:
    good = in_order(registry(pay=application()))
    files = registry(web=application("web"))
    files["clusters.yaml"] = cluster("c1", env="prd")
    result = parsed(files, good)
    assert result.refused
    assert placed(result) == BOTH
    assert result.documents.to_json() == good.documents.to_json()
    assert result.fleet == good.fleet


def test_a_refused_first_commit_gives_no_fleet() -> None:
    result = parsed({"app.yaml": application()})
    assert (result.fleet, result.refused) == (None, True)
    assert lines(result.faults) == [".:1: the registry holds no Fleet document"]


def test_an_empty_registry_is_refused_and_changes_nothing() -> None:
    good = in_order(registry(pay=application()))
    result = parsed({}, good)
    assert result.refused
    assert placed(result) == BOTH


def test_two_fleets_are_refused() -> None:
    result = parsed(registry(other=FLEET.replace("acme", "beta")))
    assert result.refused
    assert lines(result.faults) == ["other.yaml:1: a second Fleet, the first is in fleet.yaml:1"]


def test_the_fleets_name_never_changes() -> None:
    good = in_order(registry())
    result = parsed({**registry(), "fleet.yaml": FLEET.replace("acme", "beta")}, good)
    assert result.refused
    assert result.faults[0].what.startswith("the fleet is called acme")


def test_a_refused_commit_gives_no_notices() -> None:
    good = in_order(registry(pay=application()))
    assert parsed({"fleet.yaml": "kind: Fleet\n"}, good).notices == ()


def test_a_file_that_does_not_parse_refuses_where_it_held_core_kinds() -> None:
    good = in_order(registry(pay=application()))
    result = parsed({**registry(pay=application()), "clusters.yaml": "a: ["}, good)
    assert result.refused
    assert placed(result) == BOTH


def test_a_file_that_does_not_parse_refuses_even_where_its_core_documents_are_elsewhere_now() -> None:
    good = in_order(registry(pay=application()))
    moved = {**registry(pay=application()), "new.yaml": registry()["clusters.yaml"], "clusters.yaml": "a: ["}
    assert parsed(moved, good).refused


def test_a_removed_cluster_keeps_labels_that_left_the_vocabulary() -> None:
    good = in_order(registry(pay=application(target="select: {all: true}")))
    files = {**registry(pay=application(target="select: {all: true}")), "clusters.yaml": cluster("c1")}
    files["fleet.yaml"] = FLEET.replace(", us", "")
    assert placed(in_order(files, good)) == {"c1/pay": "sync", "c2/pay": "observe"}


def test_a_file_that_does_not_parse_keeps_the_applications_it_held() -> None:
    good = in_order(registry(pay=application(), web=application("web")))
    result = parsed(registry(pay="a: [", web=application("web", target="clusters: [c1]")), good)
    assert not result.refused
    assert placed(result) == {**BOTH, "c1/web": "sync"}
    assert not result.notices


def test_a_new_file_that_does_not_parse_harms_nobody() -> None:
    result = parsed(registry(pay=application(), new="\ta"))
    assert not result.refused
    assert placed(result) == BOTH


def test_an_application_that_moved_out_of_a_broken_file_is_taken_from_its_new_one() -> None:
    good = in_order(registry(pay=application()))
    result = parsed(registry(pay="a: [", new=application(target="clusters: [c2]")), good)
    assert placed(result) == {"c2/pay": "sync"}


def test_a_mistyped_kind_does_not_remove_the_document() -> None:
    good = in_order(registry(pay=documents(application(), application("web"))))
    broken = documents(application(), application("web").replace("Application", "Aplication"))
    result = parsed(registry(pay=broken), good)
    assert placed(result) == {**BOTH, "c1/web": "sync", "c2/web": "sync"}
    assert not result.notices


def test_a_mistyped_kind_of_a_core_document_refuses() -> None:
    good = in_order(registry(pay=application()))
    files = {**registry(pay=application()), "clusters.yaml": documents(cluster("c1"), cluster("c2").replace("Cl", "K"))}
    result = parsed(files, good)
    assert result.refused
    assert placed(result) == BOTH


def test_a_removed_cluster_is_frozen_loudly_until_it_is_back() -> None:
    good = in_order(registry(pay=application()))
    files = {**registry(pay=application()), "clusters.yaml": cluster("c1")}
    for _ in range(2):
        good = in_order(files, good)
        assert placed(good) == {"c1/pay": "sync", "c2/pay": "observe"}
        assert [notice.what for notice in good.notices] == ["Cluster c2 has left the registry: it is treated as frozen"]
    back = in_order(registry(pay=application()), good)
    assert placed(back) == BOTH
    assert not back.notices


def test_a_retired_cluster_may_go_silently() -> None:
    files = registry(pay=application())
    files["clusters.yaml"] = documents(cluster("c1"), cluster("c2", more=", state: retired"))
    good = in_order(files)
    assert placed(good) == {"c1/pay": "sync", "c2/pay": "forget"}
    gone = in_order({**files, "clusters.yaml": cluster("c1")}, good)
    assert placed(gone) == {"c1/pay": "sync"}
    assert not gone.notices


def test_a_removed_application_is_retained_loudly() -> None:
    good = in_order(registry(pay=application(more="  onUnmatch: delete\n")))
    gone = in_order(registry(), good)
    assert placed(gone) == {}
    assert [notice.what for notice in gone.notices] == [
        "Application pay has left the registry: its objects stay where they are"
    ]
    assert gone.fleet is not None
    assert gone.fleet.leaving_policy("pay").value == "retain"


def test_a_retired_application_is_to_be_removed() -> None:
    good = in_order(registry(pay=application(more="  state: retired\n")))
    assert placed(good) == {"c1/pay": "remove", "c2/pay": "remove"}
    assert not in_order(registry(), good).notices


@pytest.mark.parametrize(
    ("state", "disposition"),
    [("joining", "hold"), ("active", "sync"), ("frozen", "observe"), ("draining", "remove"), ("retired", "forget")],
)
def test_the_state_of_a_cluster_decides_what_may_be_done(state: str, disposition: str) -> None:
    files = {**registry(pay=application()), "clusters.yaml": cluster("c1", more=f", state: {state}")}
    assert placed(in_order(files)) == {"c1/pay": disposition}


def test_a_frozen_cluster_is_not_emptied_by_a_retired_application() -> None:
    files = {
        **registry(pay=application(more="  state: retired\n")),
        "clusters.yaml": cluster("c1", more=", state: frozen"),
    }
    assert placed(in_order(files)) == {"c1/pay": "observe"}


def test_two_new_documents_of_one_name_are_both_left_out() -> None:
    result = parsed(registry(a=application(), b=application()))
    assert lines(result.faults) == ["b.yaml:2: Application pay is given twice, also in a.yaml:1"]
    assert placed(result) == {}


def test_whoever_had_a_name_keeps_it() -> None:
    good = in_order(registry(b=application(target="clusters: [c1]")))
    result = parsed(registry(a=application(), b=application(target="clusters: [c2]")), good)
    assert placed(result) == {"c2/pay": "sync"}
    assert result.faults[0].file == "a.yaml"


def test_two_clusters_of_one_name_refuse() -> None:
    assert parsed(registry(x=cluster("c1"))).refused


def test_a_selection_outside_expect_keeps_the_last_good_version() -> None:
    good = in_order(registry(pay=application(target="select: {matchLabels: {env: prod}}, expect: {min: 2}")))
    narrow = application(target="select: {matchLabels: {region: us}}, expect: {min: 2}")
    result = parsed(registry(pay=narrow), good)
    assert lines(result.faults) == ["pay.yaml:6: target all selects 1 clusters, outside 2 to any number"]
    assert placed(result) == BOTH


def test_a_selection_that_shrinks_below_expect_by_relabelling_is_held() -> None:
    app = application(target="select: {matchLabels: {region: us}}, expect: {min: 1, max: 1}")
    good = in_order(registry(pay=app))
    assert placed(good) == {"c2/pay": "sync"}
    moved = {**registry(pay=app), "clusters.yaml": documents(cluster("c1"), cluster("c2"), cluster("c3"))}
    for _ in range(2):
        good = parsed(moved, good)
        assert not good.refused
        assert [fault.what for fault in good.faults] == ["target all selects 0 clusters, outside 1 to 1"]
        assert placed(good) == {"c2/pay": "sync"}
    assert placed(in_order(registry(pay=app), good)) == {"c2/pay": "sync"}


def test_nothing_is_deleted_while_a_selection_is_held() -> None:
    more = "  onUnmatch: delete\n"
    app = application(target="select: {matchLabels: {region: us}}, expect: {min: 1}", more=more)
    good = in_order(registry(pay=app))
    held = parsed({**registry(pay=app), "clusters.yaml": documents(cluster("c1"), cluster("c2"))}, good)
    assert good.fleet is not None
    assert held.fleet is not None
    assert good.fleet.leaving_policy("pay").value == "delete"
    assert held.fleet.leaving_policy("pay").value == "retain"


def test_retired_clusters_do_not_count_for_expect() -> None:
    files = registry(pay=application(target="select: {all: true}, expect: {min: 2}"))
    files["clusters.yaml"] = documents(cluster("c1"), cluster("c2", more=", state: retired"))
    assert [fault.what for fault in parsed(files).faults] == ["target all selects 1 clusters, outside 2 to any number"]


def test_a_new_selection_outside_expect_is_not_placed() -> None:
    result = parsed(registry(pay=application(target="select: {matchLabels: {env: dev}}, expect: {min: 1}")))
    assert placed(result) == {}


def test_what_refers_to_a_faulty_document_stays_as_it_was() -> None:
    waves = STRATEGY.replace("remaining: true", "remaining: true, windows: [hours]")
    good = in_order(registry(s=waves, w=WINDOW))
    result = parsed(registry(s=waves.replace("name: one", "name: two"), w=WINDOW.replace("8h", "8 h")), good)
    assert [fault.what for fault in result.faults] == [
        "SyncWindow hours has a fault",
        "spec.allow[0].duration: '8 h' is not a duration",
    ]
    assert result.fleet is not None
    assert [wave.name for wave in result.fleet.strategies["waves"].waves] == ["one"]
    assert result.fleet.windows["hours"].allow[0].duration.total_seconds() == 8 * 3600


def test_what_refers_to_a_faulty_document_unchanged_has_no_fault_of_its_own() -> None:
    waves = STRATEGY.replace("remaining: true", "remaining: true, windows: [hours]")
    good = in_order(registry(s=waves, w=WINDOW))
    result = parsed(registry(s=waves, w=WINDOW.replace("8h", "8 h")), good)
    assert [fault.name for fault in result.faults] == ["hours"]
    assert result.fleet is not None
    assert "waves" in result.fleet.strategies


def test_a_document_that_a_kept_one_needs_is_kept_with_it() -> None:
    waves = STRATEGY.replace("remaining: true", "remaining: true, windows: [hours]")
    good = in_order(registry(s=waves, w=WINDOW))
    result = parsed(registry(s=waves.replace("name: one", "nam: one")), good)
    assert result.fleet is not None
    assert set(result.fleet.windows) == {"hours"}
    assert set(result.fleet.strategies) == {"waves"}


def test_an_unknown_reference_is_named_with_the_nearest() -> None:
    waves = STRATEGY.replace("remaining: true", "remaining: true, windows: [ours]")
    fault = parsed(registry(s=waves, w=WINDOW)).faults[0]
    assert (fault.what, fault.remedy) == ("SyncWindow 'ours' is not known", "did you mean 'hours'?")


def test_a_cycle_of_dependencies_is_named() -> None:
    def needs(name: str, other: str) -> str:
        return application(name, more=f"  dependsOn: [{{application: {other}}}]\n")

    result = parsed(registry(a=needs("a", "b"), b=needs("b", "c"), c=needs("c", "a"), d=needs("d", "a")))
    cycles = [fault for fault in result.faults if "circle" in fault.what]
    assert {fault.name for fault in cycles} == {"a", "b", "c"}
    assert {fault.what for fault in cycles} == {"dependsOn goes round in a circle: a -> b -> c -> a"}
    assert {fault.line for fault in cycles} == {7}


def test_an_application_may_not_depend_on_itself() -> None:
    result = parsed(registry(a=application("a", more="  dependsOn: [{application: a}]\n")))
    assert "dependsOn goes round in a circle: a -> a" in [fault.what for fault in result.faults]


def test_a_stored_format_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="format 7"):
        Documents.from_json({"format": 7})
