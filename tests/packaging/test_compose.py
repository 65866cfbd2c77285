"""Every service of docker-compose.yml comes up from its very command line, on Debian's Redis and PostgreSQL."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.e2e.hub import eventually
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.services import free_port, unavailable
from tests.packaging.compose import ROOT, Compose

FLOTILLA = ("scheduler", "worker", "worker-now", "api", "flower")


@dataclass(frozen=True, slots=True)
class Deployment:
    """The running services."""

    compose: Compose
    secrets: Path
    logs: Path
    api_port: int
    redis_port: int
    processes: dict[str, subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deployment") / "secrets"
    done = subprocess.run([ROOT / "deploy" / "secrets.sh", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def deployment(secrets: Path, postgres_server: PostgresServer) -> Iterator[Deployment]:
    if shutil.which("redis-server") is None:
        unavailable("redis-server", "Debian's package redis-server has it")
    home = secrets.parent
    database = postgres_server.fresh()
    _as_the_image_makes_it(postgres_server, database, (secrets / "database_password").read_text().strip())
    redis_port, api_port, flower_port = free_port(), free_port(), free_port()
    (home / "data").mkdir(mode=0o700)
    (home / "credentials").mkdir(mode=0o700)
    places = {
        "postgres:5432/flotilla": f"127.0.0.1:{postgres_server.port}/{database}",
        "flotilla@127.0.0.1": "compose@127.0.0.1",
        "redis:6380": f"localhost:{redis_port}",
        "port 6380": f"port {redis_port}",
        "/data": str(home / "data"),
        "/credentials": str(home / "credentials"),
        "0.0.0.0": "127.0.0.1",
        "5555": str(flower_port),
        "/usr/local/etc/redis": str(home),
    }
    variables = {
        "FLOTILLA_REGISTRY_URL": "https://127.0.0.1:1/fleet.git",
        **dict(line.split("=") for line in (secrets / ".env").read_text().split()),
    }
    compose = Compose(variables, secrets=secrets, places=places)
    flower_url = (secrets / "flower_url").read_text()
    (secrets / "flower_url").write_text(flower_url.replace("flower:5555", f"127.0.0.1:{flower_port}"))
    (home / "redis.conf").write_text(compose.here((ROOT / "deploy" / "docker" / "redis.conf").read_text()))
    processes: dict[str, subprocess.Popen[bytes]] = {}

    try:
        command = [compose.here(word) for word in compose.services["redis"]["command"]]
        with (home / "redis.log").open("ab") as log:
            processes["redis"] = subprocess.Popen(command, cwd=home, stdout=log, stderr=log)
        migrated = compose.start("migrate", home / "migrate.log").wait(60)
        assert migrated == 0, (home / "migrate.log").read_text()
        for service in FLOTILLA:
            if service == "api":
                compose.services["api"]["environment"]["FLOTILLA_API_PORT"] = str(api_port)
            processes[service] = compose.start(service, home / f"{service}.log")
        yield Deployment(compose, secrets, home, api_port, redis_port, processes)
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


def _as_the_image_makes_it(server: PostgresServer, database: str, password: str) -> None:
    """Make the user that the PostgreSQL image makes from its variables: a superuser of the one database."""
    with psycopg.connect(server.url(database).replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS compose")
        connection.execute(f"CREATE ROLE compose SUPERUSER LOGIN PASSWORD '{password}'")


def _logs(deployment: Deployment) -> str:
    return "\n".join(f"== {path.name}\n{path.read_text()[-1500:]}" for path in sorted(deployment.logs.glob("*.log")))


def test_every_service_becomes_healthy(deployment: Deployment) -> None:
    context = ssl.create_default_context(cafile=str(deployment.secrets / "ca.crt"))
    token = (deployment.secrets / "api_token").read_text().strip()
    url = f"https://localhost:{deployment.api_port}"
    with httpx.Client(base_url=url, verify=context, headers={"Authorization": f"Bearer {token}"}) as client:

        def get(path: str) -> bool:
            try:
                return client.get(path).is_success
            except httpx.HTTPError:
                return False

        for path in ("/readyz", "/api/v1/status", "/flower/workers"):
            assert eventually(f"{path} answers", partial(get, path), within=60), _logs(deployment)
    for service in ("scheduler", "worker", "worker-now"):
        check = deployment.compose.services[service]["healthcheck"]["test"][1:]
        eventually(f"{service} is healthy", partial(_healthy, deployment, service, check))
    assert all(process.poll() is None for process in deployment.processes.values()), _logs(deployment)


def _healthy(deployment: Deployment, service: str, check: list[str]) -> bool:
    environment = deployment.compose.services[service]["environment"]
    env = {key: deployment.compose.here(value) for key, value in environment.items()}
    command = [str(ROOT / ".venv" / "bin" / check[0]), *check[1:]]
    return subprocess.run(command, env={"PATH": os.environ["PATH"], **env}, check=False).returncode == 0


def test_no_service_starts_with_a_default_secret() -> None:
    compose = Compose({}, secrets=Path("/nonexistent"), places={})
    for name, service in compose.services.items():
        if name != "postgres":
            with pytest.raises(ValueError, match="make secrets"):
                compose.filled(service["user"])


def test_secrets_are_made_once_and_for_their_owner_alone(secrets: Path) -> None:
    before = {path.name: path.read_bytes() for path in secrets.iterdir()}
    subprocess.run([ROOT / "deploy" / "secrets.sh", secrets], check=True, capture_output=True)
    assert {path.name: path.read_bytes() for path in secrets.iterdir()} == before
    assert not [path for path in secrets.iterdir() if path.stat().st_mode & 0o077]


def test_the_broker_takes_nobody_without_the_password(deployment: Deployment) -> None:
    address = ("-p", str(deployment.redis_port), "--tls", "--cacert", str(deployment.secrets / "ca.crt"))
    done = subprocess.run(["redis-cli", *address, "keys", "*"], capture_output=True, text=True, check=False)
    assert "NOAUTH" in done.stdout + done.stderr
