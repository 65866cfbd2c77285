"""The page of one's access: what one may do and why not more, where one is signed in, and tokens."""

from __future__ import annotations

import re

import httpx
from playwright.sync_api import expect

from tests.browser.conftest import Window
from tests.browser.staged import Demo


def test_a_token_is_told_once_may_what_it_says_and_ends_when_somebody_is_sure(window: Window, demo: Demo) -> None:
    page = window.page
    window.open("/access")
    page.get_by_text("Make a token").click()
    form = page.get_by_role("form", name="Make a token")
    form.get_by_label("What it is for").fill("<b>CI</b>")
    form.get_by_label("sync", exact=True).check()
    form.get_by_role("button", name="Make it").click()
    secret = page.locator("pre.command").inner_text().strip()
    assert window.faults() == []

    def asks() -> int:
        bearer = {"Authorization": f"Bearer {secret}"}
        return httpx.get(f"{demo.url}/api/v1/me", headers=bearer, timeout=20).status_code

    assert asks() == 200
    window.open("/access?all=1")
    expect(page.get_by_text(secret)).to_have_count(0)
    row = page.get_by_role("table", name="Tokens").get_by_role("row").filter(has_text="<b>CI</b>").first
    expect(row).to_contain_text("read, sync")
    row.get_by_role("button", name="Revoke").click()
    assert asks() == 200
    row.get_by_role("button", name="sure?").click()
    expect(row).to_contain_text("revoked")
    assert asks() == 401
    assert window.complaints == []


def test_a_session_is_ended_and_its_browser_led_to_the_form(window: Window) -> None:
    page = window.page
    window.open("/access?all=1")
    mine = page.get_by_role("table", name="Sessions").get_by_role("row").filter(has_text="this one")
    expect(mine).to_have_count(1)
    mine.get_by_role("button", name=re.compile("^End")).click()
    mine.get_by_role("button", name="sure?").click()
    page.wait_for_url("**/login?next=*")


def test_what_somebody_may_not_do_says_whose_it_is_to_give(window: Window) -> None:
    rights = [
        {"verb": "read", "everywhere": True, "projects": []},
        {"verb": "sync", "everywhere": False, "projects": ["pay"]},
    ]
    window.page.route(
        "**/api/v1/me", lambda route: route.fulfill(json={"actor": "ada", "means": "session", "rights": rights})
    )
    window.open("/access?all=1")
    facts = window.page.locator(".rights")
    expect(facts).to_contain_text("faults and the audit: everywhere")
    expect(facts).to_contain_text("sync, check and refresh: pay")
    expect(facts).to_contain_text("approve and reject what waits: nowhere")
    expect(window.page.get_by_text("Project.spec.roles")).to_be_visible()
    expect(window.page.get_by_role("group", name="Whose")).to_have_count(0)
    window.open("/placements/us-4/web")
    pause = window.page.get_by_role("group", name="Actions").get_by_role("button", name="Pause")
    expect(pause).to_be_disabled()
    expect(pause).to_have_attribute("title", 'Needs the right "pause" in the project default.')
    sync = window.page.get_by_role("group", name="Actions").get_by_role("button", name="Sync")
    expect(sync).to_be_disabled()
