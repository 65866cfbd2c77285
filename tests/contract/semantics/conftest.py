"""One empty cluster, real or simulated: a placement on it, or a hub over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from common.store.engine.session import Database
from tests.fakes.sync import Site
from tests.fixtures.place import place
from tests.harness.hub import StepHub
from tests.harness.place import NAME, QUICK, Place, real, simulated
from tests.harness.session import session

__all__ = ["place"]


@pytest.fixture(params=["real", "simulated"])
def living(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Return an empty cluster whose workloads come to life."""
    is_real = request.param == "real"
    yield from real(request.getfixturevalue("live_cluster")) if is_real else simulated(QUICK)


@pytest.fixture
def kubectl(place: Place) -> httpx.Client:
    """Return a client for what people do by hand beside a placement."""
    return place.people


@pytest.fixture
def people(living: Place) -> httpx.Client:
    """Return a client for what people do by hand beside a hub."""
    return living.people


@pytest.fixture
def site(place: Place) -> Iterator[Site]:
    """Return a placement on the cluster."""
    with session(place.config) as port:
        yield Site(port)


@pytest.fixture
def hub(living: Place, sqlite_database: Database, tmp_path: Path) -> Iterator[StepHub]:
    """Return a hub that has declared the cluster as ``eu``."""
    made = StepHub(sqlite_database, living, tmp_path)
    made.declare(NAME)
    yield made
    made.close()
