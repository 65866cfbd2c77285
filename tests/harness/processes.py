"""A hub as operators run it: every part a process, on real services."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.fixtures.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 180
"""Seconds; an idle machine takes a tenth of that for what is waited for, one that is busy with other tests more."""


_TOLD = 40
"""Runs, and lines of each process's log, that are told of a test that failed."""


class Timeout(AssertionError):  # noqa: N818 - it is an assertion that did not come true in time
    """Something did not become true in time."""


def eventually(what: str, check: Callable[[], Any], *, within: float = PATIENCE, every: float = 0.3) -> Any:
    """Return the first truthy answer of ``check``.

    Raises:
        Timeout: there was none; names the last answer.
    """
    until = time.monotonic() + within
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > until:
            message = f"after {within:g} s still not: {what}; last answer: {answer!r}"
            raise Timeout(message)
        time.sleep(every)


class Hub:
    """Processes of one hub.

    Args:
        home: its home folder.
        settings: ``FLOTILLA_…`` values by lower-case name.
        of_workers: the same, for workers alone; over the others.
        concurrency: runs at once of each worker.
    """

    def __init__(
        self,
        home: Path,
        settings: Mapping[str, str],
        *,
        of_workers: Mapping[str, str] | None = None,
        concurrency: int = 4,
    ) -> None:
        self.home = home
        self.api_port = free_port()
        home.mkdir(mode=0o700)
        (home / "run").mkdir(mode=0o700)
        self._env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("FLOTILLA_")},
            "FLOTILLA_HOME": str(home),
            "FLOTILLA_API_PORT": str(self.api_port),
            "FLOWER_UNAUTHENTICATED_API": "true",
            **{f"FLOTILLA_{name.upper()}": value for name, value in settings.items()},
        }
        self._of_workers = {f"FLOTILLA_{name.upper()}": value for name, value in (of_workers or {}).items()}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, tuple[str, ...]] = {
            "scheduler": ("scheduler", "--name", "scheduler"),
            "standby": ("scheduler", "--name", "standby"),
            "worker-1": ("workers", "--queue", "default", "--concurrency", str(concurrency), "--name", "worker-1"),
            "worker-2": ("workers", "--queue", "default", "--concurrency", str(concurrency), "--name", "worker-2"),
            "worker-now": ("workers", "--queue", "default.now", "--concurrency", "2", "--name", "worker-now"),
            "api": ("console.api",),
            "flower": (
                "celery",
                "--app=common.broker.celery_app",
                "flower",
                f"--unix_socket={home / 'run' / 'flower.sock'}",
                "--url_prefix=flower",
                "--read_only=True",
                "--enable_events=False",
            ),
        }

    def start(self, *names: str) -> None:
        """Start processes; all but the standby when none is named."""
        for name in names or [known for known in self._commands if known != "standby"]:
            with (self.home / f"{name}.log").open("ab") as log:
                argv = (sys.executable, "-m", *self._commands[name])
                env = self._env | (self._of_workers if self._commands[name][0] == "workers" else {})
                self._processes[name] = subprocess.Popen(
                    argv, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )

    def start_extra(self, name: str) -> None:
        """Start one more worker for planned work."""
        self._commands[name] = ("workers", "--queue", "default", "--concurrency", "4", "--name", name)
        self.start(name)

    def pid(self, name: str) -> int:
        """Return the process id of a running process."""
        return self._processes[name].pid

    def freeze(self, name: str) -> None:
        """Stop a process and those that it started, as a paused machine does."""
        for pid in self._family(name):
            os.kill(pid, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let a frozen process and those that it started go on."""
        for pid in self._family(name):
            os.kill(pid, signal.SIGCONT)

    def _family(self, name: str) -> list[int]:
        pid = self._processes[name].pid
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def kill(self, *names: str) -> None:
        """End processes at once, as the kernel does when memory runs out."""
        for name in names:
            self._processes[name].kill()
            self._processes[name].wait(10)

    def stop(self, name: str) -> float:
        """Ask a process to end, and return how many seconds it took."""
        began = time.monotonic()
        self._processes[name].terminate()
        self._processes.pop(name).wait(30)
        return time.monotonic() - began

    def stop_all(self) -> None:
        """End everything."""
        for process in self._processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self._processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def logs(self) -> str:
        """Return everything that all processes logged."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.home.glob("*.log")))

    def account(self) -> str:
        """Return what tells why something did not come about: the newest runs, and the last that was logged."""
        try:
            told = [json.dumps(run) for run in self.items("runs")[:_TOLD]]
            told += [json.dumps(one) for one in self.get("clusters")]
        except httpx.HTTPError as error:
            told = [f"the API does not answer: {error!r}"]
        for path in sorted(self.home.glob("*.log")):
            told += [f"-- {path.name}", *path.read_text(errors="replace").splitlines()[-_TOLD:]]
        return "\n".join(told)

    # -- as a user -----------------------------------------------------------------------------------------------

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``flotilla`` on the hub's machine."""
        command = (sys.executable, "-m", "console.cli.main", *arguments)
        return subprocess.run(
            command, cwd=ROOT, env=self._env, capture_output=True, text=True, timeout=120, check=False
        )

    def data(self, *arguments: str) -> Any:
        """Run ``flotilla … -o json`` and return what it printed."""
        done = self.cli(*arguments, "-o", "json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def client(self) -> httpx.Client:
        """Return a client of the API that bears the token."""
        token = (self.home / "api.token").read_text().strip()
        url = f"http://127.0.0.1:{self.api_port}"
        return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=20)

    def get(self, path: str, **query: str) -> Any:
        """Return the answer to a read of the API."""
        with self.client() as client:
            answer = client.get(f"/api/v1/{path}", params=query)
            answer.raise_for_status()
            return answer.json()

    def items(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Return a page of what a filter lets through; nothing while the hub does not know a name in it."""
        with self.client() as client:
            answer = client.get(f"/api/v1/{path}", params=query)
            if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
                return []
            answer.raise_for_status()
            found: list[dict[str, Any]] = answer.json()["items"]
            return found

    def ask(self, kind: str, selection: Mapping[str, Any] | None = None, reason: str = "") -> int:
        """Ask for something to be done as it would be now; return the request's number."""
        body = {"kind": kind, "selection": dict(selection or {}), "reason": reason}
        with self.client() as client:
            while True:
                seen = client.post("/api/v1/intents?preview=true", json=body).raise_for_status()
                answer = client.post("/api/v1/intents", json=body, headers={"If-Match": seen.headers["etag"]})
                # The fleet lives: what changed in between is seen anew.
                if answer.status_code != httpx.codes.PRECONDITION_FAILED:
                    return int(answer.raise_for_status().json()["intent"])

    def placements(self, application: str) -> dict[str, dict[str, Any]]:
        """Return an application's placements by cluster."""
        return {item["cluster"]: item for item in self.items("placements", application=application)}

    def runs(self, application: str, cluster: str = "") -> list[dict[str, Any]]:
        """Return runs, newest first."""
        return self.items("runs", application=application, cluster=cluster)

    def await_synced(self, application: str, clusters: int, *, commit: str = "", within: float = PATIENCE) -> None:
        """Return once the application is synced and healthy on so many clusters, at ``commit`` if one is given."""

        def check() -> bool:
            placed = self.placements(application)
            return len(placed) == clusters and all(
                p["sync"] == "synced" and p["health"] == "healthy" and p["commit"].startswith(commit)
                for p in placed.values()
            )

        try:
            eventually(f"{application} is synced on {clusters} clusters at {commit[:8]}", check, within=within)
        except Timeout as error:
            message = f"{error}\n{json.dumps(self.placements(application), indent=1)}\n{self.get('status')['faults']}"
            raise Timeout(message) from error

    def await_ready(self) -> None:
        """Return once the API answers and all workers have shown that they live."""

        def answers() -> bool:
            try:
                return httpx.get(f"http://127.0.0.1:{self.api_port}/readyz", timeout=2).is_success
            except httpx.HTTPError:
                return False

        eventually("the API is ready", answers)
