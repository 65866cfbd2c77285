"""Many at once, in threads and in processes: one wins, and nobody waits for ever."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select, text

from common.domain.refs import RunId
from common.domain.runs import AttemptOutcome, Outcome
from common.store.engine.session import Database
from common.store.queue import attempts, dispatch, leases, reaper, runs
from common.store.queue.attempts import AttemptEnding
from common.store.queue.runs import ClaimedRun
from common.store.schema.tables import AttemptRow, OpenRunRow
from tests.factories import said
from tests.integration.db.rows import LEASE, NOW, add_placements, claimed, heartbeat, new_run, queued, run_row

RUNS = 12
CLAIMERS = 4
SHORT = timedelta(milliseconds=40)


def _together(*calls: Callable[[], object]) -> list[object]:
    """Carry out all calls at once and return what they return, in order."""
    barrier = Barrier(len(calls))

    def one(call: Callable[[], object]) -> object:
        barrier.wait(timeout=30)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        futures: list[Future[object]] = [pool.submit(one, call) for call in calls]
        return [future.result(timeout=60) for future in futures]


def _claim(database: Database, run: RunId, worker: str) -> bool:
    with database.write() as connection:
        return runs.claim(connection, run, worker=worker, lease=LEASE, now=NOW) is not None


def _queued(database: Database, count: int) -> list[RunId]:
    names = [f"eu/a{n}" for n in range(count)]
    with database.write() as connection:
        placements = add_placements(connection, *names)
        return runs.create_many(connection, [new_run(*pair) for pair in zip(placements, names, strict=True)], now=NOW)


def claim_all(url: str, worker: str, wanted: list[RunId]) -> list[RunId]:
    """Claim what can be had; runs in a process of its own."""
    database = Database(url)
    random.Random(worker).shuffle(wanted)  # noqa: S311 - a shuffle, no secret
    won = [run for run in wanted if _claim(database, run, worker)]
    database.dispose()
    return won


def test_of_threads_that_claim_one_run_one_gets_it(database: Database) -> None:
    for n in range(3):
        run = queued(database, f"eu/a{n}")
        won = _together(*[lambda w=w, run=run: _claim(database, run, f"w{w}") for w in range(8)])
        assert sorted(map(bool, won)) == [False] * 7 + [True]
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(AttemptRow)).scalar_one() == 3


def test_processes_share_runs_out_without_a_double(database: Database, database_url: str) -> None:
    wanted = _queued(database, RUNS)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        parts = [pool.submit(claim_all, database_url, f"w{n}", list(wanted)) for n in range(2)]
        won = [run for part in parts for run in part.result(timeout=60)]
    assert sorted(won) == sorted(wanted)
    assert all(run_row(database, run)["attempts"] == 1 for run in wanted)


def test_a_run_made_by_many_at_once_is_made_once(database: Database) -> None:
    with database.write() as connection:
        placements = add_placements(connection, *[f"eu/a{n}" for n in range(20)])

    def make(seed: int) -> list[RunId]:
        order = random.Random(seed).sample(placements, len(placements))  # noqa: S311 - a shuffle, no secret
        with database.write() as connection:
            return runs.create_many(connection, [new_run(p, f"eu/a{p}") for p in order], now=NOW)

    made = _together(*[lambda seed=seed: make(seed) for seed in range(6)])
    assert sum(len(some) for some in made if isinstance(some, list)) == 20


@pytest.mark.parametrize("round_", range(4))
def test_claiming_and_superseding_at_once_do_one_of_the_two(database: Database, round_: int) -> None:
    run = queued(database, f"eu/a{round_}")

    def supersede() -> bool:
        with database.write() as connection:
            return runs.supersede(connection, [1], reason=said("newer"), now=NOW) == [run]

    claimed_it, superseded = _together(lambda: _claim(database, run, "w"), supersede)
    assert claimed_it != superseded
    with database.write() as connection:
        free = leases.take(connection, leases.of_placement(1), holder="x", lease=LEASE, now=NOW) is not None
    assert free == superseded
    assert run_row(database, run)["attempts"] == int(bool(claimed_it))


@pytest.mark.parametrize("round_", range(4))
def test_ending_and_reaping_at_once_do_one_of_the_two(database: Database, round_: int) -> None:
    found = claimed(database, f"eu/a{round_}")

    def end() -> bool:
        with database.write() as connection:
            ending = AttemptEnding(AttemptOutcome.SUCCEEDED)
            return attempts.end_attempt(connection, found.attempt, ending, now=NOW)

    def reap() -> bool:
        with database.write() as connection:
            return bool(reaper.reap(connection, now=NOW + LEASE, dead_after=LEASE))

    results = _together(end, reap, reap)
    assert sorted(map(bool, results)) == [False, False, True]
    assert run_row(database, found.attempt.run)["state"] == ("ended" if results[0] else "queued")


def test_renewals_of_many_leases_and_the_reaper_never_block_each_other(database: Database) -> None:
    heartbeat(database, "w1", started=NOW, seen=NOW)
    tokens = {}
    for n in range(12):
        found = claimed(database, f"eu/a{n}")
        tokens[leases.of_placement(found.placement_id)] = str(found.attempt)

    def renew(seed: int) -> None:
        order = random.Random(seed).sample(sorted(tokens), len(tokens))  # noqa: S311 - a shuffle, no secret
        for _ in range(5):
            with database.write() as connection:
                leases.renew(connection, {name: tokens[name] for name in order}, lease=LEASE, now=NOW)

    def reap() -> None:
        with database.write() as connection:
            reaper.reap(connection, now=NOW + LEASE, dead_after=LEASE)

    _together(*[lambda seed=seed: renew(seed) for seed in range(4)], reap, reap)


def test_no_more_retries_are_parked_than_there_are_places(database: Database) -> None:
    wanted = _queued(database, RUNS)

    def park(mine: list[RunId]) -> int:
        parked = 0
        for run in mine:
            with database.write() as connection:
                parked += dispatch.park(connection, run, limit=5)
        return parked

    parked = _together(*[lambda n=n: park(wanted[n::CLAIMERS]) for n in range(CLAIMERS)])
    assert sum(n for n in parked if isinstance(n, int)) == 5


@contextmanager
def _meanwhile(database: Database, call: Callable[[], object]) -> Iterator[Future[object]]:
    """Start ``call`` in a thread and go on once it waits for a row that this transaction holds."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(call)
        deadline = time.monotonic() + 10
        blocked = 0
        while not blocked and not future.done() and time.monotonic() < deadline:
            with database.read() as connection:
                blocked = connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one()
        assert blocked, "it should have waited"
        yield future


def _renew(database: Database, found: ClaimedRun) -> frozenset[str]:
    with database.write() as connection:
        tokens = {leases.of_placement(found.placement_id): str(found.attempt)}
        return leases.renew(connection, tokens, lease=LEASE, now=NOW + LEASE)


def _reap(database: Database) -> list[reaper.Reaped]:
    with database.write() as connection:
        return reaper.reap(connection, now=NOW + LEASE, dead_after=LEASE)


def test_a_lease_renewed_while_the_reaper_looks_is_not_cleared(postgres_database: Database) -> None:
    found = claimed(postgres_database)
    with ExitStack() as stack:
        with postgres_database.write() as connection:
            tokens = {leases.of_placement(found.placement_id): str(found.attempt)}
            assert leases.renew(connection, tokens, lease=LEASE, now=NOW + LEASE)
            reaped = stack.enter_context(_meanwhile(postgres_database, lambda: _reap(postgres_database)))
        assert reaped.result(timeout=10) == []


def test_a_lease_cleared_while_its_holder_renews_is_lost(postgres_database: Database) -> None:
    found = claimed(postgres_database)
    with ExitStack() as stack:
        with postgres_database.write() as connection:
            assert reaper.reap(connection, now=NOW + LEASE, dead_after=LEASE)
            renewed = stack.enter_context(_meanwhile(postgres_database, lambda: _renew(postgres_database, found)))
        assert renewed.result(timeout=10) == frozenset()


def test_two_that_park_at_once_do_not_both_get_the_last_place(postgres_database: Database) -> None:
    first, second = _queued(postgres_database, 2)

    def park() -> bool:
        with postgres_database.write() as connection:
            return dispatch.park(connection, second, limit=1)

    with ExitStack() as stack:
        with postgres_database.write() as connection:
            assert dispatch.park(connection, first, limit=1)
            parked = stack.enter_context(_meanwhile(postgres_database, park))
        assert parked.result(timeout=10) is False


def test_two_that_make_runs_for_the_same_placements_do_not_wait_for_each_other(postgres_database: Database) -> None:
    with postgres_database.write() as connection:
        one, two = add_placements(connection, "eu/a", "eu/b")

    def make() -> list[RunId]:
        with postgres_database.write() as connection:
            return runs.create_many(connection, [new_run(two, "eu/b"), new_run(one, "eu/a")], now=NOW)

    with ExitStack() as stack:
        with postgres_database.write() as connection:
            assert runs.create(connection, new_run(one, "eu/a"), now=NOW)
            made = stack.enter_context(_meanwhile(postgres_database, make))
            assert runs.create(connection, new_run(two, "eu/b"), now=NOW)
        assert made.result(timeout=10) == []


def test_a_crowd_of_workers_and_two_reapers_finish_every_run_once(database: Database) -> None:
    wanted = _queued(database, RUNS)
    deadline = time.monotonic() + 30

    def work(worker: str) -> int:
        dice, ended = random.Random(worker), 0  # noqa: S311 - a shuffle, no secret
        while time.monotonic() < deadline:
            with database.read() as connection:
                open_ = (
                    connection.execute(select(OpenRunRow.run_id).where(OpenRunRow.state == "queued")).scalars().all()
                )
            if not open_:
                with database.read() as connection:
                    if not connection.execute(select(OpenRunRow.run_id).limit(1)).first():
                        break
                time.sleep(0.005)
                continue
            with database.write() as connection:
                now = database.now(connection)
                mine = runs.claim(connection, RunId(dice.choice(open_)), worker=worker, lease=SHORT, now=now)
            if mine is None or dice.random() < 0.3:  # lost, or died: somebody else's turn
                continue
            with database.write() as connection:
                ending = AttemptEnding(AttemptOutcome.SUCCEEDED)
                ended += attempts.end_attempt(connection, mine.attempt, ending, now=database.now(connection))
        return ended

    def reap() -> int:
        while time.monotonic() < deadline:
            with database.write() as connection:
                now = database.now(connection)
                reaper.reap(connection, now=now, dead_after=LEASE, poison_limit=1_000)
                left = connection.execute(select(OpenRunRow.run_id).limit(1)).first()
            if left is None:
                break
            time.sleep(0.005)
        return 0

    ended = _together(*[lambda n=n: work(f"w{n}") for n in range(3)], reap, reap)
    assert sum(n for n in ended if isinstance(n, int)) == RUNS
    for run in wanted:
        assert run_row(database, run)["outcome"] == Outcome.SUCCEEDED
