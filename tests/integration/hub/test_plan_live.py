"""``flotilla plan --live``: what a registry would change on the clusters as they are, without changing anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from common.settings import Settings
from console.cli import main, plan
from console.planning import rendering
from tests.harness.hub import APPS, REGISTRY, StepHub
from tests.harness.manifests import config_map
from tests.harness.seen import client, live

SETTINGS = "/api/v1/namespaces/web/configmaps/web"
MERGE = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture
def folder(hub: StepHub, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The registry of a hub with two clusters, as files; the application is synced to both."""
    hub.declare("eu", "us")
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1") + config_map("gone", v="1")})
    hub.application("web")
    hub.settle()
    assert {hub.placement(ref).sync for ref in ("eu/web", "us/web")} == {"synced"}
    found = tmp_path / "fleet"
    found.mkdir()
    for name, text in hub.git.files[REGISTRY.repo].items():
        (found / name).write_text(text)
    config = Settings(home=tmp_path, database_url=database_url, credentials_dir=hub.settings.path("credentials"))
    monkeypatch.setattr(plan, "settings", lambda: config)
    monkeypatch.setattr(rendering, "sources_from", lambda *_: _Kept(hub))
    return found


class _Kept:
    """The hub's Git in memory, as this machine's sources."""

    def __init__(self, hub: StepHub) -> None:
        self.fetch, self.tree = hub.git.fetch, hub.git.tree

    def close(self) -> None:
        """Keep it: it is the hub's."""


def planned(folder: Path, code: int = 0) -> dict[str, Any]:
    seen = CliRunner().invoke(main.app, ["plan", str(folder), "--live", "-o", "json"])
    assert seen.exit_code == code, seen.output
    found: dict[str, Any] = orjson.loads(seen.output)
    return found


def renamed(folder: Path, path: str) -> None:
    file = folder / "web.yaml"
    file.write_text(file.read_text().replace("path: web,", f"path: {path},"))


def test_what_the_clusters_would_get_is_told_once_and_nothing_is_written(hub: StepHub, folder: Path) -> None:
    hub.git.commit(APPS, {"other/a.yaml": config_map("web", v="2") + config_map("new", v="1")})
    renamed(folder, "other")
    runs = len(hub.runs("eu/web"))
    found = planned(folder)
    told = {(one["object"], one["action"], one["diff"], len(one["placements"])) for one in found["changes"]}
    assert told == {
        ("/ConfigMap:web/web", "configured", '~ .data.v: "1" -> "2"', 2),
        ("/ConfigMap:web/new", "created", "", 2),
        ("/ConfigMap:web/gone", "pruned", "", 2),
    }
    hub.settle()
    assert (len(hub.runs("eu/web")), hub.faults()) == (runs, [])
    seen = live(hub, "eu", "web", "web")
    assert seen is not None
    assert seen["data"] == {"v": "1"}


def test_what_cannot_be_written_is_told_with_its_file_line_and_name(hub: StepHub, folder: Path) -> None:
    unknown = "apiVersion: x.example.com/v1\nkind: Gadget\nmetadata: {name: g}\n"
    twice = config_map("web", v="2") + config_map("web", v="3")
    hub.git.commit(APPS, {"odd/a.yaml": unknown, "twice/a.yaml": twice})
    for path, told in (("odd", ["a.yaml:1 (Gadget g)"]), ("twice", ["rendered twice", "a.yaml:1 and ", "a.yaml:7"])):
        renamed(folder, path)
        said = str(planned(folder, code=1))
        assert all(one in said for one in told), said
        assert "document " not in said.lower()
        file = folder / "web.yaml"
        file.write_text(file.read_text().replace(f"path: {path},", "path: web,"))


def test_the_cluster_decides_not_what_was_applied_last(hub: StepHub, folder: Path) -> None:
    hub.git.commit(APPS, {"other/a.yaml": config_map("web", v="2") + config_map("gone", v="1")})
    renamed(folder, "other")
    with client(hub, "us") as http:
        http.patch(SETTINGS, json={"data": {"v": "2"}}, headers=MERGE).raise_for_status()
    found = planned(folder)
    on_eu = [one for one in found["changes"] if one["diff"]]
    assert [(one["placements"], one["diff"]) for one in on_eu] == [(["eu/web"], '~ .data.v: "1" -> "2"')]


def test_a_cluster_that_does_not_answer_is_named_and_the_others_are_told(hub: StepHub, folder: Path) -> None:
    hub.git.commit(APPS, {"other/a.yaml": config_map("web", v="2")})
    renamed(folder, "other")
    hub.store("clusters/us", {"kubeconfig": b"not a kubeconfig"})
    found = planned(folder, code=1)
    assert [one["placements"] for one in found["errors"]] == [["us/web"]]
    assert {ref for one in found["changes"] for ref in one["placements"]} == {"eu/web"}


def test_what_leaves_is_told_from_the_inventory(hub: StepHub, folder: Path) -> None:
    assert hub.placement("eu/web").sync == "synced"
    file = folder / "web.yaml"
    file.write_text(file.read_text().replace("spec:\n", "spec:\n  state: retired\n", 1))
    found = planned(folder)
    assert {one["action"] for one in found["changes"]} == {"pruned"}
    assert {one["object"] for one in found["changes"]} >= {"/ConfigMap:web/web", "/ConfigMap:web/gone"}
