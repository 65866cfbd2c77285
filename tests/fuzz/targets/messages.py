"""What lies in the broker's queues: refused, or one of ours."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

from common.broker import messages
from common.broker.errors import MessageRefusedError
from common.broker.keys import MessageKeys
from common.broker.reading import EntryError, read, read_body, well_formed
from common.broker.signing import sign, verify
from tests.fuzz.bending import bent_json
from tests.fuzz.harness import target

_KEYS = MessageKeys("k1", {"k1": b"k" * 32})
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_QUEUE = "default"
_BODY = [["0190"], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
_DELIVERY = {"exchange": "", "routing_key": _QUEUE}


def _message() -> bytes:
    own = {"lang": "py", "task": messages.SYNC, "id": "1", "retries": 0, "eta": None, "argsrepr": "['0190']"}
    return json.dumps(
        {
            "body": base64.b64encode(json.dumps(_BODY).encode()).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {**own, **sign(_KEYS, own, "0190", queue=_QUEUE, now=_NOW)},
            "properties": {"delivery_tag": "1", "delivery_info": _DELIVERY, "body_encoding": "base64"},
        }
    ).encode()


_WORDS = [
    b'{"__type__": "decimal", "__value__": "1"}',
    b'"headers": {',
    b'["',
    b"NaN",
    b"Infinity",
    b'"\\ud800"',
    b"1E400",
]


@target(seeds=[_message()], refuses=(EntryError, MessageRefusedError), words=_WORDS, largest=1 << 20, bend=bent_json)
def message(data: bytes) -> None:
    """Read an entry as a worker does: its shape, its body, its signature."""
    found = read(data)
    if well_formed(found):
        verify(_KEYS, found["headers"], read_body(found), queue=_QUEUE, now=_NOW)


@target(
    seeds=[json.dumps(_BODY).encode()],
    refuses=(EntryError, MessageRefusedError),
    words=_WORDS,
    largest=1 << 20,
    bend=bent_json,
)
def body(data: bytes) -> None:
    """Read a body of a message that has the shape of ours."""
    found = json.loads(_message())
    found["body"] = base64.b64encode(data).decode()
    verify(_KEYS, found["headers"], read_body(found), queue=_QUEUE, now=_NOW)
