"""CVE-2022-24878, CVE-2022-36049, CVE-2024-32476 and kin: small inputs that take for ever or fill the memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from common.domain.errors import PermanentError
from common.domain.refs import GitRef
from common.sources.faults import FileTooLargeError
from common.sources.mirrors import Mirrors
from common.sources.objects import FILE, FOLDER, Item
from common.sources.trees import Tree
from tests.fakes.git_server import GitServer, Origin
from tests.fakes.trees import MemoryStore, memory_tree
from tests.fixtures.cpu import costing_at_most
from tests.fixtures.services import unavailable
from workers.render import plain, sandbox
from workers.render.faults import CycleError, RendererMissingError, RenderError, ToolBoundsError, ToolFailedError
from workers.render.kustomize import rendering as kustomize
from workers.render.kustomize.kustomization import footprint

LAUGHS = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
BOMBS = {
    "aliases": LAUGHS,
    "nesting": "[" * 50_000,
    "mappings": "{a: " * 50_000,
    "merges": "a: &a {b: 1}\n" + "".join(f"x{n}: &x{n} {{<<: [{','.join(['*a'] * 100)}]}}\n" for n in range(20_000)),
    "anchor in itself": "a: &a [*a]\n",
    "binary": "\x00\x01",
    "tag": "!!python/object/apply:os.system ['touch marker']\n",
    "number": "a: " + "9" * 100_000 + "\n",
}


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with costing_at_most(20):
        yield


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_in_a_manifest_is_a_fault(bomb: str) -> None:
    tree = memory_tree({"app/x.yaml": BOMBS[bomb], "app/y.yaml": "apiVersion: v1\nkind: A\nmetadata: {name: a}\n"})
    with pytest.raises(RenderError, match=r"app/x\.yaml:\d+: "):
        plain.render(tree, "app", plain.footprint(tree, "app", {}))


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_in_a_kustomization_is_a_fault(bomb: str) -> None:
    with pytest.raises(RenderError):
        footprint(memory_tree({"app/kustomization.yaml": BOMBS[bomb]}), "app")


@pytest.mark.service("kustomize")
@pytest.mark.parametrize("bomb", ["aliases", "nesting", "mappings"])
def test_a_bomb_that_only_the_tool_reads_dies_within_its_bounds(bomb: str) -> None:
    try:
        tool = kustomize.tool()
    except RendererMissingError:
        unavailable("kustomize", "install kustomize or kubectl")
    files = {"app/kustomization.yaml": "resources: [x.yaml]\n", "app/x.yaml": BOMBS[bomb]}
    tree = memory_tree(files)
    bounds = sandbox.Bounds(cpu=timedelta(seconds=5), memory=512 << 20, output=1 << 20)
    with pytest.raises((ToolFailedError, ToolBoundsError, RenderError)):
        kustomize.render(tree, "app", {}, reads=footprint(tree, "app"), tool=tool, bounds=bounds)


def test_kustomizations_in_a_circle_are_a_fault() -> None:
    files = {"a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../a]\n"}
    with pytest.raises(CycleError, match="a -> b -> a"):
        footprint(memory_tree(files), "a")
    with pytest.raises(CycleError):
        footprint(memory_tree({"a/kustomization.yaml": "resources: [.]\n"}), "a")
    with pytest.raises(CycleError):
        footprint(memory_tree({"a/kustomization.yaml": "resources: ['']\n".replace("''", "./")}), "a")


def _git_bomb(origin: Origin) -> str:
    """Commit ten levels of ten times the same folder: a dozen objects, ten billion files."""
    oid = origin.git("hash-object", "-w", "--stdin", stdin=b"x: 1\n")
    line = f"100644 blob {oid}\tx.yaml\n"
    for _ in range(10):
        tree = origin.git("mktree", stdin=line.encode())
        line = "".join(f"040000 tree {tree}\t{name}\n" for name in "abcdefghij")
    tree = origin.git("mktree", stdin=line.encode())
    commit = origin.git("commit-tree", tree, "-m", "bomb")
    origin.git("update-ref", "refs/heads/main", commit)
    return commit


def test_a_repository_of_ten_billion_files_is_a_fault(mirrors: Mirrors, git_http_server: GitServer) -> None:
    commit = _git_bomb(git_http_server.origin("app"))
    source = GitRef(git_http_server.url("app"), "", "refs/heads/main")
    assert mirrors.fetch(source).commit == commit
    with pytest.raises(FileTooLargeError):
        plain.footprint(mirrors.tree(source, commit), ".", {})


def test_a_huge_file_that_packs_small_is_a_fault_before_it_is_read(
    mirrors: Mirrors, git_http_server: GitServer, tmp_path: Path
) -> None:
    origin = git_http_server.origin("app")
    (origin.folder / "big.yaml").write_bytes(b"")
    with (origin.folder / "big.yaml").open("r+b") as file:
        file.truncate(40 << 20)
    commit = origin.commit({})
    source = GitRef(git_http_server.url("app"), "", "refs/heads/main")
    with pytest.raises(FileTooLargeError, match=r"big\.yaml has 41,943,040 bytes"):
        mirrors.tree(source, commit).read("big.yaml")
    assert sum(path.stat().st_size for path in (tmp_path / "mirrors").rglob("*")) < 10 << 20


def test_one_bad_file_names_itself_and_does_not_hide_the_others() -> None:
    tree = memory_tree({"app/x.yaml": BOMBS["aliases"], "app/y.yaml": "- a\n"})
    with pytest.raises(PermanentError) as caught:
        plain.render(tree, "app", plain.footprint(tree, "app", {}))
    assert "app/x.yaml" in str(caught.value)
    assert "app/y.yaml" in str(caught.value)


def test_a_few_objects_that_spell_out_a_billion_folders_are_refused() -> None:
    store = MemoryStore()
    oid = store.add_tree({"x": Item("x", FILE, store.add_blob(b"x"))})
    for _ in range(30):
        oid = store.add_tree({name: Item(name, FOLDER, oid) for name in "abcdefghij"})
    with pytest.raises(FileTooLargeError, match="files and folders"):
        Tree("https://git.example.com/app", "c" * 40, oid, store).list(".")
