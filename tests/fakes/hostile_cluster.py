"""A server on loopback that answers as no API server would: whatever bytes, whenever, over TLS."""

from __future__ import annotations

import base64
import re
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from tests.fakes.tls import server_tls
from tests.harness.given import Given

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)\r\n")


@dataclass(frozen=True, slots=True)
class Wire:
    """One connection, after one request was read.

    Attributes:
        target: path and query of the request.
        over: set once the test has ended.
    """

    target: str
    socket: Any
    over: threading.Event

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.socket.sendall(data)

    def drip(self, data: bytes, *, every: float) -> None:
        """Send byte for byte, for as long as the client listens."""
        for each in data:
            self.socket.sendall(bytes([each]))
            if self.over.wait(every):
                return

    def for_ever(self, data: bytes) -> None:
        """Send the same again and again, for as long as the client listens."""
        while not self.over.is_set():
            self.socket.sendall(data)


Script = Callable[[Wire], None]


def head(*lines: str, status: str = "200 OK") -> bytes:
    """Return the head of an answer."""
    return "\r\n".join((f"HTTP/1.1 {status}", "Content-Type: application/json", *lines, "", "")).encode()


def whole(body: bytes, *, status: str = "200 OK") -> bytes:
    """Return an answer as it should be."""
    return head(f"Content-Length: {len(body)}", status=status) + body


def page(items: bytes = b"[]", *, token: str = "", kind: str = "PartialObjectMetadataList") -> bytes:
    """Return a page of a LIST, its items as they are."""
    return b'{"kind":%b,"metadata":{"continue":%b},"items":%b}' % (orjson.dumps(kind), orjson.dumps(token), items)


@dataclass
class HostileCluster:
    """A running one.

    Attributes:
        script: answers requests; an error in it ends the connection.
        reads: whether bodies of requests are read.
        asked: targets of all requests so far.
    """

    server: str
    ca: str
    script: Script
    reads: bool = True
    asked: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def provider(self) -> Given:
        """Return a provider of its kubeconfig."""
        place = {"server": self.server, "certificate-authority-data": base64.b64encode(self.ca.encode()).decode()}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "it", "cluster": place}],
            "users": [{"name": "it", "user": {"token": "t"}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "current-context": "it",
        }
        return Given.of(document)


@contextmanager
def hostile_cluster(folder: Path, script: Script = lambda wire: wire.send(whole(b"{}"))) -> Iterator[HostileCluster]:
    """Serve until the block ends."""
    context, ca = server_tls(folder)
    running = HostileCluster("", ca.decode(), script)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError, ssl.SSLError):
                with context.wrap_socket(self.request, server_side=True) as sock:
                    while (target := _request(sock, whole=running.reads)) is not None:
                        running.asked.append(target)
                        running.script(Wire(target, sock, running.over))

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads, block_on_close = True, True, False
        request_queue_size = 64

    with Server(("127.0.0.1", 0), Handler) as server:
        running.server = f"https://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield running
        finally:
            running.over.set()
            server.shutdown()
            thread.join()


def _request(sock: ssl.SSLSocket, *, whole: bool) -> str | None:
    """Return the target of the next request; None at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = sock.recv(65536)
        if not part:
            return None
        data += part
    top, _, body = data.partition(b"\r\n\r\n")
    length = _LENGTH.search(top + b"\r\n")
    while whole and length is not None and len(body) < int(length[1]):
        body += sock.recv(65536)
    return top.split(b" ", 2)[1].decode()
