"""Argo CD's objects as people have them: sets with what they made, applications of applications, and odd sources."""

from __future__ import annotations

from typing import Any

import pytest

from console.importing import Imported
from tests.unit.importing.test_argocd import SOURCE, application, application_set, cluster, imported, spec_of, told

LIST = {"list": {"elements": [{"name": "eu"}, {"name": "us"}]}}


def named(one: dict[str, Any], name: str, **metadata: Any) -> dict[str, Any]:
    return {**one, "metadata": {"name": name, "namespace": "argocd", **metadata}}


def names(found: Imported) -> set[str]:
    return {document["metadata"]["name"] for document in found.documents.values()}


def commands(found: Imported) -> list[str]:
    return [command for step in found.steps for command in step.commands if command.startswith("kubectl")]


@pytest.mark.parametrize("generators", [None, [], {}, "x", [None], [[]], [{"list": None}]])
def test_generators_of_no_form_are_told(generators: Any) -> None:
    found = imported(application_set({"matrix": {"generators": generators}}))
    assert not found.documents
    (finding,) = found.findings
    assert finding.line > 1
    assert "generator" in finding.what


@pytest.mark.parametrize("kind", ["scmProvider", "pullRequest", "clusterDecisionResource", "plugin", "oci"])
def test_generators_that_ask_others_are_told_and_the_set_is_left_alone(kind: str) -> None:
    template = application(destination={"name": "{{name}}", "namespace": "x"})
    found = imported(application_set({kind: {"x": 1}}, LIST, template=template), named(application(), "other"))
    assert any(f"the generator {kind} cannot be expanded" in what for what in told(found))
    assert any("not all that it makes was written" in what for what in told(found))
    assert not [command for command in commands(found) if "applicationset" in command]


def test_what_a_set_made_needs_no_generator() -> None:
    owner = {"ownerReferences": [{"kind": "ApplicationSet", "name": "web", "apiVersion": "argoproj.io/v1alpha1"}]}
    whole = named(application_set({"pullRequest": {"github": {"owner": "acme"}}}), "web")
    made = [named(application(destination={"name": one, "namespace": "x"}), f"web-{one}", **owner) for one in "ab"]
    found = imported(whole, *made, checkouts={SOURCE["repoURL"]: {}})
    assert spec_of(found)["targets"] == [{"name": "all", "clusters": ["a", "b"]}]
    assert not found.findings
    deleted = [command.partition(" delete ")[2].split()[:2] for command in found.steps[-1].commands]
    assert deleted == [["applicationset", "web"], ["application", "web-a"], ["application", "web-b"]]
    assert len(found.steps[0].commands) == 3


def test_what_a_selection_by_labels_made_is_not_there_twice() -> None:
    owner = {"ownerReferences": [{"kind": "ApplicationSet", "name": "web", "apiVersion": "argoproj.io/v1alpha1"}]}
    found = imported(
        named(application_set({"clusters": {}}), "web"), named(application(), "web-eu", **owner), cluster("eu")
    )
    assert spec_of(found)["targets"] == [{"name": "all", "select": {"all": True}}]
    assert names(found) == {"web"}
    assert any("patch application web-eu" in command for command in commands(found))


def test_a_cluster_generator_without_a_selector_gives_argos_own_cluster_too() -> None:
    values = {"clusters": {"values": {"a": "b"}}}
    found = imported(application_set(values), cluster("eu"))
    assert spec_of(found)["targets"] == [{"name": "all", "clusters": ["eu", "hub"]}]
    chosen = {"clusters": {"selector": {"matchLabels": {"env": "prod"}}, "values": {"a": "b"}}}
    assert spec_of(imported(application_set(chosen), cluster("eu", env="prod")))["targets"][0]["clusters"] == ["eu"]


def test_a_template_of_a_generator_lies_over_the_sets() -> None:
    own = {"spec": {"destination": {"name": "{{name}}"}, "source": {"path": "own", "targetRevision": ""}}}
    one = application_set(
        {"list": {**LIST["list"], "template": own}}, template=application(destination={"namespace": "x"})
    )
    spec = spec_of(imported(one))
    assert spec["source"] == {"repo": SOURCE["repoURL"], "path": "own", "ref": {"branch": "main"}}
    assert (spec["namespace"], spec["targets"][0]["clusters"]) == ("x", ["eu", "us"])


def test_a_selector_of_a_generator_leaves_out() -> None:
    some = {**LIST, "selector": {"matchExpressions": [{"key": "name", "operator": "NotIn", "values": ["us"]}]}}
    template = application(destination={"name": "{{name}}", "namespace": "x"})
    assert spec_of(imported(application_set(some, template=template)))["targets"][0]["clusters"] == ["eu"]


def test_an_index_of_a_go_template_is_filled_in() -> None:
    url = "https://git.example.com/all.git"
    template = application(destination={"name": "{{ index .path.segments 1 }}", "namespace": "x"})
    folders = {"git": {"repoURL": url, "directories": [{"path": "apps/*"}]}}
    one = application_set(folders, template=template, goTemplate=True)
    one["spec"]["template"]["metadata"]["name"] = "{{ .path.basename }}"
    found = imported(one, checkouts={url: {"apps/eu/x.yaml": b"", "apps/.git/x": b""}})
    assert spec_of(found)["targets"][0]["clusters"] == ["eu"]


def test_a_template_that_repeats_without_end_is_told() -> None:
    long = {"list": {"elements": [{"name": "eu", "long": "x" * 100_000}] * 20}}
    template = application(destination={"name": "{{name}}", "namespace": "{{long}}" * 20})
    found = imported(application_set(long, template=template))
    assert any("are more than a file may be long" in what for what in told(found))
    wide = {"list": {"elements": [{"name": "eu"}] * 100}}
    many = imported(application_set({"matrix": {"generators": [wide, wide]}}))
    assert any("more than 5,000 applications" in what for what in told(many))


def test_an_application_of_applications_comes_first_and_is_told() -> None:
    track = {"annotations": {"argocd.argoproj.io/tracking-id": "root:argoproj.io/Application:argocd/child"}}
    by_label = {"labels": {"app.kubernetes.io/instance": "root"}}
    found = imported(
        named(application(), "child", **track), named(application(), "second", **by_label), named(application(), "root")
    )
    suspend, _, out_of_git, *_, delete = found.steps
    for step in (suspend, delete):
        assert [command.split()[5] for command in step.commands] == ["root", "child", "second"]
    assert "Application argocd/root" in out_of_git.title
    (said,) = told(found)
    assert "what it applies holds objects of Argo CD itself: Application child, Application second" in said


def test_a_child_of_an_application_that_goes_on_is_not_handed_over() -> None:
    track = {"annotations": {"argocd.argoproj.io/tracking-id": "root:argoproj.io/Application:argocd/child"}}
    refused = application(source={**SOURCE, "repoURL": "http://git.example.com/a.git"})
    found = imported(named(application(), "child", **track), named(refused, "root"))
    assert names(found) == {"child"}
    assert commands(found) == []


def test_names_go_into_commands_only_if_they_are_names() -> None:
    found = imported(named(application(), "a; reboot"), named(application(), "b", namespace="$(reboot)"), application())
    assert "reboot" not in f"{found.steps}"
    assert names(found) == {"web", "b"}


def test_sources_count_before_a_source() -> None:
    found = imported(application(sources=[{**SOURCE, "path": "b"}]))
    assert spec_of(found)["sources"][0]["path"] == "b"
    assert told(found) == ["Application web: beside sources it is not looked at by Argo CD, and is left out"]


def test_values_files_from_the_root_and_from_the_network() -> None:
    helm = {"valueFiles": ["/values/eu.yaml", "https://example.com/v.yaml", "own.yaml"]}
    found = imported(application(source={**SOURCE, "path": "charts/web", "helm": helm}))
    assert spec_of(found)["render"]["helm"]["valuesFiles"] == ["../../values/eu.yaml", "own.yaml"]
    assert told(found) == ["Application web: a values file from the network has no place"]


def test_a_chart_below_a_folder_of_a_registry_is_found() -> None:
    source = {"repoURL": "registry.example.com/acme", "chart": "tools/runner", "targetRevision": "1.0.0"}
    assert spec_of(imported(application(source=source)))["source"]["helm"] == {
        "repo": "oci://registry.example.com/acme/tools",
        "chart": "runner",
        "version": "1.0.0",
    }


def test_projects_with_odd_names_keep_their_applications() -> None:
    project = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "team.pay"},
        "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]},
    }
    found = imported(project, application(project="team.pay"))
    assert set(found.documents) == {"projects/team-pay.yaml", "applications/team-pay/web.yaml"}


def test_other_kinds_of_the_group_are_manifests_like_any_other() -> None:
    rollout = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "x"}, "spec": {"a": 1}}
    found = imported(application(), rollout)
    assert (found.findings, found.passed) == ((), 1)
