"""From an artifact in a real registry to clusters, step by step."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from common.credentials import DirectoryProvider
from common.domain.rights import ALL
from common.sources.doors import Machine
from common.sources.sources import sources_on
from common.sources.urls import PlainHttp
from common.store.reads import fleet
from tests.fakes.archives import chart, packed
from tests.fakes.web_server import Reply, web_server
from tests.fixtures.oci import CHART, Blob, OciRegistry
from tests.harness.hub import REGISTRY, StepHub
from tests.harness.manifests import config_map
from tests.harness.seen import live

pytestmark = pytest.mark.service("docker-registry")
DOCUMENT = """
apiVersion: flotilla.dev/v1
kind: Application
metadata: {{name: web}}
spec:
  source: {source}
  namespace: web
  createNamespace: true
  targets: {targets}
"""
EVERYWHERE = "[{name: all, select: {all: true}}]"


@dataclass(frozen=True)
class Published:
    """A hub whose sources are real, and a repository of a registry."""

    hub: StepHub
    registry: OciRegistry
    name: str

    def push(self, tag: str, version: str) -> str:
        """Push manifests and return the commit that they are."""
        files = {"web/a.yaml": config_map("web", v=version)}
        return self.registry.push(self.name, tag, Blob(packed(files))).removeprefix("sha256:")

    def declare(self, ref: str, targets: str = EVERYWHERE) -> None:
        """Commit the application."""
        source = f"{{oci: {{image: '{self.registry.host}/{self.name}', path: web, ref: {ref}}}}}"
        self.hub.git.commit(REGISTRY.repo, {"web.yaml": DOCUMENT.format(source=source, targets=targets)})

    def error(self) -> str:
        """Return the code of what is wrong with the source."""
        with self.hub.database.read() as connection:
            (found,) = fleet.sources(connection, ALL)
        return found.error_code

    def data(self, cluster: str) -> object:
        """Return what lies on a cluster."""
        found = live(self.hub, cluster, "web", "web")
        return None if found is None else found["data"]


@pytest.fixture
def published(hub: StepHub, oci_registry: OciRegistry, tmp_path: Path) -> Iterator[Published]:
    credentials = DirectoryProvider(tmp_path / "credentials")
    found = sources_on(Machine(tmp_path / "mirrors", credentials, PlainHttp.LOOPBACK))
    hub.runtime = replace(hub.runtime, sources=found)
    hub.declare("eu", "us")
    yield Published(hub, oci_registry, f"pay/{secrets.token_hex(4)}")
    found.close()


def test_what_is_pushed_reaches_its_clusters_and_a_pin_holds_one(published: Published) -> None:
    first = published.push("1.0.0", "1")
    targets = f"[{{name: held, clusters: [us], pin: {{digest: 'sha256:{first}'}}}}, {EVERYWHERE[1:]}"
    published.declare("{semver: '>=1'}", targets)
    published.hub.settle()
    assert (published.data("eu"), published.data("us")) == ({"v": "1"}, {"v": "1"})
    second = published.push("1.1.0", "2")
    published.hub.settle()
    assert (published.data("eu"), published.data("us")) == ({"v": "2"}, {"v": "1"})
    assert [run.commit for run in published.hub.runs("eu/web")] == [second, first]


def test_a_registry_that_is_away_or_broken_changes_nothing(published: Published) -> None:
    published.push("latest", "1")
    published.declare("{tag: latest}")
    published.hub.settle()
    published.registry.push(published.name, "latest", Blob(b"x", "application/json"))
    published.hub.settle()
    assert (published.hub.placement("eu/web").sync, published.data("eu")) == ("synced", {"v": "1"})
    assert published.error() == "artifact.media-type"
    published.push("latest", "2")
    published.hub.settle()
    assert (published.error(), published.data("eu")) == ("", {"v": "2"})


MAP = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n"
    "data: {v: '{{ .Chart.Version }}', r: '{{ .Release.Name }}'}\n"
)


def test_a_chart_in_a_registry_is_rendered_and_followed(published: Published) -> None:
    def push(version: str) -> None:
        archive = chart("web", version, map=MAP)
        published.registry.push(f"{published.name}/web", version, Blob(archive, CHART))

    push("1.0.0")
    repo = f"oci://{published.registry.host}/{published.name}"
    source = f"{{helm: {{repo: '{repo}', chart: web, version: 1.x}}}}"
    published.hub.git.commit(REGISTRY.repo, {"web.yaml": DOCUMENT.format(source=source, targets=EVERYWHERE)})
    published.hub.settle()
    assert published.data("eu") == {"v": "1.0.0", "r": "web"}, published.hub.placement("eu/web").reason
    push("1.1.0")
    push("2.0.0")
    published.hub.settle()
    assert (published.data("eu"), published.data("us")) == ({"v": "1.1.0", "r": "web"},) * 2


def test_a_chart_in_a_chart_repository_is_rendered(published: Published) -> None:
    with web_server() as web:
        archive = chart("web", "1.2.0", map=MAP)
        digest = hashlib.sha256(archive).hexdigest()
        entries = {"web": [{"name": "web", "version": "1.2.0", "urls": ["web-1.2.0.tgz"], "digest": digest}]}
        web.replies["/charts/web-1.2.0.tgz"] = Reply(content=archive)
        index = {"apiVersion": "v1", "entries": entries}
        web.replies["/charts/index.yaml"] = Reply(content=json.dumps(index).encode())
        source = f"{{helm: {{repo: '{web.url}/charts', chart: web, version: ^1}}}}"
        published.hub.git.commit(REGISTRY.repo, {"web.yaml": DOCUMENT.format(source=source, targets=EVERYWHERE)})
        published.hub.settle()
    assert published.data("us") == {"v": "1.2.0", "r": "web"}, published.hub.placement("us/web").reason
