"""The hand-over from Flux: nothing that it prints may end in Flux deleting what it deployed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.unit.importing.test_flux import CHARTS, GIT, imported, kustomization, release, told
from tests.unit.importing.test_moving_flux import CHART, OF_GIT, commands, named, names

OF_ABSENT = {"kustomize.toolkit.fluxcd.io/name": "root", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
OF_RELEASE = {"helm.toolkit.fluxcd.io/name": "stack", "helm.toolkit.fluxcd.io/namespace": "ops"}


@pytest.mark.parametrize(
    ("marks", "parent"),
    [(OF_ABSENT, "Kustomization flux-system/root"), (OF_RELEASE, "HelmRelease ops/stack")],
)
def test_a_child_whose_parent_is_not_among_the_files_is_left_out(marks: dict[str, str], parent: str) -> None:
    child = named(kustomization("child", sourceRef=OF_GIT), "child", "front", **marks)
    found = imported(GIT, CHARTS, child, named(release(chart=CHART), "alone"))
    assert names(found) == {"child", "alone"}
    assert commands(found)
    assert not [command for command in commands(found) if "child" in command]
    (finding,) = found.findings
    assert finding.what == f"Kustomization child: {parent} applies it, and is not among the files"
    assert "import" in finding.remedy
    assert not [step for step in imported(GIT, child).steps], "there is nothing to hand over"


def test_who_is_below_one_that_is_left_out_is_left_out_too() -> None:
    middle = named(kustomization("middle"), "middle", "flux-system", **OF_ABSENT)
    mark = {"kustomize.toolkit.fluxcd.io/name": "middle", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    found = imported(GIT, CHARTS, named(release(chart=CHART), "child", "front", **mark), middle)
    assert found.steps == ()
    assert "HelmRelease child: Kustomization middle applies it, and is not handed over" in told(found)


def test_one_that_applies_itself_has_no_other_parent() -> None:
    own = {"kustomize.toolkit.fluxcd.io/name": "flux-system", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    found = imported(GIT, named(kustomization("flux-system"), "flux-system", "flux-system", **own))
    assert found.steps
    assert not [what for what in told(found) if "not among the files" in what]


@pytest.mark.parametrize(("look", "deletes"), [("printf true", 2), ("printf false", 0), (":", 0), ("return 1", 0)])
def test_what_is_not_suspended_is_not_deleted(tmp_path: Path, look: str, deletes: int) -> None:
    found = imported(GIT, CHARTS, kustomization("root"), release(chart=CHART))
    log = tmp_path / "log"
    log.touch()
    kubectl = f'kubectl() {{ case "$*" in *" get "*) {look} ;; *) echo "$*" >> {log} ;; esac; }}'
    script = "\n".join([kubectl, *found.steps[-1].commands])
    subprocess.run(["/bin/sh", "-c", script], check=False, timeout=10)  # what is held back ends with 1
    done = log.read_text().splitlines()
    assert len(done) == deletes
    assert all(" delete " in line for line in done)


def test_the_end_of_a_kustomization_prunes_nothing_whatever_its_policy_is() -> None:
    found = imported(GIT, kustomization(deletionPolicy="WaitForTermination"))
    assert not found.findings, "the hand-over sets it"
    (let_go,) = (step for step in found.steps if '"prune"' in "".join(step.commands))
    assert len(let_go.commands) == 1
    assert """'{"spec":{"prune":false,"deletionPolicy":"Orphan"}}'""" in let_go.commands[0]


def test_no_step_is_empty_and_none_speaks_of_what_is_left_out() -> None:
    lost = named(release(chart=CHART), "lost", "front", **OF_ABSENT)
    found = imported(GIT, CHARTS, lost, named(release(chart=CHART), "web"))
    assert [command for command in commands(found) if command.startswith("flotilla")] == ["flotilla diff eu/web"]
    (enforce,) = (step for step in found.steps if "`sync.mode: enforce`" in step.title)
    assert "but not for what is left out: lost" in enforce.title
    assert [step.title for step in found.steps if not step.commands] == [enforce.title]
    whole = imported(CHARTS, release(chart=CHART))
    assert not [step for step in whole.steps if "left out" in step.title or "Kustomizations" in step.title]
