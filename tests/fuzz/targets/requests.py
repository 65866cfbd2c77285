"""Requests to the API, over a socket to a process of its own: answered, and never by an error of ours."""

from __future__ import annotations

import atexit
import re
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote_from_bytes
from zlib import crc32

from tests.fuzz.harness import target
from tests.harness.api import TOKEN, ApiProcess, read_all, serving

_SILENT = 30.0
"""Seconds without a byte after which the API counts as hanging, however busy the machine is."""
_HEADER = re.compile(rb"[!-9;-~]+:[\t -~\x80-\xff]*")
_OWN = frozenset({b"host", b"content-length", b"transfer-encoding", b"connection"})
_LEGAL = "".join(map(chr, range(0x21, 0x7F)))
_BEARER = b"Authorization: Bearer %b\n" % TOKEN.encode()
_READS = (
    *("/api/v1/status", "/api/v1/clusters", "/api/v1/placements?cluster=a&label=env%3Dprod&limit=10&after=a%2Fb"),
    *("/api/v1/placements/alpha/shop", "/api/v1/placements/alpha/shop/explain", "/api/v1/drift?hours=24"),
    *(
        "/api/v1/runs?state=running&outcome=failed&limit=5&after=0190",
        "/api/v1/runs/0199c0de-0000-7000-8000-000000000001",
    ),
    *(
        "/api/v1/leftovers?after=x&limit=3",
        "/api/v1/approvals?state=open&format=csv",
        "/api/v1/intents/1",
        "/metrics",
        "/readyz",
    ),
    *("/", "/placements/alpha/shop", "/runs?cluster=a&application=b", "/flower/x", "/login", "/static/flotilla.css"),
)
_WRITES = (
    *(
        ("/api/v1/intents", b'{"kind": "sync", "selection": {"placements": ["alpha/shop"]}, "reason": "why"}'),
        ("/api/v1/intents?preview=true", b'{"kind": "pause", "selection": {"label": ["env=prod"], "sync": "failed"}}'),
    ),
    *(("/api/v1/intents", b'{"kind": "reject", "selection": {"approval": 1}}'), ("/logout", b"")),
    ("/api/v1/intents", b'{"kind": "refresh", "selection": {"repo": "https://git.example.com/a.git"}}'),
    ("/api/v1/plan", b'{"files": {"fleet.yaml": "a2luZDogRmxlZXQK", "a/b.yaml": "LS0tCg=="}}'),
)
_WORDS = [
    *(
        b"/api/v1/",
        b"placements/",
        b"%00",
        b"%ED%A0%80",
        b"%FF",
        b"%2F",
        b"%2e%2e/",
        b"9223372036854775808",
        b"?after=",
    ),
    *(
        b"&limit=",
        b"&label=",
        b"=",
        b"Cookie: flotilla_session=a.b\n",
        b"Origin: http://[\n",
        b"X-Forwarded-For: ::1\n",
    ),
    *(b"Accept: text/html\n", b"If-None-Match: *\n", b"Range: bytes=0-\n", b"Expect: 100-continue\n", b'{"reason": "'),
    *(b'{"files": {"', b"\\ud800", b"\\u0000", b"GET ", b"POST ", b"HEAD ", b"OPTIONS ", b"\n\n", b"Content-Type: "),
]


class FaultError(Exception):
    """The API failed where it should have answered."""


@cache
def _api() -> ApiProcess:
    stack = ExitStack()
    atexit.register(stack.close)
    folder = stack.enter_context(TemporaryDirectory(prefix="flotilla-fuzz-"))
    return stack.enter_context(serving(Path(folder, "home"), {"FLOTILLA_API_PATIENCE": "PT0.3S"}))


def _pid() -> int:
    return _api().pid


def _asked(request: bytes) -> None:
    """Send a request, and see that it is answered, that nothing failed, and that others are served still.

    Raises:
        FaultError: otherwise.
        TimeoutError: nothing comes, not even the end.
    """
    api, sum_ = _api(), crc32(request)
    source = f"127.{sum_ % 250 + 1}.{(sum_ >> 8) % 250}.{(sum_ >> 16) % 250 + 1}"
    log = api.home / "api.log"
    before = log.stat().st_size
    with api.connect(source=source, timeout=_SILENT) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # a refusal may come before the end of the request
            connection.sendall(request)
        answer = read_all(connection)
    if b"HTTP/1.1 500" in answer:
        raise FaultError(answer[:200])
    if api.status(source=source) != 200:
        message = "the right token is refused afterwards"
        raise FaultError(message)
    with log.open("rb") as file:
        file.seek(before)
        said = file.read()
    if b"Traceback" in said:
        raise FaultError(said[-1000:])


def _framed(data: bytes) -> bytes:
    """Return a request that any server takes for one: what is wrong with it is for the application to say."""
    top, _, body = data.partition(b"\n\n")
    first, *lines = top.split(b"\n")
    method, _, place = first.partition(b" ")
    named = (line for line in lines if _HEADER.fullmatch(line) and line.partition(b":")[0].lower() not in _OWN)
    head = (
        b"%b %b HTTP/1.1" % (re.sub(rb"[^A-Z]", b"", method[:20]) or b"GET", quote_from_bytes(place, _LEGAL).encode()),
        *(b"Host: hub", *named, b"Content-Length: %d" % len(body), b"Connection: close"),
    )
    return b"\r\n".join((*head, b"", body))


def _seeds() -> list[bytes]:
    reads = [b"GET %b\n%b\n" % (path.encode(), _BEARER) for path in _READS]
    json = b"Content-Type: application/json\n"
    form = b"POST /login\nContent-Type: application/x-www-form-urlencoded\nOrigin: http://hub\n\ntoken=x&next=%2Fruns"
    return [*reads, *(b"POST %b\n%b%b\n%b" % (path.encode(), _BEARER, json, body) for path, body in _WRITES), form]


@target(seeds=_seeds(), words=_WORDS, aside=_pid, share=70)
def api_requests(data: bytes) -> None:
    """Ask for an odd place, with odd headers and an odd body."""
    _asked(_framed(data))


def _raw() -> list[bytes]:
    chunks = b'Transfer-Encoding: chunked\r\n\r\n11\r\n{"reason": "why"}\r\n0\r\n\r\n'
    post = b"POST /api/v1/intents HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer %b\r\n" % TOKEN.encode()
    return [*map(_framed, (_seeds()[0], _seeds()[3], _seeds()[-1])), post + chunks]


@target(
    seeds=_raw(),
    words=[
        *_WORDS,
        b"\r\n",
        b"\r\n\r\n",
        b"Content-Length: ",
        b"Transfer-Encoding: chunked\r\n",
        b"0\r\n\r\n",
        b"HTTP/1.",
    ],
    aside=_pid,
    share=40,
)
def http(data: bytes) -> None:
    """Speak odd HTTP."""
    _asked(data)
