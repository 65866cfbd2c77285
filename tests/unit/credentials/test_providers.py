"""Credentials by reference."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.credentials import (
    ChainProvider,
    CredentialsMissingError,
    CredentialsRefusedError,
    DirectoryProvider,
    EnvironmentProvider,
    provider_from,
)
from common.settings import Settings


def test_what_was_stored_is_given_back_and_only_the_owner_can_read_it(tmp_path: Path) -> None:
    provider = DirectoryProvider(tmp_path / "credentials")
    folder = provider.store("clusters/eu-1", {"kubeconfig": b"a: 1"})
    assert provider.get("clusters/eu-1") == {"kubeconfig": b"a: 1"}
    assert (folder / "kubeconfig").stat().st_mode & 0o777 == 0o600
    assert all(path.stat().st_mode & 0o077 == 0 for path in (folder, folder.parent, tmp_path / "credentials"))


def test_storing_again_replaces_all_keys(tmp_path: Path) -> None:
    provider = DirectoryProvider(tmp_path)
    provider.store("git/a", {"username": b"u", "token": b"t"})
    provider.store("git/a", {"token": b"new"})
    assert provider.get("git/a") == {"token": b"new"}
    assert [path.name for path in (tmp_path / "git").iterdir()] == ["a"]


def test_a_mounted_secret_is_read_through_its_links(tmp_path: Path) -> None:
    folder = tmp_path / "git" / "a"
    (folder / "..2024").mkdir(parents=True)
    (folder / "..2024" / "token").write_bytes(b"t")
    (folder / "..2024" / "token").chmod(0o400)
    (folder / "..data").symlink_to("..2024")
    (folder / "token").symlink_to("..data/token")
    assert DirectoryProvider(tmp_path).get("git/a") == {"token": b"t"}


@pytest.mark.parametrize("ref", ["git/none", "git", "git/a/token"])
def test_an_unknown_reference_is_missing(tmp_path: Path, ref: str) -> None:
    provider = DirectoryProvider(tmp_path)
    provider.store("git/a", {"token": b"t"})
    with pytest.raises(CredentialsMissingError, match="Store them there"):
        provider.get(ref)


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "..",
        "../x",
        "git/../../x",
        "/etc/passwd",
        "git//a",
        "git/",
        "-rf",
        "git/.ssh",
        "a\0b",
        "a b",
        "é",
        "x" * 300,
    ],
)
def test_a_reference_cannot_leave_the_folder(tmp_path: Path, ref: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "token").write_bytes(b"t")
    for provider in (DirectoryProvider(root), EnvironmentProvider("P_", {})):
        with pytest.raises(CredentialsRefusedError):
            provider.get(ref)
    with pytest.raises(CredentialsRefusedError):
        DirectoryProvider(root).store(ref, {"token": b"t"})


def test_a_key_cannot_leave_the_folder(tmp_path: Path) -> None:
    with pytest.raises(CredentialsRefusedError):
        DirectoryProvider(tmp_path).store("git/a", {"../b": b"t"})


def test_a_file_open_to_everyone_is_refused(tmp_path: Path) -> None:
    provider = DirectoryProvider(tmp_path)
    folder = provider.store("git/a", {"token": b"canary"})
    (folder / "token").chmod(0o644)
    with pytest.raises(CredentialsRefusedError, match="chmod 0600") as caught:
        provider.get("git/a")
    assert "canary" not in str(caught.value)


def test_the_environment_holds_a_json_object() -> None:
    provider = EnvironmentProvider("F_", {"F_GIT_TEAM_PAY": '{"username": "u", "token": "t"}', "F_GIT_BAD": "canary"})
    assert provider.get("git/team-pay") == {"username": b"u", "token": b"t"}
    with pytest.raises(CredentialsRefusedError) as caught:
        provider.get("git/bad")
    assert "canary" not in str(caught.value)
    with pytest.raises(CredentialsMissingError):
        provider.get("git/none")


def test_the_first_provider_that_knows_a_reference_answers(tmp_path: Path) -> None:
    one, two = DirectoryProvider(tmp_path / "one"), DirectoryProvider(tmp_path / "two")
    two.store("git/a", {"token": b"2"})
    chain = ChainProvider([one, two])
    assert chain.get("git/a") == {"token": b"2"}
    one.store("git/a", {"token": b"1"})
    assert chain.get("git/a") == {"token": b"1"}
    with pytest.raises(CredentialsMissingError):
        chain.get("git/b")


def test_a_refusal_ends_the_search(tmp_path: Path) -> None:
    one, two = DirectoryProvider(tmp_path / "one"), DirectoryProvider(tmp_path / "two")
    (one.store("git/a", {"token": b"1"}) / "token").chmod(0o644)
    two.store("git/a", {"token": b"2"})
    with pytest.raises(CredentialsRefusedError):
        ChainProvider([one, two]).get("git/a")


def test_settings_name_the_providers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRED_GIT_B", '{"token": "b"}')
    DirectoryProvider(tmp_path / "credentials").store("git/a", {"token": b"a"})
    provider = provider_from(Settings(home=tmp_path, credentials_env_prefix="CRED_"))
    assert provider.get("git/a") == {"token": b"a"}
    assert provider.get("git/b") == {"token": b"b"}
