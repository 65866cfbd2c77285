"""How much an answer of a cluster would become in memory, told before it is decoded."""

from __future__ import annotations

from workers.sync.errors import AnswerTooLargeError
from workers.sync.objects.depth import structure, values

MOST_VALUES = 2_000_000
"""Values in one answer: a page of 500 pods has half a million. Each becomes 100 bytes or so."""
_LIGHT = 1024 * 1024
"""Bytes below which nothing is counted: what they can become is bounded by their number."""


def weighed(body: bytes, what: str) -> bytes:
    """Return ``body`` if decoding it is cheap enough.

    Args:
        body: of an answer.
        what: the request, for messages.

    Raises:
        AnswerTooLargeError: it holds too many values.
    """
    if len(body) > _LIGHT and values(body) > MOST_VALUES and values(structure(body)) > MOST_VALUES:
        raise AnswerTooLargeError(what, f"more than {MOST_VALUES:,} values in one answer")
    return body
