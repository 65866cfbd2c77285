"""Clusters behind a bastion: through proxies of each kind, with sign-in, and what their failures cost."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from common.credentials import CredentialsMissingError
from common.domain.fleet import Proxy as Way
from simulator.server import Simulator, running_simulator
from tests.controlplane.runner import ControlPlane
from tests.fakes.proxies import Proxy, Speaks, proxy
from tests.fakes.tls import server_tls
from workers.kube import ClusterPool
from workers.kube.pool import OWN
from workers.sync.errors import CredentialsError, ProxyRefusedError, UnreachableError

USER = ("robot", "canary:p@ss")
TIMEOUT = timedelta(seconds=2)
HOST = "api.eu.invalid"
SERVER = f"https://{HOST}:6443"


class Stored:
    """Credentials by reference."""

    def __init__(self, **given: dict[str, bytes]) -> None:
        self.given = {name.replace("_", "/"): value for name, value in given.items()}

    def get(self, ref: str) -> dict[str, bytes]:
        if ref not in self.given:
            raise CredentialsMissingError(ref, where="the test")
        return self.given[ref]


def behind(kubeconfig: dict[str, Any]) -> bytes:
    """Return a kubeconfig whose server has a name that only a proxy knows."""
    entry = kubeconfig["clusters"][0]["cluster"]
    path = urlsplit(entry["server"]).path
    entry |= {"server": f"{SERVER}{path}", "tls-server-name": "localhost"}
    return yaml.safe_dump(kubeconfig).encode()


def server_in(kubeconfig: bytes) -> str:
    return str(yaml.safe_load(kubeconfig)["clusters"][0]["cluster"]["server"])


@pytest.fixture(scope="module")
def simulated() -> Iterator[Simulator]:
    with running_simulator(["it", "other"], ready_after=None) as running:
        yield running


@pytest.fixture
def stored(simulated: Simulator) -> Stored:
    return Stored(
        clusters_it=dict(kubeconfig=behind(simulated.kubeconfig("it"))),
        clusters_other=dict(kubeconfig=yaml.safe_dump(simulated.kubeconfig("other")).encode()),
        proxies_eu=dict(username=USER[0].encode(), password=USER[1].encode()),
    )


@pytest.fixture
def pool(stored: Stored) -> Iterator[ClusterPool]:
    found = ClusterPool(stored, TIMEOUT)
    yield found
    found.close()


def lead(through: Proxy, server: str) -> None:
    parts = urlsplit(server)
    through.leads[HOST] = (parts.hostname or "", parts.port or 443)


@pytest.mark.parametrize("kind", ["http", "https", "socks5"])
@pytest.mark.parametrize("signed", [True, False])
def test_a_cluster_is_reached_through_a_proxy_of_each_kind(
    simulated: Simulator, stored: Stored, pool: ClusterPool, tmp_path: Path, kind: str, *, signed: bool
) -> None:
    tls: ssl.SSLContext | None = None
    if kind == "https":
        tls, ca = server_tls(tmp_path / "tls")
        stored.given["proxies/eu"] = {"ca.crt": ca} | (stored.given["proxies/eu"] if signed else {})
    speaks = Speaks.SOCKS5 if kind == "socks5" else Speaks.HTTP
    with proxy(speaks, tls=tls, user=USER if signed else None) as through:
        lead(through, simulated.url("it"))
        way = Way(through.url(), "proxies/eu" if signed or kind == "https" else "")
        server = server_in(stored.given["clusters/it"]["kubeconfig"])
        connection = pool.connect("it", server=server, credentials="clusters/it", proxy=way)
        assert connection.identity()
        assert connection.version()
        assert set(through.asked) == {f"{HOST}:6443"}, "the name is resolved at the proxy's end"


@pytest.mark.parametrize("speaks", list(Speaks))
def test_a_proxy_that_is_gone_makes_its_cluster_unreachable_and_no_other(
    simulated: Simulator, stored: Stored, pool: ClusterPool, speaks: Speaks
) -> None:
    with proxy(speaks, user=USER) as through:
        lead(through, simulated.url("it"))
        server = server_in(stored.given["clusters/it"]["kubeconfig"])
        way = Way(through.url(), "proxies/eu")
        connection = pool.connect("it", server=server, credentials="clusters/it", proxy=way)
        assert connection.identity()
    connection.close()
    connection.forget_identity()
    with pytest.raises(UnreachableError, match=f"through {way.url}: ") as caught:
        connection.identity()
    assert "canary" not in f"{caught.value} {caught.value.__cause__!r}"
    other = pool.connect("other", server=simulated.url("other"), credentials="clusters/other")
    assert other.identity()
    through.start()
    try:
        assert connection.identity(), "it comes back by itself"
    finally:
        through.stop()


@pytest.mark.parametrize("speaks", list(Speaks))
def test_a_proxy_that_refuses_us_is_told_and_its_credentials_are_read_again(
    simulated: Simulator, stored: Stored, pool: ClusterPool, speaks: Speaks
) -> None:
    right = stored.given["proxies/eu"]
    stored.given["proxies/eu"] = {"username": b"robot", "password": b"stale-canary"}
    with proxy(speaks, user=USER) as through:
        lead(through, simulated.url("it"))
        server = server_in(stored.given["clusters/it"]["kubeconfig"])
        way = Way(through.url(), "proxies/eu")
        connection = pool.connect("it", server=server, credentials="clusters/it", proxy=way)
        with pytest.raises(ProxyRefusedError, match="the proxy does not let us through") as caught:
            connection.identity()
        assert "canary" not in f"{caught.value} {caught.value.__cause__!r}"
        stored.given["proxies/eu"] = right
        assert connection.identity()


@pytest.mark.parametrize(
    "held", [{}, {"username": b"robot"}, {"password": b"canary"}, {"username": b"a:b", "password": b"canary"}]
)
def test_credentials_of_a_proxy_that_name_nobody_are_refused(
    stored: Stored, pool: ClusterPool, held: dict[str, bytes]
) -> None:
    stored.given["proxies/eu"] = held
    server = server_in(stored.given["clusters/it"]["kubeconfig"])
    with pytest.raises(CredentialsError, match="lack a username or a password") as caught:
        pool.connect("it", server=server, credentials="clusters/it", proxy=Way("http://127.0.0.1:1", "proxies/eu"))
    assert "canary" not in str(caught.value)


def test_the_environments_proxy_serves_clusters_that_have_none_but_never_this_machine(
    simulated: Simulator, stored: Stored, pool: ClusterPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy(Speaks.HTTP, user=("robot", "canary")) as through:
        lead(through, simulated.url("it"))
        monkeypatch.setenv("HTTPS_PROXY", through.url(signed_in=True))
        server = server_in(stored.given["clusters/it"]["kubeconfig"])
        assert pool.connect("it", server=server, credentials="clusters/it").identity()
        assert set(through.asked) == {f"{HOST}:6443"}
        here = pool.connect("other", server=simulated.url("other"), credentials="clusters/other")
        assert here.identity()
        assert set(through.asked) == {f"{HOST}:6443"}


def test_another_proxy_is_another_connection(stored: Stored, pool: ClusterPool) -> None:
    server = server_in(stored.given["clusters/it"]["kubeconfig"])
    first = pool.connect("it", server=server, credentials="clusters/it", proxy=Way("http://127.0.0.1:1"))
    assert pool.connect("it", server=server, credentials="clusters/it", proxy=Way("http://127.0.0.1:2")) is not first


@pytest.mark.parametrize("speaks", list(Speaks))
def test_a_real_api_server_is_reached_through_a_proxy(cluster: ControlPlane, speaks: Speaks) -> None:
    stored = Stored(
        clusters_it={"kubeconfig": behind(cluster.kubeconfig())},
        proxies_eu={"username": USER[0].encode(), "password": USER[1].encode()},
    )
    pool = ClusterPool(stored, timedelta(seconds=10))
    with proxy(speaks, user=USER) as through:
        lead(through, cluster.server)
        way = Way(through.url(), "proxies/eu")
        connection = pool.connect("it", server=SERVER, credentials="clusters/it", proxy=way)
        assert connection.identity()
        assert (
            connection.session("flotilla/test (run r.1)", account=OWN).kind("apps", "v1", "Deployment").resource
            == "deployments"
        )
    pool.close()
