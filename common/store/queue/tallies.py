"""How many runs ended in each way, and how long they took: counted once each, in passing.

Metrics are asked for every few seconds; the history that they are about may hold millions of runs. So each run is
counted when its end is told, in the transaction that moves the reader's cursor; whoever asks reads a few rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from common.domain.events import Event, EventKind
from common.store.engine.dialect import insert
from common.store.schema.tables import RunTallyRow

BUCKETS = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Upper bounds in seconds."""
LONGER = "+Inf"


@dataclass(slots=True)
class Tally:
    """Runs of one trigger that ended in one way.

    Attributes:
        runs: how many.
        seconds: what those took together that anybody claimed, from the first claim to the end.
        within: how many of these took no longer than each bound, and longer than the one before.
    """

    outcome: str
    trigger: str
    runs: int = 0
    seconds: float = 0.0
    within: dict[str, int] = field(default_factory=dict)

    def add(self, seconds: float | None) -> None:
        """Count one more; None where it was never claimed."""
        self.runs += 1
        if seconds is None:
            return
        self.seconds += seconds
        bucket = next((f"{bound:g}" for bound in BUCKETS if seconds <= bound), LONGER)
        self.within[bucket] = self.within.get(bucket, 0) + 1


class RunTallies:
    """Counts the runs whose end is told. Counting begins with the first call: what is before it is history."""

    name = "tallies"
    kinds = (EventKind.RUN_ENDED,)

    def take(self, connection: Connection, events: Sequence[Event], *, now: datetime) -> None:  # noqa: ARG002 - the protocol's signature
        """Count the runs that ended."""
        known = {(one.outcome, one.trigger): one for one in totals(connection)}
        changed: dict[tuple[str, str], Tally] = {}
        for event in events:
            key = (str(event.params["outcome"]), str(event.params["trigger"]))
            seconds = event.params["seconds"]
            tally = changed.setdefault(key, known.get(key) or Tally(*key))
            tally.add(None if seconds is None else float(seconds))
        for tally in changed.values():
            _store(connection, tally)


def totals(connection: Connection) -> tuple[Tally, ...]:
    """Return all that was counted, by outcome and trigger."""
    query = select(*RunTallyRow.__table__.c).order_by(RunTallyRow.outcome, RunTallyRow.trigger)
    return tuple(
        Tally(row.outcome, row.trigger, row.runs, row.seconds, dict(row.within)) for row in connection.execute(query)
    )


def _store(connection: Connection, tally: Tally) -> None:
    counted: Mapping[str, Any] = {"runs": tally.runs, "seconds": tally.seconds, "within": tally.within}
    statement = insert(connection, RunTallyRow).values(outcome=tally.outcome, trigger=tally.trigger, **counted)
    key = [RunTallyRow.outcome, RunTallyRow.trigger]
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=dict(counted)))
