"""Tenant crossing: what an operator's command prints is as foreign as what a tenant writes, and is held to as much.

The attacker owns the application's folder, and the command prints what it holds. The marker is whatever another tenant
has on the cluster.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fakes.commands import commands_file, python
from tests.harness.hub import APPS, REGISTRY, StepHub
from tests.harness.manifests import config_map
from tests.harness.seen import live
from tests.security.tenancy.conftest import Sent
from workers.render.renderers import renderers_from

PRINTS = "import pathlib; print(pathlib.Path('prints.txt').read_text())"
PROJECT = """\
---
apiVersion: flotilla.dev/v1
kind: Project
metadata: {name: team}
spec: {paths: [web.yaml], repos: ['**'], clusters: {all: true}, namespaces: {allow: [web], create: true}}
"""


def thing(kind: str, name: str = "stolen", version: str = "v1", **more: Any) -> str:
    namespace = {"namespace": more.pop("namespace")} if "namespace" in more else {}
    return yaml.safe_dump({"apiVersion": version, "kind": kind, "metadata": {"name": name, **namespace}, **more})


RBAC = "rbac.authorization.k8s.io/v1"
ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
REACHING = {
    "another tenant's namespace": thing("ConfigMap", "kept", namespace="theirs", data={"v": "2"}),
    "the system's namespace": thing("Secret", namespace="kube-system"),
    "a namespace": thing("Namespace", "theirs"),
    "a role": thing("ClusterRole", version=RBAC, rules=[]),
    "a binding": thing("RoleBinding", version=RBAC, roleRef=ROLE, subjects=[]),
    "a list of another's": yaml.safe_dump(
        {"apiVersion": "v1", "kind": "List", "items": [yaml.safe_load(thing("ConfigMap", "kept", namespace="theirs"))]}
    ),
}


@pytest.fixture
def hub(hub: StepHub, tmp_path: Path) -> StepHub:
    """A hub whose worker allows one command, on whose cluster another tenant has something."""
    file = commands_file(tmp_path, prints=python(PRINTS))
    settings = hub.settings.model_copy(update={"render_commands": file})
    former = hub.runtime.renderers
    hub.runtime = replace(hub.runtime, renderers=renderers_from(settings, secret=b"k" * 32))
    former.close()
    hub.declare("eu")
    hub.git.commit(APPS, {"theirs/a.yaml": config_map("kept", v="1")})
    hub.application("theirs")
    hub.settle()
    assert hub.placement("eu/theirs").sync == "synced"
    hub.git.commit(REGISTRY.repo, {"projects.yaml": PROJECT})
    hub.application("web", more="  project: team\n  render: {command: prints}\n")
    return hub


@pytest.mark.parametrize("what", REACHING)
def test_what_reaches_beyond_the_project_is_refused_whole(hub: StepHub, sent: list[Sent], what: str) -> None:
    hub.git.commit(APPS, {"web/prints.txt": f"{config_map('own', v='1')}{REACHING[what]}"})
    hub.settle()
    (run, *_) = hub.runs("eu/web")
    assert (run.outcome, run.error_code) == ("failed", "policy.denied")
    assert [one for one in sent if one.of_a_run and one.method != "GET"] == []
    assert live(hub, "eu", "web", "own") is None
    kept = live(hub, "eu", "theirs", "kept")
    assert kept is not None
    assert kept["data"] == {"v": "1"}


def test_what_stays_within_it_is_synced(hub: StepHub) -> None:
    """Else the refusals above would tell nothing."""
    hub.git.commit(APPS, {"web/prints.txt": config_map("own", v="1")})
    hub.settle()
    assert hub.placement("eu/web").sync == "synced", hub.runs("eu/web")
    found = live(hub, "eu", "web", "own")
    assert found is not None


def test_marks_that_it_prints_are_no_proof_of_ownership(hub: StepHub) -> None:
    """Copied from another's object, they change nothing: what is written and removed is its own alone."""
    kept = live(hub, "eu", "theirs", "kept")
    assert kept is not None
    metadata = {name: kept["metadata"][name] for name in ("annotations", "labels")}
    copied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "own", **metadata}, "data": {"v": "2"}}
    hub.git.commit(APPS, {"web/prints.txt": yaml.safe_dump(copied)})
    hub.settle()
    own = live(hub, "eu", "web", "own")
    assert own is not None
    assert own["metadata"]["annotations"]["flotilla.dev/owner"] == "test/eu/web:/ConfigMap:web/own"
    assert own["metadata"]["labels"] != kept["metadata"]["labels"]
    hub.git.commit(REGISTRY.repo, {"web.yaml": None})
    hub.settle()
    assert live(hub, "eu", "theirs", "kept") is not None
