"""The processes of a hub on one machine, with embedded defaults: SQLite, a private broker, loopback only."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from common.domain.queues import now_queue
from common.sandbox.launch import Strictness
from common.settings import Settings
from console.processes.spec import ProcessSpec, flotilla_env, fresh, python

NOW_CONCURRENCY = 2
"""Slots kept free for what a person asks for."""


def flower_socket(settings: Settings) -> Path:
    """Return where Flower listens; only the api reaches it."""
    return settings.home / "run" / "flower.sock"


def answers(host: str, port: int, path: str = "/healthz") -> Callable[[], bool]:
    """Return a check that is True once an HTTP GET of ``path`` gives 200."""

    def check() -> bool:
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(host, port, timeout=2)
            try:
                connection.request("GET", path)
                return connection.getresponse().status == http.client.OK
            finally:
                connection.close()
        return False

    return check


def broker(settings: Settings) -> ProcessSpec:
    """Return the embedded broker."""
    there = fresh(settings.broker_socket)
    return ProcessSpec("broker", python("common.broker.embedded"), flotilla_env(settings), ready=there, intact=there)


def scheduler(settings: Settings) -> ProcessSpec:
    """Return the scheduler."""
    return ProcessSpec("scheduler", python("scheduler"), flotilla_env(settings))


def worker(settings: Settings, name: str, *, queue: str, concurrency: int) -> ProcessSpec:
    """Return one worker process for one queue."""
    argv = python("workers", "--queue", queue, "--concurrency", str(concurrency), "--name", name)
    # on a laptop without a sandbox a hub still starts, and says what is missing; a worker by itself does not
    return ProcessSpec(name, argv, flotilla_env(settings, sandbox=settings.sandbox or Strictness.WARN))


def api_ready_file(settings: Settings) -> Path:
    """Return where the api writes its address once it serves; whoever else answers on its port writes no file."""
    return settings.home / "run" / "api.ready"


def api(settings: Settings) -> ProcessSpec:
    """Return the hub's API."""
    ready_file = api_ready_file(settings)
    argv = python("console.api", "--ready-file", str(ready_file))
    return ProcessSpec("api", argv, flotilla_env(settings), ready=fresh(ready_file))


def flower_arguments(settings: Settings, *, address: str = "", port: int = 5555) -> tuple[str, ...]:
    """Return the module and arguments that run Flower, read-only: on its private socket unless an address is given."""
    where = (f"--address={address}", f"--port={port}") if address else (f"--unix_socket={flower_socket(settings)}",)
    # Workers send events unasked, and refuse to be told to: asking every five seconds would fill their logs.
    common = ("--url_prefix=flower", "--read_only=True", "--inspect_timeout=2000", "--enable_events=False")
    return ("celery", "--app=common.broker.celery_app", "flower", *where, *common)


def flower(settings: Settings) -> ProcessSpec:
    """Return Flower, read-only and on a Unix socket in a private folder."""
    argv = python(*flower_arguments(settings))
    # Nobody but the api reaches the socket, and the api asks for the token.
    env = {**flotilla_env(settings), "FLOWER_UNAUTHENTICATED_API": "true"}
    there = fresh(flower_socket(settings))
    return ProcessSpec("flower", argv, env, ready=there, intact=there)


def hub(settings: Settings, *, workers: int) -> tuple[ProcessSpec, ...]:
    """Return all but the broker, which must be there before the rest starts.

    Args:
        settings: of the hub.
        workers: worker processes for planned work; one more serves what people ask for.
    """
    pools = tuple(
        worker(settings, f"worker-{n}", queue=settings.pool, concurrency=settings.concurrency)
        for n in range(1, workers + 1)
    )
    now = worker(settings, "worker-now", queue=now_queue(settings.pool), concurrency=NOW_CONCURRENCY)
    return (scheduler(settings), *pools, now, api(settings), flower(settings))
