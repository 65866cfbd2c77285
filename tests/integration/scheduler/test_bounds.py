"""However much is due, the broker stays shallow: counted in a real Redis, filled by the real dispatcher and worker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update

from common.broker import messages
from common.broker.app import FlotillaCelery, make_celery
from common.broker.sender import CelerySender
from common.db import runs
from common.db.runs import NewRun
from common.db.session import Database
from common.db.tables import PlacementRow, RunRow
from common.domain.refs import PlacementRef, Revision, RunId
from common.domain.runs import PARKED_PER_SLOT, Trigger
from common.settings import Settings
from scheduler.loop.dispatch import Dispatcher
from scheduler.planning.window import SENT_PER_SLOT
from tests.fixtures.redis import RedisServer
from tests.integration.scheduler.harness import AWAY, AwayError, Steps
from tests.unit.registry import texts
from workers.record.endings import Ender

CLUSTERS = 1_000
SLOTS = 16
FLEET = {
    "fleet.yaml": texts.FLEET,
    "clusters.yaml": texts.documents(*[texts.cluster(f"k{number}") for number in range(CLUSTERS)]),
}
REVISION = Revision("a" * 64, "b" * 64, "c" * 40)
QUEUE = "default"


class Hub(Steps):
    """A scheduler whose messages go to a real Redis."""

    def __init__(self, database: Database, redis_server: RedisServer, home: Path) -> None:
        super().__init__(database, FLEET)
        redis_server.flush()
        self.redis = redis_server
        self.app: FlotillaCelery = make_celery(Settings(home=home, broker_url=redis_server.url))
        self.dispatcher = Dispatcher(database, CelerySender(self.app), self.snapshots)
        self.look()
        self.workers(SLOTS)

    def lying(self) -> int:
        """Return how many messages of runs Redis holds, in whatever list."""
        found = 0
        with self.redis.client() as client:
            for key in client.keys():
                if client.type(key) == b"list":
                    entries = client.lrange(key, 0, -1)
                    found += sum(json.loads(entry)["headers"]["task"] == messages.SYNC for entry in entries)
        return found

    def queue(self, count: int, *, first: int = 0) -> None:
        """Give ``count`` placements a run that is due, ten thousand in a transaction."""
        for base in range(first, first + count, 10_000):
            numbers = range(base, min(base + 10_000, first + count))
            names = [(f"k{number % CLUSTERS}", f"a{number // CLUSTERS}") for number in numbers]
            rows = [{"cluster": c, "application": a, "mark": "m" * 20, "state": "placed"} for c, a in names]
            with self.db.write() as connection:
                ids = connection.execute(
                    insert(PlacementRow).returning(PlacementRow.id, sort_by_parameter_order=True), rows
                ).scalars()
                made = [
                    NewRun(id_, PlacementRef(*name), Trigger.REVISION, "flotilla", "t", QUEUE, REVISION, None, 1)
                    for id_, name in zip(ids, names, strict=True)
                ]
                runs.create_many(connection, made, now=self.db.now(connection))


@pytest.fixture
def hub(postgres_database: Database, redis_server: RedisServer, tmp_path: Path) -> Iterator[Hub]:
    made = Hub(postgres_database, redis_server, tmp_path / "home")
    yield made
    made.app.close()


def test_of_a_hundred_thousand_due_runs_the_broker_holds_no_more_than_its_window(hub: Hub) -> None:
    hub.queue(100_000)
    for _ in range(4):
        hub.workers(SLOTS)
        hub.dispatcher.tick()
    assert hub.lying() == SENT_PER_SLOT * SLOTS
    with hub.db.read() as connection:
        sent = select(func.count()).where(RunRow.sent_at.is_not(None))
        assert connection.execute(sent).scalar_one() == SENT_PER_SLOT * SLOTS


def test_of_ten_thousand_retrying_runs_it_holds_no_more_than_the_parking_bound_and_the_window(hub: Hub) -> None:
    places = PARKED_PER_SLOT * SLOTS
    hub.queue(places + 40)
    assert _fail_all(hub) == places, "those beyond the bound wait in SQL"
    assert hub.lying() == places
    hub.queue(10_000 - places - 40, first=20_000)
    with hub.db.write() as connection:  # all others are retries that have fallen due meanwhile
        now = hub.db.now(connection)
        others = update(RunRow).where(RunRow.sent_at.is_(None))
        connection.execute(others.values(retries=1, attempts=1, not_before=now - timedelta(seconds=1)))
    for _ in range(4):
        hub.workers(SLOTS)
        hub.dispatcher.tick()
    assert hub.lying() == places + SENT_PER_SLOT * SLOTS


def _fail_all(hub: Hub) -> int:
    """Have a transient error end the first attempt of every run; return how many were left as countdowns."""
    with hub.db.read() as connection:
        ids = [RunId(id_) for id_ in connection.execute(select(RunRow.id).order_by(RunRow.id)).scalars()]
    parked = 0
    for id_ in ids:
        ender = Ender(hub.db, hub.claim(id_))
        ender.transient(AwayError(AWAY))
        if ender.countdown is not None:
            assert ender.countdown > timedelta(0)
            # What a task's retry does.
            seconds = ender.countdown.total_seconds()
            hub.app.send_task(messages.SYNC, [id_], queue=QUEUE, countdown=seconds)
            parked += 1
    return parked
