"""What a chart's release is called, and what its parameters and patterns are, as in Argo CD."""

from __future__ import annotations

from typing import Any

import pytest

from console.importing.argocd.globs import UnsayableError, patterns
from tests.unit.importing.test_argocd import SOURCE, application, application_set, imported, spec_of, told
from tests.unit.importing.test_moving_argocd import LIST, commands
from workers.render.plain import _matches

CHART = {"repoURL": "https://charts.example.com", "chart": "c", "targetRevision": "1.0.0"}


def release(found: Any, name: str) -> Any:
    return spec_of(found, name).get("render", {}).get("helm", {}).get("releaseName")


def test_a_release_keeps_its_name_where_the_application_cannot() -> None:
    two = [{**application(source=CHART), "metadata": {"name": "web", "namespace": one}} for one in ("argocd", "team-a")]
    found = imported(*two)
    assert (release(found, "argocd-web"), release(found, "team-a-web")) == ("web", "web")
    assert release(imported(application(source=CHART)), "web") is None


def test_releases_that_are_called_by_their_cluster_are_applications_of_their_own() -> None:
    template = application(source=CHART, destination={"name": "{{name}}", "namespace": "x"})
    found = imported(application_set(LIST, template=template))
    assert {one["metadata"]["name"] for one in found.documents.values()} == {"web-eu", "web-us"}
    own = application(source={**CHART, "helm": {"releaseName": "x"}}, destination={"name": "{{name}}"})
    assert spec_of(imported(application_set(LIST, template=own)))["targets"][0]["clusters"] == ["eu", "us"]


def test_a_release_that_is_called_by_a_cluster_that_labels_choose_is_told() -> None:
    template = application(source=CHART, destination={"server": "{{server}}", "namespace": "x"})
    found = imported(application_set({"clusters": {}}, template=template))
    (what,) = told(found)
    assert commands(found) == []
    assert "its release is called web-{{name}} in Argo CD, which cannot be said" in what
    fixed = application_set({"clusters": {}}, template=template)
    fixed["spec"]["template"]["metadata"]["name"] = "agent"
    assert release(imported(fixed), "web") == "agent"


def test_a_folder_that_may_be_a_chart_is_told_or_looked_up() -> None:
    template = application(destination={"name": "{{name}}", "namespace": "x"})
    one = application_set(LIST, template=template)
    assert any(
        "if what it renders is a chart, its release is called web-eu, web-us" in what for what in told(imported(one))
    )
    plain = imported(one, checkouts={SOURCE["repoURL"]: {"web/a.yaml": b""}})
    assert (told(plain), len(plain.documents)) == ([], 1)
    assert len(imported(one, checkouts={SOURCE["repoURL"]: {"web/Chart.yaml": b""}}).documents) == 2


def test_a_list_in_braces_stays_a_list() -> None:
    parameters = [{"name": "a", "value": "{x,y}"}, {"name": "b", "value": "{x,y"}]
    found = imported(application(source={**SOURCE, "helm": {"parameters": parameters}}))
    assert spec_of(found)["render"]["helm"]["sets"] == ["a={x,y}", r"b={x\,y"]


NAMES = ["a.yaml", "ab.yaml", "b.yml", "c.json", "a/x.yaml", "b/x.yaml", "a/b/x.yaml", "x/a/y.yml", "ax/y/b.yaml"]


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        ("{a,b}/*.yaml", {"a/x.yaml", "b/x.yaml", "a/b/x.yaml"}),
        ("{a.yaml,b/*.yaml,*.{yml,json}}", {"a.yaml", "b/x.yaml", "b.yml", "c.json", "x/a/y.yml"}),
        ("{a.yaml,{b,c}.{yml,json}}", {"a.yaml", "b.yml", "c.json"}),
        ("a*b.yaml", {"ab.yaml", "ax/y/b.yaml"}),
        ("a/*", {"a/x.yaml", "a/b/x.yaml"}),
        ("a*", {"a.yaml", "ab.yaml", "a/x.yaml", "a/b/x.yaml", "ax/y/b.yaml"}),
        ("*", set(NAMES)),
        ("a,b", set()),
    ],
)
@pytest.mark.parametrize("manifests", [False, True])
def test_patterns_take_what_argo_takes(pattern: str, taken: set[str], *, manifests: bool) -> None:
    ours = patterns(pattern, below=True, manifests=manifests)
    assert {name for name in NAMES if any(_matches(name, glob) for glob in ours)} == taken


@pytest.mark.parametrize("pattern", ["{a", "a}", "a?", "[ab]", r"a\*", "{a,b}" * 7, "a*b*c*d*e*f*g*h*i", "{" * 5000])
def test_patterns_that_cannot_be_said_are_told(pattern: str) -> None:
    with pytest.raises(UnsayableError):
        patterns(pattern, below=True, manifests=False)
    found = imported(application(source={**SOURCE, "directory": {"recurse": True, "exclude": pattern}}))
    assert any("has no exact like here" in what for what in told(found))


def test_a_pattern_for_folders_that_are_not_looked_into_is_told() -> None:
    found = imported(application(source={**SOURCE, "directory": {"include": "{a.yaml,b/*.yaml}", "exclude": "*{b,c}"}}))
    assert spec_of(found)["render"]["plain"] == {"include": ["a.yaml"], "exclude": ["*b", "*c"]}
    assert any("folders below without recurse" in what for what in told(found))
