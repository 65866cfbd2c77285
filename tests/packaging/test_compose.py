"""Every service of docker-compose.yml comes up from its very command line, on Debian's Redis and PostgreSQL."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
from contextlib import closing, suppress
from functools import partial
from hashlib import sha256
from pathlib import Path

import httpx
import psycopg
import pytest
import redis
import yaml

from common.broker import messages
from common.broker.app import make_celery
from common.broker.keys import message_keys
from common.broker.sender import CelerySender
from common.settings import Settings
from tests.controlplane.build import TOOLS
from tests.fixtures.postgres import PostgresServer
from tests.harness.processes import eventually
from tests.packaging.compose import ROOT, Compose
from tests.packaging.deployment import FLOTILLA, POOLS, SECOND_POOL, WORKERS, Deployment, deployment, secrets, stack

__all__ = ["deployment", "secrets", "stack"]


def _logs(deployment: Deployment) -> str:
    return "\n".join(f"== {path.name}\n{path.read_text()[-1500:]}" for path in sorted(deployment.logs.glob("*.log")))


def _trust(deployment: Deployment) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(deployment.secrets / "ca.crt"))


def _client(deployment: Deployment) -> httpx.Client:
    token = (deployment.secrets / "api_token").read_text().strip()
    url = f"https://localhost:{deployment.api_port}"
    return httpx.Client(
        base_url=url, verify=_trust(deployment), headers={"Authorization": f"Bearer {token}"}, timeout=20
    )


def test_every_service_becomes_healthy(deployment: Deployment) -> None:
    with _client(deployment) as client:

        def get(path: str) -> bool:
            try:
                return client.get(path).is_success
            except httpx.HTTPError:
                return False

        for path in ("/readyz", "/api/v1/status", "/flower/workers"):
            assert eventually(f"{path} answers", partial(get, path), within=120), _logs(deployment)
    for service in ("scheduler", "worker", "worker-now", "worker-eu"):
        check = deployment.compose.services[service]["healthcheck"]["test"][1:]
        eventually(f"{service} is healthy", partial(_healthy, deployment, service, check))
    assert all(process.poll() is None for process in deployment.processes.values()), _logs(deployment)


def _signed_in(deployment: Deployment, name: str, wanted: str) -> httpx.Client:
    """Return the browser of somebody who came back from the provider."""
    url = f"https://localhost:{deployment.api_port}"
    browser = httpx.Client(
        base_url=url, verify=_trust(deployment), headers={"Origin": url, "Accept": "text/html"}, timeout=20
    )
    away = browser.get("/login/oidc", params={"next": wanted})
    assert away.status_code == 303, away.text
    back = browser.get(deployment.provider.signed_in(away.headers["location"], name, back=url))
    assert back.status_code == 200, back.text
    return browser


def test_people_sign_in_by_a_provider_with_flower_behind_it(deployment: Deployment) -> None:
    hub = f"https://localhost:{deployment.api_port}"
    url = f"{hub}/flower/workers"

    def listens() -> bool:
        try:
            return httpx.get(f"{hub}/readyz", verify=_trust(deployment)).is_success
        except httpx.HTTPError:
            return False

    assert eventually("the API answers", listens, within=120), _logs(deployment)
    with closing(_signed_in(deployment, "ada", "/flower/workers")) as ada:

        def shown() -> bool:
            return ada.get("/flower/workers").is_success

        assert eventually("Flower's page", shown, within=60), _logs(deployment)

        def told() -> bool:
            return "flotilla.sync" in ada.get("/flower/api/workers", params={"refresh": "true"}).text

        assert eventually("Flower tells what workers do", told, within=60), _logs(deployment)
        assert ada.post("/flower/api/worker/shutdown/celery@x").status_code in {404, 405}, "it is read-only"
    with closing(_signed_in(deployment, "eve", "/flower/workers")) as eve:
        assert eve.get("/flower/workers").status_code == 403, "she may read no whole fleet"
    assert httpx.get(url, verify=_trust(deployment)).status_code == 401


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
    before = {path: path.read_bytes() for path in secrets.rglob("*") if path.is_file()}
    subprocess.run([ROOT / "deploy" / "secrets.sh", secrets], check=True, capture_output=True)
    assert {path: path.read_bytes() for path in secrets.rglob("*") if path.is_file()} == before
    assert not [path for path in secrets.rglob("*") if path.stat().st_mode & 0o077]


def test_what_a_hub_of_one_pool_had_becomes_that_pools(tmp_path: Path) -> None:
    before = {"hub_key": "h\n", "worker_database_password": "d\n", "broker_worker_password": "b\n"}
    for name, content in {**before, "message_keys": f"k2:{'2' * 64}\nk1:{'1' * 64}\n"}.items():
        (tmp_path / name).write_text(content)
    script = [ROOT / "deploy" / "secrets.sh", tmp_path]
    done = subprocess.run(script, env=POOLS, capture_output=True, text=True, check=True)
    mine = tmp_path / "pools" / "default"
    kept = {name: (mine / name).read_text() for name in ("hub_key", "database_password", "broker_password")}
    assert list(kept.values()) == ["h\n", "d\n", "b\n"]
    for name in before:
        assert f"Moved {name} to pools/default/" in done.stdout
        assert not (tmp_path / name).exists()
    assert (tmp_path / "pools" / "eu" / "hub_key").read_text() != kept["hub_key"]


@pytest.mark.parametrize("name", ["EU", "../x", "a b*", "eu.now", "-a", "eu_1"])
def test_a_pool_of_an_impossible_name_is_refused(tmp_path: Path, name: str) -> None:
    script = [ROOT / "deploy" / "secrets.sh", tmp_path / "s"]
    done = subprocess.run(script, env={**POOLS, "POOLS": name}, capture_output=True, text=True, check=False)
    assert (done.returncode, list(tmp_path.glob("s/broker_acl"))) == (1, [])


def test_a_pools_keys_of_messages_are_those_that_the_scheduler_derives(tmp_path: Path, secrets: Path) -> None:
    shutil.copy(secrets / "message_keys", tmp_path / "message_keys")
    with (tmp_path / "message_keys").open("a") as file:
        file.write("".join(f"k{n}:{sha256(bytes([n])).hexdigest()}\n" for n in range(2, 6)))
    subprocess.run([ROOT / "deploy" / "secrets.sh", tmp_path], env=POOLS, check=True, capture_output=True)
    keys = message_keys(Settings(home=tmp_path, message_key_file=tmp_path / "message_keys"))
    for pool in ("default", "eu"):
        path = tmp_path / "pools" / pool / "message_keys"
        assert path.read_text() == keys.of(pool).to_text()


def test_the_broker_takes_nobody_without_the_password(deployment: Deployment) -> None:
    address = ("-p", str(deployment.redis_port), "--tls", "--cacert", str(deployment.secrets / "ca.crt"))
    done = subprocess.run(["redis-cli", *address, "keys", "*"], capture_output=True, text=True, check=False)
    assert "NOAUTH" in done.stdout + done.stderr


def _as_user(deployment: Deployment, user: str) -> redis.Redis:
    """Return a client with what a process of that name has."""
    worker, _, pool = user.partition("-")
    file = f"pools/{pool}/broker_password" if worker == "worker" else f"broker_{user}_password"
    password = (deployment.secrets / file).read_text().strip()
    authority = str(deployment.secrets / "ca.crt")
    where = {"host": "localhost", "port": deployment.redis_port, "ssl": True, "ssl_ca_certs": authority}
    return redis.Redis(username=user, password=password, **where)  # type: ignore[arg-type]


OF_NOBODY = [
    ("FLUSHALL",), ("CONFIG", "GET", "*"), ("ACL", "LIST"), ("KEYS", "*"), ("SCAN", "0"),
    ("EVAL", "return 1", "0"), ("MODULE", "LIST"), ("SHUTDOWN",), ("CLIENT", "LIST"),
    ("CLIENT", "KILL", "ID", "1"), ("MONITOR",), ("REPLICAOF", "127.0.0.1", "1"), ("MIGRATE", "h", "1", "k", "0", "1"),
    ("DUMP", "default"), ("RENAME", "default", "x"), ("GETDEL", "default"), ("SORT", "default"), ("SAVE",),
]  # fmt: skip
PRIORITY = "\x06\x163"
OF_WORKERS = [
    ("LPUSH", "other", "x"), ("LPUSH", "default.nowhere", "x"), ("BRPOP", "other.now", "1"), ("LLEN", "other"),
    ("GET", "flotilla:epoch"), ("SET", "flotilla:epoch", "x"), ("SET", "flotilla:proof", "x"), ("DEL", "other"),
    ("PUBLISH", "/0.other", "x"), ("SUBSCRIBE", "/0.other"), ("LRANGE", "default", "0", "-1"),
    ("PUBLISH", "/0.celery.pidbox", "{}"), ("SUBSCRIBE", "/0.celeryev/task.sent"), ("PSUBSCRIBE", "/0.celeryev/*"),
    ("PSUBSCRIBE", "*"), ("BRPOP", "x.reply.celery.pidbox", "1"), ("DEL", "x.reply.celery.pidbox"),
    ("HGET", "unacked", "x"), ("SADD", "_kombu.binding.other", "x"), ("SMEMBERS", "_kombu.binding.default2"),
]  # fmt: skip


def of_the_pool(pool: str) -> list[tuple[str, ...]]:
    """Return what nobody but that pool's workers may do."""
    return [
        ("BRPOP", pool, "1"), ("BRPOP", f"{pool}.now", "1"), ("BRPOP", f"{pool}{PRIORITY}", "1"), ("LLEN", pool),
        ("LPUSH", pool, "x"), ("RPUSH", f"{pool}.now", "x"), ("LPUSH", f"{pool}.now{PRIORITY}", "x"), ("DEL", pool),
        ("HGET", f"unacked:{pool}", "x"), ("HSET", f"unacked:{pool}", "x", "y"), ("HDEL", f"unacked:{pool}", "x"),
        ("ZADD", f"unacked_index:{pool}", "1", "x"), ("ZRANGE", f"unacked_index:{pool}", "0", "-1"),
        ("SET", f"unacked_mutex:{pool}", "x"), ("DEL", f"unacked_mutex:{pool}"),
        ("SADD", f"_kombu.binding.{pool}", "x"), ("SMEMBERS", f"_kombu.binding.{pool}.now"),
    ]  # fmt: skip


OF_FLOWER = [
    ("LPUSH", "default", "x"), ("LPUSH", "default.now", "x"), ("RPUSH", "default", "x"), ("BRPOP", "default", "1"),
    ("LRANGE", "default", "0", "-1"), ("DEL", "default"), ("SET", "flotilla:epoch", "x"), ("GET", "flotilla:epoch"),
    ("HGET", "unacked:eu", "x"), ("HSET", "unacked:eu", "x", "y"), ("SADD", "_kombu.binding.default", "x"),
    ("LPUSH", "x.reply.celery.pidbox", "x"), ("PUBLISH", "/0.celeryev/task.sent", "x"), ("LREM", "default", "1", "x"),
    ("SUBSCRIBE", "/0.celery.pidbox"), ("PUBLISH", "/0.other", "x"),
]  # fmt: skip
OF_THE_SCHEDULER = [
    ("BRPOP", "default", "1"), ("HGET", "unacked:eu", "x"), ("DEL", "default"), ("PUBLISH", "/0.celery.pidbox", "x"),
    ("SUBSCRIBE", "/0.celery.pidbox"), ("PSUBSCRIBE", "/0.celeryev/*"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("user", "attacks"),
    [
        ("worker-default", [*OF_NOBODY, *OF_WORKERS, *of_the_pool("eu"), *of_the_pool("default-x3")]),
        ("worker-default", of_the_pool("defaultxy3")),
        ("worker-eu", [*OF_NOBODY, *OF_WORKERS[:2], *of_the_pool("default"), *of_the_pool("euxy3")]),
        ("flower", [*OF_NOBODY, *OF_FLOWER]),
        ("scheduler", [*OF_NOBODY, *OF_THE_SCHEDULER]),
    ],
)
def test_the_broker_refuses_what_a_process_has_no_need_of(
    deployment: Deployment, user: str, attacks: list[tuple[str, ...]]
) -> None:
    with _as_user(deployment, user) as client:
        let_through = []
        for attack in attacks:
            with suppress(redis.exceptions.NoPermissionError):
                client.execute_command(*attack)
                let_through.append(attack)
        assert let_through == []
        assert client.ping()


def _empty(sender: CelerySender, queue: str) -> bool:
    return not sender.backlog(queue)


def test_a_message_goes_from_the_schedulers_user_by_the_workers_to_flowers(deployment: Deployment) -> None:
    settings = Settings(
        home=deployment.logs / "sender",
        broker_url=f"rediss://scheduler@localhost:{deployment.redis_port}/0",
        broker_password_file=deployment.secrets / "broker_scheduler_password",
        broker_ca_file=deployment.secrets / "ca.crt",
        message_key_file=deployment.secrets / "message_keys",
    )
    sender = CelerySender(make_celery(settings))
    sender.prove()
    for pool in ("default", "eu"):
        sender.send(messages.RESOLVE, "999", queue=pool)
        taken = partial(_empty, sender, pool)
        assert eventually(f"the worker of {pool} takes it", taken, within=30), _logs(deployment)
    with _client(deployment) as client:

        def shown(path: str, word: str) -> bool:
            answer = client.get(path)
            return answer.is_success and word in answer.text

        told = partial(shown, "/flower/api/tasks", messages.RESOLVE)
        assert eventually("Flower heard of it", told, within=30), _logs(deployment)
        inspected = partial(shown, "/flower/api/workers?refresh=true", "active_queues")
        assert eventually("Flower may ask workers", inspected, within=30), _logs(deployment)
        assert shown("/flower/broker", "default"), "and counts their queues"


def test_no_process_has_asked_the_broker_for_what_it_may_not_do(deployment: Deployment) -> None:
    for process in FLOTILLA:
        log = (deployment.logs / f"{process}.log").read_text()
        assert "NoPermission" not in log, process
        assert "no permissions" not in log, process


def test_the_database_owner_and_the_workers_are_no_superusers(
    deployment: Deployment, postgres_server: PostgresServer
) -> None:
    owner = deployment.compose.here("flotilla@127.0.0.1").partition("@")[0]
    query = "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls FROM pg_roles WHERE rolname = ANY(%s)"
    with psycopg.connect(postgres_server.url("postgres").replace("+psycopg", "")) as connection:
        assert connection.execute(query, [[owner, *WORKERS]]).fetchall() == [(False,)] * 3


def test_each_service_has_the_secrets_that_it_needs_and_no_other() -> None:
    services = Compose({}, secrets=Path("/nonexistent"), places={}).services
    owners = {"database_password", "database_superuser_password", "message_keys", "database_roles"}
    assert not owners & set(services["flower"]["secrets"])
    assert not any("DATABASE" in name or "KEY" in name for name in services["flower"]["environment"])
    assert {one for one in owners if one in services["api"]["secrets"]} == {"database_password"}
    for name in ("worker", "worker-now"):
        given = set(services[name]["secrets"])
        assert {one for one in given if not one.startswith("default_")} == {"ca_crt"}
        assert not owners & given
    assert not any(one.startswith(("default_", "hub")) for one in services["scheduler"]["secrets"])
    holders = {name for name, one in services.items() if "database_superuser_password" in one.get("secrets", [])}
    assert holders == {"postgres"}
    passwords = [one for each in services.values() for one in each.get("secrets", []) if one.startswith("broker_")]
    assert sorted(set(passwords) - {"broker_acl"}) == ["broker_flower_password", "broker_scheduler_password"]


def test_a_second_pool_has_nothing_of_the_first_ones() -> None:
    compose = Compose({}, secrets=Path("/nonexistent"), places={})
    compose.add(SECOND_POOL)
    for name in ("worker-eu", "worker-eu-now"):
        service = compose.services[name]
        assert {one for one in service["secrets"] if not one.startswith("eu_")} == {"ca_crt"}
        assert "default" not in str(service["environment"])
        assert "worker:/data" not in service["volumes"]
        assert "./deploy/credentials:/credentials:ro" not in service["volumes"]
        assert service["networks"] == compose.services["worker"]["networks"]


def test_each_service_reaches_whom_it_talks_to_and_is_bounded() -> None:
    file = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    reach = {name: set(one["networks"]) for name, one in file["services"].items()}
    assert reach["flower"] == {"broker", "pages"}
    assert reach["redis"] == {"broker"}
    assert reach["postgres"] == reach["migrate"] == reach["grant"] == {"database"}
    assert "broker" not in reach["api"]
    assert all(file["networks"][name]["internal"] for name in ("database", "broker", "pages"))
    for name, service in file["services"].items():
        assert service["mem_limit"], name
        assert service["pids_limit"], name


def test_what_is_secret_is_kept_out_of_git_and_of_the_image() -> None:
    for name in (".gitignore", ".dockerignore"):
        lines = {line.strip("/") for line in (ROOT / name).read_text().split()}
        assert {"deploy/secrets", "deploy/credentials"} <= lines, name


def test_the_image_has_the_kustomize_of_the_tests() -> None:
    text = (ROOT / "deploy" / "docker" / "Dockerfile").read_text()
    assert "COPY tests/controlplane/go.mod tests/controlplane/go.sum" in text
    assert f"-o /kustomize {TOOLS['kustomize']}\n" in text
    assert "-mod=readonly" in text
    wanted = re.search(r"^go (1\.\d+)", (ROOT / "tests" / "controlplane" / "go.mod").read_text(), re.MULTILINE)
    assert wanted is not None
    assert f"FROM golang:{wanted[1]}-" in text
