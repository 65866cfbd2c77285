"""What Argo CD fills in and looks up before it renders: variables, and files that other sources lend."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.importing.test_argocd import SOURCE, application, application_set, imported, spec_of, told
from tests.unit.importing.test_moving_argocd import named

CHART = {"repoURL": "https://charts.example.com", "chart": "c", "targetRevision": "1.2.3"}


def lending(file: str, **lender: Any) -> dict[str, Any]:
    sources = [{**CHART, "helm": {"valueFiles": [file]}}, {**SOURCE, "path": None, "ref": "values"} | lender]
    return application(source=None, sources=sources)


def value_of(text: str, source: dict[str, Any] = SOURCE, one: dict[str, Any] | None = None) -> tuple[str, list[str]]:
    helm = {"parameters": [{"name": "a", "value": text}]}
    found = imported(named(application(source={**source, "helm": helm}), "web", **(one or {})))
    return spec_of(found)["render"]["helm"]["sets"][0].removeprefix("a="), told(found)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("$ARGOCD_APP_NAME-${ARGOCD_APP_NAMESPACE}", "web-web"),
        ("${ARGOCD_APP_PROJECT_NAME}.$ARGOCD_APP_SOURCE_PATH", "default.web"),
        ("$ARGOCD_APP_SOURCE_TARGET_REVISION", "main"),
        ("$ARGOCD_APP_SOURCE_REPO_URL", SOURCE["repoURL"]),
        ("a$$b costs 5 $", "a$b costs 5 $"),
    ],
)
def test_variables_that_are_known_are_filled_in(text: str, filled: str) -> None:
    assert value_of(text) == (filled, [])


def test_a_revision_is_known_where_it_is_fixed() -> None:
    commit = {**SOURCE, "targetRevision": "0123456789" * 4}
    assert value_of("$ARGOCD_APP_REVISION_SHORT $ARGOCD_APP_REVISION_SHORT_8", commit) == ("0123456 01234567", [])
    assert value_of("$ARGOCD_APP_REVISION", CHART) == ("1.2.3", [])


@pytest.mark.parametrize(
    ("text", "namespace", "what"),
    [
        ("${ARGOCD_APP_REVISION}", "argocd", "asks for ARGOCD_APP_REVISION, which is not known"),
        ("$ARGOCD_APP_NAME", "team-a", "asks for ARGOCD_APP_NAME, which is not known"),
        ("$CANARY", "argocd", "asks for a variable that Argo CD does not have"),
    ],
)
def test_variables_that_are_not_known_are_told(text: str, namespace: str, what: str) -> None:
    value, said = value_of(text, one={"namespace": namespace})
    assert value == text
    assert [one for one in said if what in one and "CANARY" not in one]


def test_a_name_that_is_another_on_each_cluster_is_not_filled_in() -> None:
    helm = {"parameters": [{"name": "a", "value": "$ARGOCD_APP_NAME"}], "releaseName": "x"}
    template = application(source={**SOURCE, "helm": helm}, destination={"server": "{{server}}", "namespace": "x"})
    found = imported(application_set({"clusters": {}}, template=template))
    assert spec_of(found)["render"]["helm"]["sets"] == ["a=$ARGOCD_APP_NAME"]
    assert any("which is not known" in what for what in told(found))


def test_files_and_variables_of_a_plugin_are_filled_in() -> None:
    files = {"valueFiles": ["v-$ARGOCD_APP_NAME.yaml", "${ARGOCD_APP_NAME}/v.yaml"]}
    found = imported(application(source={**SOURCE, "helm": files}))
    assert spec_of(found)["render"]["helm"]["valuesFiles"] == ["v-web.yaml", "web/v.yaml"]
    assert told(found) == []
    plugin = {"name": "cue", "env": [{"name": "A", "value": "$ARGOCD_APP_NAME"}]}
    assert spec_of(imported(application(source={**SOURCE, "plugin": plugin})))["values"]["env"] == {"A": "web"}


def test_a_pattern_of_values_files_and_one_of_kinds_are_told() -> None:
    rules = [{"group": "apps", "kind": "Stateful*", "jsonPointers": ["/spec"]}]
    found = imported(application(source={**SOURCE, "helm": {"valueFiles": ["e/*.yaml"]}}, ignoreDifferences=rules))
    assert any("valueFiles[0] is a pattern" in what for what in told(found))
    assert any("a pattern of them" in what for what in told(found))
    assert "ignore" not in spec_of(found)["sync"]


def test_a_file_that_is_lent_is_read_from_the_root() -> None:
    found = imported(lending("$values/a.yaml", path="sub"))
    lender = next(one for one in spec_of(found)["sources"] if one["name"] == "values")
    assert lender["path"] == "."
    assert any("a source that lends files is not rendered here" in what for what in told(found))
    odd = imported(lending("$My_Values/$ARGOCD_APP_NAME.yaml", ref="My_Values"))
    assert spec_of(odd)["render"]["helm"]["valuesFiles"] == ["$my-values/web.yaml"]
    assert told(odd) == []


@pytest.mark.parametrize("file", ["$other/a.yaml", "$/a.yaml", "$other"])
def test_a_file_of_a_source_that_is_not_there_is_told_and_nothing_is_written(file: str) -> None:
    single = application(source={**CHART, "helm": {"valueFiles": [file]}})
    for one in (lending(file), single):
        found = imported(one)
        assert not found.documents
        assert not found.steps
        assert any("is of a source that no ref names" in what for what in told(found)), told(found)
