"""Mirrors over https with a CA of our own."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from common.domain.refs import SourceRef
from common.sources.credentials import DirectoryProvider
from common.sources.faults import UnreachableError
from common.sources.mirrors import Mirrors
from tests.controlplane.certs import make_certificates
from tests.fakes.git_server import GitServer

MAIN = "refs/heads/main"


@dataclass(frozen=True)
class Served:
    """A repository behind TLS."""

    url: str
    ca: bytes
    commit: str


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    folder = tmp_path / "tls"
    folder.mkdir()
    certificates = make_certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    server = GitServer(tmp_path / "origins", user=("robot", "canary"))
    commit = server.origin("app").commit({"a.yaml": "a: 1\n"})
    server.start(tls=context)
    yield Served(server.url("app").replace("http:", "https:"), certificates.ca.encode(), commit)
    server.stop()


def test_a_private_ca_and_a_password_open_a_repository(
    mirrors: Mirrors, credentials: DirectoryProvider, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_SSL_CAINFO", "/dev/null")
    credentials.store("git/app", {"username": b"robot", "password": b"canary", "ca.crt": served.ca})
    assert mirrors.fetch(SourceRef(served.url, "git/app", MAIN)).commit == served.commit


def test_an_unknown_ca_is_not_trusted_whatever_the_environment_says(
    mirrors: Mirrors, credentials: DirectoryProvider, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_SSL_NO_VERIFY", "true")
    credentials.store("git/app", {"username": b"robot", "password": b"canary"})
    with pytest.raises(UnreachableError, match="certificate") as caught:
        mirrors.fetch(SourceRef(served.url, "git/app", MAIN))
    assert "canary" not in str(caught.value)
