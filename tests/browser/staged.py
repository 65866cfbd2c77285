"""The demo with some things wrong in it: what the tests of this folder look at, and what the docs' pictures show."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from filelock import FileLock

from console.web import build
from tests.fixtures.ports import free_port

FLOTILLA = Path(sys.executable).with_name("flotilla")
AWAY = "eu-1"
"""A cluster that refuses connections."""
OVER = "guestbook"
"""An application of which more was removed from Git than the bound of the fleet allows, on each of its clusters."""
CLUSTERS_OVER = 9
DRIFTED = "us-2/settings"
"""A placement of which somebody deleted an object; the next sweep puts it back."""
PATIENCE = 240


@dataclass(frozen=True, slots=True)
class Words:
    """What people wrote: subjects of commits, who made them, and why something is paused."""

    greeting: str
    removal: str
    author: str
    pause: str


PLAIN = Words("Say hello from Git", "Remove the backend", "Ada Lovelace", "incident 42")
HOSTILE = Words(
    "Say <img src=x onerror=alert(1)> hello",
    "Remove <img src=x onerror=alert(5)> the backend",
    "javascript:alert(4)",
    '"><script>alert(2)</script> javascript:alert(3)',
)


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo, running."""

    url: str
    home: Path
    env: dict[str, str]
    words: Words

    @property
    def token(self) -> str:
        """What opens a session."""
        return (self.home / "api.token").read_text().strip()

    @property
    def repository(self) -> Path:
        """The working tree whose branch the fleet follows."""
        return self.home / "git" / "fleet"

    def flotilla(self, *arguments: str) -> None:
        """Run a command of this hub's own."""
        done = subprocess.run((self.home / "flotilla", *arguments), env=self.env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def git(self, *arguments: str) -> str:
        """Run git in the demo's repository and return what it printed."""
        who = ("-c", f"user.name={self.words.author}", "-c", "user.email=ada@example.com")
        argv = ("git", "-C", str(self.repository), *who, *arguments)
        return subprocess.run(argv, env=self.env, check=True, capture_output=True, text=True).stdout.strip()

    def read(self, file: str) -> str:
        """Return what a file of the demo's repository holds."""
        return (self.repository / file).read_text()

    def commit(self, message: str, files: Mapping[str, str]) -> None:
        """Commit files of the demo's repository, given by their paths with what they hold then."""
        for file, content in files.items():
            (self.repository / file).write_text(content)
        self.git("commit", "-qam", message)

    def get(self, path: str) -> httpx.Response:
        """Return what the API answers."""
        return httpx.get(f"{self.url}/api/v1/{path}", headers={"Authorization": f"Bearer {self.token}"}, timeout=20)


def eventually(what: str, check: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait, for minutes where the machine is busy, until ``check`` returns True."""
    until = time.monotonic() + PATIENCE
    while not check():
        assert process.poll() is None, f"{what}: the demo ended"
        assert time.monotonic() < until, f"not in time: {what}"
        time.sleep(0.3)


@contextmanager
def started(folder: Path, words: Words) -> Iterator[tuple[Demo, subprocess.Popen[bytes]]]:
    """Run a demo in a folder until the context is left; all in it is synced, but for the fault that it comes with."""
    build.build()
    port = free_port()
    env = {"HOME": str(folder), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "FLOTILLA_API_PORT": str(port)}
    log = folder / "log"
    # Two that start at once may choose the same port for their clusters: who probes it does not hold it yet.
    starting = FileLock(Path(tempfile.gettempdir(), "flotilla-demo.lock"))
    starting.acquire()
    with log.open("wb") as out:
        argv = (FLOTILLA, "demo", "--home", folder / "hub")
        process = subprocess.Popen(argv, env=env, stdout=out, stderr=out, start_new_session=True)
    try:
        eventually(f"the demo ({log})", lambda: "Ctrl-C ends everything" in log.read_text(), process)
        starting.release()
        yield Demo(f"http://127.0.0.1:{port}", folder / "hub", env, words), process
    finally:
        starting.release(force=True)
        process.send_signal(signal.SIGINT)
        process.wait(60)


@contextmanager
def staged(folder: Path, words: Words) -> Iterator[Demo]:
    """Run a demo in which a cluster is away, a placement is paused, a removal waits, and an object was put back."""
    with started(folder, words) as (demo, process):
        bounded = demo.read("registry/fleet.yaml").replace("interval: 30s", "interval: 30s\n    prune: {maxObjects: 1}")
        greeting = demo.read("apps/web/web.yaml").replace("Hello from Flotilla", "Hello from Git")
        demo.flotilla("simulator", "fault", AWAY, "refuse")
        demo.flotilla("simulator", "delete", DRIFTED.partition("/")[0], "settings", "ConfigMap", "cluster")
        demo.flotilla("pause", "us-1/web", "--reason", words.pause)
        demo.commit("Bound removals", {"registry/fleet.yaml": bounded})
        demo.commit(words.greeting, {"apps/web/web.yaml": greeting})
        demo.flotilla("refresh")
        eventually("the commit and the fault", lambda: _is_settled(demo), process)
        demo.commit(words.removal, {f"apps/{OVER}/backend.yaml": "# Nothing of it is left.\n"})
        demo.flotilla("refresh")
        eventually("what waits", lambda: len(demo.get("approvals").json()["items"]) == CLUSTERS_OVER, process)
        eventually("the drift", lambda: DRIFTED in {one["ref"] for one in demo.get("drift").json()}, process)
        yield demo


def _is_settled(demo: Demo) -> bool:
    status = demo.get("status").json()
    applied = demo.get("placements/us-2/web/why").json()["applied"]
    subjects = [one["commit"]["subject"] for one in applied]
    return status["clusters"].get("unreachable") == 1 and subjects == [demo.words.greeting]
