"""Which addresses may be asked for artifacts."""

from __future__ import annotations

import pytest

from common.sources.artifacts.addresses import chart_in, chart_repository, oci_repository
from common.sources.artifacts.faults import AddressRefusedError
from common.sources.urls import PlainHttp

REFUSED, LOOPBACK = PlainHttp.REFUSED, PlainHttp.LOOPBACK


@pytest.mark.parametrize(
    ("text", "api", "name"),
    [
        ("oci://registry.example.com/pay/manifests", "https://registry.example.com/v2/", "pay/manifests"),
        ("oci://registry.example.com:5000/a", "https://registry.example.com:5000/v2/", "a"),
        ("oci://docker.io/pay/web", "https://registry-1.docker.io/v2/", "pay/web"),
        ("oci://127.0.0.1:5000/a/b__c--d.e", "https://127.0.0.1:5000/v2/", "a/b__c--d.e"),
        ("oci://[::1]:5000/a", "https://[::1]:5000/v2/", "a"),
    ],
)
def test_a_repository_of_a_registry_is_asked_over_https(text: str, api: str, name: str) -> None:
    address, found = oci_repository(text, REFUSED)
    assert (str(address), found) == (api, name)


def test_only_loopback_is_asked_over_plain_http_and_only_by_the_setting() -> None:
    assert str(oci_repository("oci://127.0.0.1:5000/a", LOOPBACK)[0]) == "http://127.0.0.1:5000/v2/"
    assert str(oci_repository("oci://[::1]:5000/a", LOOPBACK)[0]) == "http://[::1]:5000/v2/"
    assert str(oci_repository("oci://registry.example.com/a", LOOPBACK)[0]).startswith("https://")
    assert str(chart_repository("http://localhost:80/x", LOOPBACK)) == "http://localhost/x"
    with pytest.raises(AddressRefusedError, match="is not https"):
        chart_repository("http://127.0.0.1/x", REFUSED)
    with pytest.raises(AddressRefusedError, match="plain http"):
        chart_repository("http://charts.example.com", LOOPBACK)


@pytest.mark.parametrize(
    "text",
    [
        "oci://registry.example.com",
        "oci://registry.example.com/",
        "oci://registry.example.com/A",
        "oci://registry.example.com/a:v1",
        "oci://registry.example.com/a@sha256:0",
        "oci://registry.example.com/a/../b",
        "oci://registry.example.com/a//b",
        "oci://user@registry.example.com/a",
        "oci://registry.example.com:999999/a",
        "oci://registry.example.com:65536/a",
        "oci:///a",
        "https://registry.example.com/a",
        "oci://registry.example.com/a?x",
        f"oci://registry.example.com/{'a' * 256}",
    ],
)
def test_what_is_no_repository_is_refused(text: str) -> None:
    with pytest.raises(AddressRefusedError):
        oci_repository(text, LOOPBACK)


@pytest.mark.parametrize(
    "text",
    [
        "ftp://charts.example.com",
        "file:///charts",
        "charts.example.com",
        "https://user:canary@charts.example.com",
        "https://charts.example.com/../x",
        "https://charts.example.com/%2e%2e/x",
        "https://charts.example.com/?token=canary",
        "https://charts.example.com/#a",
        "https://charts.example.com/a b",
        "https://charts.example.com\\@evil.example.com/",
        "https:///x",
        "https://[::1",
        "",
    ],
)
def test_what_is_no_chart_repository_is_refused_without_repeating_a_password(text: str) -> None:
    with pytest.raises(AddressRefusedError) as caught:
        chart_repository(text, LOOPBACK)
    assert "canary" not in str(caught.value)


def test_a_link_is_followed_from_where_it_was_said() -> None:
    index = chart_repository("https://charts.example.com/pay", REFUSED).below("")
    assert str(index.linked("web-1.tgz")) == "https://charts.example.com/pay/web-1.tgz"
    assert str(index.linked("/web-1.tgz")) == "https://charts.example.com/web-1.tgz"
    elsewhere = index.linked("https://cdn.example.com:443/web-1.tgz?signature=canary#x")
    assert (elsewhere.origin, str(elsewhere)) == ("https://cdn.example.com", "https://cdn.example.com/web-1.tgz")
    assert elsewhere.url.query == b"signature=canary"


@pytest.mark.parametrize(
    "link",
    ["http://127.0.0.1/x", "http://charts.example.com/x", "file:///etc/x", "//u:p@h/x", "https://:x", "data:x"],
)
def test_no_link_leads_from_https_to_anything_else(link: str) -> None:
    with pytest.raises(AddressRefusedError):
        chart_repository("https://charts.example.com/pay", LOOPBACK).linked(link)


def test_a_chart_lies_below_its_repository() -> None:
    assert chart_in("oci://registry.example.com/charts/", "web") == "oci://registry.example.com/charts/web"
