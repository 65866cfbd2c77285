"""Placements on a real API server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
import yaml

from tests.controlplane.runner import ControlPlane
from tests.fakes.sync import Site
from workers.kube import ClusterPool, Connection


class Given:
    """A credentials provider that holds one kubeconfig; it may be replaced, as by a rotation."""

    def __init__(self, kubeconfig: bytes) -> None:
        self.kubeconfig = kubeconfig
        self.asked = 0

    def get(self, ref: str) -> dict[str, bytes]:
        """Return it, whatever the reference."""
        assert ref
        self.asked += 1
        return {"kubeconfig": self.kubeconfig}


def provider_of(cluster: ControlPlane, token: str | None = None) -> Given:
    """Return a provider of the cluster's kubeconfig."""
    return Given(yaml.safe_dump(cluster.kubeconfig(token)).encode())


def connect(cluster: ControlPlane) -> Connection:
    """Return a connection as the administrator."""
    pool = ClusterPool(provider_of(cluster), timedelta(seconds=10))
    return pool.connect(cluster.name, server=cluster.server, credentials="clusters/it")


@pytest.fixture
def site(cluster: ControlPlane) -> Iterator[Site]:
    """Return a placement on an empty cluster."""
    connection = connect(cluster)
    yield Site(connection.session("flotilla/test (run r.1)"))
    connection.close()


@pytest.fixture
def kubectl(cluster: ControlPlane) -> Iterator[httpx.Client]:
    """Return a client for what people do by hand."""
    with cluster.client() as client:
        yield client
