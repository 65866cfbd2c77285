"""A worker that dies takes along what it had taken off the broker; all of that is sent again soon, and no later."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update

from common.store.queue import leases, lost
from common.store.schema.tables import ClusterRow, SourceRow, WorkerRow
from tests.harness.scheduler import LEASE, Steps


def _sent(steps: Steps) -> tuple[int, int, int]:
    return len(steps.outbox.of("sync")), len(steps.outbox.of("resolve")), len(steps.outbox.of("sweep"))


def _under_way(steps: Steps) -> None:
    """Have a run, a resolve and a sweep sent, and taken by a worker that has begun none of them."""
    steps.synced("a")
    steps.resolve("b")
    steps.turn()
    with steps.db.write() as connection:
        due = steps.db.now(connection) - timedelta(seconds=1)
        connection.execute(update(SourceRow).values(due_at=due, sent_at=None))
        connection.execute(update(ClusterRow).values(sweep_due_at=due, sweep_sent_at=None))
    steps.turn()


def _die(steps: Steps) -> None:
    with steps.db.write() as connection:
        long_ago = steps.db.now(connection) - timedelta(minutes=1)
        connection.execute(update(WorkerRow).values(seen_at=long_ago))


def test_what_a_dead_worker_had_taken_is_sent_again(steps: Steps) -> None:
    _under_way(steps)
    before = _sent(steps)
    steps.turns(2)
    assert _sent(steps) == before, "nothing is sent twice while the worker lives"
    _die(steps)
    steps.clock.seconds += LEASE.total_seconds() * 2
    for _ in range(30):
        steps.clock.seconds += 1
        steps.reaper.tick()
    steps.workers()
    steps.turns(1)
    assert _sent(steps) == tuple(count + 1 for count in before)


def test_a_worker_that_starts_in_a_dead_ones_place_has_it_sent_again_at_once(steps: Steps) -> None:
    _under_way(steps)
    before = _sent(steps)
    with steps.db.write() as connection:
        now = steps.db.now(connection)
        started = connection.execute(select(WorkerRow.started_at)).scalar_one()
        assert not lost.replace(connection, "w1", started_at=started), "the same process beats again"
        assert lost.replace(connection, "w1", started_at=now + timedelta(seconds=1))
        assert not lost.replace(connection, "w1", started_at=now + timedelta(seconds=1))
    steps.workers()
    steps.turns(1)
    assert _sent(steps) == tuple(count + 1 for count in before)


def test_a_worker_that_left_in_order_has_lost_nothing(steps: Steps) -> None:
    with steps.db.write() as connection:
        assert not lost.replace(connection, "w9", started_at=steps.db.now(connection))
        assert lost.mark_dead(connection, now=steps.db.now(connection)) == ()


def test_other_pools_are_not_sent_again(steps: Steps) -> None:
    _under_way(steps)
    with steps.db.write() as connection:
        lost.resend(connection, ["another"])
    before = _sent(steps)
    steps.turns(1)
    assert _sent(steps) == before


def test_a_lease_is_free_once_its_holder_stopped_renewing(steps: Steps) -> None:
    with steps.db.write() as connection:
        now = steps.db.now(connection)
        assert leases.take(connection, "resolve:1", holder="w1", lease=LEASE, now=now)
        assert leases.take(connection, "resolve:1", holder="w2", lease=LEASE, now=now) is None
        assert leases.take(connection, "resolve:1", holder="w2", lease=LEASE, now=now + LEASE)
