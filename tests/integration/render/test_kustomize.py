"""Kustomize, the real tool, on trees in memory."""

from __future__ import annotations

import shutil
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from common.domain.fleet import RenderSettings
from common.domain.revisions import RendererVersion
from common.sandbox import layers
from common.sandbox.launch import Strictness
from common.sandbox.layers import Held
from tests.controlplane.build import find
from tests.fakes.trees import Content, memory_tree
from tests.fixtures.services import unavailable
from workers.render import sandbox
from workers.render.cache import RenderCache
from workers.render.faults import (
    EmptyRenderError,
    RendererMissingError,
    ToolBoundsError,
    ToolFailedError,
    ToolKilledError,
)
from workers.render.kustomize import rendering as kustomize
from workers.render.kustomize.rendering import Tool
from workers.render.rendered import Rendered
from workers.render.renderers import Renderers
from workers.render.request import RenderRequest

pytestmark = pytest.mark.service("kustomize")

SECRET = b"s" * 32
BASE: dict[str, Content] = {
    "base/kustomization.yaml": "resources: [web.yaml]\n",
    "base/web.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {"on": "yes"}}
spec:
  replicas: 1
  template:
    spec:
      containers: [{name: web, image: nginx, env: [{name: CLUSTER, value: "${cluster.name}"}]}]
""",
    "apps/web/kustomization.yaml": """\
resources: [../../base]
namespace: shop
configMapGenerator: [{name: settings, files: [motd.txt], literals: [currency=EUR]}]
patches:
  - path: patch.yaml
""",
    "apps/web/motd.txt": "hello",
    "apps/web/patch.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n",
    "apps/web/unused.yaml": "not: read\n",
    "parts/label/kustomization.yaml": """\
kind: Component
apiVersion: kustomize.config.k8s.io/v1alpha1
labels: [{pairs: {part: label}}]
""",
}


@pytest.fixture(scope="module", params=["kustomize", "kubectl"])
def tool(request: pytest.FixtureRequest) -> Tool:
    """Both ways to have a Kustomize, of whatever versions there are."""
    path = find(request.param) or shutil.which(request.param)
    if path is None:
        unavailable(request.param, "install it, or make controlplane")
    return kustomize.tool(str(path))


@pytest.fixture
def renderers(tmp_path: Path, tool: Tool) -> Renderers:
    return Renderers(RenderCache(tmp_path / "cache", secret=SECRET), kustomize=tool.build[0])


def render(renderers: Renderers, files: dict[str, Content], request: RenderRequest) -> Rendered:
    tree = memory_tree(files)
    return renderers.render(lambda _: tree, request, renderers.resolve(tree, request))


TEXTS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: texts}
data:
  clip: |
    a
    b
  keep: |+
    a

  strip: |-
    a
  folded: >-
    a
    b
  spaces: "a  \\n b\\t\\n"
  number: "08"
  odd: "\\u2028\\r\\n\\U0001F680"
"""
DATA = {
    "clip": "a\nb\n",
    "keep": "a\n\n",
    "strip": "a",
    "folded": "a b",
    "spaces": "a  \n b\t\n",
    "number": "08",
    "odd": "\u2028\r\n\U0001f680",
}


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_texts_come_out_as_they_went_in(renderers: Renderers, ending: str) -> None:
    files: dict[str, Content] = {
        "app/kustomization.yaml": "resources: [a.yaml]\nconfigMapGenerator: [{name: made, files: [b.txt]}]\n",
        "app/a.yaml": (TEXTS + "---\n" + TEXTS.replace("name: texts", "name: other")).replace("\n", ending),
        "app/b.txt": "a \r\n\tb\n\n",
    }
    found = {
        each["metadata"]["name"]: each["data"] for each in render(renderers, files, RenderRequest.at("app")).manifests
    }
    assert found.pop("texts") == found.pop("other") == DATA
    assert list(found.values()) == [{"b.txt": "a \r\n\tb\n\n"}]
    plain = {path: content for path, content in files.items() if path != "app/kustomization.yaml"}
    assert [each["data"] for each in render(renderers, plain, RenderRequest.at("app")).manifests] == [DATA, DATA]


def test_an_overlay_is_built_as_the_tool_builds_it(renderers: Renderers, tool: Tool) -> None:
    done = render(renderers, BASE, RenderRequest.at("apps/web"))
    settings, web = sorted(done.manifests, key=lambda manifest: str(manifest["kind"]))
    assert web["spec"]["replicas"] == 3
    assert web["metadata"] == {"name": "web", "namespace": "shop", "labels": {"on": "yes"}}
    assert settings["data"] == {"motd.txt": "hello", "currency": "EUR"}
    assert settings["metadata"]["name"].startswith("settings-")
    assert done.renderers == (RendererVersion("kustomize", tool.version),)
    assert "apps/web" in done.objects[0].origin


def test_the_footprint_is_exact(renderers: Renderers) -> None:
    request = RenderRequest.at("apps/web")
    before = renderers.resolve(memory_tree(BASE), request)
    assert before.paths == (
        "apps/web/kustomization.yaml",
        "apps/web/motd.txt",
        "apps/web/patch.yaml",
        "base/kustomization.yaml",
        "base/web.yaml",
    )
    unread = renderers.resolve(memory_tree({**BASE, "apps/web/unused.yaml": "changed: 1\n"}), request)
    assert unread == before
    for path in before.paths:
        changed = {**BASE, path: f"{BASE[path]!s}\n"}
        assert renderers.resolve(memory_tree(changed), request).source_digest != before.source_digest, path


def test_equal_inputs_give_equal_digests_from_tool_and_cache(renderers: Renderers, tmp_path: Path, tool: Tool) -> None:
    request = RenderRequest.at("apps/web", variables={"cluster": {"name": "eu-1"}})
    tree = memory_tree(BASE)
    resolved = renderers.resolve(tree, request)
    first = renderers.render(lambda _: tree, request, resolved)

    def closed() -> None:
        pytest.fail("the tree is opened only when something must be rendered")

    other = Renderers(RenderCache(tmp_path / "cache", secret=SECRET), kustomize=tool.build[0])
    assert other.render(closed, request, resolved) == first  # type: ignore[arg-type]  # it never returns
    env = first.manifests[1]["spec"]["template"]["spec"]["containers"][0]["env"]
    assert env == [{"name": "CLUSTER", "value": "eu-1"}]


def test_the_registrys_settings_lie_over_the_folder(renderers: Renderers) -> None:
    patch = {"target": {"kind": "Deployment"}, "patch": '[{"op": "replace", "path": "/spec/replicas", "value": 9}]'}
    options = {
        "images": ["nginx=registry.example.com/nginx:1.27"],
        "patches": [patch],
        "components": ["parts/label"],
        "namePrefix": "p-",
        "nameSuffix": "-s",
    }
    settings = RenderSettings("kustomize", options)
    done = render(renderers, BASE, RenderRequest.at("apps/web", settings))
    (web,) = [manifest for manifest in done.manifests if manifest["kind"] == "Deployment"]
    assert web["metadata"]["name"] == "p-web-s"
    assert web["metadata"]["labels"] == {"on": "yes", "part": "label"}
    assert web["spec"]["replicas"] == 9
    assert web["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example.com/nginx:1.27"


def test_what_the_tool_refuses_is_a_fault_with_its_words(renderers: Renderers) -> None:
    files: dict[str, Content] = {**BASE, "apps/web/patch.yaml": "kind: Deployment\nmetadata: {name: none}\n"}
    with pytest.raises(ToolFailedError, match="apps/web cannot be rendered: "):
        render(renderers, files, RenderRequest.at("apps/web"))


def test_a_build_of_nothing_is_a_fault(renderers: Renderers) -> None:
    files: dict[str, Content] = {"a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "{}\n"}
    with pytest.raises((EmptyRenderError, ToolFailedError)):
        render(renderers, files, RenderRequest.at("a"))


def test_a_worker_that_warns_builds_all_the_same(tmp_path: Path, tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "_found", [Held(frozenset())])
    kustomize._asked.cache_clear()
    lenient = Renderers(
        RenderCache(tmp_path), kustomize=tool.build[0], bounds=sandbox.Bounds(strictness=Strictness.WARN)
    )
    assert render(lenient, BASE, RenderRequest.at("apps/web")).manifests


def test_a_missing_tool_is_a_fault_that_says_what_to_do(tmp_path: Path) -> None:
    lacking = Renderers(RenderCache(tmp_path), kustomize=str(tmp_path / "none"))
    with pytest.raises(RendererMissingError, match="FLOTILLA_KUSTOMIZE"):
        lacking.resolve(memory_tree(BASE), RenderRequest.at("apps/web"))


def _python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


@pytest.mark.parametrize(
    ("code", "fault", "words"),
    [
        ("while True: pass", ToolBoundsError, "used more than 1 CPU seconds"),
        ("import sys; sys.stdout.write('x' * 3_000_000)", ToolBoundsError, "printed more"),
        ("import sys; b = bytearray(2 << 30)", ToolBoundsError, "bytes of memory"),
        ("import os; os.kill(os.getpid(), 9)", ToolKilledError, "signal 9"),
        ("import sys; sys.exit('no such thing')", ToolFailedError, "no such thing"),
    ],
)
def test_a_tool_out_of_bounds_dies_and_the_worker_lives(
    tmp_path: Path, code: str, fault: type[Exception], words: str
) -> None:
    bounds = sandbox.Bounds(cpu=timedelta(seconds=1), output=1_000_000)
    with pytest.raises(fault, match=words):
        sandbox.run(_python(code), folder=tmp_path, what="app", bounds=bounds)


def test_a_tool_sees_nothing_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOTILLA_CANARY", "canary")
    said = sandbox.run(
        _python("import os; print(sorted(os.environ), os.environ['PATH'])"),
        folder=tmp_path,
        what="app",
        bounds=sandbox.Bounds(),
    )
    assert b"FLOTILLA" not in said
    assert b"KUBECONFIG" not in said
    assert b"/nonexistent" in said
