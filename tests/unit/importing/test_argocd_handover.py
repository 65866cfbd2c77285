"""Out of Argo CD's hands: nothing is deleted that something else would put a finalizer on again."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.importing.test_argocd import application, application_set, imported, told
from tests.unit.importing.test_moving_argocd import commands, named, names

TRACKING = "argocd.argoproj.io/tracking-id"
STRANGERS = [
    ({"annotations": {TRACKING: "root:argoproj.io/Application:argocd/shop"}}, "Application root"),
    ({"labels": {"app.kubernetes.io/instance": "root"}}, "Application root"),
    ({"annotations": {TRACKING: "team-a_other:argoproj.io/Application:argocd/shop"}}, "Application team-a_other"),
    ({"ownerReferences": [{"kind": "ApplicationSet", "name": "web"}]}, "ApplicationSet web"),
    ({"ownerReferences": [{"kind": "Fleet", "name": "all"}]}, "Fleet all"),
    ({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}, "Kustomization apps of Flux"),
]


@pytest.mark.parametrize(("metadata", "parent"), STRANGERS)
def test_what_something_unknown_applies_is_written_and_not_handed_over(metadata: dict[str, Any], parent: str) -> None:
    found = imported(named(application(), "shop", **metadata), named(application(), "other"))
    assert names(found) == {"shop", "other"}
    assert not [command for command in commands(found) if " shop " in command]
    assert [command for command in commands(found) if " other " in command]
    (finding,) = [one for one in found.findings if "hand-over" in one.what]
    assert finding.what.startswith(f"Application shop: {parent} applies it, and is not among the files")
    assert "import that too" in finding.remedy


def test_a_set_that_something_unknown_applies_is_not_handed_over_with_what_it_made() -> None:
    mark = {"annotations": {TRACKING: "root:argoproj.io/ApplicationSet:argocd/web"}}
    owner = {"ownerReferences": [{"kind": "ApplicationSet", "name": "web"}]}
    found = imported(named(application_set({"clusters": {}}), "web", **mark), named(application(), "web-eu", **owner))
    assert names(found) == {"web"}
    assert commands(found) == []
    assert any("ApplicationSet web: Application root applies it" in what for what in told(found))


def test_a_parent_of_that_name_in_another_namespace_is_another() -> None:
    mark = {"annotations": {TRACKING: "team-a_root:argoproj.io/Application:argocd/shop"}}
    found = imported(named(application(), "shop", **mark), named(application(), "root"))
    assert not [command for command in commands(found) if " shop " in command]


@pytest.mark.parametrize(
    ("look", "deletes"),
    [
        ("printf finalizers:", 3),
        ("printf 'finalizers:[\"resources-finalizer.argocd.argoproj.io\"]'", 0),
        ("return 1", 0),
    ],
)
def test_nothing_is_deleted_that_has_a_finalizer_or_cannot_be_read(tmp_path: Path, look: str, deletes: int) -> None:
    found = imported(named(application(), "shop"), named(application_set({"clusters": {}}), "web"))
    free, delete = found.steps[-2:]
    assert any("patch applicationset web" in command for command in free.commands)
    assert len(delete.commands) == 3
    said = tmp_path / "said"
    fake = f'kubectl() {{ case "$3" in get) {look};; *) echo "$@" >> {said};; esac; }}'
    for command in delete.commands:
        subprocess.run(["sh", "-c", f"{fake}; {command}"], check=False, timeout=10)
    lines = said.read_text().splitlines() if said.exists() else []
    assert len(lines) == deletes
    assert all(line.endswith("--cascade=orphan") for line in lines)
