"""A chart whose values are encrypted is rendered with them open, in memory only."""

from __future__ import annotations

from pathlib import Path

from common.domain.fleet import RenderSettings
from tests.fakes.trees import memory_tree
from workers.render.cache import RenderCache
from workers.render.renderers import Renderers
from workers.render.request import RenderRequest
from workers.render.sops import Decryptor

DATA = Path(__file__).parents[2] / "data" / "sops"


KEYS = Decryptor.of("sops/team", {"age.agekey": (DATA / "age.agekey").read_bytes()})


def text(name: str) -> bytes:
    return (DATA / name).read_bytes()


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_the_values_of_a_chart_may_be_encrypted(tmp_path: Path) -> None:
    renderers = Renderers(RenderCache(tmp_path))
    tree = memory_tree(
        {
            "app/Chart.yaml": "apiVersion: v2\nname: app\nversion: 1.0.0\n",
            "app/templates/a.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
            "stringData: {p: '{{ .Values.stringData.password }}'}\n",
            "secrets.yaml": text("regex.yaml"),
        }
    )
    settings = RenderSettings("helm", {"valuesFiles": ["../secrets.yaml"]})
    asked = RenderRequest.at("app", settings, decryptor=KEYS)
    done = renderers.render(lambda _: tree, asked, renderers.resolve(tree, asked))
    renderers.close()
    assert done.manifests[0]["stringData"] == {"p": "CANARY-correct-horse"}
    assert b"CANARY" not in on_disk(tmp_path)
