"""Pytest fixtures: real clusters, started once, each empty for each test.

``clusters(3)`` gives three API servers that store and guard objects; in ``live_cluster`` workloads come to life.
Where the programs are missing, tests skip on a laptop and fail in CI; no test builds them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.controlplane.build import MissingToolsError
from tests.controlplane.reset import Resettable
from tests.controlplane.runner import ControlPlane, ControlPlanes, Workloads

__all__ = ["INERT", "LIVE", "Clusters", "Resettable"]

INERT = ("alpha", "beta", "gamma")
LIVE = ("live-a", "live-b", "live-c")
Clusters = Callable[[int], tuple[ControlPlane, ...]]


def _running(folder: Path, names: tuple[str, ...], workloads: Workloads) -> Iterator[Resettable]:
    try:
        planes = ControlPlanes(folder, workloads)
    except MissingToolsError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    try:
        planes.start(names)
        resettable = Resettable(planes)
        yield resettable
        resettable.close()
    finally:
        planes.stop()


@pytest.fixture(scope="session")
def control_planes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resettable]:
    """Three running clusters without controllers, as they are; use ``clusters`` to get them empty."""
    yield from _running(tmp_path_factory.mktemp("controlplane"), INERT, Workloads.INERT)


@pytest.fixture(scope="session")
def live_control_planes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resettable]:
    """Three running clusters with controllers, a scheduler and a node each."""
    yield from _running(tmp_path_factory.mktemp("live"), LIVE, Workloads.LIVE)


@pytest.fixture
def clusters(control_planes: Resettable) -> Clusters:
    """Return a function that gives N (up to 3) empty clusters."""

    def give(count: int) -> tuple[ControlPlane, ...]:
        assert count <= len(INERT), f"there are {len(INERT)} clusters"
        return tuple(control_planes.empty(name) for name in INERT[:count])

    return give


@pytest.fixture
def cluster(clusters: Clusters) -> ControlPlane:
    """Return one empty cluster."""
    return clusters(1)[0]


@pytest.fixture
def live_cluster(live_control_planes: Resettable) -> ControlPlane:
    """Return one empty cluster whose workloads come to life."""
    return live_control_planes.empty(LIVE[0])
