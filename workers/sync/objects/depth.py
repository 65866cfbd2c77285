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
_OPENING, _CLOSING = (b"{", b"["), (b"}", b"]")
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[][{}]', re.DOTALL)
_TEXT = re.compile(rb'"[^"]*"')


def mapping(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in ``raw``, decoded again, so that the caller may change it.

    Raises:
        GarbageError: it is none, or nests too deep.
    """
    check_depth(raw)
    return _decoded(raw)


def shallow(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in ``raw`` as ``mapping`` does, but what nests too deep in it is empty.

    For a LIST: one object that nobody can read to its end keeps nobody from reading the others.
    """
    return _decoded(trimmed(raw, DEEPEST))


def _decoded(raw: bytes) -> dict[str, Any]:
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
    if _nests_beyond(raw, DEEPEST):
        message = f"the cluster sent an object that nests deeper than {DEEPEST} levels"
        raise GarbageError(message)


def _nests_beyond(raw: bytes, levels: int) -> bool:
    """Return whether valid JSON nests deeper; the brackets are counted first, which most of it needs no more than."""
    return sum(raw.count(opener) for opener in _OPENERS) > levels and depth(raw) > levels


def trimmed(raw: bytes, deepest: int = DEEPEST + 2) -> bytes:
    """Return JSON without what is in its objects and lists at level ``deepest``, in time linear in its size.

    Args:
        raw: valid JSON.
        deepest: from 1; an item of a LIST begins at the third level.
    """
    if not _nests_beyond(raw, deepest):
        return raw
    kept, begins, level = [], 0, 0
    for token in _TOKENS.finditer(raw):
        if token[0] in _OPENING:
            level += 1
            if level == deepest:
                kept.append(raw[begins : token.end()])
        elif token[0] in _CLOSING:
            if level == deepest:
                begins = token.start()
            level -= 1
    return b"".join((*kept, raw[begins:]))


def structure(raw: bytes) -> bytes:
    """Return the brackets and commas of valid JSON without those in its texts, in time linear in its size."""
    return _TEXT.sub(b"", raw.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _OTHERS))


def values(raw: bytes) -> int:
    """Return a bound of the number of values in JSON: each stands behind a comma or a bracket."""
    return sum(raw.count(separator) for separator in _SEPARATORS)


def depth(raw: bytes) -> int:
    """Return how deep valid JSON nests, in time linear in its size."""
    return max(accumulate(array("b", structure(raw).translate(_STEPS, b","))), default=0)
