"""Reads what is in the broker, whoever wrote it: its size and depth are known before anything is built of it.

JSON that nests deeper than Python's stack does not fail where it is read only, but wherever it is looked at again: when
it is kept as unacknowledged, when its headers are signed, when it is printed.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from common.domain.codes import MessageReason

LARGEST = 256 << 10
"""Characters; a message of ours has about 1,500, an answer to Flower's questions some thousands."""
DEEPEST = 16
"""Levels; ours have 5."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


class EntryError(ValueError):
    """An entry of the broker that is not read.

    Attributes:
        why: it is refused.
    """

    def __init__(self, why: MessageReason) -> None:
        super().__init__(why.value)
        self.why = why


def read(entry: str | bytes) -> Any:
    """Return the JSON value that an entry holds.

    Raises:
        EntryError: it is larger or deeper than anything of ours, or no JSON.
    """
    if len(entry) > LARGEST:
        raise EntryError(MessageReason.BOUNDS)
    try:
        text = entry.decode() if isinstance(entry, bytes) else entry
        _check_depth(text)
        return json.loads(text)  # not by kombu, which makes objects of what is marked as such
    except EntryError:
        raise
    except ValueError as error:
        raise EntryError(MessageReason.UNREADABLE) from error


def read_body(message: Mapping[str, Any]) -> Any:
    """Return the value that the body of a well-formed message holds.

    Raises:
        EntryError: as ``read``, or it is no base64.
    """
    try:
        content = base64.b64decode(message["body"])
    except ValueError as error:
        raise EntryError(MessageReason.UNREADABLE) from error
    return read(content)


def well_formed(message: Any) -> bool:
    """Return whether a task message has the shape of those that we send; says nothing of who sent it."""
    match message:
        case {
            "body": str(),
            "content-type": "application/json",
            "content-encoding": "utf-8",
            "headers": {"task": str(), "id": str(), **headers},
            "properties": {
                "delivery_tag": str(),
                "delivery_info": {"exchange": "", "routing_key": str()},
                "body_encoding": "base64",
            },
        }:
            return _plain(headers)
    return False


def _check_depth(text: str) -> None:
    depth = 0
    for token in _TOKEN.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth > DEEPEST:
                raise EntryError(MessageReason.BOUNDS)
        elif token[0] in "]}":
            depth -= 1


def _plain(headers: Mapping[Any, Any]) -> bool:
    """Whether headers that the signature does not cover hold what we send, and nothing that could do harm."""
    unused = ("compression", "expires", "group", "shadow", "stamps", "stamped_headers", "replaced_task_nesting")
    return (
        not any(headers.get(name) for name in unused)
        and isinstance(headers.get("eta"), str | None)
        and type(headers.get("retries", 0)) is int
        and headers.get("timelimit") in (None, [None, None])
    )
