"""A new user's story: find what is broken, see why, mend it by a commit, watch it heal, and take something back."""

from __future__ import annotations

import shlex

from playwright.sync_api import Page, expect

from tests.browser.conftest import SUBJECT, Window
from tests.browser.staged import Demo

OVERLAY = "apps/shop/overlays/dev/kustomization.yaml"
HEALS = 90_000
"""Milliseconds that a fleet on a busy machine may take to follow a commit."""


def test_a_new_user_finds_mends_and_takes_back(window: Window, demo: Demo) -> None:
    page = window.page
    window.open("/")
    page.evaluate("window.sameDocument = true")

    whole = demo.read(OVERLAY)
    demo.commit("Call the shop by its name", {OVERLAY: f'{whole}namePrefix: "Shop_"\n'})
    demo.flotilla("refresh")
    broken = page.get_by_role("table", name="Problems").get_by_role("row").filter(has_text="/shop-dev")
    expect(broken.filter(has_text="failed")).to_contain_text("is invalid: metadata.name", timeout=HEALS)

    broken.filter(has_text="failed").get_by_role("link").first.click()
    expect(page.get_by_label("Why")).to_contain_text('Invalid value: "Shop_shop')
    expect(page.get_by_label("What to do next")).to_be_visible()
    stands = page.get_by_role("heading", level=1)
    expect(stands).to_contain_text("failed")

    demo.commit("Call it what a cluster takes", {OVERLAY: whole})
    demo.flotilla("refresh")
    expect(stands).to_contain_text("synced", timeout=HEALS)
    expect(stands).not_to_contain_text("failed")
    expect(page.get_by_label("Why")).not_to_contain_text("Shop_")

    _pauses_and_goes_on(page)
    _takes_back_what_was_said(page, demo)
    assert page.evaluate("window.sameDocument") is True
    assert window.complaints == []


def _pauses_and_goes_on(page: Page) -> None:
    actions, panel = page.get_by_role("group", name="Actions"), page.get_by_role("dialog")
    for does, says in (("Pause", "paused"), ("Resume", "no longer paused")):
        actions.get_by_role("button", name=does).click()
        panel.get_by_role("textbox").fill("a try")
        panel.get_by_role("button", name=does, exact=True).click()
        expect(panel.get_by_role("status")).not_to_contain_text("Asked for", timeout=HEALS)
        page.keyboard.press("Escape")
        expect(page.get_by_label("Why").filter(has_text="a try")).to_have_count(1 if says == "paused" else 0)


def _takes_back_what_was_said(page: Page, demo: Demo) -> None:
    """By the very command that the page names."""
    page.get_by_role("link", name="Applications", exact=True).click()
    page.get_by_role("link", name="web", exact=True).click()
    versions = page.get_by_role("table", name="Versions").get_by_role("row")
    expect(versions.filter(has_text=SUBJECT)).to_contain_text("clusters")
    page.get_by_role("link", name="History").click()
    page.get_by_text("Take it back").click()
    git, *arguments = shlex.split(page.locator("pre.command").inner_text().splitlines()[0])
    assert git == "git"
    demo.git(*arguments)
    demo.flotilla("refresh")
    back = versions.filter(has_text=f'Revert "{SUBJECT}"')
    expect(back).to_contain_text("10 clusters", timeout=HEALS)
