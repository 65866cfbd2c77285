"""The picture of a fleet that is too large for a cell each: from afar, in groups, closely, and as a table."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import SCHEMES, SHOTS, Window

CLUSTERS, APPLICATIONS = 1_000, 100
HEALTH = ["healthy", "progressing", "degraded", "suspended", "missing", "unknown"]
SYNC = ["synced", "out-of-sync", "failed", "unknown"]
GOOD, FAILED, LATE = 0x11, 0x33, 0x22
BAD = (777, 42)
"""The row and the column of the one placement that failed."""
HOSTILE = '"><img src=x onerror=alert(1)>'


def large() -> dict[str, Any]:
    """Return a picture of 100,000 placements, of which one failed and some are behind."""
    cells = bytearray(GOOD if (row + column) % 7 else 0 for row in range(CLUSTERS) for column in range(APPLICATIONS))
    for row in range(40, 60):
        cells[row * APPLICATIONS + 3] = LATE
    cells[BAD[0] * APPLICATIONS + BAD[1]] = FAILED
    regions = ["ap", "eu", "us", HOSTILE]
    return {
        "picture": {
            "clusters": [f"cluster-{number:04}" for number in range(CLUSTERS)],
            "applications": [f"service-{number:02}" for number in range(APPLICATIONS)],
            "health": HEALTH,
            "sync": SYNC,
            "cells": base64.b64encode(cells).decode(),
            "more": False,
        },
        "groupings": [{"label": "region", "values": regions, "of": [row * 4 // CLUSTERS for row in range(CLUSTERS)]}],
    }


def given(page: Page) -> None:
    """Answer for the hub, whose own fleet is small."""
    answer = large()
    page.route(re.compile("/api/v1/fleet/picture"), lambda route: route.fulfill(json=answer))


def test_it_is_fit_for_everybody(seen: Window, width: str) -> None:
    given(seen.page)
    for name, path in {
        "large": "/",
        "large-near": "/?from=cluster-0030&to=cluster-0070",
        "large-table": "/?as=table",
    }.items():
        seen.open(path)
        expect(seen.page.locator(".picture")).to_be_visible()
        for scheme in SCHEMES:
            seen.colour(scheme)
            assert seen.faults() == [], (name, scheme)
            if SHOTS:
                seen.page.screenshot(path=Path(SHOTS, f"{name}-{width}-{scheme}.png"), full_page=name != "large-table")
        assert seen.overflow() <= 0, name
    assert seen.complaints == []


def test_the_one_that_failed_is_seen_from_afar_and_followed(window: Window) -> None:
    page = window.page
    given(page)
    window.open("/")
    expect(page.locator(".overview canvas")).to_have_attribute("data-worst", "failed")
    # As many of its pixels as of the screen's, or fewer: what is made smaller loses some.
    assert page.locator(".overview canvas").evaluate(
        "one => one.height <= one.clientHeight && one.width <= one.clientWidth"
    )
    groups = page.get_by_role("list", name="Clusters by region").get_by_role("listitem")
    expect(groups).to_have_count(4)
    worst = groups.filter(has_text="failed")
    expect(worst).to_contain_text("1 bad")
    worst.get_by_role("button").click()
    page.wait_for_url("**from=cluster-0750&to=cluster-0999")
    near = page.get_by_role("region", name="250 clusters closely")
    near.evaluate("box => box.scrollTo(0, 27 * 24 - 100)")
    place = near.bounding_box()
    assert place is not None
    cell = near.evaluate("box => (box.firstChild.offsetWidth - 168) / 100")
    near.click(position={"x": 168 + 42.5 * cell, "y": 108 + 100 + 12})
    page.wait_for_url("**/placements/cluster-0777/service-42")
    assert [one for one in window.complaints if "404" not in one] == []


def test_a_movement_over_it_chooses_rows_and_the_address_keeps_them(window: Window) -> None:
    page = window.page
    given(page)
    window.open("/?group=none")
    page.locator(".overview").scroll_into_view_if_needed()
    place = page.locator(".overview").bounding_box()
    assert place is not None
    page.mouse.move(place["x"] + 50, place["y"] + place["height"] * 0.25)
    page.mouse.down()
    page.mouse.move(place["x"] + 60, place["y"] + place["height"] * 0.5)
    page.mouse.up()
    page.wait_for_url(re.compile("from=cluster-02[45].&to=cluster-0(49|50)."))
    page.reload()
    expect(page.get_by_role("region", name=re.compile("25. clusters closely"))).to_be_visible()


def test_the_key_t_shows_the_same_as_a_table(window: Window) -> None:
    page = window.page
    given(page)
    window.open("/")
    page.locator(".overview").wait_for()
    page.keyboard.press("t")
    page.wait_for_url("**as=table")
    first = page.get_by_role("table", name="Clusters and their placements").locator("tbody tr").first
    expect(first).to_contain_text("cluster-0777")
    expect(first.get_by_role("link", name="service-42")).to_be_visible()
    page.keyboard.press("t")
    expect(page.locator(".overview")).to_be_visible()
