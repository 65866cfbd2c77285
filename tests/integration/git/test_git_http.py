"""The shippable Git server: what it serves, to whom, and what not."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.git_server import Origin


@pytest.fixture
def root(tmp_path: Path) -> Path:
    Origin(tmp_path / "root" / "app").commit({"a.yaml": "a: 1\n"})
    return tmp_path / "root"


@pytest.fixture(params=[(), ("--allow-push",)], ids=["read-only", "push"])
def server(request: pytest.FixtureRequest, root: Path) -> Iterator[tuple[str, bool]]:
    command = [sys.executable, "-m", "simulator.git_http", "--root", str(root), "--port", "0", *request.param]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield line.split()[-1], bool(request.param)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_TERMINAL_PROMPT": "0"}
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    return subprocess.run(["git", *who, *arguments], cwd=folder, env=environment, capture_output=True, text=True)


def test_it_serves_clones_and_takes_pushes_only_when_told(server: tuple[str, bool], root: Path, tmp_path: Path) -> None:
    url, may_push = server
    assert git(tmp_path, "clone", "--quiet", f"{url}/app/.git", "work").returncode == 0
    work = tmp_path / "work"
    (work / "a.yaml").write_text("a: 2\n")
    (work / "big.bin").write_bytes(os.urandom(3 << 20))  # sent in chunks
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message=change")
    pushed = git(work, "push", "--quiet", "origin", "HEAD:main")
    assert (pushed.returncode == 0) is may_push, pushed.stderr
    assert (root / "app" / "a.yaml").read_text() == ("a: 2\n" if may_push else "a: 1\n")


@pytest.mark.parametrize(
    "target",
    ["/", "/app/a.yaml", "/app/.git/config", "/app/.git/HEAD", "/app/.git/info/refs", "/../etc/passwd",
     "/app/../../etc/info/refs?service=git-upload-pack", "/none/info/refs?service=git-upload-pack"],
)  # fmt: skip
def test_no_file_is_served_as_a_file(server: tuple[str, bool], target: str) -> None:
    url, _ = server
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    connection.request("GET", target)
    assert connection.getresponse().status == 404
    connection.close()
