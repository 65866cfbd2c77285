"""A placement on a cluster in memory."""

from __future__ import annotations

import pytest

from tests.fakes.cluster import FakeCluster
from tests.fakes.sync import Site


@pytest.fixture
def cluster() -> FakeCluster:
    """Return an empty cluster."""
    return FakeCluster()


@pytest.fixture
def site(cluster: FakeCluster) -> Site:
    """Return a placement on it."""
    return Site(cluster)
