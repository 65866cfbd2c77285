"""Every target on a few hundred inputs, the same each time; for an hour where the environment says so."""

from __future__ import annotations

import itertools
import os
import time

import pytest

from tests.fuzz.harness import found, run

TARGETS = found()
MINUTES = float(os.environ.get("FLOTILLA_FUZZ_MINUTES", "0"))
SEED = int(os.environ.get("FLOTILLA_FUZZ_SEED", "1"))


@pytest.mark.timeout(300 + MINUTES * 60)
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_that_is_written_crashes_stalls_or_bloats_its_reader(name: str) -> None:
    one = TARGETS[name]
    until = time.monotonic() + MINUTES * 60 / len(TARGETS) if MINUTES else None
    numbers = itertools.count() if MINUTES else iter(range(one.share + len(one.seeds)))
    report = run(one, numbers, seed=SEED, until=until)
    assert not report.failures, "\n".join(map(str, report.failures))
    assert report.tried > len(one.seeds)


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_in_order_is_taken(name: str) -> None:
    one = TARGETS[name]
    for seed in one.seeds:
        one.feed(seed)
