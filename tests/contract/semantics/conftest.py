"""One empty cluster, real or simulated: a placement on it, or a hub over it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.store.engine.session import Database
from simulator.server import running_simulator
from tests.contract.cluster_port.conftest import session
from tests.controlplane.runner import ControlPlane
from tests.fakes.sync import Site
from tests.integration.hub.harness import StepHub

NAME = "eu"
QUICK = timedelta(milliseconds=50)


@dataclass(frozen=True, slots=True)
class Place:
    """One cluster; as ``StepHub`` needs clusters, too.

    Attributes:
        server: URL.
        config: an administrator's kubeconfig.
        people: a client for what people and controllers do.
    """

    server: str
    config: dict[str, Any]
    people: httpx.Client

    def url(self, name: str) -> str:
        """Return the URL, whatever the name."""
        assert name
        return self.server

    def kubeconfig(self, name: str) -> dict[str, Any]:
        """Return the kubeconfig, whatever the name."""
        assert name
        return self.config


def _real(plane: ControlPlane) -> Iterator[Place]:
    with plane.client() as people:
        yield Place(plane.server, plane.kubeconfig(), people)


def _simulated(ready_after: timedelta | None) -> Iterator[Place]:
    with running_simulator([NAME], ready_after=ready_after) as running:
        context = ssl.create_default_context(cadata=running.authority.decode())
        headers = {"Authorization": f"Bearer {running.token(NAME)}"}
        with httpx.Client(base_url=running.url(NAME), verify=context, headers=headers) as people:
            yield Place(running.url(NAME), running.kubeconfig(NAME), people)


@pytest.fixture(params=["real", "simulated"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Return an empty cluster on which nothing moves by itself."""
    real = request.param == "real"
    yield from _real(request.getfixturevalue("cluster")) if real else _simulated(None)


@pytest.fixture(params=["real", "simulated"])
def living(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Return an empty cluster whose workloads come to life."""
    real = request.param == "real"
    yield from _real(request.getfixturevalue("live_cluster")) if real else _simulated(QUICK)


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
