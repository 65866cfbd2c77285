"""Class: what nobody who is trusted has signed. ``source.verify`` lets nothing of it reach a cluster."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from common.credentials import CredentialsMissingError, CredentialsRefusedError, DirectoryProvider
from common.domain.refs import GitRef
from common.sources.mirrors import Mirrors
from common.sources.signatures import SignatureRefusedError
from tests.fakes.git_server import GitServer, Origin
from tests.fakes.signing import Signer, by_openpgp, by_ssh

Check = Callable[..., None]
FILES = {"a.yaml": "kind: A\n"}


@pytest.fixture(scope="module", params=["openpgp", "ssh"])
def people(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Signer, Signer]]:
    """Somebody who is trusted, and somebody who is not."""
    if request.param == "ssh":
        folder = tmp_path_factory.mktemp("keys")
        yield by_ssh(folder / "trusted"), by_ssh(folder / "other")
        return
    with by_openpgp("trusted") as trusted, by_openpgp("other") as other:
        yield trusted, other


@pytest.fixture
def trusted(people: tuple[Signer, Signer], credentials: DirectoryProvider) -> Signer:
    credentials.store("keys/release-team", {"key": people[0].public})
    return people[0]


@pytest.fixture
def stranger(people: tuple[Signer, Signer]) -> Signer:
    return people[1]


@pytest.fixture
def origin(git_http_server: GitServer) -> Origin:
    return git_http_server.origin("apps")


@pytest.fixture
def check(git_http_server: GitServer, mirrors: Mirrors) -> Check:
    """Fetch what a ref is, and ask whether it is signed."""

    def checked(ref: str = "refs/heads/main", *keys: str) -> None:
        source = GitRef.read(git_http_server.url("apps"), "", ref)
        mirrors.verify(source, mirrors.fetch(source).commit, keys or ("release-team",))

    return checked


def test_a_commit_signed_by_a_trusted_key_is_taken(origin: Origin, trusted: Signer, check: Check) -> None:
    commit = trusted.commit(origin, FILES)
    check()
    check(commit)


def test_a_commit_on_top_that_nobody_signed_is_refused(origin: Origin, trusted: Signer, check: Check) -> None:
    trusted.commit(origin, FILES)
    origin.commit({"a.yaml": "kind: B\n"})
    with pytest.raises(SignatureRefusedError, match="is not signed by release-team"):
        check()


def test_a_good_signature_by_a_key_that_is_not_trusted_is_refused(
    origin: Origin, trusted: Signer, stranger: Signer, check: Check
) -> None:
    assert trusted.public != stranger.public
    stranger.commit(origin, FILES)
    with pytest.raises(SignatureRefusedError):
        check()


def test_any_one_of_the_keys_is_enough(
    origin: Origin, trusted: Signer, stranger: Signer, credentials: DirectoryProvider, check: Check
) -> None:
    assert trusted.public != stranger.public
    credentials.store("keys/night-shift", {"key": stranger.public})
    stranger.commit(origin, FILES)
    check("refs/heads/main", "release-team", "night-shift")


def test_a_signature_of_another_commit_is_worth_nothing(origin: Origin, trusted: Signer, check: Check) -> None:
    trusted.commit(origin, FILES)
    signed = origin.git("cat-file", "commit", "HEAD")
    origin.commit({"a.yaml": "kind: Evil\n"})
    tree = origin.git("rev-parse", "HEAD^{tree}")
    forged = "\n".join(f"tree {tree}" if line.startswith("tree ") else line for line in signed.splitlines()) + "\n"
    commit = origin.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=forged.encode())
    origin.git("update-ref", "refs/heads/main", commit)
    with pytest.raises(SignatureRefusedError):
        check()


def test_a_signed_tag_stands_for_its_commit(origin: Origin, trusted: Signer, check: Check) -> None:
    origin.commit(FILES)
    trusted.tag(origin, "v1.0.0")
    check("refs/tags/v1.0.0")
    check("semver:^1")
    with pytest.raises(SignatureRefusedError, match="commit"):
        check("refs/heads/main")


def test_a_tag_that_nobody_signed_is_refused(origin: Origin, trusted: Signer, check: Check) -> None:
    assert trusted
    origin.commit(FILES)
    origin.git("tag", "v1.0.0")
    origin.git("tag", "--annotate", "--message=x", "v1.1.0")
    for ref in ("refs/tags/v1.0.0", "refs/tags/v1.1.0"):
        with pytest.raises(SignatureRefusedError):
            check(ref)


def test_a_signed_tag_under_another_name_is_refused(origin: Origin, trusted: Signer, check: Check) -> None:
    origin.commit(FILES)
    old = trusted.tag(origin, "v1.0.0")
    origin.commit({"b.yaml": "kind: B\n"})
    trusted.tag(origin, "v1.1.0")
    origin.git("update-ref", "refs/tags/v9.0.0", old)
    with pytest.raises(SignatureRefusedError):
        check("refs/tags/v9.0.0")
    with pytest.raises(SignatureRefusedError):
        check("semver:>=1")


def test_a_key_whose_time_is_over_signs_nothing(origin: Origin, credentials: DirectoryProvider, check: Check) -> None:
    with by_openpgp("former", expires="1d", at="20240101T000000") as former:
        credentials.store("keys/release-team", {"key": former.public})
        former.commit(origin, FILES)
    with pytest.raises(SignatureRefusedError):
        check()


def test_what_a_key_signed_elsewhere_is_no_signature_of_a_commit(
    origin: Origin, credentials: DirectoryProvider, check: Check, tmp_path: Path
) -> None:
    """Who gets somebody to sign a file must not have got a commit signed."""
    signer = by_ssh(tmp_path / "keys")
    credentials.store("keys/release-team", {"key": signer.public})
    origin.commit(FILES)
    payload = origin.git("cat-file", "commit", "HEAD") + "\n"
    key = signer.settings["user.signingKey"]
    signed = subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", key],
        input=payload.encode(),
        check=True,
        capture_output=True,
    )
    header = "gpgsig " + signed.stdout.decode().strip().replace("\n", "\n ")
    before, _, message = payload.partition("\n\n")
    forged = f"{before}\n{header}\n\n{message}"
    commit = origin.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=forged.encode())
    origin.git("update-ref", "refs/heads/main", commit)
    with pytest.raises(SignatureRefusedError):
        check()


def test_keys_that_cannot_be_had_are_no_leave(origin: Origin, credentials: DirectoryProvider, check: Check) -> None:
    origin.commit(FILES)
    with pytest.raises(CredentialsMissingError, match="keys/release-team"):
        check()
    for content in (b"not a key", b"ssh-ed25519 !!!", b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"):
        credentials.store("keys/release-team", {"key": content})
        with pytest.raises(CredentialsRefusedError, match="keys/release-team holds"):
            check()
    credentials.store("keys/release-team", {"key": b"-----BEGIN PGP PUBLIC KEY BLOCK-----\nbroken\n"})
    with pytest.raises(CredentialsRefusedError, match="gpg does not take"):
        check()


def test_what_was_trusted_once_is_not_when_the_key_is_another(
    origin: Origin, trusted: Signer, stranger: Signer, credentials: DirectoryProvider, check: Check
) -> None:
    trusted.commit(origin, FILES)
    check()
    credentials.store("keys/release-team", {"key": stranger.public})
    with pytest.raises(SignatureRefusedError):
        check()
