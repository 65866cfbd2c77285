"""The engine's port to a cluster, from a kubeconfig."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from tests.harness.given import Given
from workers.kube import ClusterPool
from workers.kube.pool import OWN
from workers.sync.ports import ClusterPort


@contextmanager
def session(kubeconfig: Mapping[str, Any]) -> Iterator[ClusterPort]:
    """Give the port to the cluster of a kubeconfig."""
    server = kubeconfig["clusters"][0]["cluster"]["server"]
    pool = ClusterPool(Given.of(kubeconfig), timedelta(seconds=10))
    yield pool.connect("it", server=server, credentials="clusters/it").session("flotilla/test (run r.1)", account=OWN)
    pool.close()
