"""Drift is corrected at once; whoever keeps changing the same thing back is met with growing patience."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from workers.sync.healing import STEPS, Heal, heal

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LAST = STEPS[-1]


def test_the_first_drift_is_corrected_at_once() -> None:
    assert heal(0, healed_at=None, heal_after=None, now=NOW) == Heal(0, None)


@pytest.mark.parametrize("step", range(5))
def test_a_heal_that_did_not_last_backs_off_further_each_time(step: int) -> None:
    pause = STEPS[min(step, len(STEPS) - 1)]
    assert heal(step, healed_at=NOW - SECOND, heal_after=None, now=NOW) == Heal(step + 1, NOW + pause)


def test_the_pauses_grow_and_then_stay() -> None:
    found = [heal(step, healed_at=NOW - SECOND, heal_after=None, now=NOW).after for step in range(5)]
    assert found == [NOW + pause for pause in (*STEPS, LAST, LAST)]


@pytest.mark.parametrize("step", [0, 1, 2, 7])
def test_a_heal_lasted_once_the_longest_pause_and_its_own_have_passed(step: int) -> None:
    bound = LAST + STEPS[min(step, len(STEPS) - 1)]
    assert heal(step, healed_at=NOW - bound - SECOND, heal_after=None, now=NOW) == Heal(0, None)
    assert heal(step, healed_at=NOW - bound, heal_after=None, now=NOW).step == step + 1


def test_a_pause_that_was_decided_on_is_kept_until_it_ends_and_not_begun_anew() -> None:
    later = NOW + SECOND
    assert heal(2, healed_at=NOW - LAST, heal_after=later, now=NOW) == Heal(2, later)
    assert heal(2, healed_at=NOW - LAST, heal_after=NOW, now=NOW) == Heal(2, None)
    assert heal(2, healed_at=NOW - LAST, heal_after=NOW - SECOND, now=NOW) == Heal(2, None)


def test_a_pause_from_before_the_last_heal_is_over() -> None:
    healed = NOW - SECOND
    assert heal(1, healed_at=healed, heal_after=healed - SECOND, now=NOW) == Heal(2, NOW + STEPS[1])
