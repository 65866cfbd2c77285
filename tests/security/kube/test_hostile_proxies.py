"""Foreign text holds the interpreter: a proxy on the way to a cluster ends within the request's deadline, too.

It speaks before TLS with the API server begins, one byte every tenth of a second: each read by itself is in time.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import urllib3

from common.domain.redact import LOOKED_AT
from tests.fakes.hostile_cluster import Wire
from tests.fakes.hostile_proxy import heard, hostile_proxy
from tests.fakes.tls import server_tls
from workers.kube import errors as translation
from workers.kube.client import Client
from workers.kube.credentials import Access
from workers.kube.route import Route
from workers.sync.errors import DeniedError, ProxyRefusedError, TimedOutError

TIMEOUT = timedelta(seconds=1)
SLACK = 1.5
"""Seconds beyond the time-out, for a busy machine."""
EVERY = 0.1
FOR_EVER = 10_000
SERVER = "https://api.eu.invalid:6443"
REFUSAL = b"\x05\x05\x00"


def greeting(wire: Wire) -> None:
    wire.drip(b"\x05" + b"\x00" * FOR_EVER, every=3 * EVERY)


def sign_in(wire: Wire) -> None:
    heard(wire.socket, 4)
    wire.send(b"\x05\x02")
    wire.drip(b"\x01" + b"\x00" * FOR_EVER, every=3 * EVERY)


def bound_name(wire: Wire) -> None:
    """Two hundred letters that the answer says it is bound to."""
    heard(wire.socket, 4)
    wire.send(b"\x05\x00")
    heard(wire.socket, 4)
    wire.drip(b"\x05\x00\x00\x03\xc8" + b"x" * FOR_EVER, every=EVERY)


def status_line(wire: Wire) -> None:
    wire.drip(b"HTTP/1.1 200 " + b"x" * FOR_EVER, every=EVERY)


def headers(wire: Wire) -> None:
    wire.send(b"HTTP/1.1 200 Connection established\r\n")
    wire.drip(b"X: x\r\n" * FOR_EVER, every=EVERY)


def handshake(wire: Wire) -> None:
    """The API server's part, which goes through the proxy."""
    asked = b""
    while not asked.endswith(b"\r\n\r\n"):
        asked += heard(wire.socket, 1)
    wire.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
    heard(wire.socket, 1)
    wire.drip(b"\x16\x03\x03\x40\x00" + b"\x02" * FOR_EVER, every=EVERY)


def took(route: Route) -> float:
    client = Client(Access(SERVER, ca="", token="t", route=route), TIMEOUT)
    began = time.monotonic()
    try:
        with pytest.raises(TimedOutError):
            client.send("PATCH", "/attack", {}, {})
    finally:
        client.close()
    return time.monotonic() - began


@pytest.mark.parametrize("speech", [greeting, sign_in, bound_name])
def test_a_socks_proxy_that_drips_its_handshake_is_stopped_by_the_deadline(speech: Callable[[Wire], None]) -> None:
    with hostile_proxy(speech) as port:
        route = Route(f"socks5://127.0.0.1:{port}", "robot", "word")
        assert took(route) < TIMEOUT.total_seconds() + SLACK


@pytest.mark.parametrize("speech", [status_line, headers, handshake])
def test_an_http_proxy_that_drips_is_stopped_by_the_deadline(speech: Callable[[Wire], None]) -> None:
    with hostile_proxy(speech) as port:
        assert took(Route(f"http://127.0.0.1:{port}")) < TIMEOUT.total_seconds() + SLACK


@pytest.mark.parametrize("speech", [status_line, headers, handshake])
def test_an_https_proxy_that_drips_is_stopped_by_the_deadline(speech: Callable[[Wire], None], tmp_path: Path) -> None:
    context, ca = server_tls(tmp_path / "tls")

    def secured(wire: Wire) -> None:
        with suppress(ssl.SSLError), context.wrap_socket(wire.socket, server_side=True) as sock:
            speech(Wire("", sock, wire.over))

    with hostile_proxy(secured) as port:
        assert took(Route(f"https://127.0.0.1:{port}", ca=ca.decode())) < TIMEOUT.total_seconds() + SLACK


def test_a_proxy_that_refuses_is_told_from_one_that_is_slow() -> None:
    def refusing(wire: Wire) -> None:
        heard(wire.socket, 4)
        wire.drip(b"\x05\xff", every=EVERY)

    with hostile_proxy(refusing) as port:
        client = Client(Access(SERVER, ca="", token="t", route=Route(f"socks5://127.0.0.1:{port}", "a", "b")), TIMEOUT)
        with pytest.raises(ProxyRefusedError):
            client.send("PATCH", "/attack", {}, {})
        client.close()


class Watched:
    """A pattern that notes how much it is shown."""

    def __init__(self, pattern: re.Pattern[str], seen: list[int]) -> None:
        self._pattern, self._seen = pattern, seen

    def __getattr__(self, name: str) -> Callable[[str], Any]:
        def asked(text: str) -> Any:
            self._seen.append(len(text))
            return getattr(self._pattern, name)(text)

        return asked


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the lengths of what the patterns of the translation see from now on."""
    found: list[int] = []
    for name, value in vars(translation).copy().items():
        if isinstance(value, re.Pattern):
            monkeypatch.setattr(translation, name, Watched(value, found))
    return found


LONG = "x" * 5_000_000


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 410, 413, 422, 429, 500, 503])
@pytest.mark.parametrize("begins", ["", 'admission webhook "a', "ValidatingAdmissionPolicy 'a", 'rolebindings "'])
def test_no_pattern_sees_more_than_the_beginning_of_what_a_webhook_says(
    seen: list[int], code: int, begins: str
) -> None:
    cause = {"reason": LONG, "field": LONG, "message": LONG}
    body = orjson.dumps({"kind": "Status", "message": begins + LONG, "reason": LONG, "details": {"causes": [cause]}})
    error = translation.from_answer(code, {}, body, "PATCH /x")
    causes = getattr(error, "causes", ())
    assert max(seen, default=0) <= LOOKED_AT + len("PATCH /x: ")
    assert all(len(text) <= LOOKED_AT for each in causes for text in (each.reason, each.field, each.message))


@pytest.mark.parametrize("kind", [urllib3.exceptions.HTTPError, OSError, ValueError])
@pytest.mark.parametrize("ends", ["", "Tunnel connection failed: 407", "SOCKS5 authentication failed"])
def test_no_pattern_sees_more_than_the_beginning_of_what_a_proxy_says(
    seen: list[int], kind: type[Exception], ends: str
) -> None:
    translation.from_transport(kind(LONG + ends), "PATCH /x")
    assert seen
    assert max(seen) <= LOOKED_AT


def test_who_denies_is_known_by_the_beginning() -> None:
    body = orjson.dumps({"kind": "Status", "message": f'admission webhook "a.b" denied the request: {LONG}'})
    error = translation.from_answer(403, {}, body, "PATCH /x")
    assert isinstance(error, DeniedError)
