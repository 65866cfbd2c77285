"""Debian's Chromium, and one demo with some things wrong, shared by the tests of this folder."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx
import pytest
from filelock import FileLock
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from console.web import build
from tests.fixtures.ports import free_port
from tests.fixtures.services import unavailable

FLOTILLA = Path(sys.executable).with_name("flotilla")
SUBJECT = "Say <img src=x onerror=alert(1)> hello"
PAUSED = '"><script>alert(2)</script> javascript:alert(3)'
AWAY = "eu-1"
"""A cluster that refuses connections."""
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
SHOTS = os.environ.get("FLOTILLA_SHOTS", "")
"""A folder that screenshots are left in."""
WIDTHS = {"desktop": (1280, 860), "phone": (390, 844)}
GONE = "Remove <img src=x onerror=alert(5)> the backend"
OVER = "guestbook"
"""An application of which more was removed from Git than the bound of the fleet allows, on each of its clusters."""
CLUSTERS_OVER = 9
PATIENCE = 240
STILL = """Promise.all(
  document.getAnimations()
    .filter((one) => one.effect?.getComputedTiming().endTime !== Infinity)
    .map((one) => one.finished.catch(() => null))
).then(() => 0)"""
"""Waits for the end of all that moves, but what never ends: of something half faded in, no colour counts."""
AXE = build.HERE / "node_modules" / "axe-core" / "axe.min.js"


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo, running."""

    url: str
    home: Path
    env: dict[str, str]

    @property
    def token(self) -> str:
        """What opens a session."""
        return (self.home / "api.token").read_text().strip()

    def flotilla(self, *arguments: str) -> None:
        """Run a command of this hub's own."""
        done = subprocess.run((self.home / "flotilla", *arguments), env=self.env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def read(self, file: str) -> str:
        """Return what a file of the demo's repository holds."""
        return (self.home / "git" / "fleet" / file).read_text()

    def commit(self, message: str, files: Mapping[str, str]) -> None:
        """Commit files of the demo's repository, given by their paths with what they hold then."""
        repository = self.home / "git" / "fleet"
        for file, content in files.items():
            (repository / file).write_text(content)
        git = ("git", "-C", str(repository), "-c", "user.name=javascript:alert(4)", "-c", "user.email=eve@example.com")
        subprocess.run((*git, "commit", "-qam", message), env=self.env, check=True)

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


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Return a demo in which a cluster is away, a placement is paused, a removal waits, and commits mean no good."""
    build.build()
    folder = tmp_path_factory.mktemp("demo")
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
        found = Demo(f"http://127.0.0.1:{port}", folder / "hub", env)
        bounded = found.read("registry/fleet.yaml").replace(
            "interval: 30s", "interval: 30s\n    prune: {maxObjects: 1}"
        )
        greeting = found.read("apps/web/web.yaml").replace("Hello from Flotilla", "Hello from Git")
        found.commit(SUBJECT, {"registry/fleet.yaml": bounded, "apps/web/web.yaml": greeting})
        found.flotilla("simulator", "fault", AWAY, "refuse")
        found.flotilla("pause", "us-1/web", "--reason", PAUSED)
        found.flotilla("refresh")
        eventually("the commit and the fault", lambda: _is_settled(found), process)
        found.commit(GONE, {f"apps/{OVER}/backend.yaml": "# Nothing of it is left.\n"})
        found.flotilla("refresh")
        eventually("what waits", lambda: len(found.get("approvals").json()) == CLUSTERS_OVER, process)
        yield found
    finally:
        starting.release(force=True)
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _is_settled(demo: Demo) -> bool:
    status = demo.get("status").json()
    applied = demo.get("placements/us-2/web/why").json()["applied"]
    subjects = [one["commit"]["subject"] for one in applied]
    return status["clusters"].get("unreachable") == 1 and subjects == [SUBJECT]


# Not for longer: its event loop would count as the running one for other tests of the same process.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Return Debian's Chromium; Playwright's own is a download."""
    program = shutil.which("chromium")
    if program is None:
        unavailable("Chromium", "apt-get install chromium")
    with sync_playwright() as playwright:
        # A container's processes may make no sandbox of their own; what is opened here is our own pages alone.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


class Window:
    """A browser's window that is signed in, and what it complained about.

    Args:
        page: of the browser.
        demo: whose pages it opens.
    """

    def __init__(self, page: Page, demo: Demo) -> None:
        self.page, self._demo = page, demo
        self.complaints: list[str] = []
        self.asked: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: self.asked.append(request.url))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def open(self, path: str) -> None:
        """Open a page and wait until its data are there."""
        self.page.goto(self._demo.url + path)
        self.page.wait_for_selector("main h1")
        expect(self.page.locator(".loading")).to_have_count(0, timeout=30_000)

    def colour(self, scheme: Scheme) -> None:
        """Have the page in other colours, as if its system had changed them."""
        self.page.emulate_media(color_scheme=scheme)

    def faults(self) -> list[str]:
        """Return what axe finds that keeps somebody from using the page."""
        self.page.context.new_cdp_session(self.page).send("Runtime.evaluate", {"expression": f"{AXE.read_text()};0"})
        self.page.evaluate(STILL)
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] != "minor"]

    def overflow(self) -> int:
        """Return how many pixels the page is wider than its window."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return width


def sign_in(chromium: Browser, demo: Demo, *, width: str = "desktop") -> Window:
    """Return a window of a width that is signed in, in light colours; close its context in the end."""
    size = WIDTHS[width]
    context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme="light")
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto(f"{demo.url}/login")
    page.fill("#token", demo.token)
    page.press("#token", "Enter")
    page.wait_for_url(re.compile(f"^{re.escape(demo.url)}/$"))
    page.wait_for_selector("main h1")
    return Window(page, demo)


@pytest.fixture
def window(chromium: Browser, demo: Demo) -> Iterator[Window]:
    """Return a window as most have it."""
    found = sign_in(chromium, demo)
    yield found
    found.page.context.close()


@pytest.fixture(params=sorted(WIDTHS))
def width(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def seen(chromium: Browser, demo: Demo, width: str) -> Iterator[Window]:
    """Return a window of each width."""
    window = sign_in(chromium, demo, width=width)
    yield window
    window.page.context.close()
