"""Who listens to events in the scheduler: a new reader is one entry here."""

from __future__ import annotations

from common.store.events.readers import EventReader
from common.store.queue.tallies import RunTallies

READERS: tuple[EventReader, ...] = (RunTallies(),)
"""Called one after another; one that fails keeps none of the others from its events."""
