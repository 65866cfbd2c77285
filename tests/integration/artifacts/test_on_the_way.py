"""What lies between us and a server of artifacts: proxies of the environment, and certificates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from common.credentials import DirectoryProvider
from common.sources.artifacts.faults import ArtifactUnreachableError, ProxyRefusedError
from common.sources.doors import Machine
from common.sources.faults import CertificateError
from common.sources.sources import Sources, sources_on
from tests.factories import stored_ref
from tests.fakes.proxies import Proxy, Speaks, proxy
from tests.fakes.tls import server_tls
from tests.fakes.web_server import Reply, WebServer, web_server
from tests.integration.artifacts.test_charts import NAME, published

HOST = "charts.invalid"


@pytest.fixture
def artifacts(tmp_path: Path, credentials: DirectoryProvider) -> Iterator[Sources]:
    found = sources_on(Machine(tmp_path / "artifacts", credentials))
    yield found
    found.close()


@pytest.fixture
def web(tmp_path: Path, credentials: DirectoryProvider) -> Iterator[WebServer]:
    context, ca = server_tls(tmp_path / "tls", HOST)
    credentials.store("charts/ca", {"ca.crt": ca})
    with web_server(context) as server:
        yield server


def lead(through: Proxy, web: WebServer) -> None:
    through.leads[HOST] = ("127.0.0.1", int(web.host.rpartition(":")[2]))


CHART = stored_ref(f"https://{HOST}/helm", "charts/ca", f"chart:{NAME}:1.0.0")


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_charts_come_through_the_proxy_of_the_environment(
    artifacts: Sources, web: WebServer, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    digests = published(web, "1.0.0")
    with proxy(Speaks.HTTP, user=("robot", "canary")) as through:
        lead(through, web)
        monkeypatch.setenv(variable, through.url(signed_in=True))
        assert artifacts.fetch(CHART).commit == digests["1.0.0"]
        assert set(through.asked) == {f"{HOST}:443"}
        monkeypatch.setenv("NO_PROXY", "other.invalid,.invalid")
        with pytest.raises(ArtifactUnreachableError, match="did not answer \\("):
            artifacts.fetch(CHART)


def test_a_proxy_behind_socks_serves_too(artifacts: Sources, web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = published(web, "1.0.0")
    with proxy(Speaks.SOCKS5) as through:
        lead(through, web)
        monkeypatch.setenv("ALL_PROXY", through.url())
        assert artifacts.fetch(CHART).commit == digests["1.0.0"]
        assert set(through.asked) == {f"{HOST}:443"}


def test_a_proxy_that_refuses_or_is_gone_is_named_without_its_password(
    artifacts: Sources, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy(Speaks.HTTP, user=("robot", "right")) as through:
        lead(through, web)
        address = through.url().replace("http://", "http://robot:canary@")
        monkeypatch.setenv("HTTPS_PROXY", address)
        with pytest.raises(ArtifactUnreachableError, match=r"through the proxy of the environment.*407") as caught:
            artifacts.fetch(CHART)
    assert "canary" not in str(caught.value)
    with pytest.raises(ArtifactUnreachableError, match="through the proxy of the environment") as caught:
        artifacts.fetch(CHART)
    assert "canary" not in str(caught.value)
    monkeypatch.setenv("HTTPS_PROXY", "gopher://robot:canary@127.0.0.1")
    with pytest.raises(ProxyRefusedError, match="socks5://HOST:PORT") as refused:
        artifacts.fetch(CHART)
    assert "canary" not in str(refused.value)


def test_a_proxy_is_never_asked_for_this_very_machine(
    artifacts: Sources, tmp_path: Path, credentials: DirectoryProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    context, ca = server_tls(tmp_path / "own")
    credentials.store("charts/own", {"ca.crt": ca})
    with web_server(context) as web:
        digests = published(web, "1.0.0")
        source = stored_ref(f"https://{web.host}/helm", "charts/own", f"chart:{NAME}:1.0.0")
        assert artifacts.fetch(source).commit == digests["1.0.0"]


@pytest.mark.parametrize(
    ("name", "ends", "known", "words", "remedy"),
    [
        ("127.0.0.1", 1, False, "authority that is not known here", "as ca.crt under the source's credentials"),
        ("127.0.0.1", -1, True, "has expired", "Renew it"),
        ("elsewhere.example.com", 1, True, "is for another host name", "Write the name that the certificate is for"),
    ],
)
@pytest.mark.parametrize("kind", ["chart", "oci"])
def test_what_is_wrong_with_a_certificate_is_said_and_lasts(
    artifacts: Sources,
    credentials: DirectoryProvider,
    tmp_path: Path,
    kind: str,
    name: str,
    ends: int,
    *,
    known: bool,
    words: str,
    remedy: str,
) -> None:
    context, ca = server_tls(tmp_path / "served", name, ends=timedelta(days=ends))
    credentials.store("charts/maybe", {"ca.crt": ca} if known else {"username": b"u", "password": b"p"})
    with web_server(context) as web:
        web.replies["/v2/"] = Reply(200)
        if kind == "chart":
            source = stored_ref(f"https://{web.host}/helm", "charts/maybe", f"chart:{NAME}:1.0.0")
        else:
            source = stored_ref(f"oci://{web.host}/app", "charts/maybe", "oci-tag:v1")
        with pytest.raises(CertificateError, match=words) as caught:
            artifacts.fetch(source)
    assert remedy in caught.value.remedy
