"""Redis as kombu speaks it, but dropping what is no message of ours: one such entry must not end a worker.

Celery trusts the shape of what is in its queues: an entry that is no JSON, or a header of another type, ends the
process that takes it, and ends it again after every restart. Whoever can write to the broker could stop the fleet. So
all that kombu reads from Redis passes ``common.broker.reading`` first, and whatever fails on the way to Celery is a
refused message.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as base
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from common.broker.reading import EntryError, read, well_formed
from common.domain.codes import MessageReason

_ALIASES = ("redis", "rediss", "redis+socket")
_NOT_OURS = ("pidbox", "celeryev")
"""Queues of Celery's own inspection and events, which carry no tasks."""


class _Listener:
    """Who is told about what comes off queues, and whether anything is to come; one for the process."""

    refused: Callable[[MessageReason], None] = staticmethod(lambda _why: None)
    answered: Callable[[], None] = staticmethod(lambda: None)
    closed = False


def report_to(refused: Callable[[MessageReason], None], answered: Callable[[], None]) -> None:
    """Name who is told what happens here.

    Args:
        refused: told why, whenever an entry of a queue is dropped.
        answered: called whenever the broker answers a question for work, at least once a second while there is room.
    """
    _Listener.refused, _Listener.answered = staticmethod(refused), staticmethod(answered)


def take_nothing() -> None:
    """Ask the broker for no more work, until ``take_again``; from any thread."""
    _Listener.closed = True


def take_again() -> None:
    """Ask the broker for work as long as there is room."""
    _Listener.closed = False


def install() -> None:
    """Make this the transport of every Redis URL in this process."""
    for alias in _ALIASES:
        TRANSPORT_ALIASES[alias] = f"{__name__}:Transport"
    # The one function by which kombu reads queues, broadcasts and what was not acknowledged.
    setattr(base, "loads", read)  # noqa: B010 - its name is not exported


class QoS(base.QoS):
    """Says whether there is room for another message."""

    def can_consume(self) -> bool:
        """Return whether one may be asked for."""
        return not _Listener.closed and bool(super().can_consume())  # type: ignore[no-untyped-call]  # kombu is untyped

    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:  # noqa: FBT001, FBT002 - kombu's signature
        """Give back to its queue what was not acknowledged; what cannot be read is dropped: it holds up the rest."""
        try:
            super().restore_by_tag(tag, client=client, leftmost=leftmost)  # type: ignore[no-untyped-call]  # kombu is untyped
        except (RedisError, OSError):
            raise
        except Exception as error:
            _Listener.refused(_why(error))
            self._remove_from_indices(tag).execute()  # type: ignore[no-untyped-call]  # kombu is untyped


class Channel(base.Channel):
    """Takes entries off queues."""

    QoS = QoS

    def _brpop_read(self, **options: Any) -> Any:
        try:
            taken = super()._brpop_read(**options)  # type: ignore[no-untyped-call]  # kombu is untyped
        except Empty:
            _Listener.answered()
            raise
        except ValueError as error:  # not read at all; it has left the queue by now
            _Listener.refused(_why(error))
            taken = True
        _Listener.answered()
        return taken

    def _connparams(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002 - kombu's signature
        # After an outage kombu closes channels of a connection that is closed already, and to give back what was not
        # acknowledged opens another, of nothing: an AttributeError, which ends the worker. This is what it expects.
        if self.connection is None or self.connection.client is None:
            message = "the connection was closed"
            raise RedisConnectionError(message)
        return super()._connparams(asynchronous=asynchronous)  # type: ignore[no-untyped-call]  # kombu is untyped


class Transport(base.Transport):
    """Gives Celery only what it can take."""

    Channel = Channel

    def _deliver(self, message: Any, queue: str) -> None:
        try:
            if any(word in queue for word in _NOT_OURS) or well_formed(message):
                super()._deliver(message, queue)  # type: ignore[no-untyped-call]  # kombu is untyped
            else:
                _Listener.refused(MessageReason.UNREADABLE)
        except (*self.connection_errors, *self.channel_errors, RedisError, OSError):
            raise
        except Exception as error:  # whatever a stranger wrote must not end the worker
            _Listener.refused(_why(error))


def _why(error: Exception) -> MessageReason:
    return error.why if isinstance(error, EntryError) else MessageReason.UNREADABLE
