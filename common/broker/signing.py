"""Signs what we send and refuses what we did not: an HMAC over task, id, body, key and time.

A message is a deploy order. Whoever can write to the broker, and only that, must not be able to give one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from common.broker.errors import MessageRefusedError, Why
from common.broker.keys import MessageKeys
from common.broker.messages import NAMES

KEY, TIME, MAC = "flotilla-key", "flotilla-time", "flotilla-mac"
MAX_AGE = timedelta(hours=1)
"""Dispatch sends what was not claimed every 5 minutes, so that refusing an old message loses nothing."""
MAX_SKEW = timedelta(minutes=5)
MAX_ID = 300
_NO_CALLBACKS = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


def sign(keys: MessageKeys, task: str, task_id: str, subject: str, *, now: datetime) -> dict[str, str]:
    """Return the headers that make a message ours."""
    time = now.astimezone(UTC).isoformat()
    return {
        KEY: keys.signing,
        TIME: time,
        MAC: _mac(keys.by_id[keys.signing], keys.signing, time, task, task_id, subject),
    }


def verify(keys: MessageKeys, headers: Mapping[str, Any], payload: Any, *, now: datetime) -> str:
    """Return the id that a message carries.

    Args:
        keys: any of them may have signed.
        headers: of the message, Celery's ``task`` and ``id`` among them.
        payload: the decoded body.
        now: to judge its age by.

    Raises:
        MessageRefusedError: it is not ours, was changed, is too old, or carries anything but one id.
    """
    subject = _subject(payload)
    task, task_id = headers.get("task"), headers.get("id")
    if task not in NAMES or not isinstance(task_id, str):
        raise MessageRefusedError(Why.FOREIGN)
    key_id, time, mac = (headers.get(name) for name in (KEY, TIME, MAC))
    if not (isinstance(key_id, str) and isinstance(time, str) and isinstance(mac, str)):
        raise MessageRefusedError(Why.UNSIGNED)
    key = keys.by_id.get(key_id)
    if key is None:
        raise MessageRefusedError(Why.UNKNOWN_KEY)
    expected = _mac(key, key_id, time, task, task_id, subject).encode()
    # As bytes: comparing texts fails on whatever is not ASCII, and a stranger chose this one.
    if not hmac.compare_digest(mac.encode("utf-8", "surrogatepass"), expected):
        raise MessageRefusedError(Why.ALTERED)
    if headers.get("argsrepr", "") not in {"", repr([subject]), repr((subject,))}:
        raise MessageRefusedError(Why.ALTERED)
    _check_age(time, now)
    return subject


def _subject(payload: Any) -> str:
    """Return the one id that a body may hold: ``[[id], {}, no callbacks]`` and nothing else."""
    match payload:
        case [[str(subject)], dict(kwargs), dict(embedded)] if not kwargs and len(subject) <= MAX_ID:
            if embedded == _NO_CALLBACKS:
                return subject
            raise MessageRefusedError(Why.CALLBACKS)
    raise MessageRefusedError(Why.BODY)


def _check_age(time: str, now: datetime) -> None:
    sent = datetime.fromisoformat(time)  # authentic by now, so it is one of ours
    if not -MAX_SKEW <= now - sent <= MAX_AGE:
        raise MessageRefusedError(Why.OLD)


def _mac(key: bytes, *parts: str) -> str:
    return hmac.new(key, json.dumps(parts).encode(), hashlib.sha256).hexdigest()
