"""A renderer is one class and one line of a table: shown by one that lies outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


FORMAT = """
from common.registry.schema.base import Base

class ShoutSpec(Base):
    louder: bool = False
"""


CODE = """
from dataclasses import dataclass
from workers.render.manifests import checked, reading
from workers.render.protocol import Need

@dataclass
class One:
    paths: tuple

class ShoutRenderer:
    name = "shout"
    needs = frozenset({Need.VALUES})
    detected = True

    def __init__(self, machine):
        pass

    @classmethod
    def detects(cls, place):
        return place.names is not None and "SHOUT" in place.names

    def footprint(self, tree, path, options):
        return One((f"{path}/SHOUT",))

    def version(self, options):
        return "7"

    def render(self, tree, reads, request, loans):
        said = tree.read(reads.paths[0]).decode().strip().upper() + "!" * request.options.get("louder", 0)
        text = f"apiVersion: v1\\nkind: ConfigMap\\nmetadata: {{name: a}}\\ndata: {{said: '{said} {request.values}'}}"
        return checked(reading(text.replace("'n'", "n").encode(), "SHOUT"), path="app")

    def supersedes(self, version, age, options):
        return version != "7"

    def cures(self, error_code, options):
        return False

    def close(self):
        pass
"""


USED = """
import json, sys
from pathlib import Path
from common.renderers import RendererEntry, register
register(RendererEntry("shout", "Shouts.", "shout.format:ShoutSpec", "shout.code:ShoutRenderer"))

from common.registry import application_alone, json_schemas
from tests.fakes.trees import memory_tree
from workers.render.cache import RenderCache
from common.domain.revisions import RendererVersion
from workers.render.protocol import Age
from workers.render.renderers import Former, Renderers
from workers.render.request import RenderRequest

application = application_alone(Path(sys.argv[1]).read_text().encode(), "app.yaml")
tree = memory_tree({"app/SHOUT": "hello"})
renderers = Renderers(RenderCache(Path(sys.argv[2])))
found = []
for settings in (None, application.render):
    request = RenderRequest.at("app", settings, values={"n": 1})
    resolved = renderers.resolve(tree, request)
    rendered = renderers.render(lambda _: tree, request, resolved)
    found.append([str(resolved.renderers[0]), resolved.paths, rendered.manifests[0]["data"]["said"]])
schema = json.dumps(json_schemas()["Application"])
former = [Former((RendererVersion("shout", version),), "", Age.SINCE) for version in ("6", "7")]
outdated = [renderers.outdated(one, None) for one in former]
print(json.dumps({"found": found, "schema": "Shouts." in schema and "louder" in schema, "outdated": outdated}))
"""


APPLICATION = """\
apiVersion: flotilla.dev/v1
kind: Application
metadata: {name: app}
spec:
  source: {repo: "https://git.example.com/a.git", ref: {branch: main}}
  render: {shout: {louder: true}}
  namespace: app
  targets: [{name: all, select: {all: true}}]
"""


def test_a_renderer_of_a_package_of_its_own_takes_one_registration(tmp_path: Path) -> None:
    """Its format, its schema, its detection, what it needs, its version and its rendering; no other edit."""
    package = tmp_path / "shout"
    package.mkdir()
    for name, text in (("__init__", ""), ("format", FORMAT), ("code", CODE)):
        (package / f"{name}.py").write_text(text)
    (tmp_path / "app.yaml").write_text(APPLICATION)
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    command = [sys.executable, "-c", USED, str(tmp_path / "app.yaml"), str(tmp_path / "cache")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "found": [
            ["shout 7", ["app/SHOUT"], "HELLO {n: 1}"],
            ["shout 7", ["app/SHOUT"], "HELLO! {n: 1}"],
        ],
        "schema": True,
        "outdated": [True, False],
    }
