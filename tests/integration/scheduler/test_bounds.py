"""However much is due, the broker stays shallow: counted in a real Redis, filled by the real dispatcher and worker."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update

from common.broker import messages
from common.broker.signing import TIME, sign
from common.store.schema.tables import OpenRunRow
from tests.harness.scheduler import AWAY, AwayError
from tests.integration.scheduler.broker import PLACES, QUEUE, SLOTS, WINDOW, Hub

MUCH_LATER = AwayError(AWAY, retry_after=timedelta(hours=1))
"""Its countdowns outlast a test on any machine: one that falls due takes another's place."""


def _count(hub: Hub, *conditions: Any) -> int:
    with hub.db.read() as connection:
        return connection.execute(select(func.count()).select_from(OpenRunRow).where(*conditions)).scalar_one()


def _fail_all(hub: Hub) -> int:
    """Have a transient error end an attempt of every run; return how many were left as countdowns."""
    parked = 0
    for run in hub.runs(1_000):
        countdown = hub.fail(run, MUCH_LATER).countdown
        if countdown is not None:
            # What a task's retry does.
            hub.app.send_task(messages.SYNC, [run], queue=QUEUE, countdown=countdown.total_seconds())
            parked += 1
    return parked


def test_of_a_hundred_thousand_due_runs_the_broker_holds_no_more_than_its_window(hub: Hub) -> None:
    hub.queue(100_000)
    assert _count(hub, OpenRunRow.state == "queued") == 100_000
    hub.dispatch()
    assert hub.held() == WINDOW
    assert _count(hub, OpenRunRow.sent_at.is_not(None)) == WINDOW


def test_retries_that_are_not_due_lie_in_no_more_than_their_places(hub: Hub) -> None:
    hub.queue(PLACES + 40)
    assert _fail_all(hub) == PLACES, "those beyond the bound wait in SQL"
    hub.dispatch()
    assert hub.held() == PLACES


def test_of_ten_thousand_retries_that_are_not_due_none_is_sent(hub: Hub) -> None:
    hub.queue(10_000)
    with hub.db.write() as connection:
        soon = hub.db.now(connection) + timedelta(minutes=1)
        connection.execute(update(OpenRunRow).values(retries=1, attempts=1, not_before=soon))
    hub.dispatch()
    assert hub.held() == 0


def test_of_ten_thousand_retries_the_broker_holds_no_more_than_the_places_and_the_window(hub: Hub) -> None:
    hub.queue(10_000)
    with hub.db.write() as connection:
        past = hub.db.now(connection) - timedelta(seconds=1)
        connection.execute(update(OpenRunRow).values(not_before=past))
    for run in hub.runs(PLACES + 40):
        countdown = hub.fail(run, MUCH_LATER).countdown
        if countdown is not None:
            hub.app.send_task(messages.SYNC, [run], queue=QUEUE, countdown=countdown.total_seconds())
    assert hub.held() == PLACES
    hub.dispatch()
    assert hub.held() == PLACES + WINDOW


def test_countdowns_in_the_hands_of_workers_keep_their_places(hub: Hub) -> None:
    hub.queue(PLACES + 40)
    _fail_all(hub)
    hub.take(PLACES)
    assert (len(hub.queued()), hub.held()) == (0, PLACES)
    with hub.db.write() as connection:
        past = hub.db.now(connection) - timedelta(seconds=1)
        connection.execute(update(OpenRunRow).where(~OpenRunRow.parked).values(not_before=past))
    for run in hub.runs(1_000):
        if not _count(hub, OpenRunRow.run_id == run, OpenRunRow.parked):
            assert hub.fail(run, MUCH_LATER).countdown is None
    hub.dispatch()
    assert hub.held() == PLACES


def test_what_busy_workers_leave_lying_is_not_sent_again(hub: Hub) -> None:
    hub.queue(1_000)
    hub.dispatch()
    for _ in range(5):
        hub.long_ago()
        hub.dispatch()
    assert hub.held() == WINDOW


def test_what_dead_workers_leave_lying_is_not_sent_again(hub: Hub) -> None:
    hub.queue(1_000)
    hub.dispatch()
    for _ in range(5):
        with hub.db.write() as connection:
            connection.execute(update(OpenRunRow).values(sent_at=None))  # as when a dead worker is buried
        hub.dispatch()
    assert hub.held() == WINDOW


def test_what_was_lost_is_sent_again_and_nothing_else(hub: Hub) -> None:
    hub.queue(1_000)
    hub.dispatch()
    with hub.redis.client() as client:
        client.rpop(QUEUE, 5)
    assert len(hub.queued()) == WINDOW - 5
    hub.dispatch()
    assert len(hub.queued()) == WINDOW - 5, "it may be in somebody's hands"
    hub.long_ago()
    hub.dispatch()
    names = [message["headers"]["argsrepr"] for message in hub.queued()]
    assert len(names) == len(set(names)) == WINDOW


def test_what_would_be_refused_as_too_old_is_replaced(hub: Hub) -> None:
    hub.queue(10)
    hub.dispatch()
    first = datetime.fromisoformat(hub.queued()[0]["headers"][TIME])
    with hub.redis.client() as client:
        for position in range(-1, -5, -1):
            message = json.loads(client.lindex(QUEUE, position) or b"")
            subject = json.loads(base64.b64decode(message["body"]))[0][0]
            long_ago = first - timedelta(hours=1)
            message["headers"] |= sign(hub.app.keys, message["headers"], subject, queue=QUEUE, now=long_ago)
            client.lset(QUEUE, position, json.dumps(message))
    hub.long_ago()
    hub.dispatch()
    found = hub.queued()
    assert len(found) == 10
    assert all(datetime.fromisoformat(message["headers"][TIME]) >= first for message in found)


def test_what_a_stranger_left_in_a_queue_holds_up_nothing(hub: Hub) -> None:
    hub.queue(SLOTS)
    with hub.redis.client() as client:
        for entry in (b"garbage", b"5", b"[]", b"{}", b'{"headers": {}, "body": "!"}', b"\xff"):
            client.rpush(QUEUE, entry)
    assert hub.sender.backlog(QUEUE) == frozenset()
    hub.dispatch()
    with hub.redis.client() as client:
        assert client.rpop(QUEUE, 6) is not None
    assert len(hub.queued()) == SLOTS
