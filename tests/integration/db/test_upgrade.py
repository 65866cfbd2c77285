"""A hub of 0.2.0 with a thousand runs is brought up to date, goes on, and keeps its history within bounds.

The dumps were written by 0.2.0 itself: its own scheduler planned 20 clusters with five applications over ten revisions,
and ended the runs as its workers do. One is running, one waits, one has failed, and people's requests are open.
"""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql
from sqlalchemy import text

from common.domain.refs import PlacementRef
from common.store.engine import upgrade
from common.store.engine.errors import DatabaseError
from common.store.engine.session import Database
from common.store.queue import retention
from common.store.schema import enforced
from tests.fixtures.postgres import PostgresServer
from tests.harness import texts
from tests.harness.scheduler import Steps
from tests.integration.db.test_retention import DAY

DUMPS = Path(__file__).parents[2] / "data" / "upgrade"
WORKER = "flotilla_worker"
"""The one role that workers had then."""
APPLICATIONS = [f"app{number}" for number in range(5)]
REGISTRY = {
    "fleet.yaml": texts.FLEET,
    "clusters.yaml": texts.documents(*(texts.cluster(f"c{number:02}") for number in range(20))),
    **{f"{name}.yaml": texts.application(name) for name in APPLICATIONS},
}
HELD = {"runs": 1002, "attempts": 1000, "object_results": 999, "planned_changes": 1, "intents": 3, "audit": 3}


def _dump(dialect: str) -> str:
    return gzip.decompress((DUMPS / f"0.2.0-{dialect}.sql.gz").read_bytes()).decode()


@pytest.fixture(params=["sqlite", "postgresql"])
def former(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """The database of a hub of 0.2.0."""
    if request.param == "sqlite":
        path = tmp_path / "flotilla.db"
        connection = sqlite3.connect(path)
        connection.executescript(_dump("sqlite"))
        connection.close()
        made = Database(f"sqlite:///{path}")
        yield made
        made.dispose()
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.fresh()
    worker = sql.Identifier(WORKER)
    server.execute(sql.SQL("CREATE ROLE {}").format(worker))
    server.run(_dump("postgresql"), database=name)
    made = Database(server.url(name))
    yield made
    made.dispose()
    server.drop(name)
    server.execute(sql.SQL("DROP ROLE {}").format(worker))


def _counts(database: Database) -> dict[str, int]:
    with database.read() as connection:
        return {
            table: int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608 - constants
            for table in HELD
        }


def _states(database: Database) -> dict[str, int]:
    query = text("SELECT coalesce(outcome, state), count(*) FROM runs LEFT JOIN open_runs ON run_id = id GROUP BY 1")
    with database.read() as connection:
        return {state: int(number) for state, number in connection.execute(query)}


def test_nothing_is_lost_and_all_is_guarded(former: Database) -> None:
    gone = upgrade.upgrade(former)
    assert gone == ((WORKER,) if former.dialect == "postgresql" else ())
    assert upgrade.is_current(former)
    assert _counts(former) == HELD
    assert _states(former) == {"succeeded": 997, "failed": 1, "queued": 2, "running": 1, "waiting": 1}
    with former.read() as connection:
        assert enforced.missing(connection) == ()
    for breach in ("DELETE FROM runs", "UPDATE runs SET actor = 'x' WHERE outcome IS NOT NULL", "DELETE FROM attempts"):
        with pytest.raises(DatabaseError, match="append-only"), former.write() as connection:
            connection.execute(text(breach))


def test_it_goes_on_and_its_history_is_kept_within_bounds(former: Database) -> None:
    upgrade.upgrade(former)
    steps = Steps(former, REGISTRY)
    steps.workers(slots=64)
    steps.look()
    steps.resolve("e", APPLICATIONS)
    steps.planner.tick()
    made = [ref for ref in steps.refs() if steps.wanted(ref) == "e"]
    # All but the one that runs, the one that is paused, and the one with a person's run of its own.
    assert len(made) >= 97
    for ref in made[:3]:
        run = steps.placement(ref).run
        assert run is not None
        steps.succeed(steps.claim(run.id))
    assert steps.placement(PlacementRef.parse(str(made[0]))).run is None
    before = _counts(former)["runs"]
    for _ in retention.prune(former, keep=30 * DAY):
        pass
    after = _counts(former)
    assert after["runs"] < before - 800
    with former.read() as connection:
        most = text("SELECT count(*) FROM runs GROUP BY placement_id ORDER BY 1 DESC LIMIT 1")
        assert connection.execute(most).scalar_one() <= 4
        good = text("SELECT count(DISTINCT placement_id) FROM runs WHERE outcome = 'succeeded'")
        assert connection.execute(good).scalar_one() == 100
        assert enforced.missing(connection) == ()
    with pytest.raises(DatabaseError, match="append-only"), former.write() as connection:
        connection.execute(text("DELETE FROM runs WHERE outcome IS NOT NULL"))
    assert _counts(former)["audit"] == HELD["audit"]
