"""What metrics tell beside the summary and the way the work goes; every statement is bounded or by an index."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from common.domain.work import WorkerState
from common.store.queue import tallies, workers
from common.store.queue.tallies import Tally
from common.store.reads.work import QueueDepth, depths
from common.store.schema.tables import SourceRow


@dataclass(frozen=True, slots=True)
class Gauges:
    """Numbers of one instant.

    Attributes:
        sources: followed ones, by whether they can be read: ``readable``, ``failing``, ``new``.
        oldest_source: when the one that was not read for the longest was last read; None where none ever was.
        tallies: of runs that ended.
    """

    workers: tuple[WorkerState, ...]
    queues: tuple[QueueDepth, ...]
    sources: Counter[str]
    oldest_source: datetime | None
    tallies: tuple[Tally, ...]


def gauges(connection: Connection, *, now: datetime) -> Gauges:
    """Return the numbers as they are now."""
    failing = SourceRow.error_code != ""
    query = select(failing, SourceRow.checked_at.is_(None), func.count(), func.min(SourceRow.checked_at))
    grouped = query.where(SourceRow.used).group_by(failing, SourceRow.checked_at.is_(None))
    sources: Counter[str] = Counter(readable=0, failing=0, new=0)
    oldest: list[datetime] = []
    for fails, never, count, checked_at in connection.execute(grouped):
        sources["failing" if fails else "new" if never else "readable"] += count
        oldest += [checked_at] if checked_at is not None else []
    return Gauges(
        workers=workers.states(connection, now=now),
        queues=depths(connection, now=now),
        sources=sources,
        oldest_source=min(oldest, default=None),
        tallies=tallies.totals(connection),
    )
