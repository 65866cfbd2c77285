"""Drift of an object is corrected at once; whoever keeps changing it back is met with growing patience."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from common.domain.inventory import Healing
from workers.sync.healing import STEPS, healed

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LAST = STEPS[-1]


def _pause(step: int) -> timedelta:
    return STEPS[min(step, len(STEPS) - 1)]


def test_a_first_correction_is_no_fight() -> None:
    assert healed(None, now=NOW) == Healing(0, NOW, NOW + STEPS[0])


@pytest.mark.parametrize("step", range(5))
def test_a_correction_that_did_not_last_backs_off_further_each_time(step: int) -> None:
    found = healed(Healing(step, NOW - SECOND, NOW), now=NOW)
    assert found == Healing(step + 1, NOW, NOW + _pause(step + 1))


@pytest.mark.parametrize("step", [0, 1, 2, 7])
def test_a_correction_lasted_once_the_longest_pause_and_its_own_have_passed(step: int) -> None:
    bound = LAST + _pause(step)
    assert healed(Healing(step, NOW - bound - SECOND, NOW), now=NOW).step == 0
    assert healed(Healing(step, NOW - bound, NOW), now=NOW).step == step + 1
