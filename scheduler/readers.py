"""Who listens to events in the scheduler: the table of readers. To add one: its class, and ``register``."""

from __future__ import annotations

from common.store.events.readers import EventReader
from common.store.queue.tallies import RunTallies

_READERS: dict[str, EventReader] = {}


def register(reader: EventReader) -> None:
    """Add a reader behind those that are here; one that fails keeps none of the others from its events.

    Raises:
        ValueError: there is one of that name, which is the name of its place in the events.
    """
    if reader.name in _READERS:
        message = f"there is a reader of events {reader.name!r} already"
        raise ValueError(message)
    _READERS[reader.name] = reader


def readers() -> tuple[EventReader, ...]:
    """Return every reader, in the order in which they are called."""
    return tuple(_READERS.values())


register(RunTallies())
