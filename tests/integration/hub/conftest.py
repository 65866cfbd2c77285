"""A hub that is taken step by step, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from common.db.session import Database
from simulator.server import Simulator, running_simulator
from tests.integration.hub.harness import StepHub

NAMES = ("eu", "us", "ap")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with running_simulator(list(NAMES), ready_after=timedelta(milliseconds=10)) as running:
        yield running


@pytest.fixture
def hub(database: Database, simulator: Simulator, tmp_path: Path) -> Iterator[StepHub]:
    """Return a hub with nothing declared yet."""
    made = StepHub(database, simulator, tmp_path)
    yield made
    made.close()
