"""Programs are taken from where they are, and built only when asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.controlplane import build
from tests.controlplane.fixtures import _running
from tests.controlplane.runner import Workloads

GO = """#!/bin/sh
[ "$1" = version ] && { echo "go version ${GO_IS:-go1.26.8} linux/amd64"; exit; }
echo "$@" >> "$GO_CALLS"
while [ $# -gt 0 ]; do
  [ "$1" = -o ] && { echo program > "$2"; exit "${GO_ENDS:-0}"; }
  shift
done
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a ``go`` that writes down its calls, and nothing else, on an empty machine."""
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GO_CALLS", str(tmp_path / "calls"))
    folder = tmp_path / "bin"
    folder.mkdir()
    go = folder / "go"
    go.write_text(GO)
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return tmp_path / "calls"


def test_what_is_given_wins_over_what_was_built(calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build.build(["etcd"])
    given = tmp_path / "given"
    given.mkdir()
    (given / "etcd").touch()
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(given))
    assert build.find("etcd") == given / "etcd"
    assert calls.exists()


def test_one_program_is_built_once_and_alone(calls: Path) -> None:
    build.build(["kustomize"])
    build.build(["kustomize"])
    assert [line.split()[-1] for line in calls.read_text().splitlines()] == [build.TOOLS["kustomize"]]
    assert build.find("kustomize") == build.cache() / "kustomize"
    assert build.find("etcd") is None


def test_a_build_that_failed_leaves_no_program(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GO_ENDS", "1")
    with pytest.raises(build.MissingToolsError, match="etcd could not be built"):
        build.build(["etcd"])
    assert calls.exists()
    assert [path.name for path in build.cache().iterdir()] == [".lock"]


def test_a_program_that_is_not_there_is_not_built_silently(calls: Path) -> None:
    with pytest.raises(build.MissingToolsError, match="make controlplane"):
        build.require("etcd")
    assert not calls.exists()


def test_clusters_are_skipped_on_a_laptop_and_fail_in_ci(
    calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="make controlplane"):
        next(_running(tmp_path, ("one",), Workloads.INERT))
    monkeypatch.setenv("CI", "true")
    with pytest.raises(build.MissingToolsError):
        next(_running(tmp_path, ("one",), Workloads.INERT))
    assert not calls.exists()


def test_the_module_names_every_program() -> None:
    tools = (build.HERE / "go.mod").read_text().split("tool (")[1]
    assert sorted(tools.replace(")", "").split()) == sorted(build.TOOLS.values())
