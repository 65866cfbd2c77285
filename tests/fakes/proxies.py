"""Proxies on loopback for tests: HTTP CONNECT and SOCKS5, with sign-in, that lead names to where a test says."""

from __future__ import annotations

import base64
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum

_CHUNK = 1 << 16


class Speaks(Enum):
    """What a proxy understands."""

    HTTP = "http"
    SOCKS5 = "socks5"


@dataclass
class Proxy:
    """A running proxy.

    Attributes:
        speaks: what it understands.
        user: name and password that it wants; None lets everyone through.
        leads: ``(host, port)`` that stands for a name; others are connected as they are asked for.
        asked: ``host:port`` of each connection that was let through.
        refused: connections that were not.
    """

    speaks: Speaks
    user: tuple[str, str] | None = None
    leads: dict[str, tuple[str, int]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refused: int = 0
    port: int = 0
    tls: ssl.SSLContext | None = None
    _server: socketserver.ThreadingTCPServer | None = None

    def url(self, *, signed_in: bool = False, scheme: str = "") -> str:
        """Return its URL, with name and password if ``signed_in``."""
        who = f"{self.user[0]}:{self.user[1]}@" if signed_in and self.user else ""
        return f"{scheme or ('https' if self.tls else self.speaks.value)}://{who}127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start listening, at the port of before if it did."""
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                tls, plain = outer.tls, self.request
                with (
                    suppress(OSError, ValueError, struct.error),
                    plain if tls is None else tls.wrap_socket(plain, server_side=True) as client,
                ):
                    outer.serve(client)

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        """Stop listening: new connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def serve(self, client: socket.socket) -> None:
        """Serve one connection."""
        asked = self._http(client) if self.speaks is Speaks.HTTP else self._socks(client)
        if asked is None:
            self.refused += 1
            return
        host, port, ready = asked
        self.asked.append(f"{host}:{port}")
        with socket.create_connection(self.leads.get(host, (host, port)), timeout=10) as server:
            client.sendall(ready)
            _relay(client, server)

    def _http(self, client: socket.socket) -> tuple[str, int, bytes] | None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            part = client.recv(1)
            if not part:
                return None
            head += part
        request, *headers = head.decode("latin-1").split("\r\n")
        method, target, _ = request.split()
        said = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in headers)}
        wanted = base64.b64encode(":".join(self.user).encode()).decode() if self.user else ""
        if wanted and said.get("proxy-authorization") != f"Basic {wanted}":
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return None
        if method != "CONNECT":
            client.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return None
        host, _, port = target.rpartition(":")
        return host.strip("[]"), int(port), b"HTTP/1.1 200 Connection established\r\n\r\n"

    def _socks(self, client: socket.socket) -> tuple[str, int, bytes] | None:
        _, count = _exactly(client, 2)
        methods = _exactly(client, count)
        if (2 if self.user else 0) not in methods:
            client.sendall(b"\x05\xff")
            return None
        client.sendall(b"\x05\x02" if self.user else b"\x05\x00")
        if self.user:
            _, length = _exactly(client, 2)
            name = _exactly(client, length)
            word = _exactly(client, _exactly(client, 1)[0])
            if (name.decode(), word.decode()) != self.user:
                client.sendall(b"\x01\x01")
                return None
            client.sendall(b"\x01\x00")
        _, _, _, kind = _exactly(client, 4)
        if kind == 3:
            host = _exactly(client, _exactly(client, 1)[0]).decode()
        else:
            host = socket.inet_ntop(*((socket.AF_INET, _exactly(client, 4)) if kind == 1 else
                                      (socket.AF_INET6, _exactly(client, 16))))  # fmt: skip
        (port,) = struct.unpack("!H", _exactly(client, 2))
        return host, port, b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"


@contextmanager
def proxy(speaks: Speaks, **given: object) -> Iterator[Proxy]:
    """Run a proxy until the block ends."""
    found = Proxy(speaks, **given)  # type: ignore[arg-type]  # as the class takes them
    found.start()
    try:
        yield found
    finally:
        found.stop()


def _exactly(client: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = client.recv(count - len(found))
        if not part:
            raise ValueError(count)
        found += part
    return found


def _relay(one: socket.socket, other: socket.socket) -> None:
    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while part := source.recv(_CHUNK):
                target.sendall(part)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    back = threading.Thread(target=pump, args=(other, one), daemon=True)
    back.start()
    pump(one, other)
    back.join(timeout=10)
