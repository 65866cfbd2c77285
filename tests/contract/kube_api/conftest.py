"""Fixtures: an API server, simulated and real in turn, and a namespace of one's own on it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from simulator.server import Simulator
from tests.contract.kube_api.kube import Kube
from tests.controlplane.fixtures import Resettable


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kube-sequences", type=int, default=0, help="random sequences in the differential test")
    parser.addoption("--kube-seed", type=int, default=1, help="first seed of the differential test")


@pytest.fixture(scope="session")
def simulated() -> Iterator[Kube]:
    """Return a simulated API server without controllers: the equal of a bare kube-apiserver."""
    simulator = Simulator(["one"], ready_after=None)
    simulator.start()
    kube = Kube("simulator", simulator.url("one"), simulator.authority.decode(), simulator.token("one"))
    yield kube
    kube.close()
    simulator.stop()


@pytest.fixture(scope="session")
def real(control_planes: Resettable) -> Iterator[Kube]:
    """Return a real API server."""
    plane = control_planes.empty("alpha")
    kube = Kube("real", plane.server, plane.ca, plane.token)
    yield kube
    kube.close()


@pytest.fixture(params=["simulated", "real"])
def kube(request: pytest.FixtureRequest) -> Kube:
    """Return each API server in turn."""
    found: Kube = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def namespace(kube: Kube) -> str:
    """Return the name of a fresh namespace."""
    name = f"t-{uuid.uuid4().hex[:10]}"
    made = kube.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    assert made.code == 201, made.body
    return name
