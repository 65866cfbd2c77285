"""Jsonnet programs, evaluated in a process of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from common.domain.fleet import RenderSettings
from common.sources.faults import PathMissingError, SymlinkRefusedError
from tests.fakes.trees import Content, memory_tree
from workers.render.cache import RenderCache
from workers.render.faults import EmptyRenderError, RenderError, ToolBoundsError, ToolFailedError
from workers.render.rendered import Rendered
from workers.render.renderers import Renderers
from workers.render.request import RenderRequest
from workers.render.sandbox import Bounds

LIB = "{ map(name, data):: {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: name}, data: data} }"
CLUSTER = {"name": "eu-1", "labels": {}, "vars": {}}


@pytest.fixture
def renderers(tmp_path: Path) -> Renderers:
    bounds = Bounds(cpu=timedelta(seconds=5), memory=512 << 20, output=4 << 20)
    return Renderers(RenderCache(tmp_path), bounds=bounds)


def program(text: str, **files: Content) -> dict[str, Content]:
    return {"app/main.jsonnet": f"local k = import 'k.libsonnet';\n{text}", "vendor/k.libsonnet": LIB, **files}


def render(
    renderers: Renderers, files: Mapping[str, Content], options: Mapping[str, Any] | None = None, **more: Any
) -> Rendered:
    tree = memory_tree(files)
    settings = RenderSettings("jsonnet", {"libs": ["vendor"]} | dict(options or {}))
    asked = RenderRequest.at("app", settings, **more)
    return renderers.render(lambda _: tree, asked, renderers.resolve(tree, asked))


def names(done: Rendered) -> list[str]:
    return [each["metadata"]["name"] for each in done.manifests]


def test_objects_may_lie_in_lists_and_under_names(renderers: Renderers) -> None:
    text = "{b: k.map('b', {}), a: [k.map('a1', {}), null, {deep: k.map('a2', {})}]}"
    done = render(renderers, program(text))
    assert names(done) == ["a1", "a2", "b"]
    assert done.objects[1].origin == "app/main.jsonnet:.a[2].deep"
    assert str(done.renderers[0]).startswith("jsonnet 0.")


def test_a_single_object_is_one(renderers: Renderers) -> None:
    assert names(render(renderers, program("k.map('a', {})"))) == ["a"]


def test_values_are_external_variables_with_their_types(renderers: Renderers) -> None:
    text = "k.map('a', {v: std.toString(std.extVar('replicas') + 1), c: std.extVar('cluster').name})"
    done = render(renderers, program(text), values={"replicas": 2, "cluster": "a chart's"}, cluster=CLUSTER)
    assert done.manifests[0]["data"] == {"v": "3", "c": "eu-1"}


def test_a_program_may_be_a_function(renderers: Renderers) -> None:
    text = "function(name, tags=[]) k.map(name, {tags: std.join(',', tags)})"
    done = render(renderers, program(text), {"topLevelArguments": {"name": "x", "tags": ["a", "b"]}})
    assert (names(done), done.manifests[0]["data"]) == (["x"], {"tags": "a,b"})


def test_other_values_are_another_rendering(renderers: Renderers) -> None:
    files = program("k.map(std.extVar('n'), {})")
    found = [names(render(renderers, files, values={"n": name})) for name in ("a", "b", "a")]
    assert found == [["a"], ["b"], ["a"]]


def test_it_is_detected_by_its_main_file(renderers: Renderers) -> None:
    tree = memory_tree({"app/main.jsonnet": LIB + ".map('a', {})"})
    asked = RenderRequest.at("app")
    assert names(renderers.render(lambda _: tree, asked, renderers.resolve(tree, asked))) == ["a"]


def test_where_it_fails_is_said(renderers: Renderers) -> None:
    with pytest.raises(ToolFailedError, match=r"external variable is not defined: nothing"):
        render(renderers, program("k.map(std.extVar('nothing'), {})"))
    with pytest.raises(RenderError, match=r"app/main\.jsonnet: \.a\[0\]: the document is not a mapping"):
        render(renderers, program("{a: [1]}"))
    with pytest.raises(EmptyRenderError):
        render(renderers, program("[]"))


def test_a_link_among_the_imports_is_refused(renderers: Renderers) -> None:
    with pytest.raises(SymlinkRefusedError):
        render(renderers, program("import 'x'", **{"app/x": ("120000", "/etc/passwd")}))


def test_a_folder_without_a_program_is_a_fault(renderers: Renderers) -> None:
    with pytest.raises(PathMissingError):
        render(renderers, {"app/a.yaml": "a: 1"})


@pytest.mark.parametrize(
    "text",
    [
        "local f(n) = if n == 0 then 0 else f(n - 1) + f(n - 1); {a: f(60)}",
        "{a: std.foldl(function(a, b) a + a, std.range(1, 40), 'xxxxxxxxxxxxxxxx')}",
        "{a: std.repeat('x', 50000000)}",
    ],
)
def test_a_program_that_knows_no_bounds_ends_within_ours(renderers: Renderers, text: str) -> None:
    with pytest.raises((ToolBoundsError, ToolFailedError)) as caught:
        render(renderers, {"app/main.jsonnet": text})
    assert isinstance(caught.value, ToolBoundsError), caught.value


def test_deep_recursion_is_an_error_of_the_program(renderers: Renderers) -> None:
    with pytest.raises(ToolFailedError, match="stack overflow"):
        render(renderers, {"app/main.jsonnet": "local f(n) = f(n + 1) + 1; {a: f(1)}"})


def test_a_program_cannot_read_what_it_does_not_import(renderers: Renderers) -> None:
    files = {"app/main.jsonnet": "{a: std.native('read')('/etc/passwd')}"}
    with pytest.raises(ToolFailedError) as caught:
        render(renderers, files)
    assert "root:" not in json.dumps(str(caught.value))
