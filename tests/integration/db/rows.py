"""Short ways to a placement, a run and a claimed run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, insert, select

from common.domain.refs import PlacementRef, RunId
from common.domain.runs import Trigger
from common.domain.status import NONE
from common.store.engine.session import Database
from common.store.queue import runs
from common.store.schema.tables import AttemptRow, OpenRunRow, PlacementRow, RunRow, WorkerRow
from tests.factories import revision

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE = timedelta(seconds=20)
SECOND = timedelta(seconds=1)
REVISION = revision()


def add_placements(connection: Connection, *refs: str) -> list[int]:
    """Add placements by name (``cluster/application``) and return their ids, in order."""
    rows = []
    for text in refs:
        ref = PlacementRef.parse(text)
        rows.append({"cluster": ref.cluster, "application": ref.application, "state": "placed", "mark": ref.mark("f")})
    made = insert(PlacementRow).returning(PlacementRow.id, sort_by_parameter_order=True)
    return list(connection.execute(made, rows).scalars())


def new_run(placement_id: int, ref: str, *, trigger: Trigger = Trigger.REVISION, queue: str = "default") -> runs.NewRun:
    """Return a run to be made."""
    return runs.NewRun(
        placement_id, PlacementRef.parse(ref), trigger, "flotilla", NONE, queue, REVISION, None, 1, project=""
    )


def queued(database: Database, ref: str = "eu/web", *, now: datetime = NOW) -> RunId:
    """Add a placement with a queued run."""
    with database.write() as connection:
        (placement,) = add_placements(connection, ref)
        made = runs.create(connection, new_run(placement, ref), now=now)
    assert made is not None
    return made


def claimed(database: Database, ref: str = "eu/web", *, worker: str = "w1", now: datetime = NOW) -> runs.ClaimedRun:
    """Add a placement with a run that ``worker`` has just claimed."""
    run = queued(database, ref, now=now)
    with database.write() as connection:
        found = runs.claim(connection, run, worker=worker, lease=LEASE, now=now)
    assert found is not None
    return found


def run_id(number: int) -> RunId:
    """Return an id for a run that nobody made."""
    return RunId(f"01990000-0000-7000-8000-{number:012}")


def run_row(database: Database, run: str) -> dict[str, object]:
    """Return a run's columns; of one that is open as it stands, with its ``state``."""
    with database.read() as connection:
        return whole_row(connection, run)


def whole_row(connection: Connection, run: str) -> dict[str, object]:
    """Return a run's columns; of one that is open as it stands, with its ``state``."""
    decided = connection.execute(select(RunRow.__table__).where(RunRow.id == run)).mappings().one()
    stands = connection.execute(select(OpenRunRow.__table__).where(OpenRunRow.run_id == run)).mappings().one_or_none()
    assert (stands is None) == (decided["outcome"] is not None), "a run is open until it has an outcome"
    return {**decided, "state": "ended", "sent_at": None} if stands is None else {**decided, **stands}


def attempt_rows(database: Database, run: RunId) -> list[dict[str, object]]:
    """Return the columns of a run's attempts, in order."""
    query = select(AttemptRow.__table__).where(AttemptRow.run_id == run).order_by(AttemptRow.number)
    with database.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def heartbeat(database: Database, worker: str, *, started: datetime, seen: datetime) -> None:
    """Add a worker process that has been seen."""
    row = {"name": worker, "queues": ["default"], "slots": 8, "started_at": started, "seen_at": seen}
    with database.write() as connection:
        connection.execute(insert(WorkerRow).values(row))
