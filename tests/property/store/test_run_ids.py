"""Run ids."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from common.store.queue.runs import new_run_id

INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2500, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds carry no zone


@given(INSTANTS, st.integers(1, 10**9))
def test_a_later_run_has_a_greater_id(now: datetime, micros: int) -> None:
    assert new_run_id(now) < new_run_id(now + timedelta(microseconds=micros))


@given(INSTANTS)
def test_an_id_is_a_uuid_of_version_7_and_tells_its_time(now: datetime) -> None:
    made = UUID(new_run_id(now))
    assert (made.version, str(made)) == (7, str(made).lower())
    assert made.int >> 80 == int((now - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))


def test_runs_of_one_instant_have_ids_of_their_own() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert len({new_run_id(now) for _ in range(10_000)}) == 10_000
