"""Where an application is published, each way once: what a hub follows, and what it says that it found."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import yaml

from tests.fakes.archives import packed
from tests.fakes.web_server import Reply, WebServer
from tests.fixtures.oci import CHART, Blob, OciRegistry
from tests.fixtures.s3 import REGION, TestBucket
from tests.harness.repository import Repository

Files = Mapping[str, str]


class Outlet(Protocol):
    """One application's place of publication."""

    @property
    def source(self) -> str:
        """The lines of the registry document that name it, indented by two."""
        ...

    def publish(self, files: Files) -> str:
        """Publish the files in whole; return what a run that follows them says it was resolved to."""
        ...


@dataclass
class InGit:
    """A repository of its own: others' commits would make it unclear which of them is named."""

    repository: Repository
    path: str = "."

    @property
    def source(self) -> str:
        return f'  source: {{repo: "{self.repository.url}", path: {self.path}, ref: {{branch: main}}}}\n'

    def publish(self, files: Files) -> str:
        return self.repository.commit(files)


@dataclass
class ChartAndValues:
    """A chart in one repository, and the values files ``VALUES`` in another, which lends them."""

    charts: Repository
    config: Repository
    values: tuple[str, ...]
    _last: dict[Repository, tuple[Files, str]] = field(default_factory=dict)

    @property
    def source(self) -> str:
        lent = ", ".join(f'"$config/{file}"' for file in self.values)
        return (
            "  sources:\n"
            f'    - {{name: chart, repo: "{self.charts.url}", ref: {{branch: main}}}}\n'
            f'    - {{name: config, repo: "{self.config.url}", ref: {{branch: main}}}}\n'
            f"  render: {{helm: {{valuesFiles: [{lent}]}}}}\n"
        )

    def publish(self, files: Files) -> str:
        lent = {file: text for file, text in files.items() if file in self.values}
        own = {file: text for file, text in files.items() if file not in self.values}
        return f"{self._commit(self.charts, own)}+{self._commit(self.config, lent)}"

    def _commit(self, repository: Repository, files: Files) -> str:
        before, commit = self._last.get(repository, ({}, ""))
        if before != files:
            commit = repository.commit(files)
            self._last[repository] = (files, commit)
        return commit


@dataclass
class InRegistry:
    """Manifests under a tag of an OCI registry that moves."""

    registry: OciRegistry
    name: str = field(default_factory=lambda: f"e2e/{secrets.token_hex(4)}")

    @property
    def source(self) -> str:
        return f'  source: {{oci: {{image: "{self.registry.host}/{self.name}", ref: {{tag: live}}}}}}\n'

    def publish(self, files: Files) -> str:
        return self.registry.push(self.name, "live", Blob(packed(files))).removeprefix("sha256:")


@dataclass
class InBucket:
    """Manifests in a folder of a bucket; only what changed is uploaded, so that no look sees half of it."""

    bucket: TestBucket
    credentials: str
    _last: Files = field(default_factory=dict)

    @property
    def source(self) -> str:
        server = self.bucket.server
        where = f'endpoint: "{server.url}", bucket: {self.bucket.name}, prefix: live/web, region: {REGION}'
        return f"  source: {{s3: {{{where}}}, credentials: {{secretRef: {self.credentials}}}}}\n"

    def publish(self, files: Files) -> str:
        changed = {path: text for path, text in files.items() if self._last.get(path) != text}
        self.bucket.put({f"live/web/{path}": text for path, text in changed.items()})
        self._last = files
        listed = [[path, hashlib.sha256(files[path].encode()).hexdigest()] for path in sorted(files)]
        return hashlib.sha256(json.dumps(listed, separators=(",", ":")).encode()).hexdigest()


def _chart(files: Files, version: str) -> tuple[str, bytes]:
    """Return a chart's name and its archive at another version."""
    head = {**yaml.safe_load(files["Chart.yaml"]), "version": version}
    name: str = head["name"]
    released = {**files, "Chart.yaml": yaml.safe_dump(head)}
    return name, packed({f"{name}/{file}": text for file, text in released.items()})


@dataclass
class ChartInRegistry:
    """A chart in an OCI registry: the highest version is followed."""

    registry: OciRegistry
    chart: str
    folder: str = field(default_factory=lambda: f"e2e/{secrets.token_hex(4)}")
    _versions: int = 0

    @property
    def source(self) -> str:
        repo = f"oci://{self.registry.host}/{self.folder}"
        return f'  source: {{helm: {{repo: "{repo}", chart: {self.chart}, version: 1.x}}}}\n'

    def publish(self, files: Files) -> str:
        self._versions += 1
        version = f"1.{self._versions}.0"
        name, archive = _chart(files, version)
        return self.registry.push(f"{self.folder}/{name}", version, Blob(archive, CHART)).removeprefix("sha256:")


@dataclass
class ChartInRepository:
    """A chart in a chart repository over HTTP, which asks for a password: the highest version is followed."""

    server: WebServer
    chart: str
    credentials: str
    _entries: list[dict[str, object]] = field(default_factory=list)

    @property
    def source(self) -> str:
        return (
            f'  source: {{helm: {{repo: "{self.server.url}", chart: {self.chart}, version: 1.x}},'
            f" credentials: {{secretRef: {self.credentials}}}}}\n"
        )

    def publish(self, files: Files) -> str:
        version = f"1.{len(self._entries) + 1}.0"
        name, archive = _chart(files, version)
        digest = hashlib.sha256(archive).hexdigest()
        file = f"{name}-{version}.tgz"
        created = datetime(2026, 1, 1, tzinfo=UTC).isoformat()
        self._entries.append(
            {"name": name, "version": version, "urls": [file], "digest": digest, "created": created, "apiVersion": "v2"}
        )
        self.server.replies[f"/{file}"] = Reply(content=archive)
        index = {"apiVersion": "v1", "entries": {name: list(self._entries)}}
        self.server.replies["/index.yaml"] = Reply(content=yaml.safe_dump(index).encode())
        return digest
