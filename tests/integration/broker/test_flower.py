"""What Flower shows of real work: failed runs as failures, the ids of runs, and every queue."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from common.broker import messages
from common.broker.app import make_celery
from common.broker.sender import CelerySender
from common.domain.refs import RunId
from common.domain.rights import ALL
from common.settings import Settings
from common.store.engine.session import Database
from common.store.queue import workers
from common.store.reads import runs
from console.api.app import create_app
from console.api.shell import flower
from console.client.transports import in_process_client
from console.processes.embedded import flower_arguments, flower_socket
from scheduler.loop.dispatch import Dispatcher
from tests.fixtures.redis import RedisServer
from tests.harness.processes import ROOT, eventually
from tests.harness.scheduler import Steps

FLOWER = "/flower/api"
TOKEN = "a-token-of-this-test"


class Watched:
    """A scheduler and the hub's API in this process; a worker and Flower in their own.

    Args:
        steps: the scheduler.
        app: the API, which is the one way to Flower.
        log: of the worker.
    """

    def __init__(self, steps: Steps, app: FastAPI, log: Path) -> None:
        self.steps, self.log = steps, log
        self._app = app

    def asked(self, path: str, **query: str) -> httpx.Response:
        """Return what Flower answers."""

        async def ask() -> httpx.Response:
            # Of this event loop: the client of a hub's whole life would outlive it.
            async with in_process_client(self._app, TOKEN) as client, flower.client(self._app.state.settings) as own:
                self._app.state.flower = own
                return await client.get(path, params=query)

        return asyncio.run(ask())

    def shown(self, path: str) -> Any:
        """Return what Flower's API says; None while it does not answer."""
        answer = self.asked(f"{FLOWER}/{path}")
        return answer.json() if answer.is_success else None

    def worker_lives(self) -> bool:
        """Return whether the worker has said so."""
        with self.steps.db.read() as connection:
            return workers.lives(connection, "real", now=self.steps.db.now(connection))

    def task(self, name: str) -> dict[str, str] | None:
        """Return the first task of a name that has come to an end."""
        shown: dict[str, dict[str, str]] = self.shown("tasks") or {}
        ended = {"SUCCESS", "FAILURE", "RETRY"}
        return next((one for one in shown.values() if one["name"] == name and one["state"] in ended), None)


@pytest.fixture
def watched(redis_server: RedisServer, sqlite_database: Database, sqlite_url: str, tmp_path: Path) -> Iterator[Watched]:
    redis_server.flush()
    settings = Settings(home=tmp_path / "home", broker_url=redis_server.url, database_url=sqlite_url)
    for folder in (settings.home, settings.home / "run"):
        folder.mkdir(mode=0o700)
    env = {**os.environ, "FLOWER_UNAUTHENTICATED_API": "true"}
    env |= {f"FLOTILLA_{name.upper()}": str(getattr(settings, name)) for name in ("home", "broker_url", "database_url")}
    log = tmp_path / "worker.log"
    commands = (
        ("workers", "--queue", "default", "--queue", "default.now", "--concurrency", "2", "--name", "real"),
        flower_arguments(settings),
    )
    with log.open("wb") as output:
        processes = [
            subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, env=env, stdout=output, stderr=output)
            for command in commands
        ]
    app = make_celery(settings)
    steps = Steps(sqlite_database)
    steps.dispatcher = Dispatcher(sqlite_database, CelerySender(app), steps.snapshots, steps.clock)
    made = Watched(steps, create_app(settings, sqlite_database, token=TOKEN), log)
    try:
        eventually("Flower listens", flower_socket(settings).is_socket, within=60)
        eventually("the worker lives", lambda: made.worker_lives(), within=60)
        yield made
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        app.close()


def test_a_run_that_failed_reads_as_a_failure_with_its_code_and_id(watched: Watched) -> None:
    steps = watched.steps
    steps.look()
    steps.resolve("a")
    steps.planner.tick()
    run = steps.placement().run
    assert run is not None

    def ended() -> str:
        steps.dispatcher.tick()
        with steps.db.read() as connection:
            detail = runs.run(connection, ALL, RunId(run.id))
        assert detail is not None
        return detail.run.outcome

    assert eventually("the run has ended", ended) == "failed", "its cluster has no credentials"
    task = eventually("Flower shows the task", lambda: watched.task(messages.SYNC))
    assert task["state"] == "FAILURE"
    assert run.id in task["args"]
    assert run.id in task["exception"]
    assert task["exception"].startswith("TaskFailedError('credentials.missing")
    page = watched.asked(f"/flower/task/{task['uuid']}")
    assert f'<a href="/runs/{run.id}">' in page.text, "and leads to the run"
    table = {"draw": "1", "start": "0", "length": "10", "order[0][column]": "0", "order[0][dir]": "asc"}
    columns = {"columns[0][data]": "name", "search[value]": f"name:flotilla args:{run.id}"}
    found = watched.asked("/flower/tasks/datatable", **table, **columns).json()
    assert [one["uuid"] for one in found["data"]] == [task["uuid"]], "which leads to it, and to nothing else"
    log = watched.log.read_text()
    assert "Traceback" not in log, "an expected end is no defect"
    assert "attempt.ended" in log
    with steps.db.read() as connection:
        detail = runs.run(connection, ALL, RunId(run.id))
    assert detail is not None
    assert len(detail.attempts) == 1, "a failure is acknowledged, not delivered again"


def test_every_queue_is_shown(watched: Watched) -> None:
    def names() -> set[str]:
        found = watched.shown("queues/length") or {"active_queues": []}
        return {one["name"] for one in found["active_queues"]}

    wanted = {"default", "default.now"}
    assert eventually("all queues are shown", lambda: names() >= wanted and names(), within=30) == wanted
