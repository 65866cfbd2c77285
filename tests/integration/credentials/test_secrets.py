"""Credentials in Secrets of the hub's own cluster, as every process of the hub reads them."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.credentials import (
    CredentialsMissingError,
    CredentialsRefusedError,
    DirectoryProvider,
    provider_from,
)
from common.credentials.secrets import Account, SecretProvider, SecretsForbiddenError, SecretsUnreachableError
from common.domain.errors import FlotillaError
from common.settings import Settings
from tests.fakes.web_server import Reply, WebServer, web_server

TOKEN = "canary-token-4411"
PATH = "/api/v1/namespaces/flotilla/secrets/git.team-pay"
VALUE = b"canary-value-9a"


def secret(**data: bytes) -> Reply:
    encoded = {key: b64encode(value).decode() for key, value in data.items()}
    return Reply(content=json.dumps({"kind": "Secret", "data": encoded}).encode())


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


@pytest.fixture
def provider(web: WebServer) -> SecretProvider:
    return SecretProvider("flotilla", Account(web.url, "", TOKEN))


def test_a_reference_is_a_secret_by_its_name(provider: SecretProvider, web: WebServer) -> None:
    web.replies[PATH] = secret(username=b"robot", token=VALUE)
    assert provider.get("git/Team-Pay") == {"username": b"robot", "token": VALUE}
    assert [asked.authorization for asked in web.asked] == [f"Bearer {TOKEN}"]


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (Reply(404), CredentialsMissingError),
        (Reply(401), SecretsForbiddenError),
        (Reply(403), SecretsForbiddenError),
        (Reply(500), SecretsUnreachableError),
        (Reply(429), SecretsUnreachableError),
        (Reply(302, headers={"Location": "http://127.0.0.1:1/"}), SecretsUnreachableError),
        (Reply(content=b"x" * (5 << 20)), SecretsUnreachableError),
        (Reply(content=b"[]"), CredentialsRefusedError),
        (Reply(content=VALUE), CredentialsRefusedError),
        (Reply(content=b'{"data": {"a": "' + VALUE + b'"}}'), CredentialsRefusedError),
        (Reply(content=b'{"data": {"a": 1}}'), CredentialsRefusedError),
    ],
)
def test_what_is_no_secret_is_a_fault_that_shows_nothing(
    provider: SecretProvider, web: WebServer, reply: Reply, fault: type[FlotillaError]
) -> None:
    web.replies[PATH] = reply
    with pytest.raises(fault) as caught:
        provider.get("git/team-pay")
    told = f"{caught.value} {caught.value.__cause__!r}"
    assert TOKEN not in told
    assert VALUE.decode() not in told


@pytest.mark.parametrize("ref", ["../x", "a//b", ".hidden", "a/../b", "git/a?x=1", "a\nb", ""])
def test_a_reference_that_leads_elsewhere_is_not_asked_for(provider: SecretProvider, web: WebServer, ref: str) -> None:
    with pytest.raises(CredentialsRefusedError):
        provider.get(ref)
    assert web.asked == []


def test_a_server_that_is_away_is_asked_again_later() -> None:
    with pytest.raises(SecretsUnreachableError) as caught:
        SecretProvider("flotilla", Account("http://127.0.0.1:1", "", TOKEN)).get("git/a")
    assert TOKEN not in str(caught.value)


def test_whoever_asks_the_hubs_providers_reads_secrets_last(
    web: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the scheduler does for the registry's repository: by nothing but the settings."""
    settings = Settings(home=tmp_path, credentials_secret_namespace="flotilla")
    with pytest.raises(SecretsForbiddenError, match="does not run in a pod"):
        provider_from(settings).get("git/team-pay")
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text(f"{TOKEN}\n")
    (account / "ca.crt").write_text("")
    monkeypatch.setattr("common.credentials.secrets._ACCOUNT", account)
    monkeypatch.setattr("common.credentials.secrets._SERVER", web.url)
    web.replies[PATH] = lambda asked: secret(token=VALUE) if asked.authorization == f"Bearer {TOKEN}" else Reply(401)
    assert provider_from(settings).get("git/team-pay") == {"token": VALUE}
    DirectoryProvider(tmp_path / "credentials").store("git/team-pay", {"token": b"nearer"})
    assert provider_from(settings).get("git/team-pay") == {"token": b"nearer"}
