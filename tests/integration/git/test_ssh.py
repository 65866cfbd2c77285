"""Mirrors over a real sshd."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.credentials import CredentialsRefusedError, DirectoryProvider
from common.domain.refs import GitRef
from common.sources.faults import HostKeyError, RepositoryMissingError, UnauthorisedError, UnreachableError
from common.sources.mirrors import Mirrors
from tests.fakes.git_server import Origin
from tests.fakes.ssh_server import SshServer, generate_key, ssh_server

pytestmark = pytest.mark.service("sshd")
MAIN = "refs/heads/main"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SshServer]:
    with ssh_server(tmp_path / "ssh") as found:
        yield found


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path / "origin")


def test_a_key_and_known_hosts_open_a_repository(
    mirrors: Mirrors,
    credentials: DirectoryProvider,
    server: SshServer,
    origin: Origin,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    commit = origin.commit({"a.yaml": "a: 1\n"})
    credentials.store("git/key", {"ssh-privatekey": server.private_key, "known_hosts": server.known_hosts})
    source = GitRef(server.url(origin.folder), "git/key", MAIN)
    assert mirrors.fetch(source).commit == commit
    assert mirrors.tree(source, commit).read("a.yaml") == b"a: 1\n"
    assert not list((tmp_path / "scratch").iterdir()), "the key file is gone"
    kept = [path for path in (tmp_path / "mirrors").rglob("*") if path.is_file()]
    assert not [path for path in kept if b"PRIVATE KEY" in path.read_bytes()]


def test_a_server_that_known_hosts_does_not_name_is_refused(
    mirrors: Mirrors, credentials: DirectoryProvider, server: SshServer, origin: Origin, tmp_path: Path
) -> None:
    origin.commit({"a.yaml": "a: 1\n"})
    generate_key(tmp_path / "other")
    other = " ".join((tmp_path / "other.pub").read_text().split()[:2])
    url = server.url(origin.folder)
    for number, hosts in enumerate((f"[127.0.0.1]:{server.port} {other}", f"example.com {other}")):
        credentials.store(f"git/{number}", {"ssh-privatekey": server.private_key, "known_hosts": hosts.encode()})
        with pytest.raises(HostKeyError):
            mirrors.fetch(GitRef(url, f"git/{number}", MAIN))


@pytest.mark.parametrize("name", ["it's (old)! $HOME & more", "$(touch marker)", "';touch marker;'", "a&&touch marker"])
def test_a_path_is_one_word_to_the_servers_shell(
    mirrors: Mirrors,
    credentials: DirectoryProvider,
    server: SshServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    origin = Origin(tmp_path / name)
    commit = origin.commit({"a.yaml": "a: 1\n"})
    credentials.store("git/key", {"ssh-privatekey": server.private_key, "known_hosts": server.known_hosts})
    url = f"{server.url(tmp_path)}/{name.replace(' ', '%20')}"
    assert mirrors.fetch(GitRef(url, "git/key", MAIN)).commit == commit
    assert not [folder for folder in (Path.home(), tmp_path) if (folder / "marker").exists()]


def test_what_windows_made_of_a_key_is_mended(
    mirrors: Mirrors, credentials: DirectoryProvider, server: SshServer, origin: Origin
) -> None:
    commit = origin.commit({"a.yaml": "a: 1\n"})
    key, hosts = (text.replace(b"\n", b"\r\n") for text in (server.private_key, server.known_hosts))
    credentials.store("git/key", {"ssh-privatekey": b"\xef\xbb\xbf" + key, "known_hosts": hosts})
    assert mirrors.fetch(GitRef(server.url(origin.folder), "git/key", MAIN)).commit == commit


def test_a_key_that_cannot_serve_is_told_without_a_connection(
    mirrors: Mirrors, credentials: DirectoryProvider, tmp_path: Path
) -> None:
    generate_key(tmp_path / "key")
    protect = ["ssh-keygen", "-q", "-p", "-N", "canary", "-f", str(tmp_path / "key")]
    subprocess.run(protect, check=True, capture_output=True)
    stored = {"protected": (tmp_path / "key").read_bytes(), "public": (tmp_path / "key.pub").read_bytes()}
    for name, key in stored.items():
        credentials.store(f"git/{name}", {"ssh-privatekey": key, "known_hosts": b"127.0.0.1 ssh-ed25519 AAAA"})
    source = GitRef("ssh://git@127.0.0.1:1/none", "git/protected", MAIN)
    with pytest.raises(CredentialsRefusedError, match=r"a passphrase.*ssh-keygen -p") as caught:
        mirrors.fetch(source)
    assert "canary" not in str(caught.value)
    with pytest.raises(CredentialsRefusedError, match=r"public half.*without \.pub"):
        mirrors.fetch(GitRef(source.repo, "git/public", MAIN))


def test_known_hosts_is_not_optional(
    mirrors: Mirrors, credentials: DirectoryProvider, server: SshServer, origin: Origin
) -> None:
    credentials.store("git/key", {"ssh-privatekey": server.private_key})
    with pytest.raises(CredentialsRefusedError, match="known_hosts"):
        mirrors.fetch(GitRef(server.url(origin.folder), "git/key", MAIN))
    with pytest.raises(CredentialsRefusedError, match="ssh-privatekey and known_hosts"):
        mirrors.fetch(GitRef(server.url(origin.folder), "", MAIN))


def test_another_key_is_refused(
    mirrors: Mirrors, credentials: DirectoryProvider, server: SshServer, origin: Origin, tmp_path: Path
) -> None:
    key = generate_key(tmp_path / "other")
    credentials.store("git/other", {"ssh-privatekey": key, "known_hosts": server.known_hosts})
    with pytest.raises(UnauthorisedError):
        mirrors.fetch(GitRef(server.url(origin.folder), "git/other", MAIN))


def test_a_missing_repository_and_a_missing_server_are_told_apart(
    mirrors: Mirrors, credentials: DirectoryProvider, server: SshServer, tmp_path: Path
) -> None:
    hosts = server.known_hosts
    credentials.store("git/key", {"ssh-privatekey": server.private_key, "known_hosts": hosts})
    with pytest.raises(RepositoryMissingError):
        mirrors.fetch(GitRef(server.url(tmp_path / "none"), "git/key", MAIN))
    with pytest.raises(UnreachableError):
        mirrors.fetch(GitRef("ssh://git@127.0.0.1:1/none", "git/key", MAIN))
