"""Every service of docker-compose.yml as a process of its own, with an identity provider beside them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from common.settings import Settings
from common.store.engine.session import open_database
from tests.fixtures.identity import CLIENT, SECRET, RealProvider, real_provider
from tests.fixtures.ports import free_port
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.services import unavailable
from tests.harness.people import put_in_force
from tests.packaging.compose import ROOT, Compose

FLOTILLA = ("scheduler", "worker", "worker-now", "api", "flower", "worker-eu")
SECOND_POOL = ROOT / "docs" / "how-to" / "add-a-pool.md"
WORKERS = ("flotilla_worker_default", "flotilla_worker_eu")
USERS = {"ada": ["on-call"], "eve": []}
POOLS = {"POOLS": "eu", "PATH": os.environ["PATH"]}


@dataclass(frozen=True, slots=True)
class Deployment:
    """The running services."""

    compose: Compose
    secrets: Path
    logs: Path
    api_port: int
    redis_port: int
    provider: RealProvider
    processes: dict[str, subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deployment") / "secrets"
    script = [ROOT / "deploy" / "secrets.sh", folder]
    done = subprocess.run(script, env=POOLS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def stack() -> Iterator[ExitStack]:
    with ExitStack() as found:
        yield found


@pytest.fixture(scope="module")
def deployment(secrets: Path, postgres_server: PostgresServer, stack: ExitStack) -> Iterator[Deployment]:
    if shutil.which("redis-server") is None:
        unavailable("redis-server", "Debian's package redis-server has it")
    home = secrets.parent
    database = f"compose_{os.getpid()}"
    _as_the_image_makes_it(postgres_server, database, secrets)
    redis_port, api_port, flower_port = free_port(), free_port(), free_port()
    (home / "data").mkdir(mode=0o700)
    (home / "credentials").mkdir(mode=0o700)
    places = {
        "postgres:5432/flotilla": f"127.0.0.1:{postgres_server.port}/{database}",
        "flotilla@127.0.0.1": f"{database}@127.0.0.1",
        "redis:6380": f"localhost:{redis_port}",
        "port 6380": f"port {redis_port}",
        "/data": str(home / "data"),
        "/credentials": str(home / "credentials"),
        "0.0.0.0": "127.0.0.1",
        "5555": str(flower_port),
        "/usr/local/etc/redis": str(home),
    }
    hub = f"https://localhost:{api_port}"
    (secrets / "oidc_client_secret").write_text(SECRET)
    # Before the places: a variable's text is moved too, and none of this is.
    provider = stack.enter_context(real_provider(callback=f"{hub}/login/oidc/callback", users=USERS, folder=home))
    variables = {
        "FLOTILLA_REGISTRY_URL": "https://127.0.0.1:1/fleet.git",
        "FLOTILLA_PUBLIC_URL": hub,
        "FLOTILLA_OIDC_ISSUER": provider.issuer,
        "FLOTILLA_OIDC_CLIENT_ID": CLIENT,
        "FLOTILLA_OIDC_SCOPES": "openid profile groups",
        **dict(line.split("=") for line in (secrets / ".env").read_text().split()),
    }
    compose = Compose(variables, secrets=secrets, places=places)
    compose.add(SECOND_POOL)
    compose.services["api"]["environment"]["FLOTILLA_API_PORT"] = str(api_port)
    flower_url = (secrets / "flower_url").read_text()
    (secrets / "flower_url").write_text(flower_url.replace("flower:5555", f"127.0.0.1:{flower_port}"))
    (home / "redis.conf").write_text(compose.here((ROOT / "deploy" / "docker" / "redis.conf").read_text()))
    processes: dict[str, subprocess.Popen[bytes]] = {}

    try:
        command = [compose.here(word) for word in compose.services["redis"]["command"]]
        with (home / "redis.log").open("ab") as log:
            processes["redis"] = subprocess.Popen(command, cwd=home, stdout=log, stderr=log)
        for step in ("migrate", "grant", "grant-eu"):
            done = compose.start(step, home / f"{step}.log").wait(60)
            assert done == 0, (home / f"{step}.log").read_text()
        opened = open_database(Settings(home=home, database_url=postgres_server.url(database)))
        put_in_force(opened)
        opened.dispose()
        for service in FLOTILLA:
            processes[service] = compose.start(service, home / f"{service}.log")
        yield Deployment(compose, secrets, home, api_port, redis_port, provider, processes)
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that was told to end; Flower waits for its clients, so it is made to."""
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _as_the_image_makes_it(server: PostgresServer, database: str, secrets: Path) -> None:
    """Run what the PostgreSQL image runs once, for a database and an owner of another name."""
    script = (ROOT / "deploy" / "docker" / "database.sh").read_text()
    where = urlsplit(server.url("postgres").replace("+psycopg", ""))
    variables = {
        "PATH": os.environ["PATH"],
        "PGHOST": "127.0.0.1",
        "PGPORT": str(where.port),
        "PGPASSWORD": where.password or "",
        "POSTGRES_USER": where.username or "",
        "OWNER_PASSWORD": (secrets / "database_password").read_text().strip(),
        "WORKER_ROLES": (secrets / "database_roles").read_text().strip(),
    }
    command = ["bash", "-c", re.sub(r"\bflotilla\b", database, script)]
    for _ in range(2):  # the second time by hand, once a pool was added
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
