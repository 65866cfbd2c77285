"""What a kustomization reads, found without running anything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from common.domain.errors import FlotillaError
from common.sources.faults import PathMissingError
from tests.fakes.trees import Content, memory_tree
from workers.render.faults import CycleError, EscapeRefusedError, PluginRefusedError, RenderError
from workers.render.kustomize.kustomization import Footprint, footprint, kustomization_file

FILES: dict[str, Content] = {f"app/{name}": "x: 1\n" for name in ("a.yaml", "b.yaml", "c.txt", "d.env")}


def read(value: dict[str, Any], more: dict[str, Content] | None = None, **options: Any) -> Footprint:
    files = {**FILES, **(more or {}), "app/kustomization.yaml": json.dumps(value)}
    return footprint(memory_tree(files), "app", **options)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, set()),
        ({"resources": ["a.yaml", "./b.yaml"]}, {"app/a.yaml", "app/b.yaml"}),
        ({"crds": ["a.yaml"], "configurations": ["b.yaml"]}, {"app/a.yaml", "app/b.yaml"}),
        ({"openapi": {"path": "a.yaml"}}, {"app/a.yaml"}),
        ({"patches": [{"path": "a.yaml"}, {"patch": "- op: remove", "target": {"kind": "Pod"}}]}, {"app/a.yaml"}),
        ({"patchesJson6902": [{"path": "a.yaml", "target": {"kind": "Pod"}}]}, {"app/a.yaml"}),
        ({"patchesStrategicMerge": ["a.yaml", "kind: Pod\nmetadata: {name: x}\n"]}, {"app/a.yaml"}),
        ({"replacements": [{"path": "a.yaml"}, {"source": {"kind": "Pod"}, "targets": []}]}, {"app/a.yaml"}),
        ({"configMapGenerator": [{"name": "m", "files": ["c.txt", "k=a.yaml"], "envs": ["d.env"]}]},
         {"app/c.txt", "app/a.yaml", "app/d.env"}),
        ({"secretGenerator": [{"name": "m", "env": "d.env", "literals": ["a=b"]}]}, {"app/d.env"}),
    ],
)  # fmt: skip
def test_every_field_that_names_a_file_counts(value: dict[str, Any], expected: set[str]) -> None:
    found = read(value)
    assert found.files == expected
    assert found.paths == tuple(sorted({"app/kustomization.yaml", *expected}))


@pytest.mark.parametrize("field", ["resources", "bases", "components"])
def test_folders_are_followed_wherever_they_lie_in_the_repository(field: str) -> None:
    more: dict[str, Content] = {
        "base/kustomization.yml": "resources: [x.yaml, ../shared]\n",
        "base/x.yaml": "x: 1\n",
        "shared/Kustomization": "resources: [y.yaml]\n",
        "shared/y.yaml": "y: 1\n",
        "shared/unused.yaml": "z: 1\n",
    }
    assert read({field: ["../base/"]}, more).paths == (
        "app/kustomization.yaml",
        "base/kustomization.yml",
        "base/x.yaml",
        "shared/Kustomization",
        "shared/y.yaml",
    )


def test_components_of_the_registry_count_too() -> None:
    more: dict[str, Content] = {"parts/one/kustomization.yaml": "patches: [{path: p.yaml}]\n", "parts/one/p.yaml": "x"}
    found = read({}, more, components=["parts/one"])
    assert found.paths == ("app/kustomization.yaml", "parts/one/kustomization.yaml", "parts/one/p.yaml")


def test_one_base_may_be_reached_twice() -> None:
    more: dict[str, Content] = {
        "b/kustomization.yaml": "resources: [../d]\n",
        "c/kustomization.yaml": "resources: [../d]\n",
        "d/kustomization.yaml": "namePrefix: d-\n",
    }
    assert len(read({"resources": ["../b", "../c"]}, more).kustomizations) == 4


@pytest.mark.parametrize("circle", [["app"], ["one", "app"], ["one", "two", "one"]])
def test_a_circle_is_a_fault_that_names_it(circle: list[str]) -> None:
    files: dict[str, Content] = {
        f"{here}/kustomization.yaml": f"resources: [../{there}]\n"
        for here, there in zip(["app", *circle], circle, strict=False)
    }
    with pytest.raises(CycleError, match=f"{circle[-1]}$|-> {circle[-1]}"):
        footprint(memory_tree(files), "app")


def test_a_built_in_transformer_makes_the_whole_folder_count() -> None:
    text = "apiVersion: builtin\nkind: PrefixTransformer\nmetadata: {name: x}\nprefix: p-\n"
    assert read({"transformers": ["t.yaml"]}, {"app/t.yaml": text}).wholes == {"app"}
    assert read({"transformers": [text]}).wholes == {"app"}


@pytest.mark.parametrize("field", ["generators", "transformers", "validators"])
@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: example.com/v1\nkind: Anything\nmetadata: {name: x}\n",
        "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\n",
        "apiVersion: builtin\nkind: PrefixTransformer\nmetadata:\n  name: x\n"
        "  annotations: {config.kubernetes.io/function: 'exec: {path: ./run}'}\n",
        "- a list\n",
    ],
)
def test_what_runs_code_is_refused(field: str, text: str) -> None:
    with pytest.raises(PluginRefusedError):
        read({field: ["t.yaml"]}, {"app/t.yaml": text})
    with pytest.raises(PluginRefusedError):
        read({field: [text]})


@pytest.mark.parametrize("field", ["helmCharts", "helmChartInflationGenerator", "helmGlobals"])
def test_charts_are_not_inflated(field: str) -> None:
    with pytest.raises(PluginRefusedError):
        read({field: [{"name": "x", "repo": "https://charts.example.com"}]})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"Resources": ["https://example.com/x"]}, "'Resources' is not a field"),
        ({"resource": []}, "'resource' is not a field"),
        ({"patches": [{"Path": "a.yaml"}]}, "patches has no field 'Path'"),
        ({"configMapGenerator": [{"Files": ["a"]}]}, "configMapGenerator has no field 'Files'"),
        ({"resources": "a.yaml"}, "not a list of texts"),
        ({"resources": [1]}, "not a text"),
        ({"patches": ["a.yaml"]}, "not a list of mappings"),
        ({"configMapGenerator": [{"files": ["../app"]}]}, "is a folder|outside"),
        ({"resources": ["../other"]}, "no kustomization"),
    ],
)
def test_a_malformed_kustomization_is_a_fault(value: dict[str, Any], words: str) -> None:
    with pytest.raises(FlotillaError, match=words):
        read(value, {"other/x.yaml": "x: 1\n"})


@pytest.mark.parametrize("text", ["- a", "a: 1\n---\nb: 1\n", "resources: [", ""])
def test_a_kustomization_is_one_mapping(text: str) -> None:
    with pytest.raises(RenderError, match=r"app/kustomization\.yaml:1"):
        footprint(memory_tree({"app/kustomization.yaml": text}), "app")


def test_two_kustomizations_in_a_folder_are_a_fault() -> None:
    tree = memory_tree({"app/kustomization.yaml": "{}", "app/Kustomization": "{}"})
    with pytest.raises(RenderError, match="there is also"):
        kustomization_file(tree, "app")


def test_a_missing_file_is_a_fault_and_files_lie_in_their_folder() -> None:
    with pytest.raises(PathMissingError, match=r"app/none\.yaml"):
        read({"resources": ["none.yaml"]})
    with pytest.raises(EscapeRefusedError, match="is outside app"):
        read({"resources": ["../other/x.yaml"]}, {"other/x.yaml": "x: 1\n"})


def test_too_many_kustomizations_are_refused() -> None:
    files: dict[str, Content] = {
        f"k{number}/kustomization.yaml": f"resources: [../k{number + 1}]\n" for number in range(60)
    }
    with pytest.raises(RenderError, match="too deep"):
        footprint(memory_tree(files), "k0")
