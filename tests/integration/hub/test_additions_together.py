"""A package of its own adds one of each, and a hub carries all six from a commit to clusters and to what people read.

What one registration takes by itself is shown in ``tests/integration/test_additions.py`` and the two beside it. Here
nothing is asked directly: what the package added is stored, planned with, held, rendered, judged and told by the code
that knows nothing of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

SOURCE = """
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from pydantic import Field

from common.domain.commits import Commit, Passage
from common.domain.refs import SourceRef
from common.sources import kinds
from common.sources.mirrors import Fetched


@dataclass(frozen=True, slots=True)
class DiskRef(SourceRef):
    @property
    def text(self):
        return "disk:"


@dataclass(frozen=True)
class DiskSource:
    disk: str
    path: str = "."
    credentials: str = ""
    verify: tuple = ()
    name: str = ""

    @property
    def to_resolve(self):
        return DiskRef(f"disk://{self.disk}", self.credentials)


class Door:
    def __init__(self, machine):
        self._machine = machine

    def _words(self, source):
        place = self._machine.credentials.get(source.credentials)["place"].decode()
        return Path(place, source.repo.removeprefix("disk://")).read_text()

    def fetch(self, source):
        return Fetched(sha256(self._words(source).encode()).hexdigest(), datetime.now(UTC))

    def tree(self, source, commit, allowed=None):
        from tests.fakes.trees import memory_tree

        return memory_tree({"SHOUT": self._words(source)})

    def history(self, source, commit, since):
        return Passage((Commit(commit),))

    def verify(self, source, commit, keys):
        pass

    def close(self):
        pass


class DiskKind:
    key, words, signed, pins = "disk", "disk", False, {}

    def schema(self):
        from common.registry.schema.base import Base

        class DiskPart(Base):
            disk: str | None = Field(default=None, description="A disk.")

        return DiskPart

    def address(self, spec):
        return ("disk",), f"disk://{spec.disk}"

    def declared(self, spec, common):
        return DiskSource(spec.disk, credentials=common.credentials, name=common.name)

    def read(self, repo, credentials, text):
        return DiskRef(repo, credentials) if text == "disk:" else None

    def door(self, machine):
        return DiskRef, Door(machine)


kinds.register(DiskKind())
"""

FORMAT = """
from common.registry.schema.base import Base


class ShoutSpec(Base):
    louder: bool = False
"""
RENDERER = """
from dataclasses import dataclass

from common.renderers import RendererEntry, register


@dataclass
class Reads:
    paths: tuple


class ShoutRenderer:
    name, needs, detected = "shout", frozenset(), True

    def __init__(self, machine):
        pass

    @classmethod
    def detects(cls, place):
        return place.names is not None and "SHOUT" in place.names

    def footprint(self, tree, path, options):
        return Reads(("SHOUT",))

    def version(self, options):
        return "7"

    def render(self, tree, reads, request, loans):
        from workers.render.manifests import checked, reading

        said = tree.read("SHOUT").decode().strip().upper()
        lamp = f"apiVersion: v1\\nkind: ConfigMap\\nmetadata: {{name: lamp}}\\ndata: {{said: {said}}}"
        return checked(reading(lamp.encode(), "SHOUT"), path="app")

    def supersedes(self, version, age, options):
        return version != "7"

    def cures(self, error_code, options):
        return False

    def close(self):
        pass


register(RendererEntry("shout", "Shouts.", "addition.format:ShoutSpec", "addition.renderer:ShoutRenderer"))
"""

HEALTH = """
from common.domain.status import Reason
from workers.sync.health.kinds import KindRule, register
from workers.sync.health.reading import degraded, healthy, section


def lamp(manifest, context):
    return degraded(Reason("lamp.dark")) if section(manifest, "data").get("said") == "DARK" else healthy()


register(KindRule("", "ConfigMap", lamp))
"""

GATE = """
from datetime import UTC, datetime

from common.domain.admission import Gate, register
from common.domain.status import NONE, Reason

OPENS = {"eu": datetime(9999, 1, 1, 6, tzinfo=UTC)}


def night(wish, placement):
    until = OPENS.get(placement.ref.cluster)
    if until is None or wish.by_person or wish.now >= until:
        return NONE
    return Reason("window.closed", {"until": until.strftime("%H:%M")})


register(Gate("window.closed", lambda params: f"no run before {params['until']}", night))
"""

READER = """
from scheduler import readers


class Pager:
    name, kinds = "pager", ()
    told = []

    def take(self, connection, events, *, now):
        self.told += [(str(event.kind), event.subject) for event in events]


readers.register(Pager())
"""

PROVIDER = """
import json
import os
from pathlib import Path

from common.credentials import CredentialsMissingError, chain


class Vault:
    def get(self, ref):
        held = json.loads(Path(os.environ["VAULT"]).read_text())
        if ref not in held:
            raise CredentialsMissingError(ref, where="the vault")
        return {key: value.encode() for key, value in held[ref].items()}


chain.register(lambda settings: Vault())
"""

HUB = '''
import addition  # the one that imports the six

import json, os, sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from common.credentials import provider_from
from common.sources.sources import sources_from
from common.store.engine.session import Database
from common.store.engine.upgrade import upgrade
from common.store.state.intents import IntentKind
from addition.gate import OPENS
from addition.reader import Pager
from scheduler.loop.listening import Listening
from scheduler.readers import readers
from simulator.server import running_simulator
from tests.harness.hub import REGISTRY, StepHub
from tests.harness.seen import live, look
from workers.kube import ClusterPool

folder = Path(sys.argv[1])
disk = folder / "disks" / "shelf"
disk.parent.mkdir()
APPLICATION = """
apiVersion: flotilla.dev/v1
kind: Application
metadata: {name: web}
spec:
  source: {disk: shelf, credentials: {secretRef: disks/any}}
  namespace: web
  createNamespace: true
  targets: [{name: all, select: {all: true}}]
"""
FLEET = "apiVersion: flotilla.dev/v1\\nkind: Fleet\\nmetadata: {name: test}\\nspec: {labels: {env: [test]}}\\n"

database = Database(f"sqlite:///{folder}/hub.db")
upgrade(database)
with running_simulator(["eu", "us"], ready_after=timedelta(milliseconds=10)) as simulator:
    hub = StepHub(database, simulator, folder)
    held = {f"clusters/{name}": {"kubeconfig": yaml.safe_dump(simulator.kubeconfig(name))} for name in ("eu", "us")}
    held["disks/any"] = {"place": str(disk.parent)}
    Path(os.environ["VAULT"]).write_text(json.dumps(held))
    credentials = provider_from(hub.settings)
    hub.runtime.clusters.close()
    hub.runtime = replace(
        hub.runtime,
        credentials=credentials,
        clusters=ClusterPool(credentials, timedelta(seconds=10)),
        sources=sources_from(hub.settings, credentials),
    )
    listening = Listening(database, readers())
    listening.tick()

    def seen(cluster):
        found, view = live(hub, cluster, "web", "lamp"), hub.placement(f"{cluster}/web")
        said = None if found is None else found["data"]["said"]
        return [said, view.sync, view.health, view.health_reason_code, view.hold_code, view.hold]

    steps = []
    disk.write_text("bright")
    documents = [FLEET, *map(hub.cluster_document, ("eu", "us")), APPLICATION]
    hub.git.commit(REGISTRY.repo, {"fleet.yaml": "---\\n".join(documents)})
    hub.settle()
    steps.append([hub.faults(), seen("eu"), seen("us")])
    hub.ask(IntentKind.SYNC, "eu/web")
    hub.settle()
    hub.planner.forget()  # as it does of itself, a minute after a gate was closed
    look(hub)
    steps.append([hub.faults(), seen("eu"), seen("us")])
    disk.write_text("dark")
    hub.settle()
    look(hub)
    steps.append([hub.faults(), seen("eu"), seen("us")])
    OPENS["eu"] = datetime.now(UTC)
    hub.settle()
    look(hub)
    steps.append([hub.faults(), seen("eu"), seen("us")])
    listening.tick()
    (source,) = hub.placement("us/web").sources
    hub.close()
found = {"steps": steps, "told": Pager.told, "renderers": list(map(str, source.renderers)), "repo": source.repo}
print(json.dumps(found))
'''


def test_a_hub_carries_one_addition_of_each_kind_from_a_commit_to_its_clusters(tmp_path: Path) -> None:
    package = tmp_path / "addition"
    package.mkdir()
    parts = {"source": SOURCE, "format": FORMAT, "renderer": RENDERER, "health": HEALTH, "gate": GATE}
    parts |= {"reader": READER, "provider": PROVIDER}
    registered = [name for name in parts if name != "format"]
    for name, text in {**parts, "__init__": f"from addition import {', '.join(registered)}\n"}.items():
        (package / f"{name}.py").write_text(text)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT))),
        "VAULT": str(tmp_path / "vault.json"),
    }
    command = (sys.executable, "-c", HUB, str(tmp_path))
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    nothing = [None, "out-of-sync", "unknown", "", "window.closed", "no run before 06:00"]
    bright, dark = ["BRIGHT", "synced", "healthy", "", "", ""], ["DARK", "synced", "degraded", "lamp.dark", "", ""]
    held = ["BRIGHT", "out-of-sync", "healthy", "", "window.closed", "no run before 06:00"]
    assert found["steps"] == [[[], nothing, bright], [[], bright, bright], [[], held, dark], [[], dark, dark]]
    assert ["run.ended", "us/web"] in found["told"]
    assert (found["renderers"], found["repo"]) == (["shout 7"], "disk://shelf")
