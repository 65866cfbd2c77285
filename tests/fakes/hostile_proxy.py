"""A proxy on loopback that says whatever a test has it say, byte for byte."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.fakes.hostile_cluster import Wire

Speech = Callable[[Wire], None]


@contextmanager
def hostile_proxy(speech: Speech) -> Iterator[int]:
    """Serve until the block ends; yields the port."""
    over = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                speech(Wire("", self.request, over))

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads, block_on_close = True, True, False

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            over.set()
            server.shutdown()
            thread.join()


def heard(sock: Any, count: int) -> bytes:
    """Return the next ``count`` bytes.

    Raises:
        OSError: they do not come.
    """
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            raise ConnectionResetError
        data += part
    return data
