"""A real Git server on loopback for tests: smart HTTP with sign-in, refusals and hanging on request."""

from __future__ import annotations

import base64
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

from simulator.git_http import GitHttpServer, Push, Refusal, Request

_ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@example.com",
    "GIT_AUTHOR_DATE": "2024-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.com",
    "GIT_COMMITTER_DATE": "2024-01-01T00:00:00Z",
    "GIT_ALLOW_PROTOCOL": "file",
}


class Origin:
    """A repository that tests commit to; ``folder`` is its work tree."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str, stdin: bytes | None = None) -> str:
        """Run git there and return what it printed, stripped."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=_ENVIRONMENT, input=stdin, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    def commit(self, files: Mapping[str, str | bytes | None], message: str = "change") -> str:
        """Write files (None removes one), commit all, and return the commit's id."""
        for name, content in files.items():
            path = self.folder / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", f"--message={message}")
        return self.head

    def commit_entries(self, entries: Mapping[str, tuple[str, str]], message: str = "change") -> str:
        """Commit index entries of any mode (path to mode and content or id), as no work tree could hold them."""
        for path, (mode, content) in entries.items():
            oid = content if mode == "160000" else self.git("hash-object", "-w", "--stdin", stdin=content.encode())
            self.git("update-index", "--add", "--cacheinfo", f"{mode},{oid},{path}")
        self.git("commit", "--quiet", f"--message={message}")
        return self.head

    @property
    def head(self) -> str:
        """Id of the commit checked out."""
        return self.git("rev-parse", "HEAD")


@dataclass
class GitServer:
    """Repositories below ``root``, served over loopback.

    Attributes:
        user: name and password that every request must carry; None lets everyone in.
        status: an HTTP status sent in place of every answer; None answers.
        hanging: while set, requests wait until ``resume``.
        hang_after: so many requests are answered, later ones wait until ``resume``; None never.
        requests: what was asked, in order.
    """

    root: Path
    user: tuple[str, str] | None = None
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    hanging: bool = False
    hang_after: int | None = None
    requests: list[Request] = field(default_factory=list)
    _resumed: threading.Event = field(default_factory=threading.Event)
    _server: GitHttpServer | None = None

    def start(self, push: Push = Push.REFUSED, port: int = 0, tls: ssl.SSLContext | None = None) -> Self:
        """Start listening, over TLS with ``tls``."""
        self._server = GitHttpServer(self.root, port=port, push=push, gate=self._gate)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop listening: connections are refused."""
        self.resume()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return self._server.server_port

    def origin(self, name: str) -> Origin:
        """Make a repository; its URL is ``url(name)``."""
        return Origin(self.root / name)

    def url(self, name: str) -> str:
        """Return a repository's URL."""
        return f"http://127.0.0.1:{self.port}/{name}/.git"

    def resume(self) -> None:
        """Let hanging requests go on, and later ones not hang."""
        self.hanging = False
        self.hang_after = None
        self._resumed.set()

    def count(self, service: str) -> int:
        """Return how many requests named ``service`` in their target."""
        return sum(service in request.target for request in self.requests)

    def _gate(self, request: Request) -> Refusal | None:
        self.requests.append(request)
        if self.hanging or (self.hang_after is not None and len(self.requests) > self.hang_after):
            self._resumed.wait(timeout=60)
        if self.status is not None:
            return Refusal(self.status, self.headers)
        if self.user is None:
            return None
        wanted = base64.b64encode(":".join(self.user).encode()).decode()
        if request.headers.get("Authorization") == f"Basic {wanted}":
            return None
        return Refusal(401, (("WWW-Authenticate", 'Basic realm="git"'),))


@contextmanager
def git_server(root: Path, push: Push = Push.REFUSED) -> Iterator[GitServer]:
    """Serve repositories below ``root`` until the block ends."""
    server = GitServer(root).start(push)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def git_http_server(tmp_path: Path) -> Iterator[GitServer]:
    """A Git server of the test's own."""
    with git_server(tmp_path / "origins") as server:
        yield server


def with_module(origin: Origin, url: str, commit: str, *, path: str = "lib", name: str = "lib") -> str:
    """Commit a submodule by hand: no clone is wanted."""
    modules = f'[submodule "{name}"]\n\tpath = {path}\n\turl = {url}\n'
    entries = {".gitmodules": ("100644", modules), path: ("160000", commit), "app/own.yaml": ("100644", "own: 1\n")}
    return origin.commit_entries(entries)
