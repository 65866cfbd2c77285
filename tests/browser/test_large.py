"""The same pages over 1,000 clusters with 100 applications each, as months of work leave them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from benchmarks.fill import fill
from benchmarks.filling.shape import Shape
from common.settings import Settings
from common.store.engine.session import open_database
from common.store.engine.upgrade import upgrade
from console.web import build
from tests.browser.conftest import HARM, SHOTS, WIDTHS, Window, sign_in
from tests.fixtures.ports import free_port

PATIENCE = 60_000
"""Milliseconds that an answer over all of it may take on a busy machine."""


@dataclass(frozen=True, slots=True)
class Large:
    """The API of a hub whose database was filled; nothing else of it runs."""

    url: str
    token: str


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Large]:
    build.build()
    home = tmp_path_factory.mktemp("large")
    database = open_database(Settings(home=home))
    upgrade(database)
    fill(database, Shape(clusters=1_000, applications=100, runs=3_000, now=datetime.now(UTC), months=1, objects=1))
    database.dispose()
    port = free_port()
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "FLOTILLA_HOME": str(home), "FLOTILLA_API_PORT": str(port)}
    with Path(home, "log").open("wb") as out:
        process = subprocess.Popen((sys.executable, "-m", "console.api"), env=env, stdout=out, stderr=out)
    try:
        _ready(f"http://127.0.0.1:{port}", process)
        yield Large(f"http://127.0.0.1:{port}", (home / "api.token").read_text().strip())
    finally:
        process.terminate()
        process.wait(30)


def _ready(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < until:
        assert process.poll() is None, "the API ended"
        try:
            if httpx.get(f"{url}/healthz", timeout=5).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    pytest.fail("the API did not answer in time")


@pytest.fixture(scope="module", params=sorted(WIDTHS))
def wide(request: pytest.FixtureRequest, chromium: Browser, large: Large) -> Iterator[Window]:
    window = sign_in(chromium, large, width=request.param)
    window.page.set_default_timeout(PATIENCE)
    yield window
    window.page.context.close()


def fit(window: Window, name: str) -> None:
    """Fail where a page is not fit for everybody."""
    assert window.faults() == [], name
    assert window.overflow() <= 0, name
    assert window.page.locator(HARM).count() == 0
    assert window.complaints == []
    if SHOTS:
        width = window.page.viewport_size
        window.page.screenshot(path=Path(SHOTS, f"{name}-{width and width['width']}.png"))


def test_the_fleet_is_seen_from_afar_with_its_worst(wide: Window) -> None:
    page = wide.page
    wide.open("/")
    problems = page.get_by_role("table", name="Problems").get_by_role("row")
    expect(problems.nth(1)).to_contain_text("failed")
    assert problems.count() <= 51
    expect(page.get_by_text("more problems, none of them worse")).to_be_visible()
    groups = page.get_by_role("list", name="Clusters by env").get_by_role("listitem")
    expect(groups.filter(has_text="500 clusters")).to_contain_text("bad")
    if wide.narrow:
        expect(page.get_by_role("table", name="Applications").get_by_role("row")).to_have_count(13)
    else:
        expect(page.locator(".overview canvas")).to_have_attribute("data-worst", "failed")
    fit(wide, "all-fleet")


def test_an_application_is_found_and_shows_its_versions_and_what_is_wrong(wide: Window) -> None:
    page = wide.page
    wide.open("/")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("combobox").fill("payments-api")
    page.get_by_role("option").filter(has_text="application").first.click()
    page.wait_for_url("**/applications/payments-api")
    expect(page.get_by_role("table", name="Versions").get_by_role("row").nth(1)).to_contain_text("clusters")
    expect(page.get_by_role("table", name="Problems").get_by_role("row").nth(1)).to_contain_text("/payments-api")
    page.get_by_role("button", name="Show more").click()
    expect(page.get_by_role("table", name="Placements")).to_have_attribute("aria-rowcount", "101")
    fit(wide, "all-application")


def test_all_applications_are_listed_the_worst_first(wide: Window) -> None:
    wide.open("/applications")
    table = wide.page.get_by_role("table", name="Applications")
    expect(table).to_have_attribute("aria-rowcount", "101")
    expect(table.get_by_role("row").nth(1)).to_contain_text("failed")
    fit(wide, "all-applications")
