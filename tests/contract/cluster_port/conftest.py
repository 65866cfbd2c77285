"""Three clusters that must not differ: the fake, the simulator, and a real API server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import pytest

from simulator.server import running_simulator
from tests.fakes.cluster import FakeCluster
from tests.harness.session import session
from workers.sync.ports import ClusterPort

_PATHS = {
    "ConfigMap": "/api/v1/namespaces/default/configmaps",
    "Deployment": "/apis/apps/v1/namespaces/default/deployments",
}
_MERGE = {"Content-Type": "application/merge-patch+json"}


class Hands(Protocol):
    """What people and controllers do."""

    def edit(self, kind: str, name: str, fields: Mapping[str, Any], *, manager: str) -> None:
        """Change fields."""
        ...

    def status(self, kind: str, name: str, **status: Any) -> None:
        """Write a status."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """A cluster, and other people on it."""

    cluster: ClusterPort
    others: Hands


class HttpHands:
    """Other people, over HTTP.

    Args:
        client: with the base URL and the rights of an administrator.
        root: prefix of every path.
    """

    def __init__(self, client: httpx.Client, root: str = "") -> None:
        self._client = client
        self._root = root

    def edit(self, kind: str, name: str, fields: Mapping[str, Any], *, manager: str) -> None:
        """Change fields by a merge patch."""
        self._patch(f"{_PATHS[kind]}/{name}", fields, manager)

    def status(self, kind: str, name: str, **status: Any) -> None:
        """Write a status by its subresource."""
        self._patch(f"{_PATHS[kind]}/{name}/status", {"status": status}, "controller")

    def _patch(self, path: str, body: Mapping[str, Any], manager: str) -> None:
        answer = self._client.patch(self._root + path, json=body, params={"fieldManager": manager}, headers=_MERGE)
        assert answer.is_success, answer.text


@pytest.fixture(params=["fake", "simulator", "real"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Return each cluster in turn, empty."""
    if request.param == "fake":
        fake = FakeCluster()
        yield World(fake, fake)
    elif request.param == "simulator":
        with running_simulator(["it"], ready_after=None) as running:
            headers = {"Authorization": f"Bearer {running.token('it')}"}
            context = httpx.create_ssl_context()
            context.load_verify_locations(cadata=running.authority.decode())
            client = httpx.Client(base_url=running.url("it"), headers=headers, verify=context)
            with client, session(running.kubeconfig("it")) as cluster:
                yield World(cluster, HttpHands(client))
    else:
        plane = request.getfixturevalue("cluster")
        with plane.client() as client, session(plane.kubeconfig()) as cluster:
            yield World(cluster, HttpHands(client))
