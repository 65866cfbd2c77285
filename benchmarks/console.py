"""``python -m benchmarks.console``: how fast the console's API answers on a large hub, request by request.

The database is the one of the settings, filled by ``python -m benchmarks.fill``. The API is a process of its own that
serves nothing else meanwhile; each request is asked one after the other on one connection, as a page does, with the
answer packed as a browser takes it. Seconds belong to the machine; bytes and the order of things do not.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from sqlalchemy import func, select

from common.settings import settings
from common.store.engine.session import Database, open_database
from common.store.schema.tables import OpenRunRow, PlacementRow, RunRow
from tests.fixtures.services import wait_until
from tests.harness.api import TOKEN


@dataclass(frozen=True, slots=True)
class Api:
    """An API process under measurement."""

    url: str
    pid: int

    @property
    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        user, system = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    @property
    def resident(self) -> int:
        """MiB of memory that it holds."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if "VmRSS" in line).split()[1]) // 1024

    def client(self) -> httpx.Client:
        """Return a client on one connection."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)


@contextmanager
def api() -> Iterator[Api]:
    """Serve the API of the settings' database until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="flotilla-bench-") as folder:
        home = Path(folder)
        (home / "api.token").write_text(TOKEN)
        (home / "api.token").chmod(0o600)
        ready, config = home / "ready", settings()
        env = {
            "FLOTILLA_HOME": folder,
            "FLOTILLA_DATABASE_URL": config.effective_database_url,
            "FLOTILLA_API_PORT": "0",
        }
        with (home / "log").open("wb") as log:
            command = [sys.executable, "-m", "console.api", "--ready-file", str(ready)]
            process = subprocess.Popen(command, env={**os.environ, **env}, stdout=log, stderr=log)
        try:
            wait_until(ready.exists, process=process, what=f"the API ({home / 'log'})")
            yield Api(ready.read_text().strip(), process.pid)
        finally:
            process.terminate()
            process.wait(20)


def paths(database: Database) -> Iterator[tuple[str, str]]:
    """Yield what is asked for, by a name: each list with each of its filters, and each page's first request."""
    with database.read() as connection:
        middle = select(PlacementRow.cluster, PlacementRow.application, PlacementRow.project).order_by(PlacementRow.id)
        count = connection.execute(select(func.count()).select_from(PlacementRow)).scalar_one()
        cluster, application, project = connection.execute(middle.offset(count // 2).limit(1)).one()
        run = connection.execute(select(RunRow.id).order_by(RunRow.id).limit(1)).scalar_one()
        is_open = connection.execute(select(OpenRunRow.run_id).limit(1)).scalar_one()
    yield "status", "status"
    yield "status of a cluster", f"status?cluster={cluster}"
    yield "clusters", "clusters"
    yield "clusters with problems", "clusters?show=problems"
    yield "picture", "fleet/picture"
    yield "problems, grouped", "problems"
    yield "placements", "placements"
    yield "placements, 500", "placements?limit=500"
    yield "placements, the worst", "placements?show=problems&limit=50"
    yield "placements of a cluster", f"placements?cluster={cluster}"
    yield "placements of an application", f"placements?application={application}"
    yield "placements, degraded", "placements?health=degraded"
    yield "placements, failed", "placements?sync=failed"
    yield "placements by label", "placements?label=region=eu"
    yield "placement", f"placements/{cluster}/{application}"
    yield "why", f"placements/{cluster}/{application}/why"
    yield "versions of an application", f"applications/{application}/versions"
    yield "runs", "runs"
    yield "runs of a cluster", f"runs?cluster={cluster}"
    yield "runs of an application", f"runs?application={application}"
    yield "runs of a placement", f"runs?cluster={cluster}&application={application}"
    yield "runs, failed", "runs?outcome=failed"
    yield "runs, failed, of an application", f"runs?outcome=failed&application={application}"
    yield "runs, superseded, of a cluster", f"runs?outcome=superseded&cluster={cluster}"
    yield "runs, running", "runs?state=running"
    yield "run", f"runs/{is_open}"
    yield "search, a name", "search?q=pay"
    yield "search, a placement", f"search?q={cluster[:4]}/{application[:4]}"
    yield "search, a commit", "search?q=0a1b2c"
    yield "search, a run's tail", f"search?q={run[-12:]}"
    yield "drift", "drift"
    yield "leftovers", "leftovers"
    yield "approvals", "approvals"
    yield "events", "events"
    yield "events of an application", f"events?application={application}"
    yield "audit", "audit"
    yield "audit of a project", f"audit?project={project}"
    yield "audit, refused", "audit?outcome=refused"


def measure(hub: Api, database: Database, rounds: int, only: str) -> None:
    """Print a line for each request: milliseconds by the clock and of the API's CPU, and bytes, on the wire too."""
    print(f"{'request':<34} {'p50 ms':>8} {'p95 ms':>8} {'CPU ms':>8} {'bytes':>9} {'packed':>9}")
    with hub.client() as client:
        for name, path in paths(database):
            if only not in name:
                continue
            client.get(f"/api/v1/{path}").raise_for_status()
            taken, size, packed, before = [], 0, 0, hub.cpu
            for _ in range(rounds):
                began = time.perf_counter()
                answer = client.get(f"/api/v1/{path}")
                taken.append((time.perf_counter() - began) * 1000)
                answer.raise_for_status()
                size, packed = len(answer.content), answer.num_bytes_downloaded
            p95 = statistics.quantiles(taken, n=20, method="inclusive")[-1]
            own = (hub.cpu - before) / rounds * 1000
            print(f"{name:<34} {statistics.median(taken):8.1f} {p95:8.1f} {own:8.1f} {size:9,} {packed:9,}", flush=True)
    print(f"the api: {hub.resident} MiB")


def describe(database: Database) -> str:
    """Return when this is, on what machine, and how much there is."""
    with database.read() as connection:
        placements = connection.execute(select(func.count()).select_from(PlacementRow)).scalar_one()
        runs = connection.execute(select(func.count()).select_from(RunRow)).scalar_one()
    cores = os.cpu_count()
    machine = f"{cores} cores, Python {platform.python_version()}, {database.dialect}"
    return f"{datetime.now(UTC):%Y-%m-%d}, {machine}: {placements:,} placements, {runs:,} runs"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="times that each is asked")
    parser.add_argument("--only", default="", help="of requests whose name has this in it")
    given = parser.parse_args()
    database = open_database(settings())
    print(describe(database))
    with api() as hub:
        measure(hub, database, given.rounds, given.only)


if __name__ == "__main__":
    main()
