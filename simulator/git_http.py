"""A Git server over smart HTTP, for demos, rehearsals and tests: ``git http-backend`` behind a loopback port.

``python -m simulator.git_http --root DIR --port P [--allow-push]`` serves every repository below DIR to this machine
alone; read-only unless told otherwise. It speaks the smart protocol only, so that no file is served as a file.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import IO
from urllib.parse import unquote

_REPO = r"(?P<repo>/[\w ./()'!$&+,;=:@~-]+)"
_ADVERTISE = re.compile(rf"{_REPO}/info/refs\?service=git-(?P<service>upload-pack|receive-pack)")
_EXCHANGE = re.compile(rf"{_REPO}/git-(?P<service>upload-pack|receive-pack)")
_LARGEST_BODY = 256 << 20
_CHUNK = 1 << 16


class Push(Enum):
    """Whether clients may push."""

    REFUSED = "refused"
    ALLOWED = "allowed"


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks, as a gate sees it."""

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a gate answers in place of Git; header names and values as sent."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


Gate = Callable[[Request], Refusal | None]
"""Asked before each request; it may also wait, to play a slow server."""


class GitHttpServer(ThreadingHTTPServer):
    """Serves the repositories below ``root`` on a loopback port.

    Args:
        root: folder of the repositories.
        port: 0 takes a free one.
        push: whether clients may push.
        gate: asked before each request; a refusal is sent in place of an answer.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, root: Path, *, port: int = 0, push: Push = Push.REFUSED, gate: Gate | None = None) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.root = root
        self.push = push
        self.gate = gate

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Let clients hang up."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # typeshed wants a socket here


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    server: GitHttpServer

    def do_GET(self) -> None:
        self._serve(_ADVERTISE.fullmatch(unquote(self.path)))

    def do_POST(self) -> None:
        self._serve(_EXCHANGE.fullmatch(unquote(self.path)))

    def log_message(self, format: str, *args: object) -> None:  # the base class names it so
        """Say nothing: the log would be one line for each poll."""

    def _serve(self, match: re.Match[str] | None) -> None:
        gate = self.server.gate
        refusal = None if gate is None else gate(Request(self.command, self.path, dict(self.headers.items())))
        if refusal is not None:
            self._refuse(refusal)
        elif match is None or ".." in match["repo"].split("/"):
            self._refuse(Refusal(HTTPStatus.NOT_FOUND))
        elif match["service"] == "receive-pack" and self.server.push is Push.REFUSED:
            self._refuse(Refusal(HTTPStatus.FORBIDDEN))
        else:
            self._answer()

    def _refuse(self, refusal: Refusal) -> None:
        self.send_response(refusal.status)
        for name, value in refusal.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(refusal.body)))
        self.send_header("Connection", "close")  # what the client sent was not read
        self.end_headers()
        self.wfile.write(refusal.body)

    def _answer(self) -> None:
        try:
            body = self._body()
        except ValueError:
            self._refuse(Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
            return
        with subprocess.Popen(
            ["git", "http-backend"],
            env=self._environment(len(body)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            if process.stdin is None or not isinstance(process.stdout, io.BufferedReader):
                return
            threading.Thread(target=_feed, args=(process.stdin, body), daemon=True).start()
            try:
                self._relay(process.stdout)
            finally:
                process.kill()

    def _relay(self, output: io.BufferedReader) -> None:
        """Pass on what the backend says: CGI headers, then a body in chunks, whose end cannot be missed."""
        status, headers = int(HTTPStatus.OK), []
        for line in iter(output.readline, b""):
            name, _, value = line.decode("latin-1").strip().partition(":")
            if not name:
                break
            if name.lower() == "status":
                status = int(value.split()[0])
            else:
                headers.append((name, value.strip()))
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in iter(lambda: output.read1(_CHUNK), b""):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def _body(self) -> bytes:
        """Return what the client sent.

        Raises:
            ValueError: it is too large or malformed.
        """
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            length = int(self.headers.get("Content-Length") or 0)
            if not 0 <= length <= _LARGEST_BODY:
                raise ValueError(length)
            return self.rfile.read(length)
        parts, total = [], 0
        while size := int(self.rfile.readline().split(b";")[0], 16):
            total += size
            if total > _LARGEST_BODY:
                raise ValueError(total)
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _environment(self, length: int) -> dict[str, str]:
        path, _, query = self.path.partition("?")
        settings = {
            "http.receivepack": "true" if self.server.push is Push.ALLOWED else "false",
            "uploadpack.allowAnySHA1InWant": "true",
            "receive.denyCurrentBranch": "updateInstead",
            "safe.directory": "*",
            "core.hooksPath": "/dev/null",
        }
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": "/nonexistent",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_PROJECT_ROOT": str(self.server.root.absolute()),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": unquote(path),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_ADDR": self.client_address[0],
            "REMOTE_USER": "anyone",
            "GIT_CONFIG_COUNT": str(len(settings)),
        }
        for number, (key, value) in enumerate(settings.items()):
            environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        return environment


def _feed(stdin: IO[bytes], body: bytes) -> None:
    try:
        with stdin:
            stdin.write(body)
    except (BrokenPipeError, ValueError):
        return


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m simulator.git_http", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of the repositories")
    parser.add_argument("--port", type=int, required=True, help="loopback port; 0 takes a free one")
    parser.add_argument("--allow-push", action="store_true", help="let clients push")
    options = parser.parse_args(arguments)
    server = GitHttpServer(options.root, port=options.port, push=Push.ALLOWED if options.allow_push else Push.REFUSED)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"Serving {options.root} at {server.url}", flush=True)
    with server:
        server.serve_forever(poll_interval=0.1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
