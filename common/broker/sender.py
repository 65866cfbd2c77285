"""Sends messages, and keeps the key that reveals a wiped broker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from kombu.exceptions import KombuError, OperationalError

from common.broker.app import FlotillaCelery
from common.broker.errors import BrokerUnavailableError

EPOCH = "flotilla:epoch"
FAST = {"max_retries": 1, "interval_start": 0.1, "interval_step": 0.1, "interval_max": 0.2}
"""What could not be sent stays due, so that nobody needs to insist here."""


class CelerySender:
    """Used by one thread."""

    def __init__(self, app: FlotillaCelery) -> None:
        self._app = app

    def send(self, task: str, subject: str, *, queue: str) -> None:
        """Send one message.

        Raises:
            BrokerUnavailableError: it could not be sent.
        """
        with _translated():
            self._app.send_task(task, [subject], queue=queue, retry=True, retry_policy=FAST)

    def epoch(self) -> str | None:
        """Return what the epoch key holds; None after a wipe."""
        with _translated(), self._app.pool.acquire(block=True) as connection:
            held = connection.default_channel.client.get(EPOCH)
        return held.decode() if isinstance(held, bytes) else held

    def set_epoch(self, epoch: str) -> None:
        """Write the epoch key."""
        with _translated(), self._app.pool.acquire(block=True) as connection:
            connection.default_channel.client.set(EPOCH, epoch)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OperationalError, KombuError, redis.RedisError, OSError) as error:
        message = f"the broker cannot be reached: {type(error).__name__}"
        raise BrokerUnavailableError(message, remedy="Is it running? `flotilla doctor` checks.") from error
