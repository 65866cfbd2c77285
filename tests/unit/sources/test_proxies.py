"""Which proxy the environment names for a server."""

from __future__ import annotations

import pytest

from common.sources.proxies import proxy_for

PROXY = "http://proxy.example.com:3128"


@pytest.mark.parametrize(
    ("spared", "host", "through"),
    [
        ("", "git.example.com", True),
        ("git.example.com", "git.example.com", False),
        ("example.com", "git.example.com", False),
        (".example.com", "git.example.com", False),
        (" a.com , Example.COM ", "GIT.example.com", False),
        ("ample.com", "git.example.com", True),
        ("git.example.com:8443", "git.example.com", True),
        ("git.example.com:443", "git.example.com", False),
        ("*", "git.example.com", False),
        ("10.0.0.0/8", "10.1.2.3", False),
        ("10.0.0.0/8", "11.1.2.3", True),
        ("10.1.2.3", "10.1.2.3", False),
        ("fd00::/8", "fd00::1", False),
        ("[fd00::1]:443", "fd00::1", False),
        ("10.0.0.0/8", "10.example.com", True),
        (",,", "git.example.com", True),
        ("", "127.0.0.1", False),
        ("", "localhost", False),
        ("", "::1", False),
    ],
)
def test_no_proxy_is_read_as_git_and_curl_read_it(spared: str, host: str, *, through: bool) -> None:
    assert bool(proxy_for(host, 443, {"HTTPS_PROXY": PROXY, "NO_PROXY": spared})) is through


def test_small_letters_and_the_nearer_variable_win() -> None:
    variables = {"ALL_PROXY": "socks5://a:1", "HTTPS_PROXY": "http://b:1", "https_proxy": "c:1"}
    assert proxy_for("git.example.com", 443, variables) == "http://c:1"
    del variables["https_proxy"]
    assert proxy_for("git.example.com", 443, variables) == "http://b:1"
    del variables["HTTPS_PROXY"]
    assert proxy_for("git.example.com", 443, variables) == "socks5://a:1"
    assert proxy_for("git.example.com", 443, {"HTTP_PROXY": "http://b:1"}) == ""
