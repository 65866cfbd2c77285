"""Odd addresses raise nothing but the declared error, in the registry's check and in the library that asks them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from common.domain import addresses
from common.sources.artifacts import addresses as artifacts
from common.sources.artifacts.faults import AddressRefusedError
from common.sources.urls import PlainHttp

HOSTS = (
    *(
        "xn--a",
        "xn--",
        "xn--zzzzzzz-9",
        "a" * 64 + ".com",
        "xn--" + "9" * 80 + ".com",
        "a..b",
        "ß.example",
        "a.xn--0.com",
    ),
    *(
        "[::1",
        "[xn--a]",
        "[v1.x]",
        "[[::1]]",
        "[::1]a",
        "a:99999",
        "a:٣",
        "a:-1",
        "ⅷ.com",
        "a\uff0eb",
        "\ud800",
        "a" * 1_900,
    ),
)
READERS: tuple[Callable[[str], object], ...] = (
    *(addresses.git_address, addresses.web_address, addresses.server_address, addresses.proxy_address),
    *(addresses.chart_repository, addresses.comparable, addresses.is_loopback),
    lambda text: artifacts.chart_repository(text, PlainHttp.LOOPBACK),
    lambda text: artifacts.oci_repository(text, PlainHttp.LOOPBACK),
    lambda text: artifacts.chart_repository("https://example.com/x", PlainHttp.REFUSED).linked(text),
)


@pytest.mark.parametrize("host", HOSTS, ids=ascii)
@pytest.mark.parametrize(
    "form", ["https://{}/x", "http://{}/x", "oci://{}/x", "ssh://u@{}/x", "u@{}:x", "socks5://{}:1080", "{}"]
)
def test_an_odd_host_is_refused_or_taken(host: str, form: str) -> None:
    for read in READERS:
        with suppress(addresses.AddressError, AddressRefusedError):
            read(form.format(host))


@pytest.mark.parametrize("host", ["xn--a", "xn--", "a" * 64 + ".com", "a..b"])
def test_where_a_server_leads_is_refused_as_an_address(host: str) -> None:
    with pytest.raises(AddressRefusedError):
        artifacts.chart_repository("https://example.com/x", PlainHttp.REFUSED).linked(f"https://{host}/x")


@pytest.mark.parametrize("host", ["a" * 64 + ".com", "a..b", ".".join(["a" * 60] * 5)])
def test_a_name_that_no_resolver_takes_is_told_when_the_registry_is_read(host: str) -> None:
    with pytest.raises(addresses.AddressError):
        addresses.web_address(f"https://{host}/x")
