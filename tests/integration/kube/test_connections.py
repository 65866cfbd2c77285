"""Connections: faults are classified, credentials are read again, a cluster is known by its identity."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import orjson
import pytest
import yaml

from common.domain.errors import FlotillaError, LeaseLostError, TransientError
from simulator.server import Simulator
from tests.fakes.sync import Lease, Site, actions, config_map
from tests.harness.given import Given
from workers.kube import ClusterPool, Connection
from workers.kube.errors import UntrustedError
from workers.kube.pool import OWN
from workers.sync import errors
from workers.sync.ports import Ownership, Target, Write

AGENT = "flotilla/test (run r.7)"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "refuse"}, errors.UnreachableError),
        ({"kind": "hang"}, errors.TimedOutError),
        ({"kind": "throttle", "retryAfterSeconds": 40}, errors.ThrottledError),
        ({"kind": "error"}, errors.ServerError),
        ({"kind": "unauthorized"}, errors.UnauthorisedError),
        ({"kind": "garbage"}, errors.GarbageError),
    ],
)
def test_each_fault_has_its_class_and_the_cluster_recovers(
    simulated: Simulator, connection: Connection, fault: dict[str, Any], expected: type[FlotillaError]
) -> None:
    session = connection.session(AGENT, account=OWN)
    config_maps = session.kind("", "v1", "ConfigMap")
    simulated.faults("it", fault)
    with pytest.raises(expected) as caught:
        session.get(Target(config_maps, "default", "x"))
    if isinstance(caught.value, errors.ThrottledError):
        assert caught.value.retry_after == timedelta(seconds=40)
    simulated.faults("it")
    assert session.get(Target(config_maps, "default", "x")) is None


def test_an_answer_that_breaks_off_is_no_answer(simulated: Simulator, connection: Connection) -> None:
    site = Site(connection.session(AGENT, account=OWN))
    site.sync(*(config_map(f"c{number}") for number in range(5)))
    simulated.faults("it", {"kind": "drop", "afterBytes": 200, "methods": ["GET"]})
    kind = site.cluster.kind("", "v1", "ConfigMap")
    with pytest.raises(TransientError):
        site.cluster.list_meta(kind, namespace="", selector="flotilla.dev/placement")
    with pytest.raises(TransientError):
        site.sync(config_map("c0"))
    simulated.faults("it")
    assert len(site.journal.inventory) == 5


def test_a_slow_cluster_costs_no_more_than_the_time_out(simulated: Simulator, connection: Connection) -> None:
    session = connection.session(AGENT, account=OWN)
    kind = session.kind("", "v1", "ConfigMap")
    simulated.faults("it", {"kind": "hang"})
    started = time.monotonic()
    with pytest.raises(errors.TimedOutError):
        session.apply(
            Target(kind, "default", "x"), orjson.dumps(config_map("x")), write=Write.REAL, ownership=Ownership.RESPECT
        )
    assert time.monotonic() - started < 3


def test_a_write_is_never_repeated_by_the_adapter(simulated: Simulator, connection: Connection) -> None:
    session = connection.session(AGENT, account=OWN)
    kind = session.kind("", "v1", "ConfigMap")
    simulated.reset_requests()
    simulated.faults("it", {"kind": "error", "methods": ["PATCH"]})
    with pytest.raises(errors.ServerError):
        session.apply(
            Target(kind, "default", "x"), orjson.dumps(config_map("x")), write=Write.REAL, ownership=Ownership.RESPECT
        )
    assert session.requests()["apply"] == 1


def test_a_rotated_token_is_read_again_without_a_failure(
    simulated: Simulator, connection: Connection, provider: Given
) -> None:
    assert connection.identity()
    good = provider.kubeconfig
    stale = yaml.safe_load(good)
    stale["users"][0]["user"]["token"] = "expired"
    provider.kubeconfig = yaml.safe_dump(stale).encode()
    pool = ClusterPool(provider, timedelta(seconds=1))
    late = pool.connect("it", server=simulated.url("it"), credentials="clusters/it")
    with pytest.raises(errors.UnauthorisedError):
        late.identity()
    provider.kubeconfig = good
    assert late.identity() == connection.identity()
    pool.close()


@pytest.mark.parametrize("held", [True, False])
def test_a_write_with_a_rotated_token_is_repeated_while_the_fence_allows_it(
    simulated: Simulator, connection: Connection, provider: Given, *, held: bool
) -> None:
    good = provider.kubeconfig
    stale = yaml.safe_load(good)
    stale["users"][0]["user"]["token"] = "expired"
    provider.kubeconfig = yaml.safe_dump(stale).encode()
    pool = ClusterPool(provider, timedelta(seconds=1))
    lease = Lease(held=held)
    late = pool.connect("it", server=simulated.url("it"), credentials="clusters/it")
    session = late.session(AGENT, account=OWN, permit=lease.check)
    where = Target(connection.session(AGENT, account=OWN).kind("", "v1", "ConfigMap"), "default", "x")
    body = orjson.dumps(config_map("x"))
    provider.kubeconfig = good
    if held:
        assert session.apply(where, body, write=Write.REAL, ownership=Ownership.RESPECT).created
    else:
        with pytest.raises(LeaseLostError):
            session.apply(where, body, write=Write.REAL, ownership=Ownership.RESPECT)
        assert connection.session(AGENT, account=OWN).get(where) is None
    pool.close()


def test_the_identity_is_asked_once_and_again_when_told(simulated: Simulator, connection: Connection) -> None:
    first = connection.identity()
    simulated.change_identity("it")
    assert connection.identity() == first
    connection.forget_identity()
    assert connection.identity() != first


def test_a_certificate_of_another_authority_is_not_trusted(simulated: Simulator, provider: Given) -> None:
    with_other_ca = yaml.safe_load(provider.kubeconfig)
    del with_other_ca["clusters"][0]["cluster"]["certificate-authority-data"]
    pool = ClusterPool(Given.of(with_other_ca), timedelta(seconds=1))
    with pytest.raises(UntrustedError):
        pool.connect("it", server=simulated.url("it"), credentials="clusters/it").identity()
    pool.close()


def test_certificate_data_that_is_none_is_refused(simulated: Simulator, provider: Given) -> None:
    broken = yaml.safe_load(provider.kubeconfig)
    broken["clusters"][0]["cluster"]["certificate-authority-data"] = "bm90IGEgY2VydGlmaWNhdGU="
    with pytest.raises(errors.CredentialsError, match="cannot be used"):
        ClusterPool(Given.of(broken), timedelta(seconds=1)).connect(
            "it", server=simulated.url("it"), credentials="clusters/it"
        )


def test_one_connection_is_shared_until_its_address_changes(simulated: Simulator, provider: Given) -> None:
    pool = ClusterPool(provider, timedelta(seconds=1))
    url = simulated.url("it")
    first = pool.connect("it", server=url, credentials="clusters/it")
    assert pool.connect("it", server=url, credentials="clusters/it") is first
    assert pool.connect("it", server=url, credentials="clusters/other") is not first
    pool.close()


def test_a_list_longer_than_a_page_comes_whole(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.kube.cluster.PAGES", (10,))
    site = Site(connection.session(AGENT, account=OWN))
    site.sync(*(config_map(f"c{number}") for number in range(25)))
    kind = site.cluster.kind("", "v1", "ConfigMap")
    before = site.cluster.requests()["list"] if "list" in site.cluster.requests() else 0
    found = site.cluster.list_meta(kind, namespace="", selector="flotilla.dev/placement")
    assert len({meta.name for meta in found}) == len(found) == 25
    assert site.cluster.requests()["list"] - before == 3


def test_a_connection_tells_the_version(connection: Connection) -> None:
    assert connection.version().startswith("v1.")


def test_nothing_that_fails_by_and_by_is_taken_for_missing(simulated: Simulator, connection: Connection) -> None:
    site = Site(connection.session(AGENT, account=OWN))
    site.sync(config_map("a"), config_map("b"))
    for fault in ({"kind": "garbage"}, {"kind": "refuse"}, {"kind": "error"}):
        simulated.faults("it", {**fault, "methods": ["GET"]})
        with pytest.raises(TransientError):
            site.sync(config_map("a"))
    simulated.faults("it")
    assert actions(site.sync(config_map("a"), config_map("b"))) == {
        "ConfigMap/a": "unchanged", "ConfigMap/b": "unchanged"
    }  # fmt: skip
