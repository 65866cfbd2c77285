"""CVE-2022-24877, CVE-2022-24348 and kin: what is rendered fetches from elsewhere, or has something run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from common.domain.errors import PermanentError
from tests.fakes.trees import Content
from tests.fakes.web_server import WebServer
from tests.security.rendering.attacks import OBJECT, honest, leaks, needs_namespaces, render, told
from workers.render import sandbox
from workers.render.faults import PluginRefusedError, RemoteRefusedError, RenderError, ToolFailedError
from workers.render.kustomize.rendering import Tool
from workers.render.renderers import Renderers

pytestmark = [pytest.mark.service("kustomize"), pytest.mark.usefixtures("tool")]


def builtin(kind: str, **fields: Any) -> str:
    """Return the settings of a built-in plugin as a text of several lines, which stands in the kustomization itself."""
    return json.dumps({"apiVersion": "builtin", "kind": kind, "metadata": {"name": "x"}, **fields}, indent=1)


def kustomization(value: Any, **files: Content) -> dict[str, Content]:
    return {"app/kustomization.yaml": json.dumps(value), "app/a.yaml": OBJECT % "a", **files}


FETCHES: dict[str, Callable[[str], Any]] = {
    "Path": lambda url: {"transformers": [builtin("PatchTransformer", Path=url)]},
    "PATH": lambda url: {"transformers": [builtin("PatchJson6902Transformer", PATH=url)]},
    "Paths": lambda url: {"transformers": [builtin("PatchStrategicMergeTransformer", Paths=[url])]},
    "a long s": lambda url: {"transformers": [builtin("PatchStrategicMergeTransformer", **{"path\u017f": [url]})]},
    "Path of a replacement": lambda url: {
        "transformers": [builtin("ReplacementTransformer", replacements=[{"Path": url}])]
    },
    "Files": lambda url: {"generators": [builtin("ConfigMapGenerator", Files=[f"k={url}"])]},
    "Envs": lambda url: {"generators": [builtin("SecretGenerator", Envs=[url])]},
    "Env": lambda url: {"generators": [builtin("SecretGenerator", Env=url)]},
    "a patch that is an address": lambda url: {"patchesStrategicMerge": [f"{url}: y"]},
}


@pytest.mark.parametrize("name", FETCHES)
def test_a_field_in_another_case_or_form_is_still_an_address(
    renderers: Renderers, neighbour: WebServer, name: str
) -> None:
    value = {"resources": ["a.yaml"]} | FETCHES[name](f"{neighbour.url}/x")
    with pytest.raises(RemoteRefusedError) as caught:
        render(renderers, kustomization(value))
    assert not leaks(told(caught.value))


RUNS = {
    "a list of plugins": "apiVersion: builtin\nkind: List\nmetadata: {name: x}\nitems:\n"
    "- {apiVersion: example.com/v1, kind: Run, metadata: {name: y}}\n",
    "a list of a kind": "apiVersion: builtin\nkind: ConfigMapGeneratorList\nmetadata: {name: x}\nitems: []\n",
    "helm": "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\nname: web\n",
    "a kind that is none": "apiVersion: builtin\nkind: Execute\nmetadata: {name: x}\n",
    "a kind that is no text": "apiVersion: builtin\nkind: [PatchTransformer]\nmetadata: {name: x}\n",
    "a function in escapes": "apiVersion: builtin\nkind: PatchTransformer\nmetadata:\n  name: x\n"
    '  annotations: {"config.kubernetes.io/f\\u0075nction": "exec: {path: ./run}"}\n',
    "a function in a container": "apiVersion: builtin\nkind: PatchTransformer\nmetadata:\n  name: x\n"
    '  annotations: {"config.k8s.io/f\\x75nction": "container: {image: evil}"}\n',
    "of a group": "apiVersion: someteam.example.com/v1\nkind: PatchTransformer\nmetadata: {name: x}\n",
    "nothing": "\n",
}


@pytest.mark.parametrize("field", ["generators", "transformers", "validators"])
@pytest.mark.parametrize("name", RUNS)
def test_what_would_be_run_is_refused_before_any_tool_sees_it(
    renderers: Renderers, field: str, name: str, marker: Path
) -> None:
    script: Content = ("100755", f"#!/bin/sh\ntouch {marker}\n")
    value = {"resources": ["a.yaml"], field: ["run.yaml"]}
    if name == "nothing":
        with pytest.raises(PermanentError):
            render(renderers, kustomization(value | {field: [""]}))
        return
    files = kustomization(value, **{"app/run.yaml": RUNS[name], "app/run": script})
    with pytest.raises(PluginRefusedError, match="not built in"):
        render(renderers, files)
    with pytest.raises(PluginRefusedError, match="not built in"):
        render(renderers, kustomization(value | {field: [RUNS[name]]}))


def test_the_tool_itself_has_no_network_and_no_plugins(tool: Tool, neighbour: WebServer, tmp_path: Path) -> None:
    """Were the check ever passed by, not even the worker's own loopback answers."""
    needs_namespaces()
    values: list[Mapping[str, Any]] = [
        {"resources": [f"{neighbour.url}/x"]},
        {"transformers": [builtin("PatchTransformer", path=f"{neighbour.url}/x")]},
        {"generators": [builtin("ConfigMapGenerator", files=[f"k={neighbour.url}/x"])]},
        {"openapi": {"path": f"{neighbour.url}/x"}},
        {"helmCharts": [{"name": "web", "repo": neighbour.url}]},
        {"generators": ["apiVersion: example.com/v1\nkind: Run\nmetadata: {name: x}\n"]},
    ]
    (tmp_path / "a.yaml").write_text(OBJECT % "a")
    for value in values:
        (tmp_path / "kustomization.yaml").write_text(json.dumps({"resources": ["a.yaml"]} | dict(value)))
        with pytest.raises(ToolFailedError) as caught:
            sandbox.run([*tool.build, str(tmp_path)], folder=tmp_path, what="app", bounds=sandbox.Bounds())
        assert not leaks(told(caught.value))


def test_one_plugin_that_is_named_for_ever_is_a_fault(renderers: Renderers) -> None:
    """Each name is read anew: a few kilobytes would keep a worker busy for hours."""
    plugin = builtin("PrefixTransformer", prefix="x" * 100_000)
    files = kustomization({"transformers": ["t.yaml"] * 100_000}, **{"app/t.yaml": plugin})
    with pytest.raises(RenderError, match="more than 16,777,216 bytes"):
        render(renderers, files)
    honest(renderers)
