"""A message on our queue is a deploy order: whoever can only write to the broker must not be able to give one.

Peers fell to this (CVE-2024-31989, CVE-2022-30034). Each attack is pushed raw into the queue of a real worker; after it
the worker lives, takes what is ours, and has done nothing else.
"""

from __future__ import annotations

import base64
import json
import os
import pickle
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import func, insert, select

from common.broker import messages
from common.broker.app import FlotillaCelery, make_celery
from common.broker.keys import MessageKeys
from common.broker.sender import CelerySender
from common.broker.signing import sign
from common.settings import Settings
from common.store.engine.session import Database
from common.store.engine.upgrade import upgrade
from common.store.schema.tables import AuditRow, FaultRow, SourceRow, WorkerRow
from common.store.state import fleet as fleets
from tests.fixtures.redis import RedisServer
from tests.harness import texts
from tests.harness.processes import ROOT, eventually

SUBJECT = "999"
QUEUE = "default"
NOWHERE = "https://127.0.0.1:1/x.git"
NO_CALLBACKS = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
FOREIGN = MessageKeys("k1", {"k1": b"x" * 32})


@dataclass(frozen=True, slots=True)
class Target:
    """A real worker and everything around it."""

    process: subprocess.Popen[bytes]
    app: FlotillaCelery
    broker: redis.Redis
    database: Database
    marker: Path

    def envelope(
        self,
        task: str = messages.RESOLVE,
        *,
        body: bytes | None = None,
        keys: MessageKeys | None = None,
        at: datetime | None = None,
        headers: dict[str, Any] | None = None,
        queue: str = QUEUE,
        delivery: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return a message as Celery puts it into Redis, signed for a queue; then headers and delivery are altered."""
        id_ = str(uuid.uuid4())
        own: dict[str, Any] = {"lang": "py", "task": task, "id": id_, "root_id": id_, "parent_id": None, "retries": 0}
        own |= {"eta": None, "expires": None, "timelimit": [None, None]}
        own |= {"argsrepr": f"['{SUBJECT}']", "kwargsrepr": "{}", "origin": "gen1@hub"}
        signed = sign(keys or self.app.keys, own, SUBJECT, queue=queue, now=at or datetime.now(UTC))
        content = body if body is not None else json.dumps([[SUBJECT], {}, NO_CALLBACKS]).encode()
        return {
            "body": base64.b64encode(content).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {**own, **signed, **(headers or {})},
            "properties": {
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": QUEUE, **(delivery or {})},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": str(uuid.uuid4()),
            },
        }

    def push(self, raw: bytes) -> None:
        """Write to the queue as a stranger does."""
        self.broker.lpush(QUEUE, raw)

    def drained(self) -> bool:
        """Return whether nothing lies in the queue or in anybody's hands."""
        return self.broker.llen(QUEUE) == 0 and self.broker.hlen("unacked:default") == 0

    def looked_at(self) -> datetime | None:
        """Return when the source that our own messages name was last looked at."""
        with self.database.read() as connection:
            return connection.execute(select(SourceRow.due_at).where(SourceRow.id == int(SUBJECT))).scalar_one()

    def refusals(self) -> int:
        """Return how many refused messages were audited."""
        with self.database.read() as connection:
            refused = select(func.count()).where(AuditRow.action == "message.refused")
            return connection.execute(refused).scalar_one()


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Iterator[Target]:
    """Start a worker on an empty broker; what is ours looks at a source that nobody serves, and notes that it did."""
    redis_server.flush()
    folder = tmp_path_factory.mktemp("broker")
    password = folder / "password"
    password.touch(mode=0o600)
    password.write_text(redis_server.password)
    values = {
        "FLOTILLA_HOME": str(folder / "home"),
        "FLOTILLA_BROKER_URL": redis_server.url_without_password,
        "FLOTILLA_BROKER_PASSWORD_FILE": str(password),
    }
    (folder / "home").mkdir(mode=0o700)
    settings = Settings(
        home=folder / "home", broker_url=redis_server.url_without_password, broker_password_file=password
    )
    database = Database(settings.effective_database_url)
    upgrade(database)
    past = datetime(2020, 1, 1, tzinfo=UTC)
    fleet = texts.in_order({"fleet.yaml": texts.FLEET})
    with database.write() as connection:
        fleets.fix_name(connection, "acme", now=past)
        fleets.put_in_force(connection, "c" * 40, fleet.documents.to_json(), now=past)
        row = {"id": int(SUBJECT), "repo": NOWHERE, "credentials": "", "ref": "refs/heads/main"}
        connection.execute(insert(SourceRow).values(**row, pool=QUEUE, used=True, due_at=past))
    with (folder / "worker.log").open("wb") as log:
        argv = [sys.executable, "-m", "workers", "--queue", QUEUE, "--concurrency", "2", "--name", "w"]
        env = {**os.environ, **values}
        process = subprocess.Popen(argv, cwd=ROOT, env=env, stdout=log, stderr=log)

    def lives() -> bool:
        with database.read() as connection:
            return connection.execute(select(WorkerRow.name)).first() is not None

    broker = redis_server.client()
    try:
        eventually("the worker lives", lives, within=30)
        yield Target(process, make_celery(settings), broker, database, folder / "marker")
    finally:
        process.terminate()
        process.wait(20)
        broker.close()
        database.dispose()


class Bomb:
    """Makes a marker when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self._marker}",)


def _dumped(message: Any) -> bytes:
    return json.dumps(message).encode()


def _with(target: Target, **members: Any) -> bytes:
    return _dumped({**target.envelope(), **members})


def _without(target: Target, *path: str) -> bytes:
    message: Any = target.envelope()
    inner = message
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return _dumped(message)


def _headers(**headers: Any) -> Callable[[Target], bytes]:
    named = {name.replace("_", "-") if name.startswith("flotilla") else name: h for name, h in headers.items()}
    return lambda target: _dumped(target.envelope(headers=named))


def _body(content: Any) -> Callable[[Target], bytes]:
    return lambda target: _dumped(target.envelope(body=content if isinstance(content, bytes) else _dumped(content)))


def _nested(depth: int) -> Any:
    found: Any = "x"
    for _ in range(depth):
        found = [found]
    return found


def _raw_nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def _deep(*path: str, depth: int) -> Callable[[Target], bytes]:
    """Return an attack that nests at a place of a message that is in order: too deep for Python to write it."""

    def made(target: Target) -> bytes:
        message: Any = target.envelope()
        inner = message
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = "HERE"
        return _dumped(message).replace(b'"HERE"', _raw_nested(depth).encode())

    return made


ATTACKS: dict[str, Callable[[Target], bytes]] = {
    "unsigned": _headers(flotilla_mac=None, flotilla_key=None, flotilla_time=None),
    "forged": lambda target: _dumped(target.envelope(keys=FOREIGN)),
    "another pool's key": lambda target: _dumped(target.envelope(keys=replace(target.app.keys.of("eu"), pool=QUEUE))),
    "the scheduler's own key": lambda target: _dumped(target.envelope(keys=replace(target.app.keys, pool=QUEUE))),
    "signature of zeros": _headers(flotilla_mac="0" * 64),
    "signature not ascii": _headers(flotilla_mac="é" * 8),
    "unknown key": _headers(flotilla_key="k9"),
    "other time": _headers(flotilla_time="2026-01-01T00:00:00+00:00"),
    "another id in the body": _body([["1000"], {}, NO_CALLBACKS]),
    "two arguments": _body([[SUBJECT, "x"], {}, NO_CALLBACKS]),
    "keyword arguments": _body([[SUBJECT], {"x": 1}, NO_CALLBACKS]),
    "callbacks": _body([[SUBJECT], {}, {**NO_CALLBACKS, "callbacks": [{"task": messages.SYNC}]}]),
    "chain": _body([[SUBJECT], {}, {**NO_CALLBACKS, "chain": [{"task": messages.SYNC}]}]),
    "another task": _headers(task=messages.SYNC),
    "foreign task": _headers(task="os.system"),
    "another task id": _headers(id="somebody-elses"),
    "text for people": _headers(argsrepr="see https://evil.example.com"),
    "more text for people": _headers(kwargsrepr="see https://evil.example.com"),
    "another sender's name": _headers(origin="evil.example.com"),
    "another root": _headers(root_id="somebody-elses"),
    "another parent": _headers(parent_id="somebody-elses"),
    "put off": _headers(eta="2099-01-01T00:00:00+00:00"),
    "brought forward": _headers(eta="2020-01-01T00:00:00+00:00"),
    "other number of retries": _headers(retries=3),
    "headers for the retry": _headers(headers={"eta": "2099-01-01T00:00:00+00:00"}),
    "from another queue": lambda target: _dumped(target.envelope(queue="eu")),
    "to be retried elsewhere": lambda target: _dumped(target.envelope(delivery={"routing_key": "eu"})),
    "to be retried on another exchange": lambda target: _dumped(target.envelope(delivery={"exchange": "celeryev"})),
    "from another queue, and says so": lambda target: _dumped(
        target.envelope(queue="eu", delivery={"routing_key": "eu"})
    ),
    "task is a list": _headers(task=[messages.RESOLVE]),
    "id is a mapping": _headers(id={}),
    "expires is junk": _headers(expires={}),
    "eta is a number": _headers(eta=1),
    "eta is junk": _headers(eta="soon"),
    "time limit": _headers(timelimit=[1, 1]),
    "retries is junk": _headers(retries="many"),
    "shadow": _headers(shadow="another name"),
    "compressed": _headers(compression="application/x-gzip"),
    "pickle": lambda target: _dumped(
        {**target.envelope(body=pickle.dumps(Bomb(target.marker))), "content-type": "application/x-python-serialize"}
    ),
    "yaml": lambda target: _with(target, **{"content-type": "application/x-yaml"}),
    "unknown charset": lambda target: _with(target, **{"content-encoding": "nope"}),
    "body not base64": lambda target: _with(target, body="!!!"),
    "body not JSON": _body(b"{{{"),
    "body too deep": _body(b"[" * 100_000),
    "nesting of 1.5 kB": lambda _: _raw_nested(750).encode(),
    "nesting of 100 kB": lambda _: _raw_nested(50_000).encode(),
    "nesting that is not closed": lambda _: b'{"a":' * 20_000,
    "nesting in a header": _deep("headers", "x", depth=600),
    "nesting in a header, deep": _deep("headers", "x", depth=900),
    "nesting in a header, deeper": _deep("headers", "x", depth=5_000),
    "nesting in the text for people": _deep("headers", "argsrepr", depth=800),
    "nesting among the properties": _deep("properties", "x", depth=800),
    "nesting in the delivery": _deep("properties", "delivery_info", "x", depth=850),
    "nesting beside the body": _deep("x", depth=800),
    "nesting for the id": _body(_nested(700)),
    "nesting in the body": _body([[_nested(600)], {}, NO_CALLBACKS]),
    "large text for people": _headers(argsrepr="x" * 8_000_000),
    "large body": _body(b" " * 8_000_000),
    "large number": _headers(x=10**4_000),
    "number that Python does not read": lambda target: _dumped(target.envelope(headers={"x": 5})).replace(
        b'"x": 5', b'"x": ' + b"9" * 10_000
    ),
    "an object of the transport": _headers(argsrepr={"__type__": "decimal", "__value__": "1e999999"}),
    "an object that it does not know": _headers(argsrepr={"__type__": [], "__value__": {}}),
    "headers missing": lambda target: _without(target, "headers"),
    "properties missing": lambda target: _without(target, "properties"),
    "delivery tag missing": lambda target: _without(target, "properties", "delivery_tag"),
    "garbage": lambda _: b"garbage",
    "not text": lambda _: b"\xff\xfe",
    "empty": lambda _: b"",
    "a list": lambda _: b"[]",
    "a number": lambda _: b"5",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_stranger_writes_does_nothing_and_ends_no_worker(target: Target, attack: str) -> None:
    before = target.looked_at()
    target.push(ATTACKS[attack](target))
    eventually(f"{attack} is taken off the queue", target.drained, within=15, every=0.05)
    assert target.looked_at() == before, "it was carried out"
    assert not target.marker.exists()
    target.app.send_task(messages.RESOLVE, [SUBJECT], queue=QUEUE)
    eventually("what is ours is carried out", lambda: target.looked_at() != before, within=15, every=0.05)
    assert target.process.poll() is None


def test_refusals_are_audited_shown_and_bounded(target: Target) -> None:
    before = target.refusals()
    assert before > 0
    for _ in range(60):
        target.push(ATTACKS["forged"](target))
    eventually("all are taken", target.drained, within=30, every=0.05)
    assert target.refusals() - before <= 20, "at most ten a minute, and a minute may end"
    with target.database.read() as connection:
        scopes = connection.execute(select(FaultRow.scope).where(FaultRow.cleared_at.is_(None))).scalars().all()
    assert "message" in scopes


def test_what_is_built_here_as_celery_builds_it_is_carried_out(target: Target) -> None:
    before = target.looked_at()
    target.push(_dumped(target.envelope()))
    eventually("it is carried out", lambda: target.looked_at() != before, within=15, every=0.05)


def test_a_message_that_the_broker_delivers_again_is_carried_out(target: Target) -> None:
    before = target.looked_at()
    # What kombu adds to a message that a worker which died had taken.
    target.push(_dumped(target.envelope(headers={"redelivered": True}, delivery={"redelivered": True})))
    eventually("it is carried out", lambda: target.looked_at() != before, within=15, every=0.05)


def test_a_message_of_ours_that_is_too_old_is_dropped_without_alarm(target: Target) -> None:
    before = target.refusals()
    target.push(_dumped(target.envelope(at=datetime.now(UTC) - timedelta(hours=2))))
    eventually("it is taken", target.drained, within=15, every=0.05)
    assert target.refusals() == before


def test_only_what_is_ours_counts_as_lying_in_a_queue(target: Target) -> None:
    sender, queue = CelerySender(target.app), "nobody-serves-it"
    forged = target.envelope(keys=FOREIGN, queue=queue, delivery={"routing_key": queue})
    elsewhere = target.envelope(queue="another")
    unsigned = target.envelope(queue=queue, headers={"flotilla-mac": None})
    nested = _deep("headers", "x", depth=900)(target)
    typed = target.envelope(queue=queue, headers={"x": {"__type__": "decimal", "__value__": "1"}})
    for raw in (*map(_dumped, (forged, elsewhere, unsigned, typed)), nested, b"[" * 100_000, b"", b"5", b"\xff"):
        target.broker.lpush(queue, raw)
    assert sender.backlog(queue) == frozenset()
    target.app.send_task(messages.RESOLVE, ["1000"], queue=queue)
    for _ in range(200):
        target.broker.lpush(queue, b"[" * 1_000)
    assert sender.backlog(queue) == {(messages.RESOLVE, "1000")}
    target.broker.delete(queue)


@pytest.mark.parametrize("said", [b"{}", b"[]", b"5", b"garbage", b"[" * 100_000, _raw_nested(800).encode()])
def test_what_is_called_out_to_all_workers_ends_none(target: Target, said: bytes) -> None:
    for channel in ("/0.celery.pidbox", "/0.celeryev/task.sent"):
        target.broker.publish(channel, said)
    eventually("it still answers", lambda: bool(target.app.control.ping(timeout=1)), within=20, every=0.05)
    assert target.process.poll() is None


@pytest.mark.parametrize("kept", [b"{}", b"garbage", _raw_nested(800).encode(), b"[[], {}, 5]", b"[" * 100_000])
def test_what_is_laid_among_the_unacknowledged_ends_no_worker_and_bars_nothing(target: Target, kept: bytes) -> None:
    before = target.looked_at()
    message = target.envelope()
    target.broker.hset("unacked:default", "bad", kept)
    target.broker.hset("unacked:default", "good", _dumped([message, "", QUEUE]))
    target.broker.zadd("unacked_index:default", {"bad": 2.0, "good": 1.0})
    eventually("what is ours is given back", lambda: target.looked_at() != before, within=30, every=0.05)
    eventually("the other is dropped", target.drained, within=15, every=0.05)
    assert target.process.poll() is None


@pytest.mark.parametrize("command", ["shutdown", "revoke", "hello", "pool_grow", "rate_limit", "add_consumer"])
def test_nobody_steers_a_worker_through_the_broker(target: Target, command: str) -> None:
    arguments = {"n": 1, "task_id": "x", "task_name": messages.SYNC, "rate_limit": "1/m", "queue": "other"}
    answers = target.app.control.broadcast(command, arguments=arguments, reply=True, timeout=1)
    assert all("error" in said for answer in answers or () for said in answer.values()), answers
    assert target.app.control.ping(timeout=3), "it still answers who only looks"
    assert target.process.poll() is None
