"""What waits for a yes, given and refused in the browser, and the audit of it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import GONE, HARM, PAUSED, SUBJECT, Window, sign_in
from tests.browser.staged import OVER, Demo


@pytest.fixture
def waiting(window: Window) -> Iterator[Window]:
    window.open("/waiting")
    yield window
    assert window.complaints == []


def answers(page: Page, kind: str) -> Locator:
    return page.get_by_role("button", name=re.compile(f"^{kind} prune .*{OVER}$"))


def test_what_asks_for_the_same_stands_together_and_tells_what_goes(waiting: Window) -> None:
    cards = waiting.page.get_by_role("list", name="Approvals").locator(".card")
    expect(cards).to_have_count(1)
    expect(cards).to_contain_text("Removes 2 objects of each of these")
    expect(cards).to_contain_text("StatefulSet")
    assert answers(waiting.page, "Approve").count() > 1


def test_a_removal_takes_a_reason_and_its_number_and_stays_until_it_was_read(waiting: Window, demo: Demo) -> None:
    page, before = waiting.page, len(demo.get("approvals").json()["items"])
    answers(page, "Approve").first.click()
    panel = page.get_by_role("dialog")
    expect(panel).to_contain_text("2 objects are removed from clusters")
    assert waiting.faults() == []
    button = panel.get_by_role("button", name="Approve, removing 2")
    panel.get_by_label("Type 2 to confirm").fill("2")
    expect(button).to_be_disabled()
    panel.get_by_label("Reason").fill(PAUSED)
    panel.get_by_label("Type 2 to confirm").fill("1")
    expect(button).to_be_disabled()
    panel.get_by_label("Type 2 to confirm").fill("2")
    button.click()
    expect(panel.get_by_role("status")).to_contain_text("2 pruned", timeout=30_000)
    expect(answers(page, "Approve")).to_have_count(before - 1, timeout=30_000)
    expect(panel).to_be_visible()
    panel.get_by_role("button", name="Close").last.click()
    expect(panel).to_have_count(0)


def test_a_refusal_removes_nothing_and_asks_for_no_number(waiting: Window, demo: Demo) -> None:
    page = waiting.page
    answers(page, "Reject").last.click()
    panel = page.get_by_role("dialog")
    expect(panel).to_contain_text("Nothing of it is done")
    expect(panel.get_by_label(re.compile("Type"))).to_have_count(0)
    panel.get_by_label("Reason").fill("not this one")
    panel.get_by_role("button", name="Reject", exact=True).click()
    expect(panel.get_by_role("status")).to_contain_text("rejected", timeout=30_000)
    assert "rejected" in {one["state"] for one in demo.get("approvals?state=all").json()["items"]}


def test_who_may_not_approve_is_told_what_is_missing(chromium: Browser, demo: Demo) -> None:
    window = sign_in(chromium, demo)
    rights = [{"verb": "read", "everywhere": True, "projects": []}]
    window.page.route("**/api/v1/me", lambda route: route.fulfill(json=demo.get("me").json() | {"rights": rights}))
    window.open("/waiting")
    button = answers(window.page, "Approve").first
    expect(button).to_be_disabled()
    expect(button).to_have_accessible_description('Needs the right "approve" in the project default.')
    expect(answers(window.page, "Reject").first).to_be_disabled()
    assert window.faults() == []
    window.page.context.close()


def test_the_audit_tells_who_how_and_why_and_is_given_as_a_file(window: Window) -> None:
    page = window.page
    window.open("/audit")
    page.get_by_label("Verb").fill("pause")
    page.get_by_label("Subject").fill("us-1/web")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/audit?*action=pause*")
    row = page.get_by_role("table", name="Audit").get_by_role("row").last
    expect(page.get_by_role("table", name="Audit").get_by_role("row")).to_have_count(2)
    for text in ("operator", "the hub's own token", "pause", "us-1/web", "default", "asked", PAUSED):
        expect(row).to_contain_text(text)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert [(one["action"], one["subject"]) for one in rows] == [("pause", "us-1/web")]
    page.go_back()
    expect(page.get_by_label("Verb")).to_have_value("")
    assert page.locator(HARM).count() == 0
    assert window.complaints == []


def test_a_day_that_is_none_is_refused_and_not_left_out(window: Window) -> None:
    window.open("/audit?since=yesterday")
    expect(window.page.get_by_role("alert")).to_contain_text("HTTP 422")


@pytest.mark.parametrize(
    ("path", "text"),
    [("/commits/{head}", GONE), ("/applications/web?tab=history", SUBJECT), ("/applications/web", SUBJECT)],
)
def test_texts_of_commits_are_only_shown(window: Window, demo: Demo, path: str, text: str) -> None:
    window.open(path.format(head=demo.get("status").json()["fleet"]["commit"]))
    expect(window.page.locator("main")).to_contain_text(text)
    assert window.page.locator(HARM).count() == 0
    assert window.complaints == []
