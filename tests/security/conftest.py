"""Fixtures of attacks on a whole hub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from common.store.engine.session import Database
from simulator.server import running_simulator
from tests.harness.hub import StepHub


@pytest.fixture
def hub(sqlite_database: Database, tmp_path: Path) -> Iterator[StepHub]:
    """Return a hub over a simulated cluster."""
    with running_simulator(["eu"]) as running:
        made = StepHub(sqlite_database, running, tmp_path)
        yield made
        made.close()
