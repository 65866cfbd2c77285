"""CVE-2022-39272 and kin: values and settings of a type that nothing expects are faults, and name themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from common.domain.errors import PermanentError
from common.domain.fleet import RenderSettings
from tests.fakes.trees import Content
from tests.security.rendering.attacks import CHART, OBJECT, chart, helm, honest, render
from workers.render.faults import RenderError, ToolFailedError
from workers.render.renderers import Renderers
from workers.render.request import RenderRequest

SCHEMA = json.dumps(
    {
        "properties": {
            "replicas": {"type": "integer", "maximum": 100},
            "image": {"properties": {"tag": {"type": "string"}}},
        }
    }
)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"replicas": "two"}, "/replicas"),
        ({"replicas": 2**63 - 1}, "/replicas"),
        ({"replicas": None, "image": {"tag": 1.10}}, "/image/tag"),
        ({"image": {"tag": {"a": 1}}}, "/image/tag"),
    ],
)
def test_a_value_that_the_charts_schema_refuses_is_named_with_the_schema(
    renderers: Renderers, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(ToolFailedError, match=f"at '{field}'") as caught:
        render(renderers, chart(files={"app/values.schema.json": SCHEMA}), helm(values=values))
    assert "values.schema.json" in caught.value.remedy


def test_a_chart_within_refuses_its_own_values(renderers: Renderers) -> None:
    within: dict[str, Content] = {
        "app/charts/sub/Chart.yaml": CHART.replace("web", "sub"),
        "app/charts/sub/values.schema.json": SCHEMA,
    }
    with pytest.raises(ToolFailedError, match=r"sub: - at '/replicas': got string.*values\.schema\.json"):
        render(renderers, chart(files=within), helm(values={"sub": {"replicas": "x"}}))


@pytest.mark.parametrize("text", ["- a", "a", "1", "a: 1\n---\nb: 2\n", "\x00", "a: !!python/name:os.system x"])
def test_values_that_are_no_mapping_are_a_fault_of_their_file(renderers: Renderers, text: str) -> None:
    with pytest.raises(RenderError, match=r"^v\.yaml:1: "):
        render(renderers, chart(files={"v.yaml": text}), helm({"valuesFiles": ["../v.yaml"]}))


@pytest.mark.parametrize("text", ["- a", "a", "1", "a: [", "\x00"])
def test_a_charts_own_values_that_are_no_mapping_are_a_fault_of_their_file(renderers: Renderers, text: str) -> None:
    with pytest.raises(ToolFailedError, match=r"values\.yaml"):
        render(renderers, chart(files={"app/values.yaml": text}))
    honest(renderers)


@pytest.mark.parametrize(
    "text",
    [
        "name: web\n",
        "apiVersion: v2\nname: [web]\nversion: 1.0.0\n",
        "apiVersion: v2\nname: web\nversion: one\n",
        "apiVersion: v2\nname: ../web\nversion: 1.0.0\n",
        f"{CHART}dependencies: sub\n",
        f"{CHART}dependencies: [sub]\n",
        f"{CHART}dependencies: [{{name: [a], version: 1.x}}]\n",
        f"{CHART}dependencies: [{{name: ../../x, version: 1.x, repository: 'file://x'}}]\n",
        f"{CHART}type: 1\nkeywords: {{a: b}}\n",
    ],
)
def test_a_chart_of_another_shape_is_a_fault_that_says_so(renderers: Renderers, text: str) -> None:
    with pytest.raises(PermanentError, match=r"(?i)chart"):
        render(renderers, chart(files={"app/Chart.yaml": text}))
    honest(renderers)


@pytest.mark.parametrize(
    "text", ["null", "1", "'a'", "[[[1]]]", "{a: {b: true}}", "function(x) x", "{a: function(x) x}"]
)
def test_a_program_that_gives_no_objects_is_a_fault(renderers: Renderers, text: str) -> None:
    with pytest.raises(PermanentError, match=r"app(/main\.jsonnet)?"):
        render(renderers, {"app/main.jsonnet": text})
    honest(renderers)


@pytest.mark.parametrize(
    "text", ["{apiVersion: 1, kind: A}", "kind: A", "apiVersion: v1\nkind: A\nmetadata: []", "a: .nan"]
)
def test_a_manifest_of_another_shape_is_a_fault_with_its_line(renderers: Renderers, text: str) -> None:
    files: dict[str, Content] = {"app/a.yaml": OBJECT % "a", "app/b.yaml": f"\n{text}\n"}
    with pytest.raises(RenderError, match=r"app/b\.yaml:\d+: "):
        render(renderers, files, RenderRequest.at("app", RenderSettings("plain", {})))
