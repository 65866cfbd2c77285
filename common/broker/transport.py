"""Redis as kombu speaks it, but deaf to what is no message of ours: one such entry must not end a worker.

Celery trusts the shape of what lies in its queues: an entry that is no JSON, or a header of another type, ends the
process that takes it, and ends it again after every restart. Whoever can write to the broker could stop the fleet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as base
from redis.exceptions import ConnectionError as RedisConnectionError

from common.broker.errors import Why

_ALIASES = ("redis", "rediss", "redis+socket")
_NOT_OURS = ("pidbox", "celeryev")
"""Queues of Celery's own inspection and events, which carry no tasks."""


class _Ear:
    """Who is told about what comes off queues, and whether anything is to come; one for the process."""

    judged: Callable[[Why], None] = staticmethod(lambda _why: None)
    heard: Callable[[], None] = staticmethod(lambda: None)
    closed = False


def report_to(judged: Callable[[Why], None], heard: Callable[[], None]) -> None:
    """Name who is told what happens here.

    Args:
        judged: told why, whenever an entry of a queue is dropped.
        heard: called whenever the broker answers a question for work, at least once a second while there is room.
    """
    _Ear.judged, _Ear.heard = staticmethod(judged), staticmethod(heard)


def take_nothing() -> None:
    """Ask the broker for no more work, until ``take_again``; from any thread."""
    _Ear.closed = True


def take_again() -> None:
    """Ask the broker for work as long as there is room."""
    _Ear.closed = False


def install() -> None:
    """Make this the transport of every Redis URL in this process."""
    for alias in _ALIASES:
        TRANSPORT_ALIASES[alias] = f"{__name__}:Transport"


class QoS(base.QoS):
    """Says whether there is room for another message."""

    def can_consume(self) -> bool:
        """Return whether one may be asked for."""
        return not _Ear.closed and bool(super().can_consume())  # type: ignore[no-untyped-call]  # kombu is untyped


class Channel(base.Channel):
    """Takes entries off queues."""

    QoS = QoS

    def _brpop_read(self, **options: Any) -> Any:
        try:
            taken = super()._brpop_read(**options)  # type: ignore[no-untyped-call]  # kombu is untyped
        except Empty:
            _Ear.heard()
            raise
        except ValueError:  # neither JSON nor UTF-8; it has left the queue by now
            _Ear.judged(Why.UNREADABLE)
            taken = True
        _Ear.heard()
        return taken

    def _connparams(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002 - kombu's signature
        # After an outage kombu closes channels of a connection that is closed already, and to give back what was not
        # acknowledged opens another, of nothing: an AttributeError, which ends the worker. This is what it expects.
        if self.connection is None or self.connection.client is None:
            message = "the connection was closed"
            raise RedisConnectionError(message)
        return super()._connparams(asynchronous=asynchronous)  # type: ignore[no-untyped-call]  # kombu is untyped


class Transport(base.Transport):
    """Hands on to Celery what it can bear."""

    Channel = Channel

    def _deliver(self, message: Any, queue: str) -> None:
        if any(word in queue for word in _NOT_OURS) or well_formed(message):
            super()._deliver(message, queue)  # type: ignore[no-untyped-call]  # kombu is untyped
        else:
            _Ear.judged(Why.UNREADABLE)


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


def _plain(headers: Mapping[Any, Any]) -> bool:
    """Whether headers that the signature does not cover hold what we send, and nothing that could do harm."""
    unused = ("compression", "expires", "group", "shadow", "stamps", "stamped_headers", "replaced_task_nesting")
    return (
        not any(headers.get(name) for name in unused)
        and isinstance(headers.get("eta"), str | None)
        and type(headers.get("retries", 0)) is int
        and headers.get("timelimit") in (None, [None, None])
    )
