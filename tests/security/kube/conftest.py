"""A placement on a real, empty API server, and an administrator's client beside it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.contract.cluster_port.conftest import session
from tests.controlplane.runner import ControlPlane
from tests.fakes.sync import Site


@pytest.fixture
def kubectl(cluster: ControlPlane) -> Iterator[httpx.Client]:
    """Return a client that may do everything."""
    with cluster.client() as client:
        yield client


@pytest.fixture
def site(cluster: ControlPlane) -> Iterator[Site]:
    """Return a placement that is synced by the hub's own account, which may do everything."""
    with session(cluster.kubeconfig()) as port:
        yield Site(port)
