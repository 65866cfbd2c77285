"""The ways to a hub, against another side that is slow on purpose, and with a proxy in the environment."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.client import patience
from console.client.hub import Send
from console.client.transports import over_http, over_socket
from console.errors import HubUnreachableError

HEAD = b"HTTP/1.1 200 OK\r\n"
DRIPS = 60
"""Bytes that come one by one, and after which the answer is whole."""


@contextmanager
def answering(listening: socket.socket, at_once: bytes, drips: bytes) -> Iterator[list[bytes]]:
    """Answer each connection with the first at once and with the second byte by byte; gives what was asked."""
    asked: list[bytes] = []
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                connected, _ = listening.accept()
            except OSError:
                return
            with connected:
                given = connected.recv(65_536)
                if given:
                    asked.append(given)
                try:
                    connected.sendall(at_once)
                    for byte in drips:
                        connected.sendall(bytes([byte]))
                        over.wait(0.05)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield asked
    finally:
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(10)


def ask(send: Send | None) -> None:
    assert send is not None
    send("GET", "/api/v1/me", {"Authorization": "Bearer a-token"}, b"")


DRIPPING = [
    (HEAD + b"Content-Length: 60\r\n\r\n", b"x" * DRIPS),
    (HEAD + b"X-A: ", b"x" * DRIPS + b"\r\nContent-Length: 0\r\n\r\n"),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * DRIPS + b"\r\n\r\n"),
    (b"HTTP/1.1 404 Not Found\r\nContent-Length: 60\r\n\r\n", b"x" * DRIPS),
]


@pytest.mark.parametrize(("at_once", "drips"), DRIPPING, ids=["body", "header", "size of a chunk", "error"])
@pytest.mark.parametrize("way", ["http", "socket"])
def test_an_answer_that_drips_is_not_waited_for(
    way: str, at_once: bytes, drips: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 0.5)
    path = tmp_path / "s"
    if way == "socket":
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(str(path))
        listening.listen()
    else:
        listening = socket.create_server(("127.0.0.1", 0))
    with answering(listening, at_once, drips):
        if way == "socket":
            send = over_socket(path)
        else:
            send = over_http(f"http://127.0.0.1:{listening.getsockname()[1]}")
        with pytest.raises(HubUnreachableError, match=r"takes longer than 0\.5 s"):
            ask(send)


def test_a_token_in_the_clear_goes_through_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    hub, proxy = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    whole = HEAD + b"Content-Length: 2\r\n\r\n{}"
    with answering(hub, whole, b"") as asked, answering(proxy, whole, b"") as overheard:
        ask(over_http(f"http://127.0.0.1:{hub.getsockname()[1]}"))
    assert overheard == []
    assert [one.partition(b" HTTP")[0] for one in asked] == [b"GET /api/v1/me"]
