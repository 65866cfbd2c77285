"""Metadata of clouds: no source and no cluster leads to a link-local address, however it is spelt or resolved."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from common import destinations
from common.credentials import DirectoryProvider
from common.destinations import DestinationRefusedError, LinkLocal, check_addresses, check_name, resolved
from common.domain.refs import GitRef, OciRef
from common.settings import Settings
from common.sources.artifacts.addresses import chart_repository
from common.sources.artifacts.web import Web, WebLimits
from common.sources.faults import UnreachableError
from common.sources.mirrors import Mirrors
from common.sources.sources import sources_from
from common.sources.urls import PlainHttp
from tests.fakes.git_server import GitServer
from tests.fakes.tls import server_tls
from tests.fakes.web_server import Reply, web_server
from workers.kube.client import Client
from workers.kube.credentials import Access
from workers.sync.errors import UnreachableError as ClusterUnreachableError

MAIN = "refs/heads/main"
NAME = "rebinds.example.com"
TRAP = "127.0.0.2"
SPELLINGS = (
    "169.254.169.254", "169.254.0.1", "169.254.43518", "169.16689662", "2852039166", "0xa9fea9fe",
    "0xa9.0xfe.0xa9.0xfe",
    "0251.0376.0251.0376", "169.254.169.254.", "fe80::1", "fe80::1%eth0", "[fe80::1]", "febf::1", "fd00:ec2::254",
    "fd20:ce::254", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "::169.254.169.254", "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1", "100.100.100.200", "::ffff:100.100.100.200", "168.63.129.16", "192.0.0.192", "0.0.0.0", "0",
    "fd00:42::42", "::ffff:0:169.254.169.254", "64:ff9b:1::a9fe:a9fe", "64:ff9b:1:a9fe:a9:fe00::",
    "64:ff9b:1:a9:fe:a9fe::", "64:ff9b:1:0:a9:fea9:fe00:0", "2001:db8::5efe:a9fe:a9fe", "2001:db8::200:5efe:a9fe:a9fe",
    "2001:0:a9fe:a9fe::", "2001:0:102:304:0:0:5601:5601",
    "::", "metadata.google.internal", "METADATA.google.internal.", "metadata", "instance-data.ec2.internal",
)  # fmt: skip
USUAL = (
    "10.0.0.1",
    "192.168.1.1",
    "127.0.0.1",
    "::1",
    "8.8.8.8",
    "2001:db8::1",
    "fd00:1::1",
    "fd00:43::42",
    "64:ff9b::808:808",
    "64:ff9b:1::808:808",
    "64:ff9b:1:808:8:800::",
    "::ffff:0:8.8.8.8",
    "2001:db8::5efe:808:808",
    "git.example.com",
    "169.example.com",
)


@pytest.mark.parametrize("host", SPELLINGS)
def test_every_spelling_is_refused_and_allowed_by_the_setting(host: str) -> None:
    with pytest.raises(DestinationRefusedError, match="FLOTILLA_ALLOW_LINK_LOCAL") as caught:
        check_name(host, Settings().link_local)
    assert caught.value.code == "address.link-local"
    check_name(host, Settings(allow_link_local=True).link_local)


@pytest.mark.parametrize("host", USUAL)
def test_usual_addresses_are_not(host: str) -> None:
    check_name(host, LinkLocal.REFUSED)
    check_addresses("it", [host], LinkLocal.REFUSED)


def _says(*answers: str) -> Callable[..., list[Any]]:
    """Return a resolver that knows one name, and gives another answer each time; the last one for ever."""
    left = list(answers)
    real = socket.getaddrinfo

    def resolver(host: str | bytes | None, port: Any, *arguments: Any, **options: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else host
        if name != NAME:
            return list(real(host, port, *arguments, **options))
        found = left.pop(0) if len(left) > 1 else left[0]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return list(real(found, port, *arguments, **options))

    return resolver


@contextmanager
def _trap() -> Iterator[tuple[int, list[bytes]]]:
    """Listen where nothing may be sent, and keep what is sent all the same."""
    got: list[bytes] = []
    with socket.create_server((TRAP, 0)) as listening:

        def take() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(2)
                    try:
                        got.append(connection.recv(65536))
                    except OSError:
                        got.append(b"")

        threading.Thread(target=take, daemon=True).start()
        yield listening.getsockname()[1], got
        listening.shutdown(socket.SHUT_RDWR)
    assert not any(got), "something was sent"


@pytest.fixture
def trapped(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = (*destinations._NETWORKS, ipaddress.ip_network(TRAP))
    monkeypatch.setattr(destinations, "_NETWORKS", networks)


@pytest.mark.parametrize(
    "url",
    [
        "https://169.254.169.254/a.git",
        "https://2852039166/a.git",
        "https://metadata.google.internal/a.git",
        "https://[::ffff:169.254.169.254]/a.git",
        "ssh://git@169.254.169.254/a.git",
        "git@metadata.google.internal:a.git",
    ],
)
def test_git_is_not_led_there(mirrors: Mirrors, url: str) -> None:
    with pytest.raises(DestinationRefusedError):
        mirrors.fetch(GitRef(url, "", MAIN))


@pytest.mark.parametrize("url", [f"https://{NAME}/a.git", f"ssh://git@{NAME}/a.git", f"git@{NAME}:a.git"])
@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254"])
def test_git_is_not_led_there_by_a_name(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, url: str, address: str
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _says(address))
    with pytest.raises(DestinationRefusedError):
        mirrors.fetch(GitRef(url, "", MAIN))


def test_git_connects_to_the_address_that_was_looked_at(
    mirrors: Mirrors, credentials: DirectoryProvider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    context, ca = server_tls(tmp_path / "tls", NAME)
    server = GitServer(tmp_path / "origins")
    commit = server.origin("app").commit({"a.yaml": "a: 1\n"})
    server.start(tls=context)
    credentials.store("git/app", {"token": b"t", "ca.crt": ca})
    # Git's own resolver knows no such name: what it reaches is what was bound to it.
    monkeypatch.setattr(socket, "getaddrinfo", _says("127.0.0.1", "169.254.169.254"))
    source = GitRef(server.url("app").replace("http://127.0.0.1", f"https://{NAME}"), "git/app", MAIN)
    try:
        assert mirrors.fetch(source).commit == commit
        with pytest.raises(DestinationRefusedError):
            mirrors.fetch(source)
    finally:
        server.stop()


def test_a_name_that_is_unknown_at_the_look_is_not_asked_for_again_by_git(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _says("", "169.254.169.254"))
    with pytest.raises(UnreachableError, match="its name cannot be resolved"):
        mirrors.fetch(GitRef(f"https://{NAME}/a.git", "", MAIN))


@pytest.mark.parametrize("url", ["https://169.254.169.254/charts", "https://metadata.google.internal/charts"])
def test_artifacts_are_not_asked_for_there(url: str) -> None:
    with Web({}, WebLimits()) as web, pytest.raises(DestinationRefusedError):
        web.get(chart_repository(url, PlainHttp.REFUSED), limit=100)


@pytest.mark.parametrize("repo", ["oci://169.254.169.254/a", "oci://metadata.google.internal/a"])
def test_registries_are_not_asked_there(tmp_path: Path, repo: str) -> None:
    source = OciRef(repo, "", "v1")
    sources = sources_from(Settings(home=tmp_path), DirectoryProvider(tmp_path))
    with pytest.raises(DestinationRefusedError):
        sources.fetch(source)
    sources.close()


@pytest.mark.usefixtures("trapped")
def test_a_name_that_changes_leads_no_artifact_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with _trap() as (port, _):
        monkeypatch.setattr(socket, "getaddrinfo", _says(TRAP))
        with Web({}, WebLimits()) as web, pytest.raises(DestinationRefusedError):
            web.get(chart_repository(f"https://{NAME}:{port}/charts", PlainHttp.REFUSED), limit=100)


@pytest.mark.usefixtures("trapped")
@pytest.mark.parametrize("to", [f"https://{TRAP}:{{port}}/x", "https://169.254.169.254/x", f"//{TRAP}:{{port}}/x"])
def test_no_redirect_leads_there(to: str) -> None:
    with _trap() as (port, _), web_server() as web:
        web.replies["/index.yaml"] = Reply(302, headers={"Location": to.format(port=port)})
        address = chart_repository(web.url, PlainHttp.LOOPBACK).below("index.yaml")
        with Web({}, WebLimits()) as asking, pytest.raises(DestinationRefusedError):
            asking.get(address, limit=100)


@pytest.mark.parametrize("host", ["169.254.169.254", "[fd00:ec2::254]", "2852039166", "metadata.google.internal"])
def test_no_cluster_is_there(host: str) -> None:
    with pytest.raises(DestinationRefusedError):
        Client(Access(f"https://{host}", token="t"), timedelta(seconds=1))


@pytest.mark.usefixtures("trapped")
def test_a_name_that_changes_leads_no_request_to_a_cluster_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with _trap() as (port, _):
        monkeypatch.setattr(socket, "getaddrinfo", _says(TRAP))
        client = Client(Access(f"https://{NAME}:{port}", token="t"), timedelta(seconds=2))
        with pytest.raises(DestinationRefusedError):
            client.send("GET", "/version", {})
        client.close()
        allowed = Client(Access(f"https://{NAME}:1", token="t"), timedelta(seconds=2), link_local=LinkLocal.ALLOWED)
        with pytest.raises(ClusterUnreachableError):
            allowed.send("GET", "/version", {})
        allowed.close()


def test_what_a_resolver_says_is_looked_at_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(*_arguments: object, **_options: object) -> list[Any]:
        return [(socket.AF_INET, 0, 0, "", (each, 1)) for each in ("192.0.2.1", "169.254.169.254")]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with pytest.raises(DestinationRefusedError):
        resolved(NAME, 443, LinkLocal.REFUSED)
    assert resolved(NAME, 443, LinkLocal.ALLOWED) == ("192.0.2.1", "169.254.169.254")
