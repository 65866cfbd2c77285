"""The door to the renderers: what is rendered, when, and what the cache may answer."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from common.domain.errors import PermanentError
from common.domain.fleet import RenderSettings
from common.sources.trees import Tree
from tests.factories import rendered_by
from tests.fakes.trees import memory_tree
from workers.render.cache import RenderCache
from workers.render.canonical import manifest_digest
from workers.render.renderers import Renderers, Resolved
from workers.render.request import RenderRequest
from workers.render.table import detect

APP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {cluster: '${cluster.name}'}\n"
REQUEST = RenderRequest.at("app")


def closed(_: object) -> NoReturn:
    pytest.fail("the tree is opened only when something must be rendered")


def variables(cluster: str) -> dict[str, dict[str, str]]:
    return {"cluster": {"name": cluster}}


def test_one_rendering_serves_all_clusters(tmp_path: Path) -> None:
    tree = memory_tree({"app/a.yaml": APP})
    renderers = Renderers(RenderCache(tmp_path))
    resolved = renderers.resolve(tree, REQUEST)
    first = renderers.render(lambda _: tree, RenderRequest.at("app", variables=variables("eu-1")), resolved)
    second = renderers.render(closed, RenderRequest.at("app", variables=variables("eu-2")), resolved)
    assert [done.manifests[0]["data"] for done in (first, second)] == [{"cluster": "eu-1"}, {"cluster": "eu-2"}]
    assert first.digest != second.digest
    assert first.digest == manifest_digest(first.manifests)


def test_without_variables_nothing_is_substituted(tmp_path: Path) -> None:
    tree = memory_tree({"app/a.yaml": APP})
    renderers = Renderers(RenderCache(tmp_path))
    done = renderers.render(lambda _: tree, REQUEST, renderers.resolve(tree, REQUEST))
    assert done.manifests[0]["data"] == {"cluster": "${cluster.name}"}
    assert done.renderers == rendered_by("plain 2")


def test_a_wrong_digest_never_names_other_manifests(tmp_path: Path) -> None:
    """Poisoned render cache: what is kept is kept under what was really read."""
    theirs = memory_tree({"app/a.yaml": APP.replace("name: a", "name: evil")})
    ours = memory_tree({"app/a.yaml": APP})
    renderers = Renderers(RenderCache(tmp_path))
    resolved = renderers.resolve(ours, REQUEST)
    renderers.render(lambda _: theirs, REQUEST, resolved)
    assert renderers.render(lambda _: ours, REQUEST, resolved).manifests[0]["metadata"]["name"] == "a"


def test_a_failed_rendering_is_not_kept(tmp_path: Path) -> None:
    tree = memory_tree({"app/a.yaml": "- a\n"})
    renderers = Renderers(RenderCache(tmp_path))
    resolved = renderers.resolve(tree, REQUEST)
    for _ in range(2):
        with pytest.raises(PermanentError):
            renderers.render(lambda _: tree, REQUEST, resolved)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_settings_are_part_of_what_a_rendering_is(tmp_path: Path) -> None:
    tree = memory_tree({"app/a.yaml": APP, "app/b.yaml": APP.replace("name: a", "name: b")})
    renderers = Renderers(RenderCache(tmp_path))
    for options, count in (({}, 2), ({"exclude": ["b.yaml"]}, 1)):
        request = RenderRequest.at("app", RenderSettings("plain", options))
        assert len(renderers.render(lambda _: tree, request, renderers.resolve(tree, request)).objects) == count


def test_an_application_without_files_has_the_folders_digest(tmp_path: Path) -> None:
    renderers = Renderers(RenderCache(tmp_path))
    one, other = memory_tree({"app/README.md": "one"}), memory_tree({"app/README.md": "other"})
    found: list[Resolved] = [renderers.resolve(tree, REQUEST) for tree in (one, other)]
    assert found[0].paths == ("app",)
    assert found[0].source_digest != found[1].source_digest


@pytest.mark.parametrize(
    ("files", "settings", "expected"),
    [
        ({"app/a.yaml": "x"}, None, "plain"),
        ({"app/kustomization.yaml": "{}", "app/Chart.yaml": "x"}, None, "kustomize"),
        ({"app/Kustomization": "{}"}, None, "kustomize"),
        ({"app/Chart.yaml": "x"}, None, "helm"),
        ({"app/main.jsonnet": "x"}, None, "jsonnet"),
        ({"app": "a file"}, None, "plain"),
        ({"app/kustomization.yaml": "{}"}, RenderSettings("plain", {}), "plain"),
    ],
)
def test_the_renderer_is_asked_for_or_found(
    files: dict[str, str | bytes | tuple[str, str]], settings: RenderSettings | None, expected: str
) -> None:
    tree: Tree = memory_tree(files)
    assert detect(tree, "app", settings) == expected
