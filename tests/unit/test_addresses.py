"""Addresses that a registry may name: what passes, and the reason of its own that each rule gives."""

from __future__ import annotations

import pytest

from common.domain.addresses import (
    AddressError,
    chart_repository,
    comparable,
    git_address,
    oci_repository,
    repository_key,
    server_address,
)
from common.domain.fleet import Project


@pytest.mark.parametrize(
    "text",
    [
        "https://dev.azure.com/acme/Process%20automation/_git/orders",
        "https://git.example.com/a(b)/it's!/$x&y+z,w;v=u@t:s.git",
        "https://git.example.com/B%C3%BCro/Büro.git",
        "https://git.example.com/what%3F/no%231.git",
        "ssh://git@ssh.dev.azure.com/v3/acme/Process%20automation/orders",
        "git@git.example.com:pay/deploy.git",
        "git@git.example.com:/srv/git/(old)/deploy.git",
        "ssh://git@[2001:db8::1]:2222/a.git",
        "HTTPS://Git.Example.com/a",
    ],
)
def test_what_people_have_is_taken_as_it_is(text: str) -> None:
    assert git_address(text).text == text


@pytest.mark.parametrize(
    ("text", "reason", "remedy"),
    [
        ("", "is empty", "write it out"),
        ("https://h.example.com/a b", "holds a space", "write %20"),
        ("https://h.example.com/a\nb", "does not show", "remove it"),
        ("https://h.example.com/a\u200bb", "does not show", "remove it"),
        ("https://h.example.com/" + "a" * 2_000, "longer than 2,000", "shorten"),
        ("-u https://h", "option or as a command", "write https://HOST/PATH"),
        ("ext::sh", "option or as a command", "write https://HOST/PATH"),
        ("/srv/git/a", "does not begin with https:// or ssh://", "USER@HOST:PATH"),
        ("file:///srv/git/a", "does not begin with https:// or ssh://", "USER@HOST:PATH"),
        ("git://h.example.com/a", "does not begin with https:// or ssh://", "USER@HOST:PATH"),
        ("https:/h.example.com/a", "does not begin with https:// or ssh://", "https://HOST/PATH"),
        ("https:///a", "names no host", "https://HOST/PATH"),
        ("https://h.example.com", "names no repository", "add the repository's path"),
        ("https://h.example.com/", "names no repository", "add the repository's path"),
        ("https://h.example.com:99999/a", "host or port cannot be read", "https://HOST"),
        ("https://h.example.com:/a", "port is empty", "from 1 to"),
        ("https://h.example.com:0/a", "port is empty or out of range", "from 1 to"),
        ("https://-oProxyCommand=x/a", "the host is no plain name", "xn--"),
        ("https://bücher.example.com/a", "the host is no plain name", "xn--"),
        ("https://[fe80::1%25eth0]/a", "one machine's own link", "leave the zone"),
        ("http://h.example.com/a", "plain http would show", "use https"),
        ("https://u:pw@h.example.com/a", "carries credentials", "secretRef"),
        ("https://u@h.example.com/a", "carries credentials", "secretRef"),
        ("ssh://u:pw@h.example.com/a", "carries credentials", "secretRef"),
        ("ssh://u%20v@h.example.com/a", "user name is not plain", "letters"),
        ("https://h.example.com/a?x=1", "a query", "%3F"),
        ("https://h.example.com/a?", "a query", "%3F"),
        ("https://h.example.com/a#x", "a fragment", "%23"),
        ("https://h.example.com/a/../b", "'.' or '..' as a step", "without"),
        ("https://h.example.com/a/./b", "'.' or '..' as a step", "without"),
        ("ssh://git@h.example.com/-u/b", "begins with a hyphen", "another path"),
        ("git@h.example.com:-u/b", "begins with a hyphen", "another path"),
        ("git@h.example.com:a%20b", "escapes mean nothing", "ssh:// before USER@HOST/PATH"),
        ("git@h.example.com:22:a", "would be read as a port", "ssh:// before USER@HOST/PATH"),
        ("https://h.example.com/a\\b", "holds '\\\\'", "leave it out"),
        ("https://h.example.com/a*", "holds '*'", "leave it out"),
        ("https://h.example.com/a[1]", "holds '['", "write %5B"),
        ("https://h.example.com/a`b", "holds '`'", "write %60"),
        ("https://h.example.com/50%", "no two hex digits", "%20"),
        ("https://h.example.com/50%zz", "no two hex digits", "%20"),
        ("https://h.example.com/a%2fb", "hides a slash", "without"),
        ("https://h.example.com/a%5Cb", "hides a backslash", "without"),
        ("https://h.example.com/%2e%2e/b", "hides a dot", "without"),
        ("https://h.example.com/a%252fb", "hides a percent sign", "without"),
        ("https://h.example.com/a%2Ab", "hides a star", "without"),
        ("https://h.example.com/a%00b", "hides a control character", "leave it out"),
        ("https://h.example.com/a%0ab", "hides a control character", "leave it out"),
        ("https://h.example.com/a%7Fb", "hides a control character", "leave it out"),
        ("https://h.example.com/p%61y", "stands for 'a'", "write 'a' itself"),
    ],
)
def test_each_rule_gives_its_own_reason_and_remedy(text: str, reason: str, remedy: str) -> None:
    with pytest.raises(AddressError) as caught:
        git_address(text)
    assert reason in caught.value.what
    assert remedy in caught.value.remedy
    assert "pw" not in str(caught.value), "the address is not repeated"


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (server_address, "https://api.example.com:6443", "http://127.0.0.1:6443"),
        (server_address, "https://rancher.example.com/k8s/clusters/c-1", "https://api.example.com/%2e%2e/"),
        (chart_repository, "https://charts.example.com/pay%20team", "https://charts.example.com/a%2fb"),
        (chart_repository, "https://charts.example.com", "ssh://charts.example.com/a"),
        (chart_repository, "oci://registry.example.com/pay", "oci://registry.example.com/Pay"),
        (oci_repository, "registry.example.com/pay/web", "oci://registry.example.com/pay/web"),
        (oci_repository, "localhost/web", "pay/web"),
        (oci_repository, "registry:5000/web", "registry:70000/web"),
    ],
)
def test_servers_charts_and_images_have_rules_of_the_same_kind(check, good, bad) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    check(good)
    with pytest.raises(AddressError):
        check(bad)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("git@git.example.com:pay/deploy.git", "ssh://git@git.example.com/pay/deploy.git"),
        ("git@Git.Example.com:/pay/deploy.git", "ssh://git@git.example.com/pay/deploy.git"),
        ("ssh://git@git.example.com:22/pay", "ssh://git@git.example.com/pay"),
        ("https://Git.example.com:443/Pay%c3%bc", "https://git.example.com/Pay%C3%BC"),
        ("https://git.example.com:8443/pay/*", "https://git.example.com:8443/pay/*"),
        ("git@*:pay/*", "ssh://git@*/pay/*"),
        ("https://git.example.com**", "https://git.example.com**"),
        ("**", "**"),
        ("oci://Registry.example.com/a", "oci://registry.example.com/a"),
    ],
)
def test_addresses_and_patterns_have_one_spelling(text: str, plain: str) -> None:
    assert comparable(text) == plain
    assert comparable(plain) == plain


@pytest.mark.parametrize(
    "text",
    [
        "https://git.example.com/pay/deploy",
        "https://git.example.com/pay/deploy.git",
        "https://git.example.com/pay/deploy.git/",
        "https://git.example.com/pay/deploy//",
        "HTTPS://Git.Example.com:443/pay/deploy",
    ],
)
def test_the_spellings_of_a_repository_have_one_key(text: str) -> None:
    assert repository_key(text) == "https://git.example.com/pay/deploy"


def test_repositories_that_differ_have_keys_that_differ() -> None:
    ssh = {repository_key(f"{one}pay/deploy") for one in ("git@Git.example.com:", "ssh://git@git.example.com:22/")}
    assert ssh == {"ssh://git@git.example.com/pay/deploy"}
    others = ["https://h/Pay", "https://h/pay", "https://h:8443/pay", "https://h/pay.gi", "http://h/pay", "ssh://h/pay"]
    assert len({repository_key(one) for one in others}) == len(others)


@pytest.mark.parametrize("pattern", ["git@git.example.com:pay/*", "ssh://git@git.example.com/pay/*"])
@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("git@git.example.com:pay/a", True),
        ("ssh://git@git.example.com/pay/a", True),
        ("ssh://git@GIT.example.com:22/pay/a", True),
        ("git@git.example.com:pay/a/b", False),
        ("git@git.example.com:ledger/a", False),
        ("root@git.example.com:pay/a", False),
        ("ssh://git@git.example.com:2222/pay/a", False),
        ("https://git.example.com/pay/a", False),
    ],
)
def test_a_projects_patterns_hold_for_both_forms_of_ssh(pattern: str, url: str, *, allowed: bool) -> None:
    assert Project("team", repos=(pattern,)).allows_repo(url) is allowed
