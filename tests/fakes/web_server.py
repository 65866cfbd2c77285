"""A real HTTP server on loopback for chart repositories and hostile registries: files, sign-in, and odd answers."""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    status: int = 200
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request; ``target`` is path and query."""

    target: str
    headers: Mapping[str, str]

    @property
    def authorization(self) -> str:
        return self.headers.get("Authorization", "")


@dataclass
class WebServer:
    """Answers by exact path, query left out.

    Attributes:
        replies: by path; a function is called with the request.
        user: name and password that every request must carry; None lets everyone in.
        asked: requests so far.
        body: writes an answer's body in place of sending it whole.
        raw: whether ``body`` writes the head of the answer too.
    """

    replies: dict[str, Reply | Callable[[Asked], Reply]] = field(default_factory=dict)
    user: tuple[str, str] | None = None
    asked: list[Asked] = field(default_factory=list)
    body: Callable[[Any], None] | None = None
    raw: bool = False
    _server: ThreadingHTTPServer | None = None

    def start(self, tls: ssl.SSLContext | None = None) -> None:
        """Start listening, over TLS with ``tls``."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def host(self) -> str:
        """Host and port."""
        assert self._server is not None
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.host}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        asked = Asked(handler.path, dict(handler.headers))
        self.asked.append(asked)
        reply = self._reply(asked)
        if self.raw and self.body is not None:
            self.body(handler.wfile)
            return
        handler.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.content)), **reply.headers}.items():
            if value:
                handler.send_header(name, value)
        handler.end_headers()
        if self.body is not None:
            self.body(handler.wfile)
        else:
            handler.wfile.write(reply.content)

    def _reply(self, asked: Asked) -> Reply:
        if self.user is not None:
            wanted = base64.b64encode(":".join(self.user).encode()).decode()
            if asked.authorization != f"Basic {wanted}":
                return Reply(401, headers={"WWW-Authenticate": 'Basic realm="charts"'})
        reply = self.replies.get(asked.target.partition("?")[0], Reply(404))
        return reply if isinstance(reply, Reply) else reply(asked)


@contextmanager
def web_server(tls: ssl.SSLContext | None = None) -> Iterator[WebServer]:
    """Serve until the block ends."""
    server = WebServer()
    server.start(tls)
    try:
        yield server
    finally:
        server.stop()
