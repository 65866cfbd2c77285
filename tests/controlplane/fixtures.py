"""Pytest fixtures: real clusters, started once, each empty for each test.

``clusters(3)`` gives three API servers that store and guard objects; in ``live_cluster`` workloads come to life.
Where the programs are missing, tests skip on a laptop and fail in CI.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.controlplane.build import MissingToolsError, require
from tests.controlplane.etcd import Keys
from tests.controlplane.runner import ControlPlane, ControlPlanes, Workloads

INERT = ("alpha", "beta", "gamma")
LIVE = ("live",)
EMPTY_WITHIN = 10
Clusters = Callable[[int], tuple[ControlPlane, ...]]
KEPT = (b"/leases/", b"/masterleases/", b"/events/", b"/apiregistration.k8s.io/", b"/ranges/")
"""What the API server itself keeps writing."""


class Resettable:
    """Control planes whose clusters go back to their first state in milliseconds.

    Args:
        planes: running.
    """

    def __init__(self, planes: ControlPlanes) -> None:
        self.planes = planes
        self._keys = {name: Keys(planes.etcd_url, f"/{name}/") for name in planes.clusters}
        self._first = {name: keys.all() for name, keys in self._keys.items()}

    def empty(self, name: str) -> ControlPlane:
        """Remove whatever came since the start, wait until the API server knows, and return the cluster."""
        cluster = self.planes.clusters[name]
        left = [key for key in self._keys[name].all() - self._first[name] if not any(part in key for part in KEPT)]
        if left:
            self._keys[name].delete(left)
            self._await_empty(cluster, left)
        return cluster

    def _await_empty(self, cluster: ControlPlane, gone: list[bytes]) -> None:
        namespaces = {key.rsplit(b"/", 1)[1].decode() for key in gone if b"/namespaces/" in key}
        kinds = [key for key in gone if b"/customresourcedefinitions/" in key]
        until = time.monotonic() + EMPTY_WITHIN
        with cluster.client() as client:
            while not _forgotten(client, namespaces, [key.rsplit(b"/", 1)[1].decode() for key in kinds]):
                assert time.monotonic() < until, f"{cluster.name} still shows {sorted(namespaces)}"
                time.sleep(0.02)

    def change_identity(self, name: str) -> None:
        """Give the cluster another kube-system, as if another cluster answered at its address."""
        cluster = self.planes.clusters[name]
        self._keys[name].delete([f"/{name}/namespaces/kube-system".encode()])
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}}
        until = time.monotonic() + EMPTY_WITHIN
        with cluster.client() as client:
            while not client.post("/api/v1/namespaces", json=body).is_success:
                assert time.monotonic() < until, "kube-system could not be made anew"
                time.sleep(0.02)

    def close(self) -> None:
        """Close connections to etcd."""
        for keys in self._keys.values():
            keys.close()


def _forgotten(client: httpx.Client, namespaces: set[str], definitions: list[str]) -> bool:
    shown = {item["metadata"]["name"] for item in client.get("/api/v1/namespaces").json()["items"]}
    if shown & namespaces:
        return False
    if not definitions:
        return True
    listed = client.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions").json()["items"]
    return not {item["metadata"]["name"] for item in listed} & set(definitions)


def _running(folder: Path, names: tuple[str, ...], workloads: Workloads) -> Iterator[Resettable]:
    programs = ["etcd", "kube-apiserver"]
    if workloads is Workloads.LIVE:
        programs += ["kube-controller-manager", "kube-scheduler", "kwok"]
    try:
        for program in programs:
            require(program)
    except MissingToolsError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    planes = ControlPlanes(folder, workloads)
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
    """One running cluster with controllers, a scheduler and a node."""
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
