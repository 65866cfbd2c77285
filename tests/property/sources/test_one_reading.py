"""Two readers of one address agree: what the format takes, the hub takes, and a project's pattern holds for both."""

from __future__ import annotations

import posixpath
from urllib.parse import unquote

import httpx
from hypothesis import example, given
from hypothesis import strategies as st

from common.credentials import checked_reference
from common.domain.addresses import AddressError, chart_repository, git_address, oci_repository
from common.domain.fleet import Project
from common.domain.refs import is_credentials_reference, is_ref_name
from common.sources.artifacts import addresses
from common.sources.urls import PlainHttp, checked_ref, checked_url

PIECES = st.sampled_from(
    ["pay", "ledger", "..", ".", "/", "//", "%2e", "%2E%2e", "%2f", "%252f", "%20", "%00", "%c3%bc", "a", "-", "@", ":",
     "\\", ";", "(", ")", "'", "!", "$", "&", "*", "?", "#", " ", "\t", "ü", "\u202e", "%", "%zz", "[", "]", "~", "+"]
)  # fmt: skip
PATHS = st.lists(PIECES, max_size=8).map("".join)
HOSTS = st.sampled_from(
    ["git.example.com", "GIT.example.com:443", "git.example.com:22", "evil.example.com", "git.example.com@evil.com",
     "u:p@git.example.com", "[::1]", "[::1", "127.0.0.1", "git.example.com:", "-x", "a_b", "git.example.com.", "%67it"]
)  # fmt: skip
SCHEMES = st.sampled_from(["https://", "ssh://", "ssh://git@", "http://", "git@", "HTTPS://", "oci://", "ext::", ""])


@st.composite
def texts(draw: st.DrawFn) -> str:
    scheme, host, path = draw(SCHEMES), draw(HOSTS), draw(PATHS)
    return f"{scheme}{host}{':' if scheme == 'git@' else '/'}{path}"


@given(texts())
@example("https://git.example.com/pay/%2e%2e/ledger")
@example("https://git.example.com/pay/a%2fb")
def test_a_pattern_of_one_folder_is_never_left(text: str) -> None:
    try:
        url = git_address(text)
    except AddressError:
        return
    assert checked_url(text, plain_http=PlainHttp.LOOPBACK) == url, "the hub takes what the format takes"
    if not Project("team", repos=("https://git.example.com/pay/*", "git@git.example.com:pay/*")).allows_repo(text):
        return
    assert url.host == "git.example.com"
    path = text.partition("/pay/")[2] if "://" in text else text.partition(":pay/")[2]
    for _ in range(3):  # however often a server undoes escapes
        path = unquote(path)
        assert "/" not in path
        assert posixpath.normpath(f"/pay/{path}").startswith("/pay")
    assert path not in {"..", "."}


@given(texts())
def test_the_library_that_asks_reads_the_same_host_and_path(text: str) -> None:
    try:
        chart_repository(text)
    except AddressError:
        return
    if text.startswith("oci://"):
        addresses.oci_repository(text.rstrip("/"), PlainHttp.LOOPBACK)
        return
    asked = addresses.chart_repository(text, PlainHttp.LOOPBACK).url
    assert isinstance(asked, httpx.URL)
    assert asked.host == git_address(f"{text}/x").host
    written = text.split("/", 3)[3] if text.count("/") > 2 else ""
    assert unquote(asked.raw_path.decode().lstrip("/")) == unquote(written).lstrip("/")


@given(st.lists(st.sampled_from(["registry.example.com", "localhost", "r:5000", "[::1]:5000", "a", "A", "_", "__", "-",
                                 ".", "..", "/", ":v1", "@", "0"]), max_size=8).map("".join))  # fmt: skip
def test_the_hub_takes_each_image_that_the_format_takes(image: str) -> None:
    try:
        oci_repository(image)
    except AddressError:
        return
    addresses.oci_repository(f"oci://{image}", PlainHttp.LOOPBACK)


@given(st.lists(st.sampled_from(["a", "-", ".", "/", "@", "{", ".lock", "~", "ü", "b" * 120]), max_size=6).map("".join))
def test_the_hub_takes_each_ref_and_reference_that_the_format_takes(text: str) -> None:
    if is_ref_name(text):
        assert checked_ref(f"refs/heads/{text}")
        assert checked_ref(f"refs/tags/{text}")
    if is_credentials_reference(text):
        assert checked_reference(text) == text
