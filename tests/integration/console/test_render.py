"""``flotilla render --path``: a working tree as a worker would render it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from common.domain.errors import PermanentError, TransientError
from common.settings import settings
from console.cli.main import app
from tests.fakes.commands import commands_file, python
from tests.harness import texts

OBJECTS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: shop}
data: {cluster: "${cluster.name}", region: "${cluster.labels.region}", tier: "${tier}", "on": "${cluster.vars.on}"}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: shop}
---
apiVersion: example.com/v1
kind: Box
metadata: {name: shop}
"""


def flotilla(*words: object) -> Result:
    return CliRunner().invoke(app, ["render", *map(str, words)])


@pytest.fixture
def waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The settings of a machine on which the command ``waits`` may be run, and never ends."""
    commands = commands_file(tmp_path, waits=python("import time; time.sleep(600)", seconds=1))
    monkeypatch.setenv("FLOTILLA_RENDER_COMMANDS", str(commands))
    monkeypatch.setenv("FLOTILLA_RENDER_PATIENCE", "PT0.5S")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "apps" / "shop"
    folder.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (folder / "shop.yaml").write_text(OBJECTS)
    target = "clusters: [eu-1], values: {tier: gold}"
    more = "  substitute: true\n  values: {tier: bronze}\n"
    (tmp_path / "app.yaml").write_text(texts.application(target=target, more=more))
    (tmp_path / "cluster.yaml").write_text(texts.cluster("eu-1", more=", vars: {on: '1e3'}"))
    (tmp_path / "other.yaml").write_text(texts.cluster("eu-2"))
    return folder


def test_a_folder_is_shown_as_it_lies_with_files_and_lines(folder: Path) -> None:
    seen = flotilla("--path", folder)
    assert seen.exit_code == 0
    origins = [line for line in seen.stdout.splitlines() if line.startswith("# Source: ")]
    assert origins == [f"# Source: apps/shop/shop.yaml:{line}" for line in (1, 5, 9)]
    shown = list(yaml.safe_load_all(seen.stdout))
    assert shown == list(yaml.safe_load_all(OBJECTS))


def test_an_application_and_a_cluster_give_values_and_namespace(folder: Path) -> None:
    root = folder.parents[1]
    seen = flotilla("--path", folder, "--app", root / "app.yaml", "--cluster", root / "cluster.yaml")
    assert seen.exit_code == 0
    settings, role, box = yaml.safe_load_all(seen.stdout)
    assert settings["data"] == {"cluster": "eu-1", "region": "eu", "tier": "gold", "on": "1e3"}
    assert [one["metadata"].get("namespace") for one in (settings, role, box)] == ["pay", None, None]
    assert "only a cluster tells whether these kinds are in a namespace: Box; if so, it is pay" in seen.stderr


def test_without_a_cluster_its_values_are_missing_not_made_up(folder: Path) -> None:
    seen = flotilla("--path", folder, "--app", folder.parents[1] / "app.yaml")
    assert isinstance(seen.exception, PermanentError)
    assert all(name in seen.exception.message for name in ("cluster.name", "cluster.labels.region", "cluster.vars.on"))


def test_a_cluster_that_no_target_takes_is_told(folder: Path) -> None:
    root = folder.parents[1]
    seen = flotilla("--path", folder, "--app", root / "app.yaml", "--cluster", root / "other.yaml")
    assert isinstance(seen.exception, PermanentError)
    assert seen.exception.message == "no target of pay takes eu-2"


def test_all_faults_of_all_files_are_told(folder: Path) -> None:
    (folder / "a.yaml").write_text("kind: A\n")
    (folder / "b.yaml").write_text("- b\n")
    seen = flotilla("--path", folder)
    assert isinstance(seen.exception, PermanentError)
    assert "apps/shop/a.yaml:1: the object has no apiVersion" in seen.exception.message
    assert "apps/shop/b.yaml:1: the document is not a mapping" in seen.exception.message


def test_what_a_run_would_warn_of_is_told(folder: Path) -> None:
    (folder / "shop.yaml").write_text(OBJECTS.replace("data: {", "data: {tier: silver, "))
    seen = flotilla("--path", folder)
    assert seen.exit_code == 0
    assert "apps/shop/shop.yaml:4" in seen.stderr
    assert "'tier'" in seen.stderr


@pytest.mark.usefixtures("waiting")
def test_a_renderer_that_waits_is_told_as_such(folder: Path, tmp_path: Path) -> None:
    more = "  render: {command: waits}\n"
    (tmp_path / "app.yaml").write_text(texts.application(more=more))
    seen = flotilla("--path", folder, "--app", tmp_path / "app.yaml")
    assert isinstance(seen.exception, TransientError)
    assert "did not end within 1 s" in seen.exception.message
    assert "of its 1 CPU seconds" in seen.exception.message


def test_a_cluster_without_an_application_is_wrong_usage(folder: Path) -> None:
    assert flotilla("--path", folder, "--cluster", folder.parents[1] / "cluster.yaml").exit_code == 2
