"""``flotilla plan --since``: from one commit of the registry to another, down to the objects, without a hub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from common.settings import settings
from console.cli.main import app
from tests.fakes.git_server import GitServer, Origin, git_http_server

__all__ = ["git_http_server"]

FLEET = """
apiVersion: flotilla.dev/v1
kind: Fleet
metadata: {name: test}
spec: {labels: {env: [prod, dev]}, leaving: {maxPlacements: 10, maxPercent: 100}}
"""
CLUSTER = """---
apiVersion: flotilla.dev/v1
kind: Cluster
metadata: {{name: {name}, labels: {{env: prod}}}}
spec: {{server: "https://{name}.example.com:6443", credentials: {{secretRef: clusters/{name}}}}}
"""
APPLICATION = """
apiVersion: flotilla.dev/v1
kind: Application
metadata: {{name: web}}
spec:
  source: {{repo: '{url}', path: web, ref: {ref}}}
  substitute: true
  namespace: web
  values: {{greeting: hello, password: one}}
  targets: [{{name: all, select: {{matchLabels: {{env: prod}}}}}}]
"""
MANIFESTS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {greeting: "${greeting}"}
---
apiVersion: v1
kind: Secret
metadata: {name: key}
stringData: {password: "${password}"}
"""


@pytest.fixture
def apps(git_http_server: GitServer) -> Origin:
    origin = git_http_server.origin("apps")
    origin.commit({"web/a.yaml": MANIFESTS})
    origin.git("tag", "v1.0.0")
    return origin


@pytest.fixture
def registry(
    tmp_path: Path, git_http_server: GitServer, apps: Origin, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Origin]:
    """A registry in the folder ``fleet`` of a checkout, of three clusters and an application."""
    assert apps.head
    monkeypatch.setenv("FLOTILLA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FLOTILLA_ALLOW_LOOPBACK_HTTP", "true")
    monkeypatch.setenv("COLUMNS", "160")
    settings.cache_clear()
    origin = Origin(tmp_path / "checkout")
    clusters = "".join(CLUSTER.format(name=name) for name in ("eu", "us", "ap"))
    application = APPLICATION.format(url=git_http_server.url("apps"), ref="{branch: main}")
    origin.commit({"fleet/fleet.yaml": FLEET + clusters, "fleet/web.yaml": application, "README.md": "x"})
    yield origin
    settings.cache_clear()


def edit(registry: Origin, file: str, old: str, new: str) -> None:
    path = registry.folder / "fleet" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def plan(registry: Origin, *words: str, code: int = 0) -> str:
    folder = str(registry.folder / "fleet")
    seen = CliRunner().invoke(app, ["plan", folder, "--since", "HEAD", *words])
    assert seen.exit_code == code, seen.output
    return seen.output


def data(registry: Origin, *words: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(plan(registry, *words, "-o", "json", code=code))
    return found


def test_nothing_changes_where_nothing_did(registry: Origin) -> None:
    assert "No placement changes." in plan(registry)


def test_a_value_that_changes_everywhere_is_told_once(registry: Origin) -> None:
    edit(registry, "web.yaml", "greeting: hello", "greeting: bye")
    told = plan(registry)
    assert told.count('~ .data.greeting: "hello" -> "bye"') == 1
    assert "on 3 placements: ap/web, eu/web, us/web" in told
    assert "Objects: 3 changes, 1 of them different." in told
    assert "Placements: 3 changed." in told


def test_what_differs_by_cluster_is_told_apart(registry: Origin) -> None:
    edit(registry, "web.yaml", "targets: [", "targets: [{name: one, clusters: [eu], values: {greeting: hej}}, ")
    (one,) = data(registry)["changes"]
    assert (one["placements"], one["diff"]) == (["eu/web"], '~ .data.greeting: "hello" -> "hej"')


def test_secrets_are_masked(registry: Origin) -> None:
    edit(registry, "web.yaml", "password: one", "password: canary-2")
    found = data(registry)
    assert [one["object"] for one in found["changes"]] == ["/Secret:web/key"]
    assert "canary-2" not in str(found["changes"])


def test_a_cluster_that_joins_gets_everything_and_one_that_leaves_keeps_it(registry: Origin) -> None:
    edit(registry, "fleet.yaml", "name: eu, labels: {env: prod}", "name: eu, labels: {env: dev}")
    with (registry.folder / "fleet" / "fleet.yaml").open("a") as file:
        file.write(CLUSTER.format(name="new"))
    found = data(registry)
    assert {(one["ref"], one["effect"]) for one in found["placements"]} == {
        ("eu/web", "retained"),
        ("new/web", "added"),
    }
    assert {(one["object"], one["action"]) for one in found["changes"]} == {
        ("/ConfigMap:web/web", "created"),
        ("/Secret:web/key", "created"),
    }
    assert all(one["placements"] == ["new/web"] for one in found["changes"])


def test_an_application_that_retires_names_all_that_goes(registry: Origin) -> None:
    edit(registry, "web.yaml", "spec:\n", "spec:\n  state: retired\n")
    found = data(registry)
    assert {one["action"] for one in found["changes"]} == {"pruned"}
    assert sum(len(one["placements"]) for one in found["changes"]) == 6


def test_another_ref_shows_what_the_source_changed(registry: Origin, apps: Origin) -> None:
    edit(registry, "web.yaml", "ref: {branch: main}", "ref: {tag: v1.0.0}")
    registry.commit({})
    apps.commit({"web/b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n"})
    edit(registry, "web.yaml", "ref: {tag: v1.0.0}", "ref: {branch: main}")
    (one,) = data(registry)["changes"]
    assert (one["object"], one["action"], len(one["placements"])) == ("/ConfigMap:web/more", "created", 3)


def test_two_commits_are_compared_whatever_lies_in_the_folder(registry: Origin) -> None:
    first = registry.head
    edit(registry, "web.yaml", "greeting: hello", "greeting: bye")
    second = registry.commit({})
    edit(registry, "web.yaml", "greeting: bye", "greeting: never")
    folder = str(registry.folder / "fleet")
    seen = CliRunner().invoke(app, ["plan", folder, "--since", first, "--at", second])
    assert '"hello" -> "bye"' in seen.output


def test_what_cannot_be_rendered_is_told_with_its_reason_and_the_rest_goes_on(registry: Origin) -> None:
    edit(registry, "web.yaml", "greeting: hello, ", "")
    other = (registry.folder / "fleet" / "web.yaml").read_text().replace("name: web}", "name: other}")
    (registry.folder / "fleet" / "other.yaml").write_text(
        other.replace("{password: one}", "{greeting: x, password: y}")
    )
    found = data(registry, code=1)
    (error,) = found["errors"]
    assert "greeting" in error["error"]
    assert error["placements"] == ["ap/web", "eu/web", "us/web"]
    assert {one["application"] for one in found["changes"]} == {"other"}


def test_faults_of_the_new_registry_are_said_and_end_with_1(registry: Origin) -> None:
    edit(registry, "web.yaml", "namespace: web", "namespaec: web")
    assert "web.yaml:" in plan(registry, code=1)


@pytest.mark.parametrize("revision", ["nothing", "--upload-pack=touch", "HEAD:fleet"])
def test_a_revision_that_is_none_is_a_clear_error(registry: Origin, revision: str) -> None:
    folder = str(registry.folder / "fleet")
    seen = CliRunner().invoke(app, ["plan", folder, f"--since={revision}"])
    assert "has no commit" in str(seen.exception)


def test_a_folder_outside_of_any_repository_is_a_clear_error(tmp_path: Path) -> None:
    seen = CliRunner().invoke(app, ["plan", str(tmp_path), "--since", "HEAD"])
    assert "is in no Git repository" in str(seen.exception)


@pytest.mark.parametrize("words", [["--live", "--since", "HEAD"], ["--at", "HEAD"]])
def test_options_that_do_not_go_together_are_refused(tmp_path: Path, words: list[str]) -> None:
    assert CliRunner().invoke(app, ["plan", str(tmp_path), *words]).exit_code == 2
