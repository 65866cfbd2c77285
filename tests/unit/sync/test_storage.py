"""StorageClasses are asked about only for claims that are not bound, and not knowing means to wait."""

from __future__ import annotations

from typing import Any

import pytest

from common.domain.errors import FlotillaError
from tests.fakes.cluster import FakeCluster
from workers.sync.errors import ForbiddenError, UnreachableError
from workers.sync.health.storage import late_binding
from workers.sync.ports import Target


def claim(name: str, storage_class: Any = "late", phase: str = "Pending") -> dict[str, Any]:
    spec = {"storageClassName": storage_class}
    return {"kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec, "status": {"phase": phase}}


@pytest.fixture
def cluster() -> FakeCluster:
    made = FakeCluster()
    whole = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "volumeBindingMode": "WaitForFirstConsumer"}
    made.put({**whole, "metadata": {"name": "late"}}, manager="kube")
    return made


def test_each_class_is_read_once_however_many_claims_name_it(cluster: FakeCluster) -> None:
    assert late_binding(cluster, [claim("a"), claim("b"), claim("c", "gone")]) == {"late"}
    assert cluster.requests()["get"] == 2


@pytest.mark.parametrize(
    "live", [claim("a", phase="Bound"), claim("a", None), {"kind": "Pod", "status": {"phase": "Pending"}}, {}]
)
def test_what_waits_for_no_class_costs_no_request(cluster: FakeCluster, live: dict[str, Any]) -> None:
    assert late_binding(cluster, [live]) == frozenset()
    assert "get" not in cluster.requests()


@pytest.mark.parametrize("error", [ForbiddenError("storageclasses"), UnreachableError("no route")])
def test_a_class_that_cannot_be_read_counts_as_one_that_binds_at_once(
    cluster: FakeCluster, error: FlotillaError
) -> None:
    def fail(_verb: str, _target: Target) -> None:
        raise error

    cluster.before = fail
    assert late_binding(cluster, [claim("a")]) == frozenset()
