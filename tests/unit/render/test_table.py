"""The table of renderers: what each entry names is there, and one entry is all that a new renderer takes."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.renderers import RendererEntry, register, renderers
from tests.factories import rendered_by
from workers.render.protocol import Need, Renderer, numbers
from workers.render.table import asks_cluster, classes, needs_of

ROOT = Path(__file__).parents[3]
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


@pytest.mark.parametrize("entry", renderers(), ids=lambda entry: entry.name)
def test_what_an_entry_names_is_there_and_is_a_renderer(entry: RendererEntry) -> None:
    code = entry.load_code()
    assert entry.load_format() is not None
    assert code.name == entry.name
    wanted = {name for name, of in vars(Renderer).items() if inspect.isfunction(of) and not name.startswith("_")}
    assert wanted | {"detects"} <= set(dir(code))


def test_the_last_one_asked_takes_whatever_no_other_is_for() -> None:
    assert [name for name in classes() if classes()[name].detected][-1] == "plain"


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="there is a renderer 'helm' already"):
        register(RendererEntry("helm", "", "", ""))


def test_several_renderers_need_what_each_of_them_needs() -> None:
    assert needs_of(()) == needs_of(rendered_by("plain 2", "kustomize 5.4.0")) == frozenset()
    assert needs_of(rendered_by("jsonnet 1", "plain 2")) == {Need.VALUES}
    assert needs_of(rendered_by("helm 4.0.0+2", "plain 2")) == frozenset(Need)
    assert needs_of(rendered_by("gone 1")) == frozenset()
    assert (asks_cluster(rendered_by("helm 4")), asks_cluster(rendered_by("jsonnet 1"))) == (True, False)


def test_versions_are_ordered_by_their_numbers() -> None:
    assert numbers("v5.10.1") > numbers("5.9.2") > numbers("")
