"""Floods: whoever has no token costs the API no memory, no connections and no time of others."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from http.client import HTTPResponse
from pathlib import Path

import pytest

from tests.harness.api import PATIENCE, TOKEN, ApiProcess, closed_within, read_all, serving, status_of

MEGABYTE = b"x" * (1 << 20)
LONGEST = 30 * PATIENCE
"""Seconds that a test waits for what comes after ``PATIENCE`` on an idle machine."""
BEARER = f"Authorization: Bearer {TOKEN}\r\n".encode()


def _pushed(connection: socket.socket, megabytes: int, *, chunked: bool = False) -> int:
    """Send a body until the server has enough; return the megabytes that it took."""
    for sent in range(megabytes):
        try:
            connection.sendall(b"100000\r\n" + MEGABYTE + b"\r\n" if chunked else MEGABYTE)
        except OSError:
            return sent
    return megabytes


@pytest.mark.parametrize("path", ["/api/v1/plan", "/login", "/no/such", "/flower/tasks/datatable"])
@pytest.mark.parametrize("length", [b"Content-Length: 314572800", b"Transfer-Encoding: chunked"])
def test_a_body_of_300_megabytes_is_not_read_without_a_token(api: ApiProcess, path: str, length: bytes) -> None:
    before = api.resident
    with api.connect() as connection:
        connection.sendall(b"POST %b HTTP/1.1\r\nHost: hub\r\n%b\r\n\r\n" % (path.encode(), length))
        taken = _pushed(connection, 300, chunked=length.startswith(b"T"))
    assert taken < 30, "the rest of what was sent lies in buffers of the system"
    assert api.resident - before < 30 << 20


@pytest.mark.parametrize("path", ["/api/v1/intents", "/api/v1/intents?preview=true", "/logout"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_has_a_bound_with_a_token_too(api: ApiProcess, path: str, *, chunked: bool) -> None:
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 314572800"
    before = api.resident
    with api.connect() as connection:
        connection.sendall(b"POST %b HTTP/1.1\r\nHost: hub\r\n%b%b\r\n\r\n" % (path.encode(), BEARER, length))
        assert _pushed(connection, 300, chunked=chunked) < 30
    assert api.resident - before < 30 << 20


def test_who_sends_a_refused_body_of_usual_size_gets_to_read_why(api: ApiProcess) -> None:
    body = b"x" * 2_000_000
    head = b"POST /api/v1/plan HTTP/1.1\r\nHost: hub\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert status_of(api.ask(head + body)) == 401
    expects = b"POST /api/v1/plan HTTP/1.1\r\nHost: hub\r\nContent-Length: 99\r\nExpect: 100-continue\r\n\r\n"
    assert status_of(api.ask(expects)) == 401, "and is not asked to go on"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /api/v1/status HTTP/1.1\r\nHost: hub\r\n",
        b"POST /login HTTP/1.1\r\nHost: hub\r\nContent-Length: 100\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nto",
        b"POST /api/v1/intents HTTP/1.1\r\nHost: hub\r\nContent-Length: 100\r\n\r\n",
        b"POST /api/v1/intents HTTP/1.1\r\nHost: hub\r\n" + BEARER + b"Content-Length: 100\r\n\r\n",
    ],
    ids=["silent", "head", "body", "chunks", "no token", "token"],
)
def test_a_client_that_dripps_or_is_silent_is_not_waited_for(api: ApiProcess, sent: bytes) -> None:
    with api.connect() as connection:
        connection.sendall(sent)
        end = time.monotonic() + LONGEST
        dripping = True
        while dripping and time.monotonic() < end:
            try:
                connection.sendall(b"x" if sent else b"")
                dripping = not closed_within(connection, PATIENCE / 4)
            except OSError:
                dripping = False
        assert not dripping


def test_connections_without_a_token_keep_nobody_out(tmp_path: Path) -> None:
    # With more patience than who asks below has: nobody is let in because the crowd had to go by then.
    with serving(tmp_path / "home", {"FLOTILLA_API_PATIENCE": "PT5M"}) as api:
        crowd = [api.connect(source=f"127.0.1.{number // 60}") for number in range(600)]
        try:
            assert api.status(source="127.0.9.9") == 200
            assert api.status(source="127.0.1.1") == 200, "not even of the crowd's own address"
        finally:
            for one in crowd:
                one.close()


def test_a_connection_with_a_token_outlives_a_crowd(api: ApiProcess) -> None:
    request = b"GET /api/v1/status HTTP/1.1\r\nHost: hub\r\n" + BEARER + b"\r\n"
    with api.connect(source="127.0.2.1") as mine:
        assert answered(mine, request) == 200
        crowd = [api.connect(source="127.0.2.1") for _ in range(100)]
        try:
            assert answered(mine, request) == 200
        finally:
            for one in crowd:
                one.close()


def answered(connection: socket.socket, request: bytes) -> int:
    """Ask on a connection that stays open, and return the status once the whole answer was read."""
    connection.sendall(request)
    answer = HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer.status


def test_local_users_of_the_unix_socket_meet_the_same_bounds(api: ApiProcess) -> None:
    path = api.home / "run" / "api.sock"
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(path))
        assert closed_within(silent, LONGEST)
    with socket.socket(socket.AF_UNIX) as asks:
        asks.settimeout(10)
        asks.connect(str(path))
        asks.sendall(b"GET /api/v1/status HTTP/1.1\r\nHost: hub\r\n\r\n")
        assert status_of(read_all(asks)) == 401
    crowd = [socket.socket(socket.AF_UNIX) for _ in range(200)]
    for one in crowd:
        one.connect(str(path))
    with socket.socket(socket.AF_UNIX) as asks:
        asks.settimeout(10)
        asks.connect(str(path))
        asks.sendall(b"GET /api/v1/status HTTP/1.1\r\nHost: hub\r\n" + BEARER + b"Connection: close\r\n\r\n")
        assert status_of(read_all(asks)) == 200
    for one in crowd:
        one.close()


def test_a_client_that_reads_no_answer_is_not_waited_for(api: ApiProcess) -> None:
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", api.port))
        deaf.settimeout(PATIENCE)
        request = b"GET /static/style.css HTTP/1.1\r\nHost: hub\r\n\r\n"
        end = time.monotonic() + LONGEST
        gone = False
        while not gone and time.monotonic() < end:
            try:
                deaf.sendall(request * 100)
            except TimeoutError:
                continue
            except OSError:
                gone = True
        assert gone


def test_who_never_greets_in_tls_is_not_waited_for(tmp_path: Path) -> None:
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-subj", "/CN=localhost", "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "crt")]
    subprocess.run([*made, *files], check=True, capture_output=True)
    variables = {"FLOTILLA_API_TLS_CERT": str(tmp_path / "crt"), "FLOTILLA_API_TLS_KEY": str(tmp_path / "key")}
    with serving(tmp_path / "home", variables) as api:
        with api.connect() as silent:
            assert closed_within(silent, LONGEST)
        crowd = [api.connect() for _ in range(200)]
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(api.connect()) as greets:
            greets.sendall(b"GET /api/v1/status HTTP/1.1\r\nHost: hub\r\n" + BEARER + b"Connection: close\r\n\r\n")
            assert status_of(read_all(greets)) == 200
        for one in crowd:
            one.close()


@pytest.mark.parametrize(
    "head", [b"X: " + b"x" * 100_000, b"\r\n".join(b"X-%d: x" % number for number in range(20_000))]
)
def test_a_head_has_a_bound(api: ApiProcess, head: bytes) -> None:
    assert status_of(api.ask(b"GET /healthz HTTP/1.1\r\nHost: hub\r\n" + head + b"\r\n\r\n")) in {0, 400, 431}
