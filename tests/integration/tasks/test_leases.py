"""A worker writes only while its lease surely holds, counted from when it asked, by its own clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from common.domain.errors import LeaseLostError
from common.domain.reasons import sentence
from common.store.engine.connection import Connection
from common.store.engine.errors import DatabaseUnavailableError
from common.store.engine.session import Database
from common.store.queue import leases
from common.store.schema.tables import LeaseRow
from tests.fakes.leases import StepKeeper
from tests.harness.scheduler import ManualClock
from workers.tasks.leases import HeldLease
from workers.tasks.renewer import Patience

LEASE = timedelta(seconds=20)
WRITE = timedelta(seconds=10)
NAME = "sweep:c1"
PATIENCE = Patience(idle=timedelta(minutes=15), whole=timedelta(hours=1))


class Slow:
    """A database whose transactions take time, or that is away."""

    def __init__(self, real: Database, clock: ManualClock) -> None:
        self._real, self._clock = real, clock
        self.takes = 0.0
        self.away = False

    @contextmanager
    def write(self) -> Iterator[Connection]:
        self._clock.seconds += self.takes
        if self.away:
            message = "away"
            raise DatabaseUnavailableError(message)
        with self._real.write() as connection:
            yield connection

    def now(self, connection: Connection) -> Any:
        return self._real.now(connection)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def database(sqlite_database: Database, clock: ManualClock) -> Slow:
    return Slow(sqlite_database, clock)


@pytest.fixture
def keeper(database: Slow, clock: ManualClock) -> StepKeeper:
    every = timedelta(seconds=5)
    slow: Any = database  # as much of one as is used
    return StepKeeper(slow, clock, lease=LEASE, every=every, patience=PATIENCE)


def _take(database: Slow) -> str:
    with database.write() as connection:
        now = database.now(connection)
        token = leases.take(connection, NAME, holder="w1", lease=LEASE, now=now)
    assert token is not None
    return token


def _holds(held: HeldLease, needed: timedelta = WRITE) -> bool:
    try:
        held.check(needed)
    except LeaseLostError:
        return False
    return True


def test_a_write_must_end_within_the_lease(keeper: StepKeeper, clock: ManualClock) -> None:
    with keeper.keeping(NAME, "t", asked_at=clock.seconds) as held:
        clock.seconds = 10.0
        assert _holds(held)
        clock.seconds = 10.01
        assert not _holds(held)
        assert _holds(held, timedelta(seconds=9))


def test_the_lease_counts_from_when_it_was_asked_for(keeper: StepKeeper, clock: ManualClock) -> None:
    asked = clock.seconds
    clock.seconds += 15  # the claim was slow
    with keeper.keeping(NAME, "t", asked_at=asked) as held:
        assert not _holds(held)


def test_a_renewal_prolongs_it(keeper: StepKeeper, database: Slow, clock: ManualClock) -> None:
    with keeper.keeping(NAME, _take(database), asked_at=clock.seconds) as held:
        clock.seconds += 15
        assert not _holds(held)
        keeper.renew()
        assert _holds(held)


def test_a_renewal_counts_from_when_it_was_sent(keeper: StepKeeper, database: Slow, clock: ManualClock) -> None:
    with keeper.keeping(NAME, _take(database), asked_at=clock.seconds) as held:
        database.takes = 8.0
        keeper.renew()
        clock.seconds = 10.0
        assert _holds(held)
        clock.seconds = 10.01
        assert not _holds(held), "the database has prolonged it from 0 s on, for all that we know"


def test_a_renewal_moves_the_lease_on_in_sql(keeper: StepKeeper, database: Slow, clock: ManualClock) -> None:
    token = _take(database)
    with database.write() as connection:
        soon = database.now(connection) + timedelta(seconds=1)
        connection.execute(update(LeaseRow).values(expires_at=soon))
    with keeper.keeping(NAME, token, asked_at=clock.seconds):
        keeper.renew()
    with database.write() as connection:
        assert connection.execute(select(LeaseRow.expires_at)).scalar_one() > soon + timedelta(seconds=10)


def test_what_another_holds_is_lost_for_good(keeper: StepKeeper, database: Slow, clock: ManualClock) -> None:
    with keeper.keeping(NAME, _take(database), asked_at=clock.seconds) as held:
        with database.write() as connection:
            connection.execute(update(LeaseRow).values(token="another's"))
        keeper.renew()
        assert not _holds(held, timedelta(0))
        keeper.renew()
        assert not _holds(held, timedelta(0))


def test_what_the_reaper_cleared_is_lost(keeper: StepKeeper, database: Slow, clock: ManualClock) -> None:
    token = _take(database)
    with keeper.keeping(NAME, token, asked_at=clock.seconds) as held:
        with database.write() as connection:
            leases.release(connection, NAME, token)
        keeper.renew()
        assert not _holds(held, timedelta(0))


def test_an_outage_shorter_than_the_lease_loses_nothing(keeper: StepKeeper, database: Slow, clock: ManualClock) -> None:
    with keeper.keeping(NAME, _take(database), asked_at=clock.seconds) as held:
        database.away = True
        clock.seconds += 5
        with pytest.raises(DatabaseUnavailableError):
            keeper.renew()
        assert _holds(held)
        clock.seconds += 10
        assert not _holds(held), "it is not prolonged by having tried"
        database.away = False
        keeper.renew()
        assert _holds(held)


def test_what_is_given_back_is_renewed_no_more(keeper: StepKeeper, database: Slow, clock: ManualClock) -> None:
    with keeper.keeping(NAME, _take(database), asked_at=clock.seconds) as held:
        pass
    clock.seconds += 15
    keeper.renew()
    assert not _holds(held)


def test_the_end_of_one_attempt_does_not_end_the_lease_of_the_next_on_its_placement(
    keeper: StepKeeper, database: Slow, clock: ManualClock
) -> None:
    former, latter = ExitStack(), ExitStack()
    former.enter_context(keeper.keeping(NAME, "former", asked_at=clock.seconds))
    with latter:
        held = latter.enter_context(keeper.keeping(NAME, _take(database), asked_at=clock.seconds))
        former.close()
        clock.seconds += 15
        keeper.renew()
        assert _holds(held)


def test_without_leases_the_database_is_not_asked(keeper: StepKeeper, database: Slow) -> None:
    database.away = True
    keeper.renew()


def test_each_lease_is_lost_by_itself(keeper: StepKeeper, database: Slow, clock: ManualClock) -> None:
    with (
        keeper.keeping(NAME, _take(database), asked_at=clock.seconds) as held,
        keeper.keeping("placement:2", "gone", asked_at=clock.seconds) as gone,
    ):
        keeper.renew()
        assert _holds(held)
        assert not _holds(gone, timedelta(0))


def _pass(keeper: StepKeeper, clock: ManualClock, minutes: float) -> None:
    """Let time go by, the leases being renewed."""
    until = clock.seconds + minutes * 60
    while clock.seconds < until:
        clock.seconds += 5
        keeper.renew()


def test_what_makes_no_progress_is_given_up_and_renewed_no_more(
    keeper: StepKeeper, database: Slow, clock: ManualClock
) -> None:
    with keeper.keeping(NAME, _take(database), asked_at=clock.seconds) as held:
        _pass(keeper, clock, 15)
        assert not PATIENCE.passed(held.state)
        _pass(keeper, clock, 0.1)
        assert not _holds(held, timedelta(0))
        assert "no progress for 900 s" in sentence(PATIENCE.passed(held.state))
        assert (keeper.stuck(), keeper.count()) == (1, 1)
        _pass(keeper, clock, 1)
        assert not _holds(held, timedelta(0)), "nothing brings it back"
    assert (keeper.stuck(), keeper.count()) == (0, 0)


def test_requests_and_writes_are_progress(keeper: StepKeeper, database: Slow, clock: ManualClock) -> None:
    requests = {"get": 0}
    with keeper.keeping(NAME, _take(database), asked_at=clock.seconds) as held:
        held.watch(lambda: dict(requests))
        for _ in range(3):
            _pass(keeper, clock, 14)
            requests["get"] += 1
            _pass(keeper, clock, 1)
            assert not PATIENCE.passed(held.state)
        _pass(keeper, clock, 12)
        held.check(WRITE)
        _pass(keeper, clock, 2)
        assert not PATIENCE.passed(held.state)


def test_progress_without_end_is_given_up_too(keeper: StepKeeper, database: Slow, clock: ManualClock) -> None:
    with keeper.keeping(NAME, _take(database), asked_at=clock.seconds) as held:
        held.watch(lambda: {"get": int(clock.seconds)})
        _pass(keeper, clock, 60)
        assert not PATIENCE.passed(held.state)
        _pass(keeper, clock, 0.1)
        assert "longer than 3600 s" in sentence(PATIENCE.passed(held.state))


def test_a_slot_counts_as_stuck_only_once_sql_knows_why(keeper: StepKeeper, database: Slow, clock: ManualClock) -> None:
    with keeper.keeping(NAME, _take(database), asked_at=clock.seconds) as held:
        database.away = True
        clock.seconds += 16 * 60
        with pytest.raises(DatabaseUnavailableError):
            keeper.renew()
        assert sentence(PATIENCE.passed(held.state))
        assert not _holds(held, timedelta(0))
        assert keeper.stuck() == 0
        database.away = False
        keeper.renew()
        assert keeper.stuck() == 1


def test_where_it_hangs_is_known(keeper: StepKeeper, clock: ManualClock) -> None:
    with keeper.keeping(NAME, "t", asked_at=clock.seconds) as held:
        assert any("test_where_it_hangs_is_known" in frame for frame in held.whereabouts())
