"""One hub on three live clusters, shared by the tests of this folder; each test has an application of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from common.credentials import DirectoryProvider
from common.store.engine.roles import grant
from common.store.engine.session import Database
from common.store.engine.upgrade import upgrade
from simulator.git_http import GitHttpServer
from tests.controlplane.fixtures import LIVE, Resettable
from tests.controlplane.runner import ControlPlane
from tests.fakes.commands import commands_file, python
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.redis import RedisServer
from tests.harness.processes import Hub
from tests.harness.repository import Repository

FLEET = """\
apiVersion: flotilla.dev/v1
kind: Fleet
metadata: {name: e2e}
spec:
  labels: {env: [test]}
  defaults: {interval: 5s}
---
"""


def cluster_document(plane: ControlPlane) -> str:
    """Return the registry document of a cluster."""
    return f"""\
apiVersion: flotilla.dev/v1
kind: Cluster
metadata: {{name: {plane.name}, labels: {{env: test}}}}
spec: {{server: "{plane.server}", credentials: {{secretRef: clusters/{plane.name}}}}}
---
"""


@dataclass(frozen=True, slots=True)
class World:
    """Everything around one hub."""

    hub: Hub
    registry: Repository
    apps: Repository
    other_apps: Repository
    repository: Callable[[str], Repository]
    planes: Resettable
    redis: RedisServer
    postgres: PostgresServer
    database: Database

    def cluster(self, name: str) -> ControlPlane:
        """Return a cluster."""
        return self.planes.planes.clusters[name]

    def place(self, application: str, *, repo: Repository | None = None, extra: str = "", targets: str = "") -> str:
        """Register an application on every cluster, its folder named like it; return the registry's commit."""
        source = repo or self.apps
        document = f"""\
apiVersion: flotilla.dev/v1
kind: Application
metadata: {{name: {application}}}
spec:
  source: {{repo: "{source.url}", path: {application}, ref: {{branch: main}}}}
  namespace: {application}
  createNamespace: true
  targets: {targets or "[{name: all, select: {all: true}}]"}
{extra}"""
        return self.registry.commit({f"{application}.yaml": document}, f"Place {application}")


def config_map(name: str, **data: str) -> str:
    """Return a ConfigMap as YAML."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
    return yaml.safe_dump(body) + "---\n"


def deployment(name: str, *, replicas: int = 1, image: str = "example.com/app:1") -> str:
    """Return a Deployment as YAML."""
    labels = {"app": name}
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": image}]}},
        },
    }
    return yaml.safe_dump(body) + "---\n"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with what failed how the hub stood then: its processes are gone when somebody reads it."""
    report = yield
    world = getattr(item, "funcargs", {}).get("world")
    if report.when == "call" and report.failed and isinstance(world, World):
        report.sections.append(("hub", world.hub.account()))
    return report


BY_COMMAND = "example.com/by-command"
JOINED = f"""
import pathlib
for file in sorted(pathlib.Path().glob("*.yaml")):
    print("---")
    print(file.read_text().replace("example.com/guestbook", "{BY_COMMAND}"))
"""
"""What the operator's command ``joined`` runs: it shows in an image that it was this that rendered."""
WORKERS = "workers"
"""The database role of workers, which owns no table."""


@pytest.fixture(scope="session")
def git_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Serve a folder of repositories over loopback HTTP; give the folder and its URL."""
    root = tmp_path_factory.mktemp("git")
    server = GitHttpServer(root)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield root, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory,
    git_root: tuple[Path, str],
    live_control_planes: Resettable,
    redis_server: RedisServer,
    postgres_server: PostgresServer,
) -> Iterator[World]:
    """Start a hub with PostgreSQL, Redis, two application repositories and three live clusters."""
    root, url = git_root
    folder = tmp_path_factory.mktemp("hub")
    planes = [live_control_planes.empty(name) for name in LIVE]
    name = postgres_server.fresh()
    database = Database(postgres_server.url(name))
    upgrade(database)
    with database.write() as connection:
        grant(connection, "default", WORKERS, password=postgres_server.password)
    redis_server.flush()

    def repository(name: str) -> Repository:
        full = f"{folder.name}-{name}"
        return Repository(root / full, f"{url}/{full}/.git")

    registry, apps, other = (repository(name) for name in ("registry", "apps", "other"))
    registry.commit({"fleet.yaml": FLEET + "".join(map(cluster_document, planes))}, "Declare the fleet")
    for one in (apps, other):
        one.commit({"README.md": "applications"})
    password = folder / "broker.password"
    password.touch(mode=0o600)
    password.write_text(redis_server.password)
    hub = Hub(
        folder / "home",
        {
            "database_url": postgres_server.url(name),
            "broker_url": redis_server.url_without_password,
            "broker_password_file": str(password),
            "registry_url": registry.url,
            "registry_interval": "PT1S",
            "source_interval": "PT1S",
            "allow_loopback_http": "true",
            "render_commands": str(commands_file(folder, joined=python(JOINED, version="1.2"))),
        },
        of_workers={"database_url": postgres_server.url(name, user=WORKERS)},
    )
    credentials = DirectoryProvider(hub.home / "credentials")
    for plane in planes:
        credentials.store(f"clusters/{plane.name}", {"kubeconfig": yaml.safe_dump(plane.kubeconfig()).encode()})
    hub.start()
    try:
        hub.await_ready()
        yield World(
            hub, registry, apps, other, repository, live_control_planes, redis_server, postgres_server, database
        )
    finally:
        hub.stop_all()
        database.dispose()
