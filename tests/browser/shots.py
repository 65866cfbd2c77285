"""Pictures of the console for the docs: ``python -m tests.browser.shots`` starts a demo and writes them anew."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import STILL, Scheme, sign_in
from tests.browser.staged import AWAY, PLAIN, Demo, staged

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "console"
PICTURES: tuple[tuple[str, str, str, Scheme], ...] = (
    ("fleet", "/", "desktop", "light"),
    ("fleet-phone", "/", "phone", "dark"),
    ("placement", f"/placements/{AWAY}/web", "desktop", "light"),
    ("application", "/applications/web?tab=history", "desktop", "dark"),
    ("waiting", "/waiting", "desktop", "light"),
    ("waiting-phone", "/waiting", "phone", "light"),
    ("audit", "/audit", "desktop", "light"),
)
"""The name of each, what it shows, at which width and in which colours."""


def _panel(page: Page) -> None:
    """Open the panel of an action."""
    page.get_by_role("group", name="Actions on all of them").get_by_role("button", name="Sync").click()
    page.get_by_role("dialog").get_by_role("textbox").first.wait_for()


def write(demo: Demo, folder: Path) -> None:
    """Write the pictures of a demo into a folder."""
    program = shutil.which("chromium")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        windows = {width: sign_in(browser, demo, width=width) for width in ("desktop", "phone")}
        for name, path, width, scheme in PICTURES:
            window = windows[width]
            window.colour(scheme)
            window.open(path)
            if name == "application":
                window.page.get_by_text("Take it back").click()
            window.page.evaluate(STILL)
            window.page.screenshot(path=folder / f"{name}.png")
        window = windows["desktop"]
        window.colour("light")
        window.open("/applications/web")
        _panel(window.page)
        window.page.evaluate(STILL)
        window.page.screenshot(path=folder / "panel.png")
        browser.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home, staged(Path(home), PLAIN) as found:
        write(found, Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
