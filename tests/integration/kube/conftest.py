"""Connections to a simulated cluster that fails on request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from simulator.server import Simulator, running_simulator
from tests.harness.given import Given
from workers.kube import ClusterPool, Connection

REFERENCE = "clusters/it"


@pytest.fixture
def simulated() -> Iterator[Simulator]:
    """Return a running simulator with the cluster ``it``."""
    with running_simulator(["it"], ready_after=None) as running:
        yield running


@pytest.fixture
def provider(simulated: Simulator) -> Given:
    """Return the provider of its kubeconfig."""
    return Given.of(simulated.kubeconfig("it"))


@pytest.fixture
def connection(simulated: Simulator, provider: Given) -> Iterator[Connection]:
    """Return a connection that waits at most a second."""
    pool = ClusterPool(provider, timedelta(seconds=1))
    yield pool.connect("it", server=simulated.url("it"), credentials=REFERENCE)
    pool.close()
