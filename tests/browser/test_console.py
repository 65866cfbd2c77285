"""Pages at both widths and in both colours, by keys alone, and with names that mean harm."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.conftest import PAUSED, SCHEMES, SHOTS, SUBJECT, Window
from tests.browser.staged import AWAY, Demo

PAGES = {
    "fleet": "/",
    "fleet-healthy": "/?health=healthy",
    "placement": "/placements/us-1/web",
    "placement-live": "/placements/us-2/web?live=1&object=apps%2FDeployment%3Aweb%2Fweb&view=logs",
    "placement-runs": "/placements/us-2/web?tab=runs",
    "placement-change": "/placements/us-2/web?tab=changes",
    "placement-events": f"/placements/{AWAY}/web?tab=events",
    "applications": "/applications",
    "application": "/applications/web",
    "application-history": "/applications/web?tab=history",
    "commit": "/commits/{web}",
    "clusters": "/clusters",
    "clusters-troubled": "/clusters?show=problems",
    "cluster": f"/clusters/{AWAY}",
    "cluster-history": "/clusters/us-2?tab=history",
    "waiting": "/waiting",
    "waiting-decided": "/waiting?tab=decided",
    "drift": "/drift",
    "faults": "/faults",
    "audit": "/audit",
    "audit-none": "/audit?actor=nobody&since=2026-01-01&until=2026-01-02",
    "access": "/access",
    "access-all": "/access?all=1",
    "no-page": "/faults/of/nobody",
    "runs": "/runs",
    "runs-none": "/runs?outcome=failed",
}


def test_pages_are_fit_for_everybody(seen: Window, demo: Demo, width: str) -> None:
    """One test for all pages, in both colours: what takes the time is to open them."""
    commit = demo.get("status").json()["fleet"]["commit"]
    for name, path in PAGES.items():
        seen.open(path.format(web=commit))
        for scheme in SCHEMES:
            seen.colour(scheme)
            assert seen.faults() == [], (name, scheme)
            if SHOTS:
                seen.page.screenshot(path=Path(SHOTS, f"{name}-{width}-{scheme}.png"), full_page=True)
        assert seen.overflow() <= 0, name
    assert seen.complaints == []


def test_what_is_wrong_stands_first_and_says_why(window: Window) -> None:
    window.open("/")
    row = window.page.get_by_role("table", name="Problems").get_by_role("row").filter(has_text=f"{AWAY}/")
    expect(row.first).to_contain_text("unknown")
    expect(row.first).to_contain_text("cannot be read")
    row.first.get_by_role("link").first.click()
    expect(window.page.get_by_label("Why")).to_contain_text("cannot be read")
    expect(window.page.get_by_label("What to do next")).to_be_visible()


def test_counts_filter_and_back_returns(window: Window) -> None:
    window.open("/")
    window.page.get_by_role("group", name="Health").get_by_role("link", name="unknown").click()
    window.page.wait_for_url("**/?health=unknown")
    expect(window.page.get_by_role("heading", name="Placements")).to_be_visible()
    window.page.go_back()
    expect(window.page.get_by_role("heading", name="Worst first")).to_be_visible()


def test_what_is_paused_is_listed(window: Window) -> None:
    window.open("/")
    window.page.get_by_role("listitem").filter(has_text="no runs by").get_by_role("link", name="Which").click()
    window.page.wait_for_url("**/?paused=true")
    rows = window.page.get_by_role("table", name="Placements").get_by_role("row")
    expect(rows.nth(1)).to_contain_text("us-1/web")
    expect(rows.nth(1)).to_contain_text(PAUSED)
    window.page.go_back()
    expect(window.page.get_by_role("heading", name="Worst first")).to_be_visible()
    assert window.complaints == []


def test_it_is_used_by_keys_alone(window: Window) -> None:
    page = window.page
    window.open("/")
    page.wait_for_selector("table")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/placements/**")
    second = page.url
    page.keyboard.press("[")
    expect(page).not_to_have_url(second)
    page.keyboard.press("]")
    page.wait_for_url(second)
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url("**/runs")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("next and previous row")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill("us-2/web")
    expect(page.get_by_role("option").first).to_contain_text("us-2/web")
    page.keyboard.press("Enter")
    page.wait_for_url("**/placements/us-2/web")
    assert window.complaints == []


def test_arrows_move_through_the_picture(window: Window) -> None:
    window.open("/")
    cell = window.page.locator(".cell[tabindex='0']")
    expect(cell).to_have_count(1)
    cell.focus()
    window.page.keyboard.press("ArrowDown")
    window.page.keyboard.press("Enter")
    window.page.wait_for_url("**/placements/**")


def test_an_action_is_seen_before_it_is_asked_for_and_followed_to_its_end(window: Window, demo: Demo) -> None:
    page = window.page
    window.open("/placements/us-3/web")
    page.get_by_role("group", name="Actions").get_by_role("button", name="Pause").click()
    panel = page.get_by_role("dialog")
    expect(panel).to_contain_text("us-3/web")
    expect(panel.get_by_role("textbox")).to_be_focused()
    panel.get_by_role("textbox").fill("a drill")
    assert window.faults() == []
    panel.get_by_role("button", name="Pause", exact=True).click()
    expect(panel.get_by_role("status")).to_contain_text("paused", timeout=30_000)
    page.keyboard.press("Escape")
    expect(page.get_by_label("Why")).to_contain_text("a drill", timeout=30_000)
    assert demo.get("placements/us-3/web").json()["placement"]["paused_by"] != ""
    demo.flotilla("resume", "us-3/web")
    assert window.complaints == []


def test_a_running_object_is_restarted_from_the_tree(window: Window) -> None:
    page = window.page
    window.open("/placements/us-3/web?live=1&object=apps%2FDeployment%3Aweb%2Fweb")
    page.get_by_role("group", name="Actions on Deployment web").get_by_role("button", name="Restart").click(
        timeout=60_000
    )
    panel = page.get_by_role("dialog")
    expect(panel).to_contain_text("of us-3/web")
    panel.get_by_role("textbox").fill("a drill")
    assert window.faults() == []
    panel.get_by_role("button", name="Restart").click()
    expect(panel.get_by_role("status")).to_contain_text("Done", timeout=60_000)
    assert window.complaints == []


def test_what_somebody_lacks_is_named_beside_what_it_is_for(window: Window) -> None:
    reads = {"actor": "ada <b>", "means": "session", "rights": [{"verb": "read", "everywhere": True, "projects": []}]}
    window.page.route("**/api/v1/me", lambda route: route.fulfill(json=reads))
    window.open("/placements/us-4/web?live=1&object=apps%2FDeployment%3Aweb%2Fweb")
    button = window.page.get_by_role("group", name="Actions on Deployment web").get_by_role("button", name="Restart")
    expect(button).to_be_disabled(timeout=60_000)
    expect(button).to_have_attribute("title", 'Needs the right "operate" in the project default.')
    window.page.locator(".account summary").click()
    sheet = window.page.locator(".account .sheet")
    expect(sheet).to_contain_text("ada <b> by session")
    expect(sheet).to_contain_text("everywhere")
    assert window.faults() == []
    window.page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    assert window.complaints == []


def test_many_are_acted_on_at_once_after_their_number_is_typed(window: Window) -> None:
    page = window.page
    window.open("/applications/web")
    page.get_by_role("group", name="Actions on all of them").get_by_role("button", name="Check").click()
    panel = page.get_by_role("dialog")
    button = panel.get_by_role("button", name="Check 12")
    expect(button).to_be_disabled()
    panel.get_by_label("Type 12 to confirm").fill("12")
    button.click()
    expect(panel.get_by_role("status")).to_be_visible()
    assert window.complaints == []


def test_names_and_texts_of_others_are_only_shown(window: Window) -> None:
    window.open("/placements/us-1/web")
    expect(window.page.locator("main")).to_contain_text(PAUSED)
    window.open("/placements/us-2/web")
    expect(window.page.locator("main")).to_contain_text(SUBJECT)
    assert window.page.locator("main img, main script, a[href^='javascript:']").count() == 0
    assert window.complaints == []


def test_what_does_not_exist_is_said_with_what_helps(window: Window) -> None:
    window.page.goto(window.page.url + "placements/us-1/%3Cimg%20src=x%20onerror=alert(1)%3E")
    alert = window.page.get_by_role("alert")
    expect(alert).to_contain_text("HTTP 404")
    expect(alert).to_contain_text("request ")
    assert window.page.locator("main img").count() == 0
    expect(window.page.get_by_role("heading", level=1)).to_contain_text("us-1/")
    assert window.faults() == []


def test_a_hub_that_went_away_leaves_what_was_seen(window: Window) -> None:
    window.page.route("**/events/stream", lambda route: route.abort())
    window.open("/")
    window.page.route("**/api/**", lambda route: route.abort())
    expect(window.page.get_by_role("status").first).to_contain_text("reconnecting", timeout=30_000)
    expect(window.page.get_by_role("row").filter(has_text=f"{AWAY}/").first).to_be_visible()
    window.page.unroute("**/api/**")
    expect(window.page.get_by_text("reconnecting")).to_have_count(0, timeout=60_000)


def test_an_ended_session_leads_to_the_form_once(window: Window) -> None:
    window.open("/runs?state=running")
    window.page.context.clear_cookies()
    window.asked.clear()
    window.page.keyboard.press("g")
    window.page.keyboard.press("f")
    window.page.wait_for_url("**/login?next=*", timeout=20_000)
    assert len([one for one in window.asked if "/api/" in one]) <= 4
    window.page.wait_for_timeout(500)
    assert len([one for one in window.asked if one.endswith("/login?next=%2F")]) == 1


def test_a_link_from_elsewhere_opens_the_page_it_names(chromium: Browser, demo: Demo) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{demo.url}/placements/us-1/web?tab=runs")
    page.wait_for_url("**/login?next=%2Fplacements%2Fus-1%2Fweb%3Ftab%3Druns")
    context.close()
