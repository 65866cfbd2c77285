"""A real API process, and raw bytes to and from it: what a client library would not send."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from common.settings import Settings
from common.store.engine.session import open_database
from common.store.engine.upgrade import upgrade
from tests.fixtures.services import wait_until

TOKEN = "a-token-of-this-test-of-some-length"
PATIENCE = 1.0
"""Seconds, as the process is told."""


@dataclass(frozen=True, slots=True)
class ApiProcess:
    """A running API.

    Attributes:
        home: its folder.
        port: where it listens on 127.0.0.1.
        pid: of the process.
    """

    home: Path
    port: int
    pid: int

    def connect(self, *, source: str = "127.0.0.1", timeout: float = 10) -> socket.socket:
        """Return a connection from an address of loopback, each of which is a source of its own."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout, source_address=(source, 0))

    def ask(self, request: bytes, *, source: str = "127.0.0.1") -> bytes:
        """Return all that comes back until the server closes."""
        with self.connect(source=source) as connection:
            connection.sendall(request)
            return read_all(connection)

    def status(self, *, token: str | None = TOKEN, source: str = "127.0.0.1", more: str = "") -> int:
        """Return the status of a read."""
        bearer = f"Authorization: Bearer {token}\r\n" if token is not None else ""
        request = f"GET /api/v1/status HTTP/1.1\r\nHost: hub\r\n{bearer}{more}Connection: close\r\n\r\n"
        return status_of(self.ask(request.encode(), source=source))

    @property
    def resident(self) -> int:
        """Bytes of memory that the process holds."""
        line = next(line for line in Path(f"/proc/{self.pid}/status").read_text().splitlines() if "VmRSS" in line)
        return int(line.split()[1]) * 1024


def read_all(connection: socket.socket) -> bytes:
    """Return what comes until the other side closes; a reset ends it too."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def status_of(answer: bytes) -> int:
    """Return the status of the first answer; 0 where none came."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


def closed_within(connection: socket.socket, seconds: float) -> bool:
    """Return whether the server closes a connection in that time."""
    end = time.monotonic() + seconds
    try:
        while (left := end - time.monotonic()) > 0:
            connection.settimeout(left)
            if not connection.recv(65536):
                return True
    except TimeoutError:
        return False
    except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
        return True
    return False


@contextmanager
def serving(home: Path, variables: Mapping[str, str] | None = None) -> Iterator[ApiProcess]:
    """Run ``python -m console.api`` until the end of the block."""
    home.mkdir(mode=0o700, exist_ok=True)
    upgrade(open_database(Settings(home=home)))
    token = home / "api.token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    ready = home / "ready"
    env = {
        "PATH": os.environ["PATH"],
        "FLOTILLA_HOME": str(home),
        "FLOTILLA_API_PORT": "0",
        "FLOTILLA_API_PATIENCE": f"PT{PATIENCE:g}S",
        **(variables or {}),
    }
    with (home / "api.log").open("wb") as log:
        command = [sys.executable, "-m", "console.api", "--ready-file", str(ready)]
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    try:
        wait_until(ready.exists, process=process, what=f"the API ({home / 'api.log'})")
        yield ApiProcess(home, urlsplit(ready.read_text()).port or 0, process.pid)
    finally:
        process.terminate()
        process.wait(10)
