"""StorageClasses are asked about only for claims that are not bound, and not knowing means to wait."""

from __future__ import annotations

from typing import Any

import pytest

from common.domain.errors import FlotillaError
from tests.fakes.cluster import FakeCluster
from workers.sync.errors import ForbiddenError, UnreachableError
from workers.sync.health.reading import DEFAULT_CLASS
from workers.sync.health.storage import late_binding, late_classes
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
    "live", [claim("a", phase="Bound"), claim("a", ""), {"kind": "Pod", "status": {"phase": "Pending"}}, {}]
)
def test_what_waits_for_no_class_costs_no_request(cluster: FakeCluster, live: dict[str, Any]) -> None:
    assert late_binding(cluster, [live]) == frozenset()
    assert "get" not in cluster.requests()


def default(name: str, mode: str, made: str, mark: str = "storageclass.kubernetes.io/is-default-class") -> Any:
    metadata = {"name": name, "annotations": {mark: "true"}, "creationTimestamp": made}
    return {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "volumeBindingMode": mode, "metadata": metadata}


LATE, AT_ONCE = "WaitForFirstConsumer", "Immediate"
OLD, NEW = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"


@pytest.mark.parametrize(
    ("classes", "late"),
    [
        ([], set()),
        ([default("a", LATE, OLD)], {DEFAULT_CLASS}),
        ([default("a", LATE, OLD, "storageclass.beta.kubernetes.io/is-default-class")], {DEFAULT_CLASS}),
        ([default("a", AT_ONCE, OLD)], set()),
        ([default("a", LATE, OLD), default("b", AT_ONCE, NEW)], set()),
        ([default("a", AT_ONCE, OLD), default("b", LATE, NEW)], {DEFAULT_CLASS}),
    ],
)
def test_a_claim_without_a_class_waits_as_the_newest_default_one_says(
    cluster: FakeCluster, classes: list[Any], late: set[str]
) -> None:
    for one in classes:
        cluster.put(one, manager="kube")
    without = claim("a", None)
    del without["spec"]["storageClassName"]
    assert late_binding(cluster, [without]) == late
    assert late_classes(classes) & {DEFAULT_CLASS} == late


def test_the_old_annotation_of_a_claim_wins_over_its_field(cluster: FakeCluster) -> None:
    old = claim("a", "gone")
    old["metadata"]["annotations"] = {"volume.beta.kubernetes.io/storage-class": "late"}
    assert late_binding(cluster, [old]) == {"late"}


@pytest.mark.parametrize("error", [ForbiddenError("storageclasses"), UnreachableError("no route")])
def test_a_class_that_cannot_be_read_counts_as_one_that_binds_at_once(
    cluster: FakeCluster, error: FlotillaError
) -> None:
    def fail(_verb: str, _target: Target) -> None:
        raise error

    cluster.before = fail
    assert late_binding(cluster, [claim("a")]) == frozenset()
