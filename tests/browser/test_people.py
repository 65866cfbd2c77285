"""What somebody sees who may see little or nothing, and what admins see of everybody."""

from __future__ import annotations

import subprocess

from playwright.sync_api import Browser, expect

from tests.browser.conftest import Window
from tests.browser.staged import Demo

PASSWORD = "a-long-enough-password-1"


def test_somebody_without_a_role_is_told_so_and_not_that_nothing_is_there(chromium: Browser, demo: Demo) -> None:
    argv = (demo.home / "flotilla", "user", "add", "grace", "--group", "team-a")
    added = subprocess.run(argv, env=demo.env, input=PASSWORD, capture_output=True, text=True)
    assert added.returncode == 0, added.stdout + added.stderr
    context = chromium.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    page.goto(f"{demo.url}/login")
    page.get_by_text("With a name and a password").click()
    page.fill("#name", "grace")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url(f"{demo.url}/")
    window = Window(page, demo)
    for path in ("/", "/applications", "/clusters", "/runs"):
        window.open(path)
        said = page.get_by_role("status").filter(has_text="You may see nothing here yet.")
        expect(said).to_contain_text("No role is yours. You are in team-a.")
        expect(page.get_by_role("link", name="Flower")).to_have_count(0)
    assert window.faults() == []
    context.close()


def test_clusters_are_listed_with_why_some_are_not_reached(window: Window) -> None:
    page = window.page
    window.open("/")
    expect(page.get_by_role("link", name="Flower")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/clusters")
    table = page.get_by_role("table", name="Clusters")
    expect(table.get_by_role("row")).to_have_count(13)
    page.get_by_role("link", name="in trouble").click()
    expect(table.get_by_role("row")).to_have_count(2)
    row = table.get_by_role("row").nth(1)
    expect(row).to_contain_text("unreachable")
    row.get_by_role("link").click()
    expect(page.get_by_label("Why")).to_contain_text("flotilla cluster check eu-1")
