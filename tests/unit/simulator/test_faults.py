"""Faults: whom they strike, how often, until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from simulator.faults import FaultKind, parse_fault
from simulator.hub import Hub
from simulator.store import ClusterOptions

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_fault_is_read_with_its_bounds() -> None:
    fault = parse_fault({"kind": "slow", "delayMs": 250, "durationMs": 1000, "methods": ["patch"]}, now=NOW)
    assert (fault.kind, fault.delay) == (FaultKind.SLOW, timedelta(milliseconds=250))
    assert (fault.until, fault.methods) == (NOW + timedelta(seconds=1), frozenset({"PATCH"}))


@pytest.mark.parametrize("wrong", [{"kind": "no-such"}, {"kind": "hang", "percent": 0}, {"kind": "hang", "odd": 1}, {}])
def test_a_wrong_fault_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"unknown members|percent|not a valid"):
        parse_fault(wrong, now=NOW)


def test_a_counted_fault_strikes_that_often() -> None:
    hosted = Hub().add("a", ClusterOptions(None))
    hosted.faults = [parse_fault({"kind": "error", "count": 2}, now=NOW)]
    struck = [hosted.strike("GET", draw=0.5, now=NOW) is not None for _ in range(3)]
    assert struck == [True, True, False]


def test_a_fault_ends_with_its_time() -> None:
    fault = parse_fault({"kind": "error", "durationMs": 1000}, now=NOW)
    assert fault.strikes("GET", draw=0.0, now=NOW + timedelta(milliseconds=999))
    assert not fault.strikes("GET", draw=0.0, now=NOW + timedelta(seconds=1))


def test_a_share_of_requests_is_struck_by_the_draw() -> None:
    fault = parse_fault({"kind": "error", "percent": 30}, now=NOW)
    assert fault.strikes("GET", draw=0.29, now=NOW)
    assert not fault.strikes("GET", draw=0.30, now=NOW)


def test_other_methods_are_spared() -> None:
    fault = parse_fault({"kind": "error", "methods": ["PATCH"]}, now=NOW)
    assert fault.strikes("PATCH", draw=0.0, now=NOW)
    assert not fault.strikes("GET", draw=0.0, now=NOW)


def test_one_cluster_s_faults_are_no_others() -> None:
    hub = Hub()
    sick, well = hub.add("sick", ClusterOptions(None)), hub.add("well", ClusterOptions(None))
    sick.faults = [parse_fault({"kind": "hang"}, now=NOW)]
    assert well.strike("GET", draw=0.0, now=NOW) is None
