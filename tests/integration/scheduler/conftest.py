"""Schedulers on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from common.store.engine.session import Database
from tests.fixtures.redis import RedisServer
from tests.harness.scheduler import Steps
from tests.integration.scheduler.broker import Hub


@pytest.fixture
def steps(database: Database) -> Steps:
    return Steps(database)


@pytest.fixture
def hub(postgres_database: Database, redis_server: RedisServer, tmp_path: Path) -> Iterator[Hub]:
    """Return a scheduler of hundreds of clusters with a real Redis."""
    made = Hub(postgres_database, redis_server, tmp_path / "home")
    yield made
    made.app.close()
