"""Kubeconfigs that would run code, read files, or send our token elsewhere (as CVE-2022-24817)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from workers.kube.credentials import access_from, check_server, parse_kubeconfig
from workers.sync.errors import CredentialsError

CANARY = "canary-7d1f0c"
PEM = b64encode(b"-----BEGIN CERTIFICATE-----\n").decode()


def kubeconfig(
    user: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None, *, instead: bool = False
) -> bytes:
    token = {} if instead else {"token": CANARY}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": "https://example.com:6443", **(cluster or {})}}],
            "users": [{"name": "u", "user": {**token, **(user or {})}}],
        }
    ).encode()


@pytest.mark.parametrize(
    ("code", "user"),
    [
        ("exec", lambda marker: {"exec": {"apiVersion": "v1", "command": "touch", "args": [str(marker)]}}),
        ("auth-provider", lambda marker: {"auth-provider": {"name": "gcp", "config": {"cmd-path": str(marker)}}}),
        ("file", lambda marker: {"tokenFile": str(marker)}),
        ("file", lambda marker: {"client-certificate": str(marker)}),
        ("file", lambda marker: {"client-key": str(marker)}),
        ("password", lambda _: {"username": "admin", "password": CANARY}),
        ("impersonation", lambda _: {"as": "system:admin"}),
        ("unknown-key", lambda _: {"x-new-plugin": {"command": "touch"}}),
    ],
)
def test_users_that_run_code_read_files_or_pose_as_others_are_refused(
    tmp_path: Path, code: str, user: Callable[[Path], dict[str, Any]]
) -> None:
    marker = tmp_path / "marker"
    with pytest.raises(CredentialsError) as caught:
        parse_kubeconfig(kubeconfig(user(marker)), "clusters/x")
    assert caught.value.code == f"credentials.{code}"
    assert CANARY not in str(caught.value)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("code", "cluster"),
    [
        ("insecure", {"insecure-skip-tls-verify": True}),
        ("file", {"certificate-authority": "/etc/ssl/ca.crt"}),
        ("proxy", {"proxy-url": "http://attacker.example"}),
        ("server", {"server": "http://example.com"}),
        ("server", {"server": "https://me:secret@example.com"}),
        ("server", {"server": "file:///etc/passwd"}),
        ("server", {"server": "https://"}),
        ("unreadable", {"certificate-authority-data": "not base64!"}),
        ("unreadable", {"server": 7}),
        ("unreadable", {"tls-server-name": "a\nHost: b"}),
    ],
)
def test_clusters_that_are_not_verified_or_lead_elsewhere_are_refused(code: str, cluster: dict[str, Any]) -> None:
    with pytest.raises(CredentialsError) as caught:
        parse_kubeconfig(kubeconfig(cluster=cluster), "clusters/x")
    assert caught.value.code == f"credentials.{code}"
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("unreadable", b"[" * 50_000),
        ("unreadable", f"token: {CANARY}\n\t- x".encode()),
        ("unreadable", b"just text"),
        ("unreadable", b""),
        ("unreadable", b"a: 1\n---\nb: 2\n"),
        ("incomplete", b"kind: Config\n"),
        ("incomplete", b"current-context: c\ncontexts: 7\n"),
        ("nobody", kubeconfig(instead=True)),
        ("nobody", kubeconfig({"client-certificate-data": PEM}, instead=True)),
    ],
)
def test_what_is_no_complete_kubeconfig_is_refused_without_quoting_it(code: str, text: bytes) -> None:
    with pytest.raises(CredentialsError) as caught:
        parse_kubeconfig(text, "clusters/x")
    assert caught.value.code == f"credentials.{code}"
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None or CANARY not in str(caught.value.__cause__)


def test_a_credential_without_a_kubeconfig_is_refused() -> None:
    with pytest.raises(CredentialsError) as caught:
        access_from({"token": b"x"}, "clusters/x")
    assert caught.value.code == "credentials.absent"


def test_a_registry_that_names_a_server_of_its_own_is_not_sent_the_token() -> None:
    access = parse_kubeconfig(kubeconfig(), "clusters/x")
    check_server(access, "https://example.com:6443/", "clusters/x")
    with pytest.raises(CredentialsError) as caught:
        check_server(access, "https://attacker.example", "clusters/x")
    assert caught.value.code == "credentials.other-server"


def test_inline_data_is_taken_and_the_token_does_not_show() -> None:
    text = kubeconfig(cluster={"certificate-authority-data": PEM, "insecure-skip-tls-verify": False})
    access = parse_kubeconfig(text, "clusters/x")
    assert (access.token, access.server) == (CANARY, "https://example.com:6443")
    assert access.ca.startswith("-----BEGIN")
    assert CANARY not in repr(access)


def test_a_client_certificate_with_its_key_is_taken() -> None:
    user = {"client-certificate-data": PEM, "client-key-data": PEM}
    assert parse_kubeconfig(kubeconfig(user, instead=True), "clusters/x").client_key.startswith("-----BEGIN")
