"""A command of the operator's: what it is given, what is made of what it prints, and how often it runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from common.domain.fleet import IgnoreRule, RenderSettings
from common.sources.faults import PathMissingError
from tests.fakes.commands import ECHO, commands_file, python
from tests.fakes.trees import memory_tree
from workers.render.cache import RenderCache
from workers.render.faults import ChangingError, EmptyRenderError, RendererMissingError, RenderError, ToolFailedError
from workers.render.parts import Part
from workers.render.renderers import Renderers
from workers.render.request import RenderRequest

FILES = {"app/a.txt": "a", "app/deep/b.txt": "b", "other/c.txt": "c", "Chart.yaml": "no chart"}
OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
ASKED = RenderSettings("command", {"name": "mine"})


def renderers(folder: Path, code: str, *arguments: str, **more: Any) -> Renderers:
    file = commands_file(folder, mine=python(code, *arguments, **more))
    return Renderers(RenderCache(folder / "cache"), commands=file)


def render(found: Renderers, request: RenderRequest, files: Any = None) -> Any:
    tree = memory_tree(FILES if files is None else files)
    return found.render(lambda _: tree, request, found.resolve(tree, request))


def shown(done: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.manifests[0]["data"]["shown"])
    return found


def test_it_gets_its_folder_the_values_and_nothing_from_elsewhere(tmp_path: Path) -> None:
    found = renderers(tmp_path, ECHO, "{values}", environment={"OWN_MODE": "fast"}, version="1.0")
    values = {"replicas": 2, "text": "a\nb", "LD_PRELOAD": "/x.so"}
    request = RenderRequest.at("app", ASKED, values=values, cluster={"name": "eu"}, release="pay", namespace="payments")
    done = render(found, request)
    assert shown(done) == {
        "given": {"application": "pay", "namespace": "payments", "values": values, "cluster": {"name": "eu"}},
        "files": {"./a.txt": "a", "./deep/b.txt": "b"},
        "values": {**values, "cluster": {"name": "eu"}},
        "variables": {
            "FLOTILLA_APPLICATION": "pay",
            "FLOTILLA_NAMESPACE": "payments",
            "FLOTILLA_VALUES": "SCRATCH/values.json",
            "OWN_MODE": "fast",
        },
    }
    assert str(done.renderers[0]).startswith("command 1.0+")


def test_the_whole_path_is_its_footprint(tmp_path: Path) -> None:
    found = renderers(tmp_path, ECHO, "{values}")
    digests = [
        found.resolve(memory_tree({**FILES, **change}), RenderRequest.at("app", ASKED)).source_digest
        for change in ({}, {"app/deep/b.txt": "changed"}, {"other/c.txt": "changed"})
    ]
    assert digests[0] == digests[2] != digests[1]


def test_one_file_and_the_root_can_be_its_path(tmp_path: Path) -> None:
    found = renderers(tmp_path, ECHO, "{values}")
    assert shown(render(found, RenderRequest.at("app/a.txt", ASKED)))["files"] == {"./a.txt": "a"}
    assert len(shown(render(found, RenderRequest.at(".", ASKED)))["files"]) == len(FILES)
    with pytest.raises(PathMissingError):
        render(found, RenderRequest.at("gone", ASKED))


def test_each_source_of_several_is_rendered_by_it_but_those_that_lend(tmp_path: Path) -> None:
    """No folder can be seen to need a command: whoever asks for one means all of them."""
    code = f"import os; print({OBJECT!r}.replace('a}}', os.listdir()[0][0] + '}}'))"
    parts = (Part("app/deep", name="one"), Part("other", name="two"), Part("app", name="three", lends=("a.txt",)))
    done = render(renderers(tmp_path, code), RenderRequest(parts, ASKED))
    assert [(each.manifest["metadata"]["name"], each.origin.partition("/")[0]) for each in done.objects] == [
        ("b", "$one"),
        ("c", "$two"),
    ]


def test_it_runs_for_what_it_is_given_and_not_again(tmp_path: Path) -> None:
    found = renderers(tmp_path, ECHO, "{values}")
    for values, answers in (({"a": 1}, 1), ({"a": 1}, 1), ({"a": 2}, 2)):
        render(found, RenderRequest.at("app", ASKED, values=values))
        assert found.cached["none"] == answers
    for namespace in ("one", "two"):
        render(found, RenderRequest.at("app", ASKED, values={"a": 1}, namespace=namespace))
    assert found.cached["none"] == 4


def test_another_build_is_rendered_anew(tmp_path: Path) -> None:
    first = renderers(tmp_path, f"print({OBJECT!r})")
    tree, request = memory_tree(FILES), RenderRequest.at("app", ASKED)
    before = first.resolve(tree, request)
    second = renderers(tmp_path, f"print({OBJECT!r}.replace('name: a', 'name: b'))")
    after = second.resolve(tree, request)
    assert (before.source_digest, before.renderers != after.renderers) == (after.source_digest, True)
    assert second.render(lambda _: tree, request, after).manifests[0]["metadata"]["name"] == "b"


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        ("", EmptyRenderError, "app renders to nothing"),
        ("print('a: 1')", RenderError, "the object has no apiVersion"),
        ("print('[')", RenderError, "mine of app:"),
        ("import sys; sys.stdout.buffer.write(b'a: \\xff\\xfe\\n')", RenderError, "mine of app"),
        ("import sys; sys.exit('no such overlay')", ToolFailedError, "app cannot be rendered: no such overlay"),
        (f"import os; print({OBJECT!r} + 'data: {{a: ' + os.urandom(9).hex() + 'x}}')", ChangingError, "/data/a"),
    ],
)
def test_what_is_wrong_with_it_is_said(tmp_path: Path, code: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        render(renderers(tmp_path, code), RenderRequest.at("app", ASKED))


def test_a_field_that_others_own_may_change(tmp_path: Path) -> None:
    code = f"import os; print({OBJECT!r} + 'data: {{a: ' + os.urandom(9).hex() + 'x}}')"
    request = RenderRequest.at("app", ASKED, ignore=(IgnoreRule("ConfigMap", ("/data/a",)),))
    assert render(renderers(tmp_path, code), request).manifests


def test_a_script_that_starts_the_program_is_said_to_be_none(tmp_path: Path) -> None:
    (script := tmp_path / "script").write_text(f"#!/bin/sh\nexec {sys.executable} -c 1\n")
    script.chmod(0o755)
    found = Renderers(RenderCache(tmp_path), commands=commands_file(tmp_path, mine={"path": str(script)}))
    with pytest.raises(RendererMissingError, match="cannot be executed") as caught:
        render(found, RenderRequest.at("app", ASKED))
    assert "the program itself" in caught.value.remedy


def test_it_may_read_what_the_operator_says(tmp_path: Path) -> None:
    (library := tmp_path / "library.json").write_text('{"kind": "ConfigMap"}')
    code = f"import json; print({OBJECT!r}.replace('ConfigMap', json.load(open({str(library)!r}))['kind']))"
    assert render(renderers(tmp_path, code, reads=[str(library)]), RenderRequest.at("app", ASKED)).manifests
    with pytest.raises(ToolFailedError, match="PermissionError"):
        render(renderers(tmp_path, code), RenderRequest.at("app", ASKED))
