"""Mirrors over https with a CA of our own."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from common.credentials import CredentialsRefusedError, DirectoryProvider
from common.domain.refs import GitRef
from common.sources.faults import CertificateError
from common.sources.mirrors import Mirrors
from tests.controlplane.certs import make_certificates
from tests.fakes.git_server import GitServer
from tests.fakes.tls import server_tls

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
    assert mirrors.fetch(GitRef(served.url, "git/app", MAIN)).commit == served.commit


def test_an_unknown_ca_is_not_trusted_whatever_the_environment_says(
    mirrors: Mirrors, credentials: DirectoryProvider, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_SSL_NO_VERIFY", "true")
    credentials.store("git/app", {"username": b"robot", "password": b"canary"})
    with pytest.raises(CertificateError, match="authority that is not known here") as caught:
        mirrors.fetch(GitRef(served.url, "git/app", MAIN))
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "ends", "known", "words", "remedy"),
    [
        ("127.0.0.1", 1, False, "authority that is not known here", "as ca.crt under the source's credentials"),
        ("127.0.0.1", -1, True, "has expired", "Renew it"),
        ("elsewhere.example.com", 1, True, "is for another host name", "Write the name that the certificate is for"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_said_and_lasts(
    mirrors: Mirrors,
    credentials: DirectoryProvider,
    tmp_path: Path,
    name: str,
    ends: int,
    *,
    known: bool,
    words: str,
    remedy: str,
) -> None:
    context, ca = server_tls(tmp_path / "served", name, ends=timedelta(days=ends))
    server = GitServer(tmp_path / "origins")
    server.origin("app").commit({"a.yaml": "a: 1\n"})
    server.start(tls=context)
    credentials.store("git/app", {"token": b"canary"} | ({"ca.crt": ca} if known else {}))
    source = GitRef(server.url("app").replace("http:", "https:"), "git/app", MAIN)
    with pytest.raises(CertificateError, match=words) as caught:
        mirrors.fetch(source)
    assert remedy in caught.value.remedy
    assert "canary" not in str(caught.value)
    server.stop()


def test_an_authority_that_is_none_is_told_before_a_connection(
    mirrors: Mirrors, credentials: DirectoryProvider
) -> None:
    credentials.store("git/app", {"token": b"canary", "ca.crt": b"none"})
    with pytest.raises(CredentialsRefusedError, match=r"ca\.crt of the credentials holds no certificate"):
        mirrors.fetch(GitRef("https://127.0.0.1:1/app", "git/app", MAIN))
