"""Retries are the queue's: a run that failed for now comes back by itself, or waits in SQL where no place is free."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from celery.worker.request import Request
from sqlalchemy import select, update

from common.broker import messages
from common.broker.signing import verify
from common.domain.errors import TransientError
from common.domain.refs import RunId
from common.domain.runs import RetryPolicy
from common.store.queue import runs
from common.store.schema.tables import OpenRunRow, RunRow
from tests.harness.scheduler import AWAY, LEASE, AwayError
from tests.integration.scheduler.broker import PLACES, QUEUE, Hub
from workers.record import endings
from workers.record.endings import Done
from workers.tasks import app as doors
from workers.tasks.runtime import Runtime


class Failing(Hub):
    """Its worker is Celery's and ours, but for the clusters: none of them answers."""

    error: TransientError = AwayError(AWAY)

    def carry_out(self, _runtime: Runtime, run: RunId) -> Done:
        return self.fail(run, self.error)

    def work(self) -> str:
        """Have one message taken and its task carried out, as a worker does; return the task's id."""
        with self.app.connection_for_read() as connection:
            channel = connection.channel()
            message = channel.basic_get(QUEUE)
            verify(self.app.keys, message.headers, message.payload, queue=QUEUE, now=datetime.now(UTC))
            ends = {"on_ack": message.ack_log_error, "on_reject": message.reject_log_error}
            request = Request(message, app=self.app, task=self.app.tasks[messages.SYNC], hostname="w", **ends)
            request.execute()
            channel.close()
        return str(request.id)


@pytest.fixture
def failing(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Failing:
    hub.__class__ = Failing
    made = cast("Failing", hub)
    monkeypatch.setattr(doors, "carry_out", made.carry_out)
    alone = {**doors.OPTIONS, "shared": False}  # with the applications of other tests
    monkeypatch.setattr(doors, "OPTIONS", alone)
    doors.register(made.app, cast("Runtime", None))
    return made


def _run(hub: Hub) -> OpenRunRow:
    with hub.db.read() as connection:
        return cast("OpenRunRow", connection.execute(select(*OpenRunRow.__table__.c)).one())


def test_a_transient_failure_comes_back_as_a_retry_with_a_countdown_signed_anew(failing: Failing) -> None:
    failing.queue(1)
    failing.dispatch(1)
    (first,) = failing.queued()
    task_id = failing.work()
    (retry,) = failing.queued()
    run = _run(failing)
    assert retry["headers"]["id"] == task_id, "Flower shows it as the same task"
    assert retry["headers"]["argsrepr"] == repr([run.run_id])
    assert (first["headers"]["retries"], retry["headers"]["retries"]) == (0, 1)
    eta = datetime.fromisoformat(retry["headers"]["eta"])
    policy = RetryPolicy()
    assert policy.base / 2 <= eta - datetime.fromisoformat(first["headers"]["flotilla-time"])
    assert -runs.EARLY <= eta - run.not_before < policy.base / 2, "it is counted from the end of the transaction"
    assert retry["headers"]["flotilla-mac"] != first["headers"]["flotilla-mac"]
    assert (run.state, run.retries, run.attempts, run.parked) == ("queued", 1, 1, True)
    with failing.db.write() as connection:
        connection.execute(update(OpenRunRow).values(not_before=failing.db.now(connection)))
    assert failing.work() == task_id, "the retry is a message of ours"
    assert _run(failing).attempts == 2


def test_a_retry_that_is_under_way_is_not_sent_by_dispatch_too(failing: Failing) -> None:
    failing.queue(1)
    failing.dispatch(1)
    failing.work()
    failing.dispatch()
    assert failing.held() == 1


def test_a_retry_that_comes_too_early_claims_nothing(failing: Failing) -> None:
    failing.queue(1)
    failing.dispatch(1)
    failing.work()
    run = RunId(_run(failing).run_id)
    with failing.db.write() as connection:
        assert runs.claim(connection, run, worker="w1", lease=LEASE, now=failing.db.now(connection)) is None


def test_what_the_other_side_asks_for_is_waited_for(failing: Failing) -> None:
    failing.error = AwayError(AWAY, retry_after=timedelta(minutes=2))
    failing.queue(1)
    failing.dispatch(1)
    before = datetime.now(UTC)
    failing.work()
    (retry,) = failing.queued()
    assert datetime.fromisoformat(retry["headers"]["eta"]) >= before + timedelta(minutes=2)


def test_where_no_place_is_free_a_retry_waits_in_sql_and_dispatch_sends_it_when_it_is_due(
    failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Longer than a busy machine takes to fill all places.
    monkeypatch.setattr(endings, "retry_delay", lambda *_, **__: timedelta(minutes=10))
    failing.queue(PLACES + 1)
    for run in failing.runs(PLACES):
        assert failing.fail(run).countdown is not None
    with failing.db.read() as connection:
        last = connection.execute(select(OpenRunRow.run_id).where(OpenRunRow.attempts == 0)).scalar_one()
    failing.dispatch(1)
    failing.work()
    assert failing.queued() == []
    failing.dispatch()
    assert failing.queued() == [], "it is not due"
    with failing.db.write() as connection:
        mine = update(OpenRunRow).where(OpenRunRow.run_id == last)
        connection.execute(mine.values(not_before=failing.db.now(connection)))
    failing.dispatch()
    assert [message["headers"]["argsrepr"] for message in failing.queued()] == [repr([last])]
    assert failing.queued()[0]["headers"]["eta"] is None


def test_a_retry_that_the_broker_lost_is_sent_by_dispatch(failing: Failing) -> None:
    failing.queue(1)
    failing.dispatch(1)
    failing.work()
    failing.redis.flush()
    with failing.db.write() as connection:
        connection.execute(update(OpenRunRow).values(not_before=failing.db.now(connection)))
    failing.dispatch()
    assert len(failing.queued()) == 1


def test_after_the_last_retry_the_run_has_failed_and_no_message_is_left(failing: Failing) -> None:
    failing.queue(1)
    failing.dispatch(1)
    with failing.db.write() as connection:
        connection.execute(update(OpenRunRow).values(retries=RetryPolicy().limit, attempts=RetryPolicy().limit))
    failing.work()
    with failing.db.read() as connection:
        assert connection.execute(select(RunRow.outcome, RunRow.retries)).one() == ("failed", RetryPolicy().limit)
        assert connection.execute(select(OpenRunRow.run_id)).all() == []
    assert failing.held() == 0
