"""Reading a registry from a folder: nothing outside it, nothing but ordinary files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from common.registry import FolderError, read_directory, validate_directory
from tests.harness.texts import application, registry


def written(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_folder_in_order_has_no_fault(tmp_path: Path) -> None:
    files = registry(teams_pay=application())
    assert validate_directory(written(tmp_path, {**files, "README.md": "hello"})) == ()
    assert set(read_directory(tmp_path)[0]) == set(files)


def test_faults_of_both_scopes_are_found(tmp_path: Path) -> None:
    faults = validate_directory(
        written(tmp_path, {**registry(a=application(more="  x: 1\n")), "b.yaml": "kind: Fleet\n"})
    )
    assert [(fault.file, fault.line) for fault in faults] == [("a.yaml", 7), ("b.yaml", 1)]


def test_links_are_faults_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text(application())
    root = written(tmp_path / "root", registry())
    (root / "link.yaml").symlink_to(outside)
    (root / "folder").symlink_to(tmp_path)
    (root / "dangling.yaml").symlink_to(tmp_path / "nothing")
    assert [(fault.file, fault.what) for fault in validate_directory(root)] == [
        ("dangling.yaml", "not an ordinary file"),
        ("link.yaml", "not an ordinary file"),
    ]


def test_a_pipe_is_a_fault_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(written(tmp_path, registry()) / "pipe.yaml")
    assert [fault.file for fault in validate_directory(tmp_path)] == ["pipe.yaml"]


def test_a_huge_file_is_not_read_whole(tmp_path: Path) -> None:
    with (written(tmp_path, registry()) / "huge.yaml").open("wb") as file:
        file.truncate(1 << 33)
    fault = validate_directory(tmp_path)[0]
    assert (fault.file, fault.what) == ("huge.yaml", "1,048,577 bytes; the limit is 1,048,576")


def test_a_folder_that_is_not_there_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"cannot be read: .*\. Name a folder"):
        validate_directory(tmp_path / "none")
