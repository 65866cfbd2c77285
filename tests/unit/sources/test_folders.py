"""A folder on disk as a Tree: what Git would keep of it, and nothing that lies elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from common.sources.faults import PathMissingError, SubmoduleRefusedError, SymlinkRefusedError
from common.sources.folders import FolderUnreadableError, folder_tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("secret")
    (tmp_path / "apps" / "shop").mkdir(parents=True)
    (tmp_path / "apps" / "shop" / "a.yaml").write_text("a: 1\n")
    (tmp_path / "base.yaml").write_text("b: 1\n")
    return tmp_path


def test_inside_a_repository_the_tree_is_the_whole_repository(root: Path) -> None:
    tree, path = folder_tree(root / "apps" / "shop")
    assert path == "apps/shop"
    assert [entry.path for entry in tree.list(".")] == ["apps/shop/a.yaml", "base.yaml"]
    assert tree.read("base.yaml") == b"b: 1\n"


def test_elsewhere_the_tree_is_the_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.yaml").write_text("a: 1\n")
    (tmp_path / "b.yaml").write_text("b: 1\n")
    tree, path = folder_tree(tmp_path / "in")
    assert (path, [entry.path for entry in tree.list(".")]) == (".", ["a.yaml"])
    assert tree.entry("../b.yaml") is None


def test_what_git_keeps_for_itself_is_not_in_the_tree(root: Path) -> None:
    tree, _ = folder_tree(root)
    with pytest.raises(PathMissingError, match=r"\.git/config does not exist in .* at working tree"):
        tree.read(".git/config")


def test_a_link_is_refused_wherever_it_leads(root: Path) -> None:
    (root / "apps" / "shop" / "link.yaml").symlink_to(root / "base.yaml")
    (root / "apps" / "other").symlink_to("shop")
    tree, path = folder_tree(root / "apps" / "other")
    with pytest.raises(SymlinkRefusedError, match=r"apps/shop/link\.yaml is a symbolic link"):
        tree.read("apps/shop/link.yaml")
    with pytest.raises(SymlinkRefusedError, match="apps/other is a symbolic link"):
        tree.existing(path)


def test_a_repository_within_is_refused_like_a_submodule(root: Path) -> None:
    (root / "apps" / "shop" / ".git").write_text("gitdir: ../../.git/modules/shop")
    tree, _ = folder_tree(root)
    with pytest.raises(SubmoduleRefusedError, match="apps/shop is a submodule"):
        tree.read("apps/shop/a.yaml")


def test_pipes_are_left_out_and_never_opened(root: Path) -> None:
    os.mkfifo(root / "apps" / "pipe.yaml")
    tree, _ = folder_tree(root)
    assert tree.entry("apps/pipe.yaml") is None


def test_what_is_no_folder_is_told(root: Path) -> None:
    with pytest.raises(FolderUnreadableError, match="is not a folder"):
        folder_tree(root / "base.yaml")


def test_a_link_on_disk_is_judged_by_what_git_keeps_of_it(root: Path) -> None:
    (root / "apps" / "shop" / "README.md").symlink_to("../../base.yaml")
    (root / "apps" / "shop" / "shared").symlink_to("..")
    tree, _ = folder_tree(root)
    readme, shared = tree.entry("apps/shop/README.md"), tree.entry("apps/shop/shared")
    assert readme is not None
    assert shared is not None
    assert not tree.leads_to_folder(readme)
    assert tree.leads_to_folder(shared)
