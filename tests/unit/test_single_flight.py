"""One thread works for all who want the same; a hang, an error or a return to the same work stops nobody."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from common.single_flight import SingleFlight, StalledError

LONG = timedelta(seconds=30)


def test_work_is_done_once_for_all_who_want_it_at_the_same_time() -> None:
    flight = SingleFlight[str, int]("counting", patience=LONG)
    begun, go, calls = threading.Event(), threading.Event(), []

    def work() -> int:
        calls.append(1)
        begun.set()
        assert go.wait(10)
        return 7

    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(flight.run, "a", work)
        assert begun.wait(10)
        others = [threads.submit(flight.run, "a", work) for _ in range(3)]
        assert flight.run("b", lambda: 8) == 8
        go.set()
        # One that comes only after the end begins anew.
        assert first.result(10) == 7
        assert {other.result(10) for other in others} == {7}
    assert len(calls) <= 2


def test_nothing_is_kept() -> None:
    flight = SingleFlight[str, int]("counting", patience=LONG)
    assert flight.run("a", lambda: 1) == 1
    assert flight.run("a", lambda: 2) == 2


def test_an_error_reaches_all_and_the_next_try_is_a_new_one() -> None:
    flight = SingleFlight[str, int]("counting", patience=LONG)

    def fails() -> int:
        message = "no"
        raise ValueError(message)

    with pytest.raises(ValueError, match="no"):
        flight.run("a", fails)
    assert flight.run("a", lambda: 1) == 1


def test_work_that_comes_back_for_itself_goes_on() -> None:
    flight = SingleFlight[str, int]("counting", patience=LONG)
    assert flight.run("a", lambda: flight.run("a", lambda: 3)) == 3
    assert flight.run("a", lambda: 4) == 4


def test_a_hang_costs_the_others_their_patience_once() -> None:
    flight = SingleFlight[str, int]("counting", patience=timedelta(milliseconds=20))
    begun, go = threading.Event(), threading.Event()

    def hangs() -> int:
        begun.set()
        assert go.wait(10)
        return 1

    with ThreadPoolExecutor(1) as threads:
        stuck = threads.submit(flight.run, "a", hangs)
        assert begun.wait(10)
        with pytest.raises(StalledError, match="counting"):
            flight.run("a", lambda: 2)
        assert flight.run("a", lambda: 3) == 3
        go.set()
        assert stuck.result(10) == 1
