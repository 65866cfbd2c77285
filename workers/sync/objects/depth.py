"""Decodes what a cluster sent into mappings, unless it nests so deep that walking through it would fail."""

from __future__ import annotations

import re
from array import array
from itertools import accumulate
from typing import Any

import orjson

from workers.sync.errors import GarbageError

DEEPEST = 256
"""Levels of nesting. The schema of a large CustomResourceDefinition has some 60."""
_OPENERS = b"{["
_SEPARATORS = b"{[,"
_OTHERS = bytes(each for each in range(256) if each not in b'{}[],"')
_STEPS = bytes.maketrans(b"{[}]", b"\x01\x01\xff\xff")
_TEXT = re.compile(rb'"[^"]*"')


def mapping(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in ``raw``, decoded anew, so that the caller may change it.

    Raises:
        GarbageError: it is none, or nests too deep.
    """
    check_depth(raw)
    try:
        decoded = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        message = "a part of an object that the cluster sent is no JSON"
        raise GarbageError(message) from error
    if not isinstance(decoded, dict):
        message = "the cluster sent something else where an object belongs"
        raise GarbageError(message)
    return decoded


def check_depth(raw: bytes) -> None:
    """Return if JSON does not nest too deep.

    Raises:
        GarbageError: it does.
    """
    if sum(raw.count(opener) for opener in _OPENERS) > DEEPEST and depth(raw) > DEEPEST:
        message = f"the cluster sent an object that nests deeper than {DEEPEST} levels"
        raise GarbageError(message)


def structure(raw: bytes) -> bytes:
    """Return the brackets and commas of valid JSON without those in its texts, in time linear in its size."""
    return _TEXT.sub(b"", raw.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _OTHERS))


def values(raw: bytes) -> int:
    """Return a bound of the number of values in JSON: each stands behind a comma or a bracket."""
    return sum(raw.count(separator) for separator in _SEPARATORS)


def depth(raw: bytes) -> int:
    """Return how deep valid JSON nests, in time linear in its size."""
    return max(accumulate(array("b", structure(raw).translate(_STEPS, b","))), default=0)
