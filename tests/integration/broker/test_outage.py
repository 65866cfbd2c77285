"""An outage of the broker ends no worker: what kombu runs into then is an error that it knows to survive."""

from __future__ import annotations

from pathlib import Path

import pytest
from kombu.connection import Connection

from common.broker.app import make_celery
from common.settings import Settings
from tests.fixtures.redis import RedisServer


@pytest.fixture
def connection(redis_server: RedisServer, tmp_path: Path) -> Connection:
    redis_server.flush()
    made = make_celery(Settings(home=tmp_path / "home", broker_url=redis_server.url)).connection_for_read()
    assert isinstance(made, Connection)
    return made


def test_a_channel_with_unacknowledged_messages_is_closed_after_its_connection(connection: Connection) -> None:
    channel = connection.channel()  # type: ignore[no-untyped-call]  # kombu is untyped
    channel.queue_declare("q")
    channel.basic_publish(channel.prepare_message('{"a": 1}', content_type="application/json"), "", "q")
    message = channel.basic_get("q")
    assert message is not None
    channel._disconnect_pools()
    connection.transport.client = None  # as after a close while the broker is away
    with pytest.raises(connection.connection_errors):
        channel.close()
    with pytest.raises(connection.connection_errors):
        message.ack()
