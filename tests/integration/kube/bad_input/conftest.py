"""A placement on a real, empty API server, and what people do beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.contract.cluster_port.conftest import session
from tests.controlplane.runner import ControlPlane
from tests.fakes.sync import Site
from tests.integration.kube.bad_input.webhooks import Reviewer, reviewing


@pytest.fixture
def kubectl(cluster: ControlPlane) -> Iterator[httpx.Client]:
    """Return a client for what people do by hand."""
    with cluster.client() as client:
        yield client


@pytest.fixture
def site(cluster: ControlPlane) -> Iterator[Site]:
    """Return a placement on the cluster; its clock passes only by sleeping."""
    with session(cluster.kubeconfig()) as port:
        yield Site(port)


@pytest.fixture
def reviewer(tmp_path: Path) -> Iterator[Reviewer]:
    """Return a webhook's server that admits everything until it is told otherwise."""
    with reviewing(tmp_path) as running:
        yield running
