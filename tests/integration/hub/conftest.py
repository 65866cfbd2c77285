"""A hub that is taken step by step, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from common.store.engine import roles
from common.store.engine.session import Database
from simulator.server import Simulator, running_simulator
from tests.fixtures.postgres import PostgresServer
from tests.harness.hub import StepHub

NAMES = ("eu", "us", "ap")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with running_simulator(list(NAMES), ready_after=timedelta(milliseconds=10)) as running:
        yield running


@pytest.fixture
def of_workers(database: Database, request: pytest.FixtureRequest) -> Iterator[Database]:
    """Return the database as the workers of pool ``default`` reach it: on PostgreSQL through a role of their own."""
    if database.dialect == "sqlite":
        yield database
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    role = roles.default_role("default")
    with database.write() as connection:
        roles.grant(connection, "default", role, password="worker")
        name = str(connection.engine.url.database)
    made = Database(server.url(name, user=role, password="worker"))
    yield made
    made.dispose()


@pytest.fixture
def hub(database: Database, of_workers: Database, simulator: Simulator, tmp_path: Path) -> Iterator[StepHub]:
    """Return a hub with nothing declared yet."""
    made = StepHub(database, simulator, tmp_path, of_workers=of_workers)
    yield made
    made.close()
