"""Signs what we send and refuses what we did not: an HMAC over every header, the id in the body, queue, key and time.

A message is a deploy order. Whoever can write to the broker, and only that, must not be able to give one, to put one
off, or to have another pool's workers take it; nor must who commands a worker of another pool. Headers that we never
send are covered too, by their absence.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from common.broker.errors import MessageRefusedError
from common.broker.keys import MessageKeys
from common.broker.messages import NAMES
from common.domain.codes import MessageReason
from common.domain.queues import pool_of

KEY, TIME, QUEUE, MAC = "flotilla-key", "flotilla-time", "flotilla-queue", "flotilla-mac"
_UNCOVERED = frozenset({MAC, "redelivered"})
"""The broker's client adds the latter to what it gives back to a queue; nobody reads it."""
MAX_AGE = timedelta(hours=1)
"""Dispatch sends what was not claimed every 5 minutes, so that refusing an old message loses nothing."""
MAX_SKEW = timedelta(minutes=5)
MAX_ID = 300
_NO_CALLBACKS = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


def sign(keys: MessageKeys, headers: Mapping[str, Any], subject: str, *, queue: str, now: datetime) -> dict[str, str]:
    """Return the headers that make a message ours.

    Args:
        keys: the queue's pool's signing one signs.
        headers: all others that the message will have.
        subject: the id that its body carries.
        queue: it is for.
        now: when it is sent.

    Raises:
        MessageRefusedError: the keys are another pool's.
    """
    key = keys.of(pool_of(queue)).by_id.get(keys.signing)
    if key is None:
        raise MessageRefusedError(MessageReason.UNKNOWN_KEY)
    ours = {KEY: keys.signing, TIME: now.astimezone(UTC).isoformat(), QUEUE: queue}
    return {**ours, MAC: _mac(key, {**headers, **ours}, subject)}


def verify(keys: MessageKeys, headers: Mapping[str, Any], payload: Any, *, queue: str, now: datetime) -> str:
    """Return the id that a message carries.

    Args:
        keys: any of the queue's pool's may have signed.
        headers: of the message, Celery's ``task`` and ``id`` among them.
        payload: the decoded body.
        queue: it was in.
        now: to judge its age by.

    Raises:
        MessageRefusedError: it is not ours, was changed, is too old, or carries anything but one id.
    """
    subject = _subject(payload)
    task, task_id = headers.get("task"), headers.get("id")
    if not (isinstance(task, str) and task in NAMES and isinstance(task_id, str)):
        raise MessageRefusedError(MessageReason.FOREIGN)
    key_id, time, mac = (headers.get(name) for name in (KEY, TIME, MAC))
    if not (isinstance(key_id, str) and isinstance(time, str) and isinstance(mac, str)):
        raise MessageRefusedError(MessageReason.UNSIGNED)
    key = keys.of(pool_of(queue)).by_id.get(key_id)
    if key is None:
        raise MessageRefusedError(MessageReason.UNKNOWN_KEY)
    # As bytes: comparing texts fails on whatever is not ASCII, and a stranger chose this one.
    if not hmac.compare_digest(mac.encode("utf-8", "surrogatepass"), _mac(key, headers, subject).encode()):
        raise MessageRefusedError(MessageReason.ALTERED)
    if headers.get(QUEUE) != queue:
        raise MessageRefusedError(MessageReason.MOVED)
    _check_age(time, now)
    return subject


def _subject(payload: Any) -> str:
    """Return the one id that a body may hold: ``[[id], {}, no callbacks]`` and nothing else."""
    match payload:
        case [[str(subject)], dict(kwargs), dict(embedded)] if not kwargs and len(subject) <= MAX_ID:
            if embedded == _NO_CALLBACKS:
                return subject
            raise MessageRefusedError(MessageReason.CALLBACKS)
    raise MessageRefusedError(MessageReason.BODY)


def _check_age(time: str, now: datetime) -> None:
    sent = datetime.fromisoformat(time)  # authentic by now, so it is one of ours
    if not -MAX_SKEW <= now - sent <= MAX_AGE:
        raise MessageRefusedError(MessageReason.OLD)


def _mac(key: bytes, headers: Mapping[str, Any], subject: str) -> str:
    covered = {name: value for name, value in headers.items() if name not in _UNCOVERED}
    return hmac.new(key, json.dumps([covered, subject], sort_keys=True).encode(), hashlib.sha256).hexdigest()
