"""Sends messages, and keeps the key that reveals a wiped broker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import redis
from kombu.exceptions import KombuError, OperationalError

from common.broker.app import FlotillaCelery
from common.broker.errors import (
    BrokerFullError,
    BrokerReadOnlyError,
    BrokerRefusesError,
    BrokerUnavailableError,
    MessageRefusedError,
)
from common.broker.keys import MessageKeys
from common.broker.reading import EntryError, read, read_body, well_formed
from common.broker.signing import verify
from common.clock import SystemClock
from common.domain.codes import MessageReason
from common.domain.foreign import said

EPOCH = "flotilla:epoch"
PROOF = "flotilla:proof"
_PROOF_LASTS = timedelta(minutes=1)
FAST = {"max_retries": 1, "interval_start": 0.1, "interval_step": 0.1, "interval_max": 0.2}
"""What could not be sent stays due, so that nothing is tried again here."""
READ_AT_ONCE = 10_000
"""Messages of one queue that are looked at; we put far fewer into one."""
_PAGE = 50
_MOST_READ = 64 << 20
"""Bytes of one queue that are looked at; ours would need a quarter of it."""
_MEANT_FOR_LONG = timedelta(minutes=10)
"""A message that would be refused as too old within this time is as good as lost."""


class CelerySender:
    """Sends messages through Celery. Used by one thread."""

    def __init__(self, app: FlotillaCelery) -> None:
        self._app = app

    def send(self, task: str, subject: str, *, queue: str) -> None:
        """Send one message.

        Raises:
            BrokerUnavailableError: it could not be sent.
        """
        with _translated():
            self._app.send_task(task, [subject], queue=queue, retry=True, retry_policy=FAST)

    def backlog(self, queue: str) -> frozenset[tuple[str, str]]:
        """Return task and id of each message of ours that is in a queue, that no worker has taken yet.

        Messages that are about to be too old to be carried out are taken away, so that they can be sent again. What is
        not signed by us for this queue is not counted: no worker will carry it out.

        Raises:
            BrokerUnavailableError: the broker does not say.
        """
        soon = SystemClock().now() + _MEANT_FOR_LONG
        found: set[tuple[str, str]] = set()
        old: list[bytes] = []
        with _translated(), self._app.pool.acquire(block=True) as connection:
            client = connection.default_channel.client
            for entry in _entries(client, queue):
                try:
                    found.add(_verified(self._app.keys, entry, queue=queue, now=soon))
                except MessageRefusedError as error:  # a stranger's: those who take it refuse it
                    if error.why is MessageReason.OLD:
                        old.append(entry)
            for entry in old:  # only now: what is taken out moves what was not looked at yet
                client.lrem(queue, 1, entry)
        return frozenset(found)

    def epoch(self) -> str | None:
        """Return what the epoch key holds; None after a wipe."""
        with _translated(), self._app.pool.acquire(block=True) as connection:
            held = connection.default_channel.client.get(EPOCH)
        return held.decode() if isinstance(held, bytes) else held

    def set_epoch(self, epoch: str) -> None:
        """Write the epoch key."""
        with _translated(), self._app.pool.acquire(block=True) as connection:
            connection.default_channel.client.set(EPOCH, epoch)

    def prove(self) -> None:
        """Write a key that expires: a broker that is full, or a replica, answers every read.

        Raises:
            BrokerUnavailableError: of the class that says what is wrong.
        """
        with _translated(), self._app.pool.acquire(block=True) as connection:
            connection.default_channel.client.set(PROOF, "1", ex=_PROOF_LASTS)


def _entries(client: Any, queue: str) -> Iterator[bytes]:
    """Yield what is in a queue, the next to be taken first; strangers may have filled it."""
    size = 0
    for end in range(-1, -READ_AT_ONCE, -_PAGE):
        page: list[bytes] = client.lrange(queue, end - _PAGE + 1, end)
        for entry in reversed(page):
            yield entry
            size += len(entry)
        if len(page) < _PAGE or size > _MOST_READ:
            return


def _verified(keys: MessageKeys, entry: bytes, *, queue: str, now: datetime) -> tuple[str, str]:
    """Return task and id of a message as it is in Redis.

    Raises:
        MessageRefusedError: it is not ours, or about to be too old.
    """
    try:
        message = read(entry)
        if not well_formed(message):
            raise MessageRefusedError(MessageReason.UNREADABLE)
        payload = read_body(message)
    except EntryError as error:
        raise MessageRefusedError(error.why) from error
    subject = verify(keys, message["headers"], payload, queue=queue, now=now)
    return message["headers"]["task"], subject


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OperationalError, KombuError, redis.RedisError, OSError) as error:
        raise _meaning(error) from error


_MEANINGS: Mapping[type[Exception], tuple[type[BrokerUnavailableError], str, str]] = {
    redis.exceptions.OutOfMemoryError: (
        BrokerFullError,
        "the broker's memory is full: it takes no messages",
        "Give it more memory (maxmemory), or see what else writes to it; nothing is lost.",
    ),
    redis.exceptions.ReadOnlyError: (
        BrokerReadOnlyError,
        "the broker is a read-only replica: it takes no messages",
        "Point FLOTILLA_BROKER_URL at the primary, or make this one the primary (REPLICAOF NO ONE).",
    ),
    redis.exceptions.AuthenticationError: (
        BrokerRefusesError,
        "the broker does not take the user or password",
        "Correct FLOTILLA_BROKER_URL or FLOTILLA_BROKER_PASSWORD_FILE.",
    ),
    redis.exceptions.NoPermissionError: (
        BrokerRefusesError,
        "the broker does not let this user write",
        "Give its user the commands and keys that deploy/secrets.sh gives.",
    ),
}
_CANNOT_SAVE = "MISCONF"
"""What a broker that should save to disk and cannot puts before its refusal of every write."""


def _meaning(error: BaseException) -> BrokerUnavailableError:
    """Return what a failure at the broker means; libraries wrap the one that says it."""
    cause: BaseException | None = error
    while cause is not None:
        for kind, (raised, message, remedy) in _MEANINGS.items():
            if isinstance(cause, kind):
                return raised(message, remedy=remedy)
        if isinstance(cause, redis.ResponseError) and str(cause).startswith(_CANNOT_SAVE):
            message = "the broker cannot save to its disk, and takes no messages"
            return BrokerReadOnlyError(message, remedy="Free its disk, or let it save nothing: we need no copy.")
        cause = cause.__cause__ or cause.__context__
    message = f"the broker cannot be reached: {said(error)}"
    return BrokerUnavailableError(message, remedy="Is it running? `flotilla doctor` checks.")
