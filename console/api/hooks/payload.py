"""The payload of a proved webhook: JSON, plain or in a form, decoded within a budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

from console.api.hooks.errors import HookUnreadableError

_FORM = b"payload="
_MOST_PARTS = 400_000
"""Opening brackets and commas: what decides how much memory a decoded body takes."""


def payload(body: bytes) -> Mapping[str, Any]:
    """Return what a body holds: a JSON object, or a form with one in its field ``payload``.

    The body itself says which: what a header says of it is not signed.

    Raises:
        HookUnreadableError: it holds something else, or too many parts.
    """
    if body.startswith(_FORM):
        body = _field(body)
    if sum(body.count(mark) for mark in (b"{", b"[", b",")) > _MOST_PARTS:
        message = "the payload has too many parts"
        raise HookUnreadableError(message)
    try:
        found = orjson.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        message = "the payload is no JSON object"
        raise HookUnreadableError(message, remedy="have the server send JSON")
    return found


def _field(body: bytes) -> bytes:
    try:
        fields = parse_qsl(body, max_num_fields=8)
    except ValueError:
        fields = []
    return next((value for name, value in fields if name == b"payload"), b"")
