"""Reading a tree: nothing is followed, everything is bounded."""

from __future__ import annotations

import pytest

from common.sources.faults import FileTooLargeError, PathMissingError, SubmoduleRefusedError, SymlinkRefusedError
from common.sources.objects import SUBMODULE, SYMLINK
from common.sources.trees import TreeLimits, joined, source_digest
from tests.fakes.trees import memory_tree


def test_paths_are_found_from_the_root() -> None:
    tree = memory_tree({"a/b/c.yaml": "x", "d.yaml": "y"})
    assert [entry.path for entry in tree.list(".")] == ["a/b/c.yaml", "d.yaml"]
    assert [entry.path for entry in tree.children("a")] == ["a/b"]
    assert tree.read("a/b/c.yaml") == b"x"
    assert [entry.path for entry in tree.list("d.yaml")] == ["d.yaml"]


@pytest.mark.parametrize("path", ["none", "a/none", "d.yaml/x", "..", "a/../d.yaml", ""])
def test_what_is_not_there_is_missing(path: str) -> None:
    tree = memory_tree({"a/b.yaml": "x", "d.yaml": "y"})
    with pytest.raises(PathMissingError):
        tree.read(path)


def test_a_folder_is_no_file() -> None:
    with pytest.raises(PathMissingError, match="is a folder"):
        memory_tree({"a/b.yaml": "x"}).read("a")


def test_links_and_submodules_are_listed_but_never_passed() -> None:
    tree = memory_tree({"a/link": (SYMLINK, "../b"), "a/module": (SUBMODULE, "0"), "b/x.yaml": "x"})
    assert [entry.is_link for entry in tree.list("a")] == [True, True]
    for path in ("a/link", "a/link/x.yaml"):
        with pytest.raises(SymlinkRefusedError):
            tree.tree_id(path)
    with pytest.raises(SubmoduleRefusedError):
        tree.list("a/module")


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (TreeLimits(max_file=2), "b.yaml has 3 bytes"),
        (TreeLimits(max_total=5), "together exceed 5 bytes"),
        (TreeLimits(max_files=1), "more than 1 files"),
        (TreeLimits(max_depth=1), "deeper than 1 folders"),
    ],
)
def test_every_bound_is_a_fault(limits: TreeLimits, words: str) -> None:
    tree = memory_tree({"a.yaml": "x", "b.yaml": "xyz", "c/d/e.yaml": "xyz"}, limits)
    with pytest.raises(FileTooLargeError, match=words):
        tree.read_many(entry.path for entry in tree.list("."))


def test_the_digest_is_of_paths_and_contents_in_any_order() -> None:
    tree = memory_tree({"a.yaml": "x", "b.yaml": "y", "c.yaml": "z"})
    same = memory_tree({"a.yaml": "x", "b.yaml": "y", "c.yaml": "other"})
    moved = memory_tree({"a.yaml": "y", "b.yaml": "x"})
    paths = ["a.yaml", "b.yaml"]
    assert source_digest(tree, paths) == source_digest(same, reversed(paths)) != source_digest(moved, paths)
    with pytest.raises(PathMissingError):
        source_digest(moved, ["c.yaml"])


def test_joining_says_when_a_path_leaves() -> None:
    assert joined("a/b", "../c.yaml") == "a/c.yaml"
    assert joined(".", "a") == "a"
    assert joined("a", "../../x") == "../x"
