"""A hub that looks at Git once an hour, and at once where a webhook says so; its Git server and processes are real."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import httpx
import pytest
import yaml

from common.credentials import DirectoryProvider
from common.store.engine.session import Database
from common.store.engine.upgrade import upgrade
from simulator.git_http import GitHttpServer
from tests.e2e.conftest import FLEET, config_map
from tests.fixtures.redis import RedisServer
from tests.harness import place
from tests.harness.processes import Hub
from tests.harness.pushes import SIGNING, declare, github, standard
from tests.harness.repository import Repository


class Told(NamedTuple):
    """A hub that is told of pushes."""

    hub: Hub
    registry: Repository
    apps: Repository


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("told")
    redis_server.flush()
    with GitHttpServer(folder) as server, contextmanager(place.simulated)(place.QUICK) as cluster:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        registry, apps = (Repository(folder / name, f"{url}/{name}/.git") for name in ("registry", "apps"))
        document = (
            "apiVersion: flotilla.dev/v1\nkind: Cluster\nmetadata: {name: eu, labels: {env: test}}\n"
            f"spec: {{server: '{cluster.server}', credentials: {{secretRef: clusters/eu}}}}\n"
        )
        registry.commit({"fleet.yaml": FLEET + document})
        apps.commit({"README.md": "applications"})
        state = f"sqlite:///{folder / 'hub.db'}"
        database = Database(state)
        upgrade(database)
        database.dispose()
        password = folder / "broker.password"
        password.touch(mode=0o600)
        password.write_text(redis_server.password)
        hub = Hub(
            folder / "home",
            {
                "database_url": state,
                "broker_url": redis_server.url_without_password,
                "broker_password_file": str(password),
                "registry_url": registry.url,
                "registry_interval": "PT1H",
                "source_interval": "PT1H",
                "allow_loopback_http": "true",
            },
        )
        kubeconfig = yaml.safe_dump(cluster.config).encode()
        DirectoryProvider(hub.home / "credentials").store("clusters/eu", {"kubeconfig": kubeconfig})
        declare(hub.home / "hooks", "git", "github")
        declare(hub.home / "hooks", "pipeline", "standard", SIGNING)
        hub.start("scheduler", "worker-1", "worker-now", "api")
        try:
            hub.await_ready()
            yield Told(hub, registry, apps)
        finally:
            hub.stop_all()
            server.shutdown()


def _send(told: Told, name: str, body: bytes, headers: dict[str, str]) -> int:
    url = f"http://127.0.0.1:{told.hub.api_port}/hooks/{name}"
    return httpx.post(url, content=body, headers=headers).status_code


def test_what_was_pushed_is_synced_at_once_and_nothing_without_a_proof(told: Told) -> None:
    hub, registry, apps = told
    apps.commit({"web/web.yaml": config_map("web", version="1")})
    source = f"{{repo: '{apps.url}', path: web, ref: {{branch: main}}}}"
    targets = "  namespace: web\n  createNamespace: true\n  targets: [{name: all, select: {all: true}}]\n"
    spec = f"  source: {source}\n{targets}"
    head = "apiVersion: flotilla.dev/v1\nkind: Application\nmetadata: {name: web}\nspec:\n"
    registry.commit({"web.yaml": head + spec})
    pushed = json.dumps({"ref": "refs/heads/main", "repository": {"clone_url": registry.url}}).encode()
    assert _send(told, "git", pushed, github(pushed)) == 202
    hub.await_synced("web", 1)

    commit = apps.commit({"web/web.yaml": config_map("web", version="2")})
    body = json.dumps({"type": "push", "data": {"repository": apps.url, "ref": "refs/heads/main"}}).encode()
    assert _send(told, "pipeline", body, github(body)) == 401
    assert _send(told, "pipeline", body, standard(body, at=time.time() - 600)) == 401
    other = body.replace(b"heads/main", b"heads/next")
    assert _send(told, "pipeline", other, standard(other)) == 202
    time.sleep(3)
    (seen,) = hub.placements("web").values()
    assert not seen["commit"].startswith(commit[:12])
    assert _send(told, "pipeline", body, standard(body)) == 202
    hub.await_synced("web", 1, commit=commit, within=30)
