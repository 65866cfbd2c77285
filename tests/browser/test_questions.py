"""Ten questions of who looks at a fleet, each answered in so many clicks."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PAUSED, SCHEMES, SUBJECT, WIDTHS, Window, sign_in
from tests.browser.staged import AWAY, DRIFTED, OVER, Demo

COUNT = """addEventListener('click', (event) => {
  if (event.isTrusted) sessionStorage.setItem('clicks', String(1 + Number(sessionStorage.getItem('clicks'))));
}, true)"""
"""Counts what a person clicks, or taps, over all pages of a tab."""


class Walk(NamedTuple):
    """A window in which clicks are counted."""

    window: Window
    demo: Demo
    narrow: bool

    @property
    def page(self) -> Page:
        """What is in it."""
        return self.window.page

    def begin(self, path: str = "/") -> None:
        """Open a page, and count from here."""
        self.window.open(path)
        self.page.evaluate("sessionStorage.setItem('clicks', '0')")

    def clicks(self) -> int:
        """Return how many there were."""
        return int(self.page.evaluate("sessionStorage.getItem('clicks')"))


@pytest.fixture(scope="module", params=sorted(WIDTHS))
def walk(request: pytest.FixtureRequest, chromium: Browser, demo: Demo) -> Iterator[Walk]:
    window = sign_in(chromium, demo, width=request.param)
    window.page.add_init_script(COUNT)
    yield Walk(window, demo, request.param == "phone")
    window.page.context.close()


def is_anything_wrong(walk: Walk) -> None:
    walk.begin()
    row = walk.page.get_by_role("table", name="Problems").get_by_role("row").filter(has_text=f"{AWAY}/")
    expect(row.first).to_contain_text("the cluster cannot be read")
    expect(walk.page.get_by_role("group", name="Health").get_by_role("link", name="unknown")).to_contain_text("3")


def why_is_it_not_synced(walk: Walk) -> None:
    walk.begin()
    cell = walk.page.get_by_role("table", name="Clusters and their applications")
    row = walk.page.get_by_role("table", name="Problems").get_by_role("link", name=f"{AWAY}/")
    (row.first if walk.narrow else cell.get_by_role("link", name=f"{AWAY}/web:")).click()
    expect(walk.page.get_by_label("Why").locator("p").first).to_contain_text("the cluster cannot be read")


def is_my_commit_everywhere(walk: Walk) -> None:
    """On a phone there is no key to open the search."""
    walk.begin()
    commit = walk.demo.get("placements/us-2/web/why").json()["applied"][0]["commit"]["id"]
    if walk.narrow:
        walk.page.get_by_role("button", name="Find").click()
    else:
        walk.page.keyboard.press("Control+k")
    walk.page.get_by_role("combobox").fill(commit)
    walk.page.get_by_role("option").first.click()
    why = walk.page.get_by_label("Whether it is everywhere")
    expect(why).to_contain_text(re.compile(r"\d+ of \d+ placements have it and are done"))
    expect(walk.page.get_by_role("main")).to_contain_text(SUBJECT)
    expect(walk.page.get_by_role("main")).to_contain_text("us-1/web")


def which_version_runs_where(walk: Walk) -> None:
    walk.begin()
    walk.page.get_by_role("link", name="web", exact=True).click()
    rows = walk.page.get_by_role("table", name="Versions").get_by_role("row")
    expect(rows.filter(has_text=SUBJECT)).to_contain_text("10 clusters")
    expect(rows.filter(has_text="Declare the fleet")).to_contain_text(AWAY)


def what_changed_and_by_whom(walk: Walk) -> None:
    walk.begin()
    walk.page.get_by_role("table", name="Problems").get_by_role("link", name="us-1/web").click()
    walk.page.get_by_role("navigation", name="Parts of this page").get_by_role("link", name="Runs").click()
    runs = walk.page.get_by_role("table", name="Runs").get_by_role("row")
    expect(runs.filter(has_text="4 created")).to_contain_text("flotilla")
    expect(walk.page.locator("main dl").first).to_contain_text("Flotilla demo")


def what_will_this_button_do(walk: Walk) -> None:
    walk.begin("/placements/us-4/web")
    walk.page.get_by_role("group", name="Actions").get_by_role("button", name="Sync").click()
    panel = walk.page.get_by_role("dialog")
    expect(panel).to_contain_text("A run brings it to what Git says now.")
    expect(panel).to_contain_text("us-4/web")


def how_is_it_taken_back(walk: Walk) -> None:
    walk.begin()
    commit = walk.demo.get("placements/us-2/web/why").json()["applied"][0]["commit"]["id"]
    walk.page.get_by_role("link", name="web", exact=True).click()
    walk.page.get_by_role("link", name="History").click()
    walk.page.get_by_text("Take it back").click()
    expect(walk.page.get_by_text(f"git revert --no-edit {commit}")).to_be_visible()


def who_holds_it_up(walk: Walk) -> None:
    walk.begin()
    walk.page.get_by_role("link", name=re.compile("^Waiting")).click()
    expect(walk.page.get_by_role("list", name="Approvals")).to_contain_text(f"/{OVER}")
    expect(walk.page.get_by_role("table", name="Clusters").get_by_role("row").last).to_contain_text(AWAY)


def what_differs_from_git(walk: Walk) -> None:
    walk.begin()
    walk.page.get_by_role("link", name="Drift", exact=True).click()
    row = walk.page.get_by_role("table", name="Drift").get_by_role("row").filter(has_text=DRIFTED)
    expect(row).to_contain_text("ConfigMap cluster")
    expect(row).to_contain_text("corrected")


def prove_the_quarter(walk: Walk) -> None:
    walk.begin()
    walk.page.get_by_role("link", name="Audit", exact=True).click()
    walk.page.get_by_role("link", name="this quarter").click()
    walk.page.wait_for_url("**/audit?*since=*")
    with walk.page.expect_download() as download:
        walk.page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert [(one["subject"], one["reason"]) for one in rows if one["action"] == "pause"][-1:] == [("us-1/web", PAUSED)]


QUESTIONS: dict[Callable[[Walk], None], int] = {
    is_anything_wrong: 0,
    why_is_it_not_synced: 1,
    is_my_commit_everywhere: 1,
    which_version_runs_where: 1,
    what_changed_and_by_whom: 2,
    what_will_this_button_do: 1,
    how_is_it_taken_back: 3,
    who_holds_it_up: 1,
    what_differs_from_git: 1,
    prove_the_quarter: 3,
}
"""With the clicks that each may take."""


@pytest.mark.parametrize("ask", QUESTIONS, ids=lambda ask: ask.__name__)
def test_each_question_is_answered_in_its_clicks(walk: Walk, ask: Callable[[Walk], None]) -> None:
    del walk.window.complaints[:]
    ask(walk)
    more = 1 if walk.narrow and ask is is_my_commit_everywhere else 0
    assert walk.clicks() == QUESTIONS[ask] + more
    for scheme in SCHEMES:
        walk.window.colour(scheme)
        assert walk.window.faults() == [], scheme
    assert walk.window.overflow() <= 0
    assert walk.window.complaints == []
