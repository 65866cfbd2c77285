"""What ``workers.render.protocol.Renderer`` promises, of every renderer in the table, on a small tree of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from common.domain.errors import FlotillaError, PermanentError
from common.domain.fleet import RenderSettings
from common.renderers import renderers as entries
from common.sources.faults import PathMissingError, SymlinkRefusedError
from common.sources.trees import Tree
from tests.fakes.commands import commands_file, python
from tests.fakes.trees import Content, MemoryStore, memory_tree
from tests.fixtures.services import unavailable
from workers.render.cache import RenderCache
from workers.render.faults import RendererMissingError
from workers.render.kustomize import rendering as kustomize
from workers.render.protocol import Age, Place
from workers.render.renderers import Renderers
from workers.render.request import RenderRequest
from workers.render.table import classes

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {v: '1'}\n"
PROGRAM = "{apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'a'}, data: {v: '1'}}"
CAT = "import pathlib\nfor file in sorted(pathlib.Path().rglob('*.yaml')): print('---', file.read_text(), sep='\\n')"
BESIDE: dict[str, Content] = {"beside/x.yaml": "not: read\n", "README.md": "not read\n"}


@dataclass(frozen=True)
class Sample:
    """A folder ``app`` that gives one ConfigMap, and a file of it that says which.

    Attributes:
        names: that say of a folder whose it is; empty where a folder says nothing.
        options: of the renderer, where it needs any.
    """

    files: Mapping[str, Content]
    says: str
    names: frozenset[str] = frozenset()
    options: Mapping[str, Any] = field(default_factory=dict)


SAMPLES = {
    "plain": Sample({"app/a.yaml": MAP}, "app/a.yaml", frozenset({"a.yaml"})),
    "kustomize": Sample(
        {"app/kustomization.yaml": "resources: [a.yaml]\n", "app/a.yaml": MAP},
        "app/a.yaml",
        frozenset({"kustomization.yaml"}),
    ),
    "helm": Sample(
        {"app/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.2.3\n", "app/templates/a.yaml": MAP},
        "app/templates/a.yaml",
        frozenset({"Chart.yaml"}),
    ),
    "jsonnet": Sample({"app/main.jsonnet": PROGRAM}, "app/main.jsonnet", frozenset({"main.jsonnet"})),
    "command": Sample({"app/a.yaml": MAP}, "app/a.yaml", options={"name": "cat"}),
}
EACH = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.service(name) if name == "kustomize" else ()) for name in SAMPLES]
)


@pytest.fixture
def renderers(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Renderers]:
    if request.node.get_closest_marker("service"):
        try:
            kustomize.tool()
        except RendererMissingError:
            unavailable("kustomize", "install kustomize or kubectl")
    found = Renderers(RenderCache(tmp_path / "cache"), commands=commands_file(tmp_path, cat=python(CAT, version="1.2")))
    yield found
    found.close()


def tree_of(name: str, *, change: Mapping[str, Content] | None = None) -> Tree:
    return memory_tree({**BESIDE, **SAMPLES[name].files, **(change or {})})


def asked_for(name: str, path: str = "app", **more: Any) -> RenderRequest:
    return RenderRequest.at(path, RenderSettings(name, dict(SAMPLES[name].options)), **more)


def store_of(tree: Tree) -> MemoryStore:
    assert isinstance(tree.store, MemoryStore)
    return tree.store


def test_every_renderer_is_tried() -> None:
    assert set(SAMPLES) == {entry.name for entry in entries()}


@EACH
def test_a_folder_is_detected_by_one_alone_or_by_none(name: str) -> None:
    renderer, names = classes()[name], SAMPLES[name].names
    assert renderer.detected == bool(names)
    assert not renderer.detects(Place("app", frozenset({"unknown.txt"}))) or name == "plain"
    by = [other for other, one in classes().items() if names and one.detects(Place("app", names)) and other != "plain"]
    assert by == ([name] if names and name != "plain" else [])


@EACH
def test_the_same_files_give_the_same_and_another_of_them_another(renderers: Renderers, name: str) -> None:
    tree, asked = tree_of(name), asked_for(name)
    resolved = renderers.resolve(tree, asked)
    first = renderers.render(lambda _: tree, asked, resolved)
    assert [(one["kind"], one["metadata"]["name"], one["data"]) for one in first.manifests] == [
        ("ConfigMap", "a", {"v": "1"})
    ]
    other = tree_of(name)
    assert renderers.resolve(other, asked) == resolved
    assert renderers.render(lambda _: other, asked, resolved).manifests == first.manifests
    says = SAMPLES[name].says
    changed = tree_of(name, change={says: str(SAMPLES[name].files[says]).replace("'1'", "'2'")})
    assert renderers.resolve(changed, asked).source_digest != resolved.source_digest
    assert renderers.render(lambda _: changed, asked, renderers.resolve(changed, asked)).manifests != first.manifests


@EACH
def test_nothing_beside_its_footprint_is_read_or_counts(renderers: Renderers, name: str) -> None:
    tree, asked = tree_of(name), asked_for(name)
    resolved = renderers.resolve(tree, asked)
    assert resolved.paths
    assert all(path == "app" or path.startswith("app/") for path in resolved.paths)
    renderers.render(lambda _: tree, asked, resolved)
    store = store_of(tree)
    beside = {store.add_blob(str(content).encode()) for content in BESIDE.values()}
    assert store.read
    assert beside.isdisjoint(store.read)
    moved = tree_of(name, change={"beside/x.yaml": "another: one\n"})
    assert renderers.resolve(moved, asked).source_digest == resolved.source_digest


@EACH
def test_its_version_is_one_short_word_the_same_each_time(renderers: Renderers, name: str) -> None:
    tree, asked = tree_of(name), asked_for(name)
    (first,), (second,) = (renderers.resolve(tree, asked).renderers for _ in range(2))
    assert first == second
    assert (first.name, re.fullmatch(r"[0-9][0-9A-Za-z.+_-]{0,60}", first.version) is not None) == (name, True)


@EACH
def test_it_does_not_supersede_itself_nor_cure_what_it_knows_nothing_of(renderers: Renderers, name: str) -> None:
    renderer, options = vars(renderers)["_renderers"][name], SAMPLES[name].options
    version = renderer.version(options)
    assert [renderer.supersedes(version, age, options) for age in Age] == [False, False]
    assert not renderer.cures("no.such-code", options)
    assert not renderer.cures("no.such-code", {})


@EACH
@pytest.mark.parametrize("path", ["none", "app/none", "app/none/deeper"])
def test_a_path_that_is_not_there_is_a_fault_for_good(renderers: Renderers, name: str, path: str) -> None:
    with pytest.raises(PermanentError) as caught:
        renderers.resolve(tree_of(name), asked_for(name, path))
    assert isinstance(caught.value, PathMissingError)
    assert caught.value.remedy


@EACH
def test_a_link_in_place_of_a_file_is_refused(renderers: Renderers, name: str) -> None:
    tree, asked = tree_of(name, change={SAMPLES[name].says: ("120000", "../../etc/passwd")}), asked_for(name)
    with pytest.raises(SymlinkRefusedError):
        renderers.render(lambda _: tree, asked, renderers.resolve(tree, asked))


@EACH
@pytest.mark.parametrize("content", ["", "{{ [", "a: 1\n", "- 1\n"])
def test_files_that_give_no_objects_are_a_fault_for_good(renderers: Renderers, name: str, content: str) -> None:
    tree, asked = tree_of(name, change={SAMPLES[name].says: content}), asked_for(name)
    with pytest.raises(FlotillaError) as caught:
        renderers.render(lambda _: tree, asked, renderers.resolve(tree, asked))
    assert isinstance(caught.value, PermanentError)
    assert caught.value.remedy


@EACH
def test_what_is_closed_is_closed_again(renderers: Renderers, name: str) -> None:
    tree, asked = tree_of(name), asked_for(name)
    renderers.render(lambda _: tree, asked, renderers.resolve(tree, asked))
    for _ in range(2):
        vars(renderers)["_renderers"][name].close()
