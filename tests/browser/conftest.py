"""Debian's Chromium, and one demo with some things wrong, shared by the tests of this folder."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from typing import Literal, Protocol

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from console.web import build
from tests.browser.staged import HOSTILE, Demo, staged
from tests.fixtures.services import unavailable

SUBJECT, GONE, PAUSED = HOSTILE.greeting, HOSTILE.removal, HOSTILE.pause
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
SHOTS = os.environ.get("FLOTILLA_SHOTS", "")
"""A folder that screenshots are left in."""
WIDTHS = {"desktop": (1280, 860), "phone": (390, 844)}
HARM = "main img, main script, a[href^='javascript:']"
"""What words of others must never become."""
STILL = """Promise.all(
  document.getAnimations()
    .filter((one) => one.effect?.getComputedTiming().endTime !== Infinity)
    .map((one) => one.finished.catch(() => null))
).then(() => 0)"""
"""Waits for the end of all that moves, but what never ends: of something half faded in, no colour counts."""
AXE = build.HERE / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Return a demo with some things wrong, in which people's words mean no good."""
    with staged(tmp_path_factory.mktemp("demo"), HOSTILE) as found:
        yield found


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


class Served(Protocol):
    """What serves the pages."""

    @property
    def url(self) -> str:
        """Where it does."""

    @property
    def token(self) -> str:
        """What opens a session."""


class Window:
    """A browser's window that is signed in, and what it complained about.

    Args:
        page: of the browser.
        demo: whose pages it opens.
    """

    def __init__(self, page: Page, demo: Served) -> None:
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

    @property
    def narrow(self) -> bool:
        """Whether it is as narrow as a phone."""
        size = self.page.viewport_size
        return size is not None and size["width"] <= WIDTHS["phone"][0]

    def colour(self, scheme: Scheme) -> None:
        """Have the page in other colours, as if its system had changed them."""
        self.page.emulate_media(color_scheme=scheme)

    def faults(self) -> list[str]:
        """Return what axe finds that keeps somebody from using the page."""
        self.page.context.new_cdp_session(self.page).send("Runtime.evaluate", {"expression": f"{AXE.read_text()};0"})
        self.page.evaluate(STILL)
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        return [
            f"{one['id']}: {one['nodes'][0]['html'][:200]}: {one['nodes'][0]['failureSummary'][:300]}"
            for one in found
            if one["impact"] != "minor"
        ]

    def overflow(self) -> int:
        """Return how many pixels the page is wider than its window."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return width


def sign_in(chromium: Browser, demo: Served, *, width: str = "desktop") -> Window:
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
