"""What keeps the work from going on, told from facts alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.domain.codes import MessageReason
from common.domain.work import (
    REFUSALS,
    Due,
    Late,
    SendingState,
    Severity,
    WorkerState,
    WorkFacts,
    findings,
    slots_by_queue,
)
from console import work as sentences

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WELL = WorkFacts(
    now=NOW,
    leads=True,
    sending=SendingState(NOW - timedelta(seconds=3)),
    queues=frozenset({"default", "default.now"}),
    workers=(WorkerState("w1", ("default",), 8), WorkerState("w2", ("default.now",), 2)),
    registry_checked_at=NOW - timedelta(seconds=20),
)


def codes(facts: WorkFacts) -> list[str]:
    return [one.code for one in findings(facts, late_after=5 * MINUTE, registry_after=6 * MINUTE)]


def worker(facts: WorkFacts = WELL, **changes: Any) -> WorkFacts:
    """Return facts in which the first worker is different."""
    first, *rest = facts.workers
    return replace(facts, workers=(replace(first, **changes), *rest))


def test_a_hub_that_works_has_no_findings() -> None:
    assert codes(WELL) == []


def test_a_queue_without_a_worker_is_named() -> None:
    facts = replace(WELL, workers=WELL.workers[:1])
    (found,) = findings(facts, late_after=MINUTE, registry_after=MINUTE)
    assert (found.code, found.params, found.severity) == ("workers.none", {"queue": "default.now"}, Severity.ERROR)
    assert "flotilla worker --pool default --now" in sentences.remedy(found)


def test_a_queue_that_no_cluster_needs_may_lack_workers() -> None:
    assert codes(replace(WELL, queues=frozenset(), workers=())) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"clock_ahead": 31.0}, "worker.clock"),
        ({"clock_ahead": -3600.0}, "worker.clock"),
        ({"deaf_for": 31.0}, "worker.deaf"),
        ({"refused": REFUSALS, "refused_code": MessageReason.OLD}, "worker.refusing"),
        ({"stuck": 8}, "worker.stuck"),
    ],
)
def test_a_heartbeat_alone_is_no_life(change: dict[str, Any], code: str) -> None:
    facts = worker(**change)
    assert codes(facts) == ["workers.idle", code]
    assert slots_by_queue(facts.workers) == {"default.now": 2}


@pytest.mark.parametrize(
    "change", [{"clock_ahead": 29.0}, {"clock_ahead": -29.0}, {"deaf_for": 29.0}, {"refused": REFUSALS - 1}]
)
def test_little_is_forgiven(change: dict[str, Any]) -> None:
    assert codes(worker(**change)) == []


def test_a_stuck_slot_counts_as_none_and_is_told() -> None:
    facts = worker(stuck=3)
    (found,) = findings(facts, late_after=MINUTE, registry_after=MINUTE)
    assert (found.code, found.severity) == ("worker.stuck", Severity.WARNING)
    assert slots_by_queue(facts.workers)["default"] == 5


def test_who_refuses_everything_is_still_sent_one_message_to_prove_itself_by() -> None:
    (refusing, _) = worker(refused=REFUSALS).workers
    assert (refusing.live_slots, refusing.trial_slots) == (0, 1)
    for change in ({"clock_ahead": 99.0}, {"deaf_for": 99.0}, {"stuck": 8}):
        assert worker(**change).workers[0].trial_slots == 0


@pytest.mark.parametrize("code", ["broker.unavailable", "broker.full", "broker.read-only", "broker.refused"])
def test_a_broker_that_takes_nothing_is_told_with_its_cause_and_since_when(code: str) -> None:
    failing = SendingState(NOW, failing_since=NOW - 12 * MINUTE, error_code=code)
    (found,) = findings(replace(WELL, sending=failing), late_after=MINUTE, registry_after=MINUTE)
    assert found.code == code
    assert "12 min" in sentences.message(found)
    assert "no work is sent" in sentences.message(found)


def test_without_a_leader_nothing_is_said_of_the_broker() -> None:
    old = SendingState(NOW - timedelta(hours=1), failing_since=NOW, error_code="broker.full")
    assert codes(replace(WELL, leads=False, sending=old)) == ["scheduler.none"]


def test_a_leader_that_sends_nothing_is_told() -> None:
    silent = SendingState(NOW - timedelta(seconds=61), failing_since=NOW, error_code="broker.full")
    assert codes(replace(WELL, sending=silent)) == ["scheduler.silent"]
    assert codes(replace(WELL, sending=None)) == []


def test_a_scheduler_whose_clock_is_off_is_told() -> None:
    assert codes(replace(WELL, sending=SendingState(NOW, clock_ahead=-3700.0))) == ["scheduler.clock"]


def test_a_registry_that_nobody_looks_at_is_told() -> None:
    assert codes(replace(WELL, registry_checked_at=None)) == ["registry.never"]
    assert codes(replace(WELL, registry_checked_at=NOW - 7 * MINUTE)) == ["registry.late"]


@pytest.mark.parametrize("what", list(Due))
def test_work_that_waits_too_long_is_told(what: Due) -> None:
    def late(since: datetime) -> WorkFacts:
        return replace(WELL, late=(Late(what, "default", since, "c1"),))

    assert codes(late(NOW - 4 * MINUTE)) == []
    (found,) = findings(late(NOW - 7 * MINUTE), late_after=5 * MINUTE, registry_after=MINUTE)
    assert found.code == f"late.{what}"
    assert "7 min" in sentences.message(found)


def test_only_what_stops_the_hub_itself_makes_it_unready() -> None:
    late = Late(Due.RUNS, "default", NOW - timedelta(hours=1))
    facts = replace(worker(stuck=1), late=(late,), registry_checked_at=None)
    assert not any(one.stops_work for one in findings(facts, late_after=MINUTE, registry_after=MINUTE))
    gone = replace(WELL, workers=(), leads=False)
    assert all(one.stops_work for one in findings(gone, late_after=MINUTE, registry_after=MINUTE))


def test_why_a_worker_refuses_messages_is_a_code_and_is_told_in_words() -> None:
    facts = worker(refused=7, refused_code=MessageReason.UNSIGNED)
    found = next(
        one for one in findings(facts, late_after=MINUTE, registry_after=MINUTE) if one.code == "worker.refusing"
    )
    assert found.params["why"] == MessageReason.UNSIGNED
    assert sentences.message(found).endswith("has refused 7 messages in a row, the last because it is not signed")


def everything_wrong() -> WorkFacts:
    """Return facts with as much wrong as can be at once."""
    lame = tuple(
        replace(WELL.workers[0], name=name, **change)
        for name, change in (
            ("a", {"clock_ahead": 99.0}),
            ("b", {"deaf_for": 99.0}),
            ("c", {"refused": 7, "refused_code": MessageReason.UNSIGNED}),
            ("d", {"stuck": 8}),
        )
    )
    return replace(
        WELL,
        sending=SendingState(NOW, NOW, "broker.full", clock_ahead=99.0),
        workers=lame,
        late=tuple(Late(what, "default", NOW - timedelta(days=3)) for what in Due),
        registry_checked_at=NOW - timedelta(days=3),
    )


def test_every_finding_has_its_sentence_and_a_remedy() -> None:
    seen = set()
    for facts in (everything_wrong(), replace(WELL, leads=False, registry_checked_at=None, workers=())):
        for one in findings(facts, late_after=MINUTE, registry_after=MINUTE):
            seen.add(one.code)
            assert sentences.message(one), one
            assert sentences.remedy(one), one
            assert not any(mark in sentences.message(one) for mark in "{}<>[]"), one
    assert len(seen) == 15
