"""The hub's API served by its own server in a thread, and a reader of server-sent events."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta

import orjson
import uvicorn
from fastapi import FastAPI

from console.api.__main__ import Server
from console.api.serving.connections import HEAD_BYTES, Patience, connections
from console.api.serving.crowd import Crowd, Entrance, Room
from tests.harness.api import TOKEN, status_of

BEARER = f"Authorization: Bearer {TOKEN}\r\n"


@dataclass(frozen=True, slots=True)
class Message:
    """One server-sent event; a comment has the name ``:``."""

    name: str
    id: str
    data: Mapping[str, object]


@dataclass
class Reader:
    """Reads one stream."""

    connection: socket.socket
    head: bytes = b""
    _read: bytes = b""
    _text: bytes = b""

    @property
    def status(self) -> int:
        """Return the status of the answer."""
        while b"\r\n\r\n" not in self.head:
            part = self.connection.recv(65536)
            if not part:
                break
            self.head += part
        self.head, end, rest = self.head.partition(b"\r\n\r\n")
        self.head, self._read = self.head + end, self._read + rest
        return status_of(self.head)

    def messages(self, seconds: float = 10) -> Iterator[Message]:
        """Yield what comes until the stream ends, or that time."""
        assert self.status == 200, self.head
        end = time.monotonic() + seconds
        while True:
            self.connection.settimeout(max(0.01, end - time.monotonic()))
            while b"\n\n" in self._text:
                text, _, self._text = self._text.partition(b"\n\n")
                yield _message(text.decode())
            chunk = self._chunk()
            if not chunk:
                return
            self._text += chunk

    def until(self, name: str, seconds: float = 10) -> list[Message]:
        """Return what comes, comments apart, up to the first of that name."""
        found = []
        for message in self.messages(seconds):
            if message.name != ":":
                found.append(message)
            if message.name == name:
                return found
        return found

    def _chunk(self) -> bytes:
        try:
            while b"\r\n" not in self._read:
                self._more()
            size, _, self._read = self._read.partition(b"\r\n")
            wanted = int(size, 16)
            while len(self._read) < wanted + 2:
                self._more()
        except (TimeoutError, ConnectionError, EOFError):
            return b""
        chunk, self._read = self._read[:wanted], self._read[wanted + 2 :]
        return chunk

    def _more(self) -> None:
        part = self.connection.recv(65536)
        if not part:
            raise EOFError
        self._read += part


def _message(text: str) -> Message:
    fields = dict(line.partition(": ")[::2] for line in text.split("\n") if line and not line.startswith(":"))
    if "data" not in fields:
        return Message(":", fields.get("id", ""), {})
    return Message(fields["event"], fields.get("id", ""), orjson.loads(fields["data"]))


@dataclass(frozen=True, slots=True)
class Served:
    """A server that serves an application; what was opened there is closed at its end."""

    app: FastAPI
    port: int
    opened: ExitStack
    stop: Callable[[], None]

    def open(self, topics: str = "", *, last: str = "", head: str = BEARER, buffer: int = 0) -> Reader:
        """Return a stream that was asked for.

        Args:
            topics: of the query.
            last: the last event that was seen.
            head: more of the request's head.
            buffer: bytes that the system keeps for the reader; 0 for what is usual.
        """
        connection = self.opened.enter_context(socket.socket())
        if buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        connection.settimeout(10)
        connection.connect(("127.0.0.1", self.port))
        behind = f"Last-Event-ID: {last}\r\n" if last else ""
        query = f"?topics={topics}" if topics else ""
        target = f"/api/v1/events/stream{query}"
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: hub\r\n{head}{behind}\r\n".encode())
        return Reader(connection)

    def ask(self, request: str, *, seconds: float = 10) -> bytes:
        """Return the whole answer to a request, of which something comes each so many seconds."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            connection.sendall(request.encode())
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
        return b"".join(parts)

    def get(self, path: str, *, seconds: float = 10) -> bytes:
        """Return the whole answer to a read; see ``ask``."""
        return self.ask(f"GET {path} HTTP/1.1\r\nHost: hub\r\n{BEARER}Connection: close\r\n\r\n", seconds=seconds)


@contextmanager
def served(app: FastAPI, *, patience: float = 2.0, room: Room | None = None) -> Iterator[Served]:
    """Serve an application until the end of the block, as the hub does, and see it end in time."""
    crowd, patient = Crowd(room or Room()), Patience(head=timedelta(seconds=patience))
    config = uvicorn.Config(
        app,
        log_level="warning",
        http=connections(crowd, patient),
        ws="none",
        h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_graceful_shutdown=3,
    )
    ends = app.state.streams.feed.close
    server = Server(config, ready_file=None, patience=patient, local=None, ends=ends)
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    port = listening.getsockname()[1]
    thread = threading.Thread(target=server.run, args=([Entrance(listening, crowd)],))
    thread.start()

    def stop() -> None:
        server.should_exit = True

    try:
        while not server.started:
            time.sleep(0.01)
        with ExitStack() as opened:
            yield Served(app, port, opened, stop)
    finally:
        stop()
        thread.join(20)
        assert not thread.is_alive()
