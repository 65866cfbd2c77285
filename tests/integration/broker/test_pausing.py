"""A worker that is to take nothing asks the broker for nothing, and goes on where it stood."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kombu.entity import Queue

from common.broker import messages
from common.broker.app import FlotillaCelery, make_celery
from common.broker.sender import CelerySender
from common.broker.transport import report_to, take_again, take_nothing
from common.domain.codes import MessageReason
from common.settings import Settings
from tests.fixtures.redis import RedisServer


@pytest.fixture
def app(redis_server: RedisServer, tmp_path: Path) -> Iterator[FlotillaCelery]:
    redis_server.flush()
    made = make_celery(Settings(home=tmp_path / "home", broker_url=redis_server.url))
    yield made
    take_again()
    report_to(lambda _why: None, lambda: None)
    made.close()


def _drained(connection: Any, within: float) -> bool:
    try:
        connection.drain_events(timeout=within)
    except TimeoutError:
        return False
    return True


def test_nothing_is_taken_off_a_queue_until_it_is_allowed_again(app: FlotillaCelery) -> None:
    answers: list[None] = []
    refused: list[MessageReason] = []
    report_to(refused.append, lambda: answers.append(None))
    taken: list[Any] = []
    queue = Queue("default", exchange="", routing_key="default")  # type: ignore[no-untyped-call]  # kombu is untyped
    with app.connection_for_read() as connection, connection.channel() as channel:
        consumer = connection.Consumer([queue], channel=channel, on_message=taken.append)
        with consumer:
            take_nothing()
            CelerySender(app).send(messages.SWEEP, "c1", queue="default")
            assert not _drained(connection, 1.5)
            assert (taken, answers) == ([], [])
            take_again()
            assert _drained(connection, 5)
            assert len(taken) == 1
            assert answers, "an answer of the broker is noted"
            taken[0].ack()
            answers.clear()
            assert not _drained(connection, 2.5)
            assert answers, "an answer that brings nothing is noted too"
    assert refused == []
