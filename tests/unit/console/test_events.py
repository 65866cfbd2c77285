"""``flotilla events``: pages that go on, and lines for programs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from console.cli import events as command
from console.cli.main import app


def _event(number: int) -> dict[str, Any]:
    plain = dict.fromkeys(("cluster", "application", "project", "code"), "")
    event = {"id": f"{number}.x", "at": "2026-01-01T10:00:00Z", "kind": "fault.raised", "subject": f"s{number}"}
    return event | plain | {"params": {}, "run": None, "actor": "ann", "sentence": "x.y"}


class Pages:
    """A hub that has some events, and gets one more at each further look, until the terminal is closed."""

    def __init__(self, there: int, *, coming: int = 0) -> None:
        self.events = [_event(number) for number in range(1, there + 1)]
        self.coming = coming
        self.asked: list[dict[str, Any]] = []

    def get_events(self, **query: Any) -> dict[str, Any]:
        self.asked.append(query)
        after, limit = str(query.get("after", "")), int(query["limit"])
        if not after:
            items = self.events[-limit:]
        else:
            behind = int(after.partition(".")[0])
            items = [one for one in self.events if int(one["id"].partition(".")[0]) > behind][:limit]
        return {"items": items, "after": items[-1]["id"] if items else after or "0.x"}

    def sleep(self, _seconds: float) -> None:
        if not self.coming:
            raise KeyboardInterrupt
        self.coming -= 1
        self.events.append(_event(len(self.events) + 1))


def _run(monkeypatch: pytest.MonkeyPatch, hub: Pages, *words: str) -> str:
    monkeypatch.setattr(command, "connect", lambda: hub)
    monkeypatch.setattr("time.sleep", hub.sleep)
    return CliRunner().invoke(app, ["events", *words]).stdout


def test_the_latest_are_shown_in_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    told = _run(monkeypatch, Pages(50), "--limit", "2").splitlines()
    assert [line.split()[-4:] for line in told[1:]] == [["s49", "x.y,", "by", "ann"], ["s50", "x.y,", "by", "ann"]]
    assert _run(monkeypatch, Pages(0)) == "No events.\n"


def test_all_behind_one_are_read_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Pages(1_200)
    found = json.loads(_run(monkeypatch, hub, "--after", "100.x", "-o", "json"))
    assert [one["subject"] for one in found] == [f"s{number}" for number in range(101, 1_201)]
    assert [query["after"] for query in hub.asked] == ["100.x", "600.x", "1100.x"]


def test_following_goes_on_with_what_comes_one_object_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    told = _run(monkeypatch, Pages(3, coming=2), "--follow", "-o", "json", "--limit", "1", "--kind", "fault.raised")
    assert [json.loads(line)["subject"] for line in told.splitlines()] == ["s3", "s4", "s5"]


def test_following_from_one_misses_none_and_shows_none_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    told = _run(monkeypatch, Pages(700, coming=1), "-f", "--after", "150.x")
    assert [line.split()[2] for line in told.splitlines()] == [f"s{number}" for number in range(151, 702)]


def test_one_placement_is_named_as_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Pages(1)
    _run(monkeypatch, hub, "eu/web")
    assert (hub.asked[0]["cluster"], hub.asked[0]["application"]) == ("eu", "web")
