"""Applications with several sources: what is rendered by what, and what is lent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from common.domain.errors import PermanentError
from common.domain.fleet import RenderSettings
from common.domain.refs import GitRef, SourceRef
from common.domain.revisions import combined_digest, each_once
from common.sources.faults import PathMissingError, SymlinkRefusedError
from common.sources.trees import Tree
from tests.fakes.trees import memory_tree
from workers.render.cache import RenderCache
from workers.render.faults import EscapeRefusedError, RenderError
from workers.render.parts import Part
from workers.render.renderers import Renderers, Resolved
from workers.render.request import RenderRequest

A: SourceRef
B: SourceRef
A, B = (GitRef(f"https://git.example.com/{name}.git", "", "refs/heads/main") for name in "ab")
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {v: '{{ .Values.v }}'}\n",
}
PLAIN = {"extras/b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\n"}
VALUES = {"prod.yaml": "v: lent\n"}
HELM = RenderSettings("helm", {"valuesFiles": ["$config/prod.yaml"]})
CHART_PART = Part(".", A, "chart")
CONFIG_PART = Part(".", B, "config", ("prod.yaml",))
EXTRAS_PART = Part("extras", B, "extras")


@pytest.fixture
def renderers(tmp_path: Path) -> Iterator[Renderers]:
    found = Renderers(RenderCache(tmp_path / "cache"))
    yield found
    found.close()


def resolved(renderers: Renderers, trees: Mapping[SourceRef, Tree], request: RenderRequest) -> Resolved:
    """Return what the resolve tasks of all sources find together, as planning joins it."""
    found = []
    for source, tree in trees.items():
        parts = tuple(part for part in request.parts if part.source == source)
        found.append(renderers.resolve(tree, RenderRequest(parts, request.settings)))
    versions = each_once(renderer for one in found for renderer in one.renderers)
    return Resolved(combined_digest([one.source_digest for one in found]), versions, ())


def test_what_is_resolved_apart_names_the_same_rendering_as_what_is_read_together(renderers: Renderers) -> None:
    trees = {A: memory_tree(CHART), B: memory_tree(VALUES | PLAIN)}
    request = RenderRequest((CHART_PART, CONFIG_PART, EXTRAS_PART), HELM)
    known = resolved(renderers, trees, request)
    opened: list[object] = []

    def opener(source: SourceRef | None) -> Tree:
        assert source is not None
        opened.append(source)
        return trees[source]

    first = renderers.render(opener, request, known)
    assert [item.manifest["metadata"]["name"] for item in first.objects] == ["web", "extra"]
    assert [item.origin.partition("/")[0] for item in first.objects] == ["$chart", "$extras"]
    assert first.objects[0].manifest["data"] == {"v": "lent"}
    assert opened == [A, B]
    assert renderers.render(opener, request, known).digest == first.digest
    assert opened == [A, B]


def test_settings_are_for_the_sources_that_need_that_renderer_and_are_never_ignored(renderers: Renderers) -> None:
    trees = {A: memory_tree({"a.yaml": PLAIN["extras/b.yaml"]}), B: memory_tree(VALUES)}
    request = RenderRequest((Part(".", A, "chart"), CONFIG_PART), HELM)
    known = resolved(renderers, trees, request)
    with pytest.raises(RenderError, match=r"render\.helm: none of the sources"):
        renderers.render(lambda source: trees[source or A], request, known)


@pytest.mark.parametrize("file", ["../prod.yaml", "/etc/passwd", "a/../../b", "a\\b", ".."])
def test_a_lent_file_does_not_lead_out_of_its_source(renderers: Renderers, file: str) -> None:
    part = Part(".", B, "config", (file,))
    with pytest.raises(EscapeRefusedError, match="config"):
        renderers.resolve(memory_tree(VALUES), RenderRequest((part,), HELM))


def test_a_lent_file_is_a_file_that_is_there(renderers: Renderers) -> None:
    tree = memory_tree(VALUES | {"link.yaml": ("120000", "prod.yaml"), "folder/x.yaml": "v: 1\n"})
    for file, error in (
        ("missing.yaml", PathMissingError),
        ("link.yaml", SymlinkRefusedError),
        ("folder", RenderError),
    ):
        with pytest.raises(error):
            renderers.resolve(tree, RenderRequest((Part(".", B, "config", (file,)),), HELM))


def test_a_file_of_a_source_that_is_not_here_is_a_fault(renderers: Renderers) -> None:
    tree = memory_tree(CHART)
    request = RenderRequest.at(".", HELM)
    with pytest.raises(PermanentError, match=r"\$config/prod\.yaml names a source that is not here"):
        renderers.render(lambda _: tree, request, renderers.resolve(tree, request))
