"""How many runs ended in each way, and how long they took: counted once each, in passing.

Metrics are asked for every few seconds; the history that they are about may hold millions of runs. So each run is
counted once, after its end, by the index on ends and a bounded number at a time; whoever asks reads a few rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, select, text, tuple_

from common.store.engine.dialect import insert, table_of
from common.store.schema.tables import Instant, RunRow, RunTallyRow, TalliedRow

BUCKETS = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Upper bounds in seconds."""
LONGER = "+Inf"
MOST = 2_000
"""Runs counted in one go."""
LAG = timedelta(minutes=1)
"""Only what ended longer ago is counted: a transaction that dates an end may be committed after a later one."""
_ONLY = 1
_RUN = table_of(RunRow).c
ENDED = (
    select(_RUN.ended_at, _RUN.id, _RUN.outcome, _RUN.trigger, _RUN.started_at)
    .where(
        text("ended_at IS NOT NULL"),
        tuple_(_RUN.ended_at, _RUN.id) > tuple_(bindparam("ended_at", type_=Instant()), bindparam("id")),
        _RUN.ended_at <= bindparam("until", type_=Instant()),
    )
    .order_by(_RUN.ended_at, _RUN.id)
    .limit(MOST)
)


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

    def add(self, took: timedelta | None) -> None:
        """Count one more."""
        self.runs += 1
        if took is None:
            return
        seconds = took.total_seconds()
        self.seconds += seconds
        bucket = next((f"{bound:g}" for bound in BUCKETS if seconds <= bound), LONGER)
        self.within[bucket] = self.within.get(bucket, 0) + 1


def count_ended(connection: Connection, *, now: datetime) -> int:
    """Count the runs that ended since the last call, ``MOST`` at most; return how many.

    Counting begins with the first call: what lies before it is history.

    Args:
        connection: of a writing transaction of the leading scheduler, the only one that counts.
        now: by the database's clock.
    """
    last = connection.execute(select(TalliedRow.ended_at, TalliedRow.run_id).with_for_update()).one_or_none()
    if last is None:
        _remember(connection, now - LAG, "")
        return 0
    rows = connection.execute(ENDED, {"ended_at": last.ended_at, "id": last.run_id, "until": now - LAG}).all()
    if not rows:
        return 0
    known = {(one.outcome, one.trigger): one for one in totals(connection)}
    changed: dict[tuple[str, str], Tally] = {}
    for ended_at, _, outcome, trigger, started_at in rows:
        key = (outcome, trigger)
        tally = changed.setdefault(key, known.get(key) or Tally(outcome, trigger))
        tally.add(None if started_at is None else ended_at - started_at)
    for tally in changed.values():
        _store(connection, tally)
    _remember(connection, rows[-1].ended_at, rows[-1].id)
    return len(rows)


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


def _remember(connection: Connection, ended_at: datetime, run_id: str) -> None:
    values = {"ended_at": ended_at, "run_id": run_id}
    statement = insert(connection, TalliedRow).values(id=_ONLY, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=[TalliedRow.id], set_=values))
