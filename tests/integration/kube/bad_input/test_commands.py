"""An operator's command through a hub: synced, told where it is not allowed, and an upgrade of it is a revision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from common.domain.reasons import sentence
from common.store.engine.session import Database
from common.store.state import sources
from tests.controlplane.runner import ControlPlane
from tests.fakes.commands import commands_file, python
from tests.harness.hands import data_in
from tests.harness.hub import APPS, StepHub
from tests.harness.place import Place
from workers.render.command.faults import CommandRefusedError

CODE = """
import json, sys
given = json.load(sys.stdin)
data = {"build": sys.argv[1], "colour": given["values"]["colour"], "cluster": given["cluster"]["name"],
        "file": open("input.txt").read()}
print(json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": data}))
"""
COMMAND = "  render: {command: mine}\n  values: {colour: green}\n"


@pytest.fixture
def hub(
    cluster: ControlPlane,
    kubectl: httpx.Client,
    sqlite_database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[StepHub]:
    """Return a hub that has declared the cluster as ``eu``, and whose worker reads its commands from ``tmp_path``."""
    monkeypatch.setenv("FLOTILLA_RENDER_COMMANDS", str(tmp_path / "commands.yaml"))
    made = StepHub(sqlite_database, Place(cluster.server, cluster.kubeconfig(), kubectl), tmp_path)
    made.declare("eu")
    yield made
    made.close()


def test_a_command_renders_what_is_synced_and_another_build_is_a_revision(
    hub: StepHub, kubectl: httpx.Client, tmp_path: Path
) -> None:
    def upgrade(build: str, version: str) -> None:
        commands_file(tmp_path, mine=python(CODE, build, version=version))
        hub.settle()

    def shown() -> str:
        assert hub.placement("eu/web").sync == "synced"
        return str(data_in(kubectl, "web", "web")["build"])

    def resolved() -> tuple[str, int]:
        """Return what the source was resolved with, and how many revisions there were."""
        with hub.database.read() as connection:
            (digest,) = sources.digests(connection).values()
        return ", ".join(map(str, digest.renderers)), sum(run.trigger == "revision" for run in hub.runs("eu/web"))

    commands_file(tmp_path, other=python(CODE))
    hub.git.commit(APPS, {"web/input.txt": "hello"})
    hub.application("web", more=COMMAND)
    hub.settle()
    with hub.database.read() as connection:
        (digest,) = sources.digests(connection).values()
    assert digest.error.code == CommandRefusedError.code
    assert "'mine' is not allowed on this worker (allowed: other)" in sentence(digest.error)
    assert not hub.runs("eu/web"), "nothing is made of what nobody could render"

    upgrade("a", "1.9")
    assert data_in(kubectl, "web", "web") == {"build": "a", "colour": "green", "cluster": "eu", "file": "hello"}
    assert hub.placement("eu/web").sync == "synced"
    upgrade("b", "1.10")
    assert shown() == "b"
    before = resolved()
    assert before[1] == 2
    hub.settle()
    assert resolved() == before, "it never comes to rest"

    # a worker with an older version, and one with another build of the same, leave what a newer one made
    upgrade("c", "1.9")
    upgrade("d", "1.10")
    assert resolved() == before
    # once it was started again
    hub.runtime = replace(hub.runtime, started_at=hub.runtime.clock.now())
    hub.settle()
    renderer, revisions = resolved()
    assert (renderer != before[0], revisions, shown()) == (True, 3, "d")
    hub.settle()
    assert resolved() == (renderer, revisions)
