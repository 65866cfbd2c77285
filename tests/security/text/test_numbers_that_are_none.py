"""Digits of other alphabets are digits to ``isdigit`` and none to ``int``; whoever writes them must end nothing."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from common.domain.errors import TransientError
from common.sources.artifacts.addresses import chart_repository
from common.sources.artifacts.faults import DownloadTooLargeError
from common.sources.artifacts.web import Answer, _body, refusal
from common.sources.urls import PlainHttp
from workers.sync.plan import ignore

NONE = ("²", "٣", "①", "9" * 480, "-1", "1_0", " 1", "+1", "")


@pytest.mark.parametrize("token", NONE)
def test_an_index_of_a_pointer_that_is_none_leads_nowhere(token: str) -> None:
    manifest: dict[str, Any] = {"spec": {"ports": [{"a": 1}, {"a": 2}]}}
    for pointer in (f"/spec/ports/{token}", f"/spec/ports/{token}/a"):
        assert ignore.left_out(manifest, [pointer]) == manifest
    assert ignore.left_out(manifest, ["/spec/ports/1"]) == {"spec": {"ports": [{"a": 1}]}}


@pytest.mark.parametrize("told", [b"\xb2", "²".encode(), "٣".encode(), b"9" * 5000, b"-1", b""])
def test_a_server_that_says_no_number_is_asked_again_at_the_usual_time(told: bytes) -> None:
    address = chart_repository("https://charts.example.com/stable", PlainHttp.LOOPBACK)
    answer = Answer(address, 503, httpx.Headers([(b"Retry-After", told)]))
    found = refusal(answer, what="the index")
    assert isinstance(found, TransientError)
    assert found.retry_after is None


@pytest.mark.parametrize("told", [b"\xb2", "²".encode(), b"9" * 5000, b"-1"])
def test_a_length_that_is_no_number_ends_nothing(told: bytes) -> None:
    def says(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=[(b"Content-Length", told)], stream=httpx.ByteStream(b"small"))

    with httpx.Client(transport=httpx.MockTransport(says)) as client, client.stream("GET", "https://a.example") as got:
        address = chart_repository("https://charts.example.com/stable", PlainHttp.LOOPBACK)
        try:
            assert _body(got, address, 100) == b"small"
        except DownloadTooLargeError:
            assert len(told) > 100
