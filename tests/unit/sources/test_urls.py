"""Which URLs and refs git may have."""

from __future__ import annotations

import pytest

from common.domain.addresses import Transport, is_loopback
from common.sources.faults import RefRefusedError, UrlRefusedError
from common.sources.urls import PlainHttp, checked_ref, checked_url

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "transport", "host", "origin"),
    [
        ("https://git.example.com/pay/deploy.git", Transport.HTTPS, "git.example.com", "https://git.example.com/"),
        ("https://git.example.com:8443/a", Transport.HTTPS, "git.example.com", "https://git.example.com:8443/"),
        ("https://[2001:db8::1]:8443/a", Transport.HTTPS, "2001:db8::1", "https://[2001:db8::1]:8443/"),
        ("ssh://git@git.example.com:2222/a.git", Transport.SSH, "git.example.com", ""),
        ("ssh://git.example.com/a.git", Transport.SSH, "git.example.com", ""),
        ("git@git.example.com:pay/deploy.git", Transport.SSH, "git.example.com", ""),
    ],
)
def test_https_and_ssh_are_allowed(text: str, transport: Transport, host: str, origin: str) -> None:
    url = checked_url(text)
    assert (url.text, url.transport, url.host, url.origin) == (text, transport, host, origin)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "[::1]"])
def test_plain_http_is_for_loopback_by_a_setting(host: str) -> None:
    text = f"http://{host}:8080/app/.git"
    assert checked_url(text, plain_http=PlainHttp.LOOPBACK).transport is Transport.HTTP
    with pytest.raises(UrlRefusedError, match="plain http"):
        checked_url(text)


@pytest.mark.parametrize(
    "host", ["git.example.com", "127.0.0.1.example.com", "localhost.example.com", "0x7f000001", "10.0.0.1", "[::2]"]
)
def test_plain_http_to_elsewhere_is_refused(host: str) -> None:
    with pytest.raises(UrlRefusedError):
        checked_url(f"http://{host}/app", plain_http=PlainHttp.LOOPBACK)


def test_loopback_is_judged_without_a_resolver() -> None:
    assert is_loopback("localhost")
    assert not is_loopback("localhost.localdomain")


@pytest.mark.parametrize(
    "text",
    [
        "https://user:canary-pw@git.example.com/a",
        "https://canary-token@git.example.com/a",
        "ssh://git:canary-pw@git.example.com/a",
        "https://git.example.com/a?token=canary",
        "https://git.example.com/a#canary",
    ],
)
def test_credentials_in_a_url_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UrlRefusedError) as caught:
        checked_url(text)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/heads/team/feature-1", "refs/tags/v1.0.0", COMMIT, "ab" * 32])
def test_branches_tags_and_full_commits_are_refs(ref: str) -> None:
    assert checked_ref(ref) == ref


@pytest.mark.parametrize(
    "ref",
    ["", "main", "HEAD", "refs/heads/", "refs/notes/x", COMMIT[:39], COMMIT.upper(), "refs/heads/a..b",
     "refs/heads/a~1", "refs/heads/@{1}", "refs/heads/a b", "refs/heads/a.lock", "refs/heads/a\n", "refs/heads/*",
     "refs/heads/" + "a" * 300],
)  # fmt: skip
def test_other_refs_are_refused(ref: str) -> None:
    with pytest.raises(RefRefusedError):
        checked_ref(ref)
