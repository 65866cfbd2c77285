"""A scheduler whose messages go to a real Redis, with as many runs as one likes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, text, update

from common.broker import messages
from common.broker.app import FlotillaCelery, make_celery
from common.broker.sender import CelerySender
from common.domain.errors import TransientError
from common.domain.refs import PlacementRef, RunId
from common.domain.runs import PARKED_PER_SLOT, Trigger
from common.domain.status import NONE
from common.settings import Settings
from common.store.engine.session import Database
from common.store.queue import runs
from common.store.queue.runs import NewRun
from common.store.schema.tables import Base, OpenRunRow, PlacementRow
from scheduler.loop.dispatch import Dispatcher
from scheduler.planning.window import SENT_PER_SLOT
from tests.factories import revision
from tests.fixtures.redis import RedisServer
from tests.harness import texts
from tests.harness.scheduler import AWAY, AwayError, Steps
from workers.record.endings import Done, Ender

CLUSTERS = 250
SLOTS = 16
WINDOW = SENT_PER_SLOT * SLOTS
PLACES = PARKED_PER_SLOT * SLOTS
QUEUE = "default"
FLEET = {
    "fleet.yaml": texts.FLEET,
    "clusters.yaml": texts.documents(*[texts.cluster(f"k{number}") for number in range(CLUSTERS)]),
}
REVISION = revision()
# As many copies of the first placement and of its run as are missing: through Python this takes a minute.
_GIVEN = [column.name for column in Base.metadata.tables["placements"].columns if column.computed is None]
_MORE_PLACEMENTS = f"""
INSERT INTO placements ({", ".join(_GIVEN)}) SELECT {", ".join(f"copy.{name}" for name in _GIVEN)}
  FROM generate_series(1, :count - 1) AS number,
  LATERAL (SELECT * FROM placements ORDER BY id LIMIT 1) AS one,
  LATERAL jsonb_populate_record(CAST(one AS placements), jsonb_build_object('id', one.id + number,
    'cluster', 'k' || number % :clusters, 'application', 'a' || number / :clusters)) AS copy
"""  # noqa: S608 - our own tables
# With the time of the first: only such an id lies in a month.
_MORE_RUNS = """
INSERT INTO runs SELECT copy.* FROM placements AS placement,
  LATERAL (SELECT * FROM runs LIMIT 1) AS one,
  LATERAL jsonb_populate_record(CAST(one AS runs), jsonb_build_object(
    'id', left(CAST(one.id AS text), 15) || substr(CAST(gen_random_uuid() AS text), 16),
    'placement_id', placement.id, 'cluster', placement.cluster, 'application', placement.application)) AS copy
  WHERE placement.id <> one.placement_id
"""
_MORE_OPEN_RUNS = """
INSERT INTO open_runs SELECT copy.* FROM runs AS run,
  LATERAL (SELECT * FROM open_runs LIMIT 1) AS one,
  LATERAL jsonb_populate_record(CAST(one AS open_runs), jsonb_build_object('run_id', run.id,
    'placement_id', run.placement_id, 'cluster', run.cluster, 'application', run.application)) AS copy
  WHERE run.id <> one.run_id
"""


class Hub(Steps):
    """A scheduler with a real Redis, and a test that plays its workers.

    Args:
        database: PostgreSQL, empty.
        redis_server: emptied here.
        home: for the keys.
    """

    def __init__(self, database: Database, redis_server: RedisServer, home: Path) -> None:
        super().__init__(database, FLEET)
        redis_server.flush()
        self.redis = redis_server
        self.app: FlotillaCelery = make_celery(Settings(home=home, broker_url=redis_server.url))
        self.sender = CelerySender(self.app)
        self.dispatcher = Dispatcher(database, self.sender, self.snapshots, self.clock)
        self.look()
        # From now on it knows the broker, and has sent all looks that there is room for.
        self.dispatch(1)
        with redis_server.client() as client:
            client.delete(QUEUE)

    # -- what lies there -----------------------------------------------------------------------------------------

    def queued(self) -> list[dict[str, Any]]:
        """Return the messages of runs that nobody has taken, the next one first."""
        with self.redis.client() as client:
            found = [json.loads(entry) for entry in reversed(client.lrange(QUEUE, 0, -1))]
        return [message for message in found if message["headers"]["task"] == messages.SYNC]

    def held(self) -> int:
        """Return how many messages of runs Redis holds: in any list, or taken and not acknowledged."""
        entries: list[bytes] = []
        with self.redis.client() as client:
            for key in client.keys():
                if client.type(key) == b"list":
                    entries += client.lrange(key, 0, -1)
            entries += client.hvals("unacked")
        return sum(messages.SYNC.encode() in entry for entry in entries)

    # -- what is done to it --------------------------------------------------------------------------------------

    def queue(self, count: int) -> None:
        """Have ``count`` placements, each with a run that is due."""
        row = {"cluster": "k0", "application": "a0", "mark": "m" * 20, "state": "placed"}
        with self.db.write() as connection:
            id_ = connection.execute(insert(PlacementRow).values(row).returning(PlacementRow.id)).scalar_one()
            trigger = Trigger.REVISION
            one = NewRun(id_, PlacementRef("k0", "a0"), trigger, "flotilla", NONE, QUEUE, REVISION, None, 1, project="")
            runs.create(connection, one, now=self.db.now(connection))
            connection.execute(text(_MORE_PLACEMENTS), {"count": count, "clusters": CLUSTERS})
            connection.execute(text(_MORE_RUNS))
            connection.execute(text(_MORE_OPEN_RUNS))

    def dispatch(self, turns: int = 4) -> None:
        """Let the dispatcher send what it wants to, its workers being alive."""
        for _ in range(turns):
            self.workers(SLOTS)
            self.dispatcher.tick()

    def runs(self, limit: int) -> list[RunId]:
        """Return some runs."""
        with self.db.read() as connection:
            found = connection.execute(select(OpenRunRow.run_id).order_by(OpenRunRow.run_id).limit(limit)).scalars()
            return list(map(RunId, found))

    def fail(self, run: RunId, error: TransientError | None = None) -> Done:
        """Have a transient error end an attempt, as a worker does."""
        self.workers(SLOTS)  # else it is taken for dead, and its places are gone, where this takes long for all runs
        return Ender(self.db, self.claim(run)).transient(error or AwayError(AWAY))

    def take(self, count: int) -> None:
        """Take messages off the queue without acknowledging any, as a worker does with countdowns."""
        with self.app.connection_for_read() as connection:
            channel = connection.channel()
            for _ in range(count):
                assert channel.basic_get(QUEUE) is not None
            channel.qos._delivered.clear()  # else closing the channel gives them back
            channel.close()

    def long_ago(self, runs_: Sequence[RunId] | None = None) -> None:
        """Have ten minutes gone by since everything (or these runs) was sent."""
        with self.db.write() as connection:
            then = self.db.now(connection) - timedelta(minutes=10)
            sent = update(OpenRunRow).where(OpenRunRow.sent_at.is_not(None))
            chosen = sent if runs_ is None else sent.where(OpenRunRow.run_id.in_(runs_))
            connection.execute(chosen.values(sent_at=then, not_before=then))
