"""Tenancy: what a project's applications may use, and what its folders may hold."""

from __future__ import annotations

import pytest

from common.domain.fleet import glob_matches
from common.registry.faults import FaultScope
from tests.harness.texts import application, cluster, in_order, lines, parsed, placed, project, registry

OURS = "  project: team\n"


def tenants(app: str, *, rules: str = "", **more: str) -> dict[str, str]:
    return {**registry(project=project(more=rules), **more), "teams/team/app.yaml": app}


def test_a_project_in_order_has_no_fault() -> None:
    assert placed(in_order(tenants(application(more=OURS)))) == {"c1/pay": "sync", "c2/pay": "sync"}


def test_without_projects_there_is_one_that_may_use_everything() -> None:
    assert placed(in_order(registry(pay=application(more="  project: default\n")))) != {}
    fault = parsed(registry(pay=application(more=OURS))).faults[0]
    assert fault.what == "project 'team' is not known"


def test_with_projects_every_application_names_one() -> None:
    result = parsed(tenants(application()))
    assert [fault.what for fault in result.faults] == ["the application names no project"]


def test_an_application_outside_the_projects_folders_may_not_name_it() -> None:
    result = parsed({**registry(project=project()), "teams/other/app.yaml": application(more=OURS)})
    assert [fault.what for fault in result.faults] == ["a file at teams/other/app.yaml may not name project team"]


@pytest.mark.parametrize(
    ("rules", "more", "what"),
    [
        ("  repos: []\n", "", "project team may not use https://git.example.com/pay.git"),
        ("  repos: ['https://git.example.com/*/x']\n", "", "may not use https://git.example.com/pay.git"),
        ("  namespaces: {allow: [other]}\n", "", "project team may not use namespace pay"),
        ("", "  createNamespace: true\n", "project team may not create namespaces"),
    ],
)
def test_an_application_may_use_only_what_its_project_allows(rules: str, more: str, what: str) -> None:
    base = project().replace("  repos: ['**']\n", "") if "repos" in rules else project()
    base = base.replace("  namespaces: {allow: ['*']}\n", "") if "namespaces" in rules else base
    files = {**registry(project=base + rules), "teams/team/app.yaml": application(more=OURS + more)}
    result = parsed(files)
    assert any(what in fault.what for fault in result.faults), lines(result.faults)
    assert placed(result) == {}


def test_credentials_must_be_the_projects() -> None:
    app = application(more=OURS).replace("ref: {", "credentials: {secretRef: git/other}, ref: {")
    result = parsed(tenants(app, rules="  credentials: ['git/team']\n"))
    assert [fault.what for fault in result.faults] == ["project team may not use credentials git/other"]
    in_order(tenants(app.replace("git/other", "git/team"), rules="  credentials: ['git/team']\n"))


def test_a_selector_chooses_among_the_projects_clusters() -> None:
    rules = project().replace("all: true", "matchLabels: {region: us}")
    files = {**registry(project=rules), "teams/team/app.yaml": application(target="select: {all: true}", more=OURS)}
    assert placed(in_order(files)) == {"c2/pay": "sync"}


def test_a_named_cluster_outside_the_project_is_a_fault() -> None:
    rules = project().replace("all: true", "matchLabels: {region: us}")
    files = {**registry(project=rules), "teams/team/app.yaml": application(target="clusters: [c1]", more=OURS)}
    assert [fault.what for fault in parsed(files).faults] == ["project team may not use cluster c1"]


def test_a_project_without_clusters_places_nothing() -> None:
    rules = project().replace("  clusters: {all: true}\n", "")
    files = {**registry(project=rules), "teams/team/app.yaml": application(more=OURS)}
    assert placed(parsed(files)) == {}


def test_a_tightened_project_blocks_what_it_no_longer_allows_and_deletes_nothing() -> None:
    good = in_order(tenants(application(more=OURS + "  onUnmatch: delete\n")))
    files = {
        **tenants(application(more=OURS + "  onUnmatch: delete\n")),
        "project.yaml": project().replace("'**']\n  cl", "x]\n  cl"),
    }
    result = parsed(files, good)
    assert not result.refused
    assert len(result.faults) == 1
    assert placed(result) == {"c1/pay": "observe", "c2/pay": "observe"}
    assert result.fleet is not None
    assert "may not use https://git.example.com/pay.git" in result.fleet.applications["pay"].blocked
    assert result.fleet.leaving_policy("pay").value == "retain"


def test_a_removed_project_blocks_its_applications() -> None:
    good = in_order({**tenants(application(more=OURS)), "p2.yaml": project("other")})
    files = {**tenants(application(more=OURS)), "p2.yaml": project("other")}
    del files["project.yaml"]
    result = parsed(files, good)
    assert [fault.what for fault in result.faults] == ["project 'team' is not known"]
    assert placed(result) == {}
    assert result.fleet is not None
    assert result.fleet.applications["pay"].blocked


def test_one_team_cannot_refuse_everybodys_commit_with_a_core_document_in_its_folder() -> None:
    good = in_order(tenants(application(more=OURS)))
    files = {**tenants(application(more=OURS)), "teams/team/cluster.yaml": cluster("c9")}
    result = parsed(files, good)
    assert lines(result.faults) == ["teams/team/cluster.yaml:1: Cluster c9 is in a folder of project team"]
    assert not result.refused
    assert result.fleet is not None
    assert "c9" not in result.fleet.clusters


def test_a_copy_of_a_core_document_in_a_teams_folder_does_not_take_its_place() -> None:
    good = in_order(tenants(application(more=OURS)))
    evil = cluster("c1").replace("https://c1.example.com", "https://evil.example.com")
    for kind in (evil, "kind: Cluster\nmetadata: {name: c1}\nspec: {nonsense: 1}\n"):
        result = parsed({**tenants(application(more=OURS)), "teams/team/cluster.yaml": kind}, good)
        assert not result.refused
        assert result.fleet is not None
        assert result.fleet.clusters["c1"].server == "https://c1.example.com"


def test_a_project_declared_in_a_teams_folder_takes_nobodys_folders() -> None:
    good = in_order(tenants(application(more=OURS)))
    evil = project("evil").replace("teams/evil/**", "**")
    result = parsed({**tenants(application(more=OURS)), "teams/team/evil.yaml": evil}, good)
    assert not result.refused
    assert result.fleet is not None
    assert set(result.fleet.projects) == {"team"}


def test_a_core_document_moved_into_a_teams_folder_refuses() -> None:
    good = in_order(tenants(application(more=OURS)))
    files = {**tenants(application(more=OURS)), "teams/team/clusters.yaml": cluster("c2", region="us")}
    files["clusters.yaml"] = cluster("c1")
    result = parsed(files, good)
    assert result.refused
    assert placed(result) == {"c1/pay": "sync", "c2/pay": "sync"}


def test_another_teams_strategy_may_not_be_named() -> None:
    waves = "kind: RolloutStrategy\nmetadata: {name: waves}\nspec: {waves: [{name: one, remaining: true}]}\n"
    files = tenants(application(more=OURS + "  strategy: waves\n"), other=project("other"))
    whats = {f.what for f in parsed({**files, "teams/other/waves.yaml": waves}).faults}
    assert "RolloutStrategy waves belongs to project other" in whats
    for mine in ("teams/team/waves.yaml", "waves.yaml"):
        assert {f.what for f in parsed({**files, mine: waves}).faults} == {"spec.strategy is not yet carried out"}


def test_another_teams_window_may_not_be_named_by_a_strategy() -> None:
    waves = "{name: one, remaining: true, windows: [hours]}"
    strategy = f"kind: RolloutStrategy\nmetadata: {{name: waves}}\nspec: {{waves: [{waves}]}}\n"
    window = "kind: SyncWindow\nmetadata: {name: hours}\nspec: {allow: [{cron: '0 9 * * *', duration: 8h}]}\n"
    files = {**registry(a=project("team"), b=project("other")), "teams/other/window.yaml": window}
    for mine in ("teams/team/waves.yaml", "waves.yaml"):
        faults = parsed({**files, mine: strategy}).faults
        assert [fault.what for fault in faults] == ["SyncWindow hours belongs to project other"]
    in_order({**files, "teams/other/waves.yaml": strategy})


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("a/*", "a/b", True),
        ("a/*", "a/", True),
        ("a/*", "a/b/c", False),
        ("a/*", "xa/b", False),
        ("a/**", "a/b/c", True),
        ("a/**", "a", False),
        ("**/x", "a/b/x", True),
        ("**", "", True),
        ("*", "a/b", False),
        ("**a*b", "a/ab", True),
        ("**a*b", "a/b", False),
        ("*/*", "a/b", True),
        ("*/*", "a/b/c", False),
        ("a*a", "a", False),
        ("*a*a*", "xaxax", True),
        ("*a*a*", "xax", False),
        ("***", "a/b", True),
        ("/Namespace", "/Namespace", True),
        ("a.c", "abc", False),
        ("a", "a\n", False),
        ("rbac.authorization.k8s.io/*", "rbac.authorization.k8s.io/Role", True),
    ],
)
def test_a_star_stays_within_a_segment_and_two_cross_slashes(pattern: str, text: str, *, expected: bool) -> None:
    assert glob_matches(pattern, text) is expected


def test_a_hostile_pattern_takes_no_time() -> None:
    assert not glob_matches("**a" * 16 + "b", "a" * 4_000)


def test_a_project_of_an_earlier_version_is_told_what_it_must_say_by_now() -> None:
    silent = project().replace("  clusterKinds: {}\n", "")
    (notice,) = parsed(registry(project=silent)).notices
    assert notice.scope is FaultScope.NOTICE
    assert notice.what == "project team does not say which cluster-scoped kinds it may use: it may use none"
    assert "add `clusterKinds: {allow: [GROUP/KIND]}`" in notice.remedy
    assert "kinds: {allow: [rbac.authorization.k8s.io/*]}" in notice.remedy
    (notice,) = parsed(registry(project=silent + "  serviceAccount: deployer\n")).notices
    assert "rbac" not in notice.remedy, "the cluster decides by that account"
