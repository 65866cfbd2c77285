"""CVE-2022-24877, CVE-2022-24348, CVE-2023-40026 and kin: paths and links that lead out of the tree."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from common.domain.errors import PermanentError
from common.domain.refs import GitRef
from common.sources.faults import BadObjectsError, PathMissingError, SubmoduleRefusedError, SymlinkRefusedError
from common.sources.mirrors import Mirrors
from common.sources.objects import SYMLINK
from tests.fakes.git_server import GitServer
from tests.fakes.trees import Content, memory_tree
from tests.fixtures.services import unavailable
from tests.security.sources.kustomizations import PATHS
from workers.render import plain, sandbox
from workers.render.faults import EscapeRefusedError, RemoteRefusedError, RendererMissingError
from workers.render.kustomize import rendering as kustomize
from workers.render.kustomize.kustomization import footprint
from workers.render.table import detect

FIELDS: Mapping[str, Callable[[str], Any]] = {
    **PATHS,
    "configMapGenerator.files key": lambda path: {"configMapGenerator": [{"name": "x", "files": [f"key={path}"]}]},
    "transformers inline path": lambda path: {
        "transformers": [json.dumps({"apiVersion": "builtin", "kind": "PatchTransformer", "path": path}, indent=1)]
    },
    "generators inline files": lambda path: {
        "generators": [json.dumps({"apiVersion": "builtin", "kind": "ConfigMapGenerator", "files": [path]}, indent=1)]
    },
}
ESCAPES = ["../../etc/passwd", "../../../x", "/etc/passwd", "a/../../../x", "../..", "..\\..\\x"]
REMOTES = [
    "https://example.com/x.yaml",
    "http://127.0.0.1:8080/x.yaml",
    "HTTPS://example.com/x.yaml",
    "github.com/kubernetes-sigs/kustomize/examples/helloWorld?ref=v1.0.6",
    "github.com/kubernetes-sigs/kustomize/examples/helloWorld",
    "GitHub.com/a/b",
    "www.github.com/a/b",
    "gh:a/b",
    "git@github.com:a/b.git",
    "git@github.com/a/b",
    "org-12345@github.com/a/b",
    "ssh://git@example.com/a",
    "git::https://example.com/a.git",
    "git::ssh://example.com/a.git",
    "file:///etc",
    "example.com:a/b.git",
    "https://dev.azure.com/o/p/_git/r",
    "a.git//x",
    "x?ref=main",
    "ssh:/a",
]
LINKS: dict[str, tuple[dict[str, Content], str]] = {
    "file out": ({"app/link": (SYMLINK, "/etc/passwd")}, "link"),
    "file inside": ({"app/link": (SYMLINK, "real.yaml"), "app/real.yaml": "x: 1\n"}, "link"),
    "folder out": ({"app/link": (SYMLINK, "/etc")}, "link/passwd"),
    "chain": ({"app/link": (SYMLINK, "two"), "app/two": (SYMLINK, "/etc/passwd")}, "link"),
    "by another folder": ({"app/link": (SYMLINK, "../other"), "other/kustomization.yaml": "{}"}, "link"),
}


def read(value: Any, more: dict[str, Content] | None = None) -> None:
    footprint(memory_tree({**(more or {}), "app/kustomization.yaml": json.dumps(value)}), "app")


@pytest.mark.parametrize("path", ESCAPES)
@pytest.mark.parametrize("field", FIELDS)
def test_no_field_of_a_kustomization_leads_out_of_the_tree(field: str, path: str) -> None:
    with pytest.raises(EscapeRefusedError):
        read(FIELDS[field](path))


@pytest.mark.parametrize("path", REMOTES)
@pytest.mark.parametrize("field", FIELDS)
def test_no_field_of_a_kustomization_names_something_remote(field: str, path: str) -> None:
    # a folder of that very name does not help: Kustomize asks whether it is an address first
    more: dict[str, Content] = {f"app/{path.replace('//', '/')}/kustomization.yaml": "{}"}
    with pytest.raises(RemoteRefusedError):
        read(FIELDS[field](path), more)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("field", FIELDS)
def test_no_field_of_a_kustomization_leads_through_a_link(field: str, link: str) -> None:
    files, path = LINKS[link]
    value = FIELDS[field](path)
    if "inline" in field:  # the whole folder counts then
        tree = memory_tree({**files, "app/kustomization.yaml": json.dumps(value)})
        with pytest.raises(SymlinkRefusedError), kustomize.materialised(tree, footprint(tree, "app")):
            pass
        return
    with pytest.raises(SymlinkRefusedError):
        read(value, files)


@pytest.mark.parametrize("path", ["../x", "/etc", "app/../../x", "app/link", "app/link/x"])
def test_an_applications_path_leads_nowhere_else(path: str) -> None:
    tree = memory_tree({"app/link": (SYMLINK, "/etc"), "app/a.yaml": "x: 1\n"})
    with pytest.raises((PathMissingError, SymlinkRefusedError)):
        detect(tree, path, None)


def test_links_and_submodules_of_a_real_repository_are_refused(mirrors: Mirrors, git_http_server: GitServer) -> None:
    origin = git_http_server.origin("app")
    origin.commit({"ok/a.yaml": "x: 1\n"})
    commit = origin.commit_entries({"app/out.yaml": ("120000", "/etc/passwd"), "app2/module": ("160000", origin.head)})
    source = GitRef(git_http_server.url("app"), "", "refs/heads/main")
    tree = mirrors.tree(source, commit)
    with pytest.raises(SymlinkRefusedError, match=r"app/out\.yaml"):
        plain.footprint(tree, "app", {})
    with pytest.raises(SubmoduleRefusedError, match="app2/module"):
        plain.footprint(tree, "app2", {})


@pytest.mark.parametrize("name", ["..", ".", ".git", ".GIT"])
def test_a_repository_with_hostile_names_is_refused_whole(
    mirrors: Mirrors, git_http_server: GitServer, name: str
) -> None:
    origin = git_http_server.origin("app")
    good = origin.commit({"a.yaml": "x: 1\n"})
    source = GitRef(git_http_server.url("app"), "", "refs/heads/main")
    mirrors.fetch(source)
    inner = bytes.fromhex(origin.git("rev-parse", "HEAD^{tree}"))
    raw = b"40000 " + name.encode() + b"\0" + inner
    tree = origin.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=raw)
    origin.git("update-ref", "refs/heads/main", origin.git("commit-tree", tree, "-p", good, "-m", "evil"))
    with pytest.raises(BadObjectsError):
        mirrors.fetch(source)
    assert mirrors.resolve(source) == good, "the last good state is kept"
    assert mirrors.tree(source, good).read("a.yaml") == b"x: 1\n"


@pytest.mark.service("kustomize")
def test_the_tool_finds_neither_a_network_nor_a_git(tmp_path: Path, git_http_server: GitServer) -> None:
    """Were the check ever passed by, the tool still gets nowhere."""
    try:
        tool = kustomize.tool()
    except RendererMissingError:
        unavailable("kustomize", "install kustomize or kubectl")
    origin = git_http_server.origin("app")
    origin.commit({"kustomization.yaml": "{}\n", "x.yaml": "x: 1\n"})
    for remote in (
        git_http_server.url("app"),
        f"git::{git_http_server.url('app')}",
        f"{git_http_server.url('app')}/x.yaml",
    ):
        folder = tmp_path / "k"
        folder.mkdir(exist_ok=True)
        (folder / "kustomization.yaml").write_text(json.dumps({"resources": [remote]}))
        with pytest.raises(PermanentError):
            sandbox.run([*tool.build, str(folder)], folder=tmp_path, what="app", bounds=sandbox.Bounds())
    assert git_http_server.count("upload-pack") == 0


def test_components_of_the_registry_stay_in_the_tree() -> None:
    tree = memory_tree({"app/kustomization.yaml": "{}"})
    for path in ("../x", "/etc", "x/../../y"):
        with pytest.raises(PermanentError):
            kustomize.footprint(tree, "app", {"components": [path]})
