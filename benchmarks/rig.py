"""A hub under measurement: real services, one repository, one cluster, and figures read from the kernel."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import func, select

from common.credentials import DirectoryProvider
from common.settings import Settings
from common.store.engine.session import Database
from common.store.engine.upgrade import upgrade
from common.store.schema.tables import AttemptRow, PlacementRow
from simulator.git_http import GitHttpServer
from tests.controlplane.runner import ControlPlane, ControlPlanes
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.redis import RedisServer
from tests.harness.processes import Hub, eventually
from tests.harness.repository import Repository

NAMESPACE = "bench"
WORKERS = ("worker-1", "worker-2", "worker-now")
MEASURED = ("scheduler", *WORKERS)
_TICK = os.sysconf("SC_CLK_TCK")


def manifests(name: str) -> list[dict[str, Any]]:
    """Return the four objects of one application: Deployment, Service, HorizontalPodAutoscaler, ServiceAccount."""
    meta = {"name": name, "namespace": NAMESPACE}
    labels = {"app": name}
    container = {"name": "app", "image": "example.com/app:1", "ports": [{"containerPort": 8080}]}
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta,
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"serviceAccountName": name, "containers": [container]},
                },
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        },
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": meta,
            "spec": {"scaleTargetRef": scaled, "minReplicas": 1, "maxReplicas": 3},
        },
    ]


@dataclass(frozen=True, slots=True)
class Rig:
    """Everything of one measurement."""

    hub: Hub
    registry: Repository
    apps: Repository
    others: Repository
    planes: ControlPlanes
    database: Database
    redis: RedisServer

    def cluster(self, name: str) -> ControlPlane:
        """Return a running API server."""
        return self.planes.clusters[name]

    def synced(self) -> int:
        """Return how many placements are synced."""
        with self.database.read() as connection:
            counted = select(func.count()).where(PlacementRow.sync_status == "synced")
            return connection.execute(counted).scalar_one()

    def requests(self) -> dict[str, int]:
        """Return the requests of all attempts so far, by verb."""
        total: dict[str, int] = {}
        with self.database.read() as connection:
            for requests in connection.execute(select(AttemptRow.requests)).scalars():
                for verb, count in (requests or {}).items():
                    total[verb] = total.get(verb, 0) + count
        return total


@contextmanager
def rig(clusters: tuple[str, ...], *, sqlite: bool = False) -> Iterator[Rig]:
    """Start PostgreSQL, Redis, Git over HTTP, API servers and an idle hub, with its state in SQLite or not; end all."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="flotilla-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = _started(stack, PostgresServer(_postgres_binaries(), _private(folder / "postgres")))
        binary = shutil.which("redis-server") or "redis-server"
        redis = _started(stack, RedisServer(binary, _private(folder / "redis")))
        planes = ControlPlanes(_private(folder / "clusters"))
        stack.callback(planes.stop)
        planes.start(clusters)
        (folder / "git").mkdir()
        server = GitHttpServer(folder / "git")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.shutdown)
        url = f"http://127.0.0.1:{server.server_address[1]}"
        registry = Repository(folder / "git" / "registry", f"{url}/registry/.git")
        apps = Repository(folder / "git" / "apps", f"{url}/apps/.git")
        others = Repository(folder / "git" / "others", f"{url}/others/.git")
        state = f"sqlite:///{folder / 'hub.db'}" if sqlite else postgres.url(postgres.fresh())
        database = Database(state)
        stack.callback(database.dispose)
        upgrade(database)
        hub = _hub(folder, state, redis, registry)
        stack.callback(hub.stop_all)
        for plane in planes.clusters.values():
            kubeconfig = yaml.safe_dump(plane.kubeconfig()).encode()
            DirectoryProvider(hub.home / "credentials").store(f"clusters/{plane.name}", {"kubeconfig": kubeconfig})
        yield Rig(hub, registry, apps, others, planes, database, redis)


def _started(stack: ExitStack, server: Any) -> Any:
    stack.callback(server.stop)
    server.start()
    return server


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o755)
    folder.parent.chmod(0o755)  # PostgreSQL's own user passes through
    return folder


def _postgres_binaries() -> Path:
    return sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]


def _hub(folder: Path, state: str, redis: RedisServer, registry: Repository) -> Hub:
    password = folder / "broker.password"
    password.touch(mode=0o600)
    password.write_text(redis.password)
    return Hub(
        folder / "home",
        {
            "database_url": state,
            "broker_url": redis.url_without_password,
            "broker_password_file": str(password),
            "registry_url": registry.url,
            "registry_interval": "PT30S",
            "source_interval": "PT30S",
            "allow_loopback_http": "true",
        },
        concurrency=Settings.model_fields["concurrency"].default,
    )


def declare(rig_: Rig, cluster: str, applications: int) -> None:
    """Commit the fleet: one cluster, and applications with a folder each in one repository."""
    plane = rig_.cluster(cluster)
    documents = [
        {
            "apiVersion": "flotilla.dev/v1",
            "kind": "Fleet",
            "metadata": {"name": "bench"},
            "spec": {"labels": {"env": ["bench"]}, "defaults": {"interval": "1h"}},
        },
        {
            "apiVersion": "flotilla.dev/v1",
            "kind": "Cluster",
            "metadata": {"name": cluster, "labels": {"env": "bench"}},
            "spec": {
                "server": plane.server,
                "credentials": {"secretRef": f"clusters/{cluster}"},
                "maxConcurrent": 64,
            },
        },
    ]
    files = {"fleet.yaml": yaml.safe_dump_all(documents)}
    for number in range(applications):
        name = f"app-{number:04}"
        document = {
            "apiVersion": "flotilla.dev/v1",
            "kind": "Application",
            "metadata": {"name": name},
            "spec": {
                "source": {"repo": rig_.apps.url, "path": name, "ref": {"branch": "main"}},
                "namespace": NAMESPACE,
                "targets": [{"name": "all", "select": {"all": True}}],
            },
        }
        files[f"apps/{name}.yaml"] = yaml.safe_dump(document)
    rig_.registry.commit(files, "Declare the fleet")


def write_applications(rig_: Rig, applications: int) -> None:
    """Commit the applications' manifests."""
    names = [f"app-{number:04}" for number in range(applications)]
    rig_.apps.commit({f"{name}/app.yaml": yaml.safe_dump_all(manifests(name)) for name in names})


def make_namespace(plane: ControlPlane) -> None:
    """Make the one namespace that all objects lie in."""
    with plane.client() as client:
        client.post("/api/v1/namespaces", json={"metadata": {"name": NAMESPACE}}).raise_for_status()


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process has used since its start: CPU seconds, and peak memory in MiB."""

    cpu: float
    peak: float


def usage(pid: int) -> Usage:
    """Read a process's usage from /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text()
    peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return Usage((int(fields[11]) + int(fields[12])) / _TICK, int(peak) / 1024)


def usages(rig_: Rig) -> dict[str, Usage]:
    """Return the usage of every measured process of the hub."""
    return {name: usage(rig_.hub.pid(name)) for name in MEASURED}


def describe() -> str:
    """Return the machine in a line."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}, load {load:.1f} at the start"


def start_hub(rig_: Rig) -> None:
    """Start the hub's processes and wait until the API answers."""
    rig_.hub.start()
    rig_.hub.await_ready()
    eventually("workers live", lambda: (rig_.hub.home / "api.token").exists())


def await_synced(rig_: Rig, count: int, *, within: float) -> float:
    """Return how many seconds it took until so many placements were synced."""
    began = time.monotonic()
    eventually(f"{count} placements are synced", lambda: rig_.synced() >= count, within=within, every=0.05)
    return time.monotonic() - began
