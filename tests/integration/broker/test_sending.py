"""A broker that answers every read and takes nothing: those who send notice, and those who ask are told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from common.broker.app import make_celery
from common.broker.errors import (
    BrokerFullError,
    BrokerReadOnlyError,
    BrokerRefusesError,
    BrokerUnavailableError,
)
from common.broker.sender import CelerySender
from common.settings import Settings, settings
from common.store.engine.session import Database
from common.store.schema.tables import OpenRunRow
from console.cli.doctor import Finding, examine
from console.cli.main import app as flotilla
from scheduler.loop.dispatch import Dispatcher
from tests.fixtures.redis import RedisServer
from tests.harness.scheduler import Steps

Break = Callable[[RedisServer], None]


def full(server: RedisServer) -> None:
    with server.client() as client:
        client.config_set("maxmemory", 1_000_000)


def replica(server: RedisServer) -> None:
    with server.client() as client:
        client.replicaof("127.0.0.1", 1)


def gone(server: RedisServer) -> None:
    server.stop()


WAYS = pytest.mark.parametrize(
    ("way", "error"), [(full, BrokerFullError), (replica, BrokerReadOnlyError), (gone, BrokerUnavailableError)]
)


@pytest.fixture
def broker(redis_server: RedisServer) -> Iterator[RedisServer]:
    redis_server.flush()
    yield redis_server
    redis_server.stop()
    redis_server.start()


@pytest.fixture
def config(broker: RedisServer, tmp_path: Path, sqlite_url: str) -> Settings:
    return Settings(home=tmp_path / "home", broker_url=broker.url, database_url=sqlite_url)


@pytest.fixture
def steps(sqlite_database: Database, config: Settings) -> Iterator[Steps]:
    """A scheduler that leads, has a registry, a worker, and a real broker."""
    made = Steps(sqlite_database)
    app = make_celery(config)
    sender = CelerySender(app)
    made.dispatcher = Dispatcher(sqlite_database, sender, made.snapshots, made.clock)
    object.__setattr__(made.scheduler, "dispatcher", made.dispatcher)
    made.workers()
    made.turns(2)
    yield made
    app.close()


@pytest.fixture
def status(config: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[int, str]]]:
    """Run ``flotilla status`` on this machine's hub: its exit code and what it prints."""
    for name in ("home", "broker_url", "database_url"):
        monkeypatch.setenv(f"FLOTILLA_{name.upper()}", str(getattr(config, name)))
    settings.cache_clear()

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(flotilla, ["status", *words], env={"COLUMNS": "200"})
        return done.exit_code, done.stdout

    yield run
    settings.cache_clear()


@WAYS
def test_a_proof_tells_why_a_broker_takes_nothing(
    config: Settings, broker: RedisServer, way: Break, error: type[BrokerUnavailableError]
) -> None:
    sender = CelerySender(make_celery(config))
    sender.prove()
    way(broker)
    with pytest.raises(BrokerUnavailableError) as raised:
        sender.prove()
    assert type(raised.value) is error
    assert raised.value.remedy


def test_a_password_that_is_not_taken_is_told_from_a_broker_that_is_gone(broker: RedisServer, tmp_path: Path) -> None:
    url = broker.url.replace(broker.password, "wrong")
    sender = CelerySender(make_celery(Settings(home=tmp_path / "home", broker_url=url)))
    with pytest.raises(BrokerRefusesError):
        sender.prove()


@WAYS
def test_status_says_first_that_no_work_is_done_and_ends_with_1(
    steps: Steps,
    broker: RedisServer,
    status: Callable[..., tuple[int, str]],
    way: Break,
    error: type[BrokerUnavailableError],
) -> None:
    _, before = status()
    assert "broker" not in before
    way(broker)
    steps.turns(1)
    code, said = status()
    assert code == 1
    assert said.startswith("error: the broker")
    assert "no work is sent" in said.splitlines()[0]
    _, data = status("-o", "json")
    (found,) = (one for one in json.loads(data)["work"] if one["code"].startswith("broker."))
    assert (found["code"], found["severity"]) == (error.code, "error")


def test_a_broker_that_takes_messages_again_is_noted_at_the_next_turn(
    steps: Steps, broker: RedisServer, status: Callable[..., tuple[int, str]]
) -> None:
    full(broker)
    steps.turns(1)
    assert "memory is full" in status()[1]
    with broker.client() as client:
        client.config_set("maxmemory", 0)
    steps.scheduler.turn()
    assert "broker" not in status()[1]


def test_nothing_is_marked_as_sent_while_the_broker_is_full(steps: Steps, broker: RedisServer) -> None:
    full(broker)
    steps.resolve("a")
    steps.planner.tick()
    steps.turns(1)
    with steps.db.read() as connection:
        assert connection.execute(select(OpenRunRow.state, OpenRunRow.sent_at)).one() == ("queued", None)


@pytest.mark.usefixtures("steps")
@pytest.mark.parametrize("way", [full, replica, gone])
def test_doctor_says_no_worker_is_well_when_no_work_reaches_it(
    broker: RedisServer, config: Settings, way: Break
) -> None:
    def found() -> dict[str, Finding]:
        return {one.what: one for one in examine(config) if one.what.startswith(("broker", "workers"))}

    assert {one.state for one in found().values()} == {"ok"}
    way(broker)
    seen = found()
    assert (seen["broker"].state, seen["workers of default"].state) == ("failed", "failed")
    assert "no work reaches them" in seen["workers of default"].detail
    assert seen["broker"].remedy
