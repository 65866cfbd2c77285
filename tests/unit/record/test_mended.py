"""What a placement failed for has gone: it is tried again, whoever noticed first; and nobody hides what is left."""

from __future__ import annotations

from datetime import timedelta

import pytest

from common.db import standing
from common.db.session import Database
from common.domain.runs import RetryPolicy
from tests.integration.scheduler.harness import REGISTRY
from tests.unit.record.test_endings import Attempt
from tests.unit.registry import texts

NEAR = timedelta(seconds=5)
BY_CONTACT = (
    "cluster.unauthorised",
    "cluster.untrusted",
    "cluster.proxy-refused",
    "credentials.missing",
)


@pytest.fixture
def attempt(sqlite_database: Database) -> Attempt:
    return Attempt(sqlite_database)


def _reached(attempt: Attempt) -> None:
    with attempt.steps.db.write() as connection:
        standing.reached(connection, [attempt.placement.id], now=attempt.steps.db.now(connection))


def _lost(attempt: Attempt, code: str) -> None:
    with attempt.steps.db.write() as connection:
        standing.lose_contact(connection, [attempt.placement.id], code=code, message="no")


@pytest.mark.parametrize("code", BY_CONTACT)
def test_what_failed_for_want_of_access_is_tried_again_at_once_when_contact_is_back(
    attempt: Attempt, code: str
) -> None:
    attempt.ender().failed(code, "no")
    _lost(attempt, code)
    _reached(attempt)
    assert attempt.after(attempt.placement.retry_at) < NEAR


@pytest.mark.parametrize("code", BY_CONTACT)
def test_access_that_was_mended_before_any_sweep_missed_it_is_tried_again_too(attempt: Attempt, code: str) -> None:
    attempt.ender().failed(code, "no")
    _reached(attempt)
    assert attempt.placement.contact_code == ""
    assert RetryPolicy().ceiling <= attempt.after(attempt.placement.retry_at) < RetryPolicy().ceiling + NEAR


def test_access_that_only_a_run_lacks_is_tried_later_and_later(attempt: Attempt) -> None:
    attempt.ender().failed("cluster.unauthorised", "no")
    attempt.again()
    attempt.ender().failed("cluster.unauthorised", "no")
    _reached(attempt)
    assert attempt.after(attempt.placement.retry_at) >= 2 * RetryPolicy().ceiling


def test_a_sweep_that_sees_the_cluster_wakes_no_other_failure(attempt: Attempt) -> None:
    attempt.ender().failed("cluster.denied", "no")
    _reached(attempt)
    assert attempt.placement.retry_at is None


def test_another_proxy_is_another_way_worth_a_try(attempt: Attempt) -> None:
    attempt.registered().failed("cluster.denied", "by what stands in between")
    proxy = ", proxy: {url: 'http://proxy.example.com:3128'}"
    attempt.steps.commit(REGISTRY | {"clusters.yaml": texts.cluster("c1", more=proxy)})
    attempt.steps.planner.tick()
    assert attempt.steps.placement().run is not None
