"""Faults on request: what a cluster does wrong, how often, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class FaultKind(StrEnum):
    """The ways in which a cluster can misbehave."""

    REFUSE = "refuse"
    """The connection is closed without an answer."""
    HANG = "hang"
    """No answer, ever; the connection stays open."""
    SLOW = "slow"
    """The right answer, late."""
    THROTTLE = "throttle"
    """429 with Retry-After."""
    ERROR = "error"
    """500."""
    UNAVAILABLE = "unavailable"
    """503 with Retry-After, as while it shuts down."""
    UNAUTHORIZED = "unauthorized"
    """401, as with an expired token."""
    FORBIDDEN = "forbidden"
    """403."""
    DROP = "drop"
    """The connection breaks after some bytes of the answer."""
    GARBAGE = "garbage"
    """200 with a body that is no JSON."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one cluster.

    Attributes:
        kind: what goes wrong.
        delay: of ``slow``.
        retry_after: of ``throttle`` and ``unavailable``.
        after_bytes: of ``drop``: bytes of the body that still arrive.
        percent: share of requests it strikes, 1 to 100.
        skip: requests that it still lets pass before it strikes.
        count: requests it still strikes; None for no end.
        until: when it ends; None for no end.
        methods: HTTP methods it strikes; empty for all.
    """

    kind: FaultKind
    delay: timedelta = timedelta(seconds=1)
    retry_after: timedelta = timedelta(seconds=1)
    after_bytes: int = 10
    percent: int = 100
    skip: int = 0
    count: int | None = None
    until: datetime | None = None
    methods: frozenset[str] = frozenset()

    def strikes(self, method: str, *, draw: float, now: datetime) -> bool:
        """Say whether this request is struck.

        Args:
            method: of the request, in capitals.
            now: the current instant, aware.
            draw: uniform in [0, 1), drawn by the caller.
        """
        if self.methods and method not in self.methods:
            return False
        return not self.over(now) and draw * 100 < self.percent

    def over(self, now: datetime) -> bool:
        """Say whether it has ended."""
        return self.count == 0 or (self.until is not None and now >= self.until)

    def spent(self) -> Fault:
        """Return the fault after it struck, or let pass, one request."""
        if self.skip:
            return replace(self, skip=self.skip - 1)
        return self if self.count is None else replace(self, count=self.count - 1)


def parse_fault(document: Mapping[str, Any], *, now: datetime) -> Fault:
    """Return the fault that an admin request describes.

    The members are ``kind``, ``delayMs``, ``retryAfterSeconds``, ``afterBytes``, ``percent``, ``skip``,
    ``count``, ``durationMs`` and ``methods``; all but the first are optional.

    Raises:
        ValueError: a member is unknown or out of range.
    """
    known = {"kind", "delayMs", "retryAfterSeconds", "afterBytes", "percent", "skip"}
    known |= {"count", "durationMs", "methods"}
    strange = sorted(set(document) - known)
    if strange:
        message = f"unknown members {strange}; known are {sorted(known)}"
        raise ValueError(message)
    percent = int(document.get("percent", 100))
    if not 1 <= percent <= 100:
        message = f"percent is {percent}, not within 1 and 100"
        raise ValueError(message)
    duration = document.get("durationMs")
    return Fault(
        kind=FaultKind(document.get("kind", "")),
        delay=timedelta(milliseconds=int(document.get("delayMs", 1000))),
        retry_after=timedelta(seconds=int(document.get("retryAfterSeconds", 1))),
        after_bytes=int(document.get("afterBytes", 10)),
        percent=percent,
        skip=int(document.get("skip", 0)),
        count=None if document.get("count") is None else int(document["count"]),
        until=None if duration is None else now + timedelta(milliseconds=int(duration)),
        methods=frozenset(str(each).upper() for each in document.get("methods", ())),
    )
