"""The life of a run: made, claimed, waiting, ended; each step once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from common.domain.changes import Action
from common.domain.reasons import nested, sentence
from common.domain.refs import AttemptRef, PlacementRef
from common.domain.rights import ALL
from common.domain.runs import AttemptOutcome, Outcome, Trigger
from common.domain.status import Reason
from common.store.engine.session import Database
from common.store.queue import attempts, leases, runs, waits
from common.store.queue.attempts import AttemptEnding
from common.store.reads import runs as run_reads
from tests.factories import said
from tests.integration.db.rows import (
    LEASE,
    NOW,
    REVISION,
    SECOND,
    add_placements,
    attempt_rows,
    claimed,
    new_run,
    queued,
    run_id,
    run_row,
)

ENDS = {
    AttemptOutcome.SUCCEEDED: Outcome.SUCCEEDED,
    AttemptOutcome.FAILED: Outcome.FAILED,
    AttemptOutcome.SUPERSEDED: Outcome.SUPERSEDED,
    AttemptOutcome.SKIPPED: Outcome.SKIPPED,
    AttemptOutcome.NEEDS_APPROVAL: Outcome.NEEDS_APPROVAL,
}


def _reason(row: Mapping[str, Any], name: str) -> Reason:
    return Reason(row[f"{name}_code"], row[f"{name}_params"])


def test_a_placement_has_one_unended_run(database: Database) -> None:
    first = queued(database)
    with database.write() as connection:
        assert runs.create(connection, new_run(1, "eu/web"), now=NOW) is None
        assert runs.supersede(connection, [1], reason=said("newer"), now=NOW) == [first]
        assert runs.create(connection, new_run(1, "eu/web"), now=NOW + SECOND) is not None


def test_a_thousand_runs_are_made_at_once_and_taken_placements_left_out(database: Database) -> None:
    names = [f"c{n % 50}/a{n}" for n in range(1_500)]
    with database.write() as connection:
        placements = add_placements(connection, *names)
        taken = runs.create_many(connection, [new_run(placements[7], names[7])], now=NOW)
        made = runs.create_many(connection, [new_run(*pair) for pair in zip(placements, names, strict=True)], now=NOW)
    assert len(made) == len(set(made)) == 1_499
    assert taken[0] not in made


def test_making_no_runs_makes_none(database: Database) -> None:
    with database.write() as connection:
        assert runs.create_many(connection, [], now=NOW) == []


def test_a_claim_tells_the_worker_all_it_needs(database: Database) -> None:
    found = claimed(database)
    assert found.attempt.number == 1
    assert found.ref == PlacementRef("eu", "web")
    assert (found.trigger, found.revision, found.snapshot_id) == (Trigger.REVISION, REVISION, 1)
    assert (found.retries, found.interruptions, found.created_at, found.started_at) == (0, 0, NOW, NOW)
    (attempt,) = attempt_rows(database, found.attempt.run)
    assert (attempt["number"], attempt["worker"], attempt["outcome"]) == (1, "w1", None)
    assert run_row(database, found.attempt.run)["state"] == "running"


def test_a_run_is_claimed_once(database: Database) -> None:
    found = claimed(database)
    with database.write() as connection:
        again = runs.claim(connection, found.attempt.run, worker="w2", lease=LEASE, now=NOW + timedelta(hours=1))
    assert again is None
    assert len(attempt_rows(database, found.attempt.run)) == 1


def test_an_unknown_run_cannot_be_claimed(database: Database) -> None:
    with database.write() as connection:
        assert runs.claim(connection, run_id(7), worker="w1", lease=LEASE, now=NOW) is None


def test_a_run_is_not_claimed_long_before_its_time(database: Database) -> None:
    run = queued(database, now=NOW)
    with database.write() as connection:
        early = runs.claim(connection, run, worker="w1", lease=LEASE, now=NOW - 3 * SECOND)
        assert early is None
        assert runs.claim(connection, run, worker="w1", lease=LEASE, now=NOW - SECOND) is not None


def test_a_run_is_not_claimed_while_somebody_holds_its_placement(database: Database) -> None:
    run = queued(database)
    with database.write() as connection:
        token = leases.take(connection, leases.of_placement(1), holder="removal", lease=LEASE, now=NOW)
        assert token is not None
        assert runs.claim(connection, run, worker="w1", lease=LEASE, now=NOW) is None
    assert run_row(database, run)["attempts"] == 0
    with database.write() as connection:
        assert leases.release(connection, leases.of_placement(1), token)
        assert runs.claim(connection, run, worker="w1", lease=LEASE, now=NOW) is not None


@pytest.mark.parametrize("outcome", ENDS)
def test_an_attempt_ends_its_run_and_frees_the_placement(database: Database, outcome: AttemptOutcome) -> None:
    found = claimed(database)
    ending = AttemptEnding(
        outcome, reason=said("why"), error=Reason("x.y", {"message": "what"}), manifest_digest="d" * 64
    )
    with database.write() as connection:
        assert attempts.end_attempt(connection, found.attempt, ending, now=NOW + SECOND)
    run = run_row(database, found.attempt.run)
    assert (run["state"], run["outcome"], run["ended_at"]) == ("ended", ENDS[outcome].value, NOW + SECOND)
    assert (run["reason_code"], run["reason_params"]) == ("told", {"text": "why"})
    assert (run["error_code"], run["error_params"]) == ("x.y", {"message": "what"})
    assert run["manifest_digest"] == "d" * 64
    (attempt,) = attempt_rows(database, found.attempt.run)
    assert (attempt["outcome"], attempt["ended_at"]) == (outcome.value, NOW + SECOND)
    with database.write() as connection:
        assert leases.take(connection, leases.of_placement(1), holder="next", lease=LEASE, now=NOW) is not None


def test_an_attempt_ends_once(database: Database) -> None:
    found = claimed(database)
    with database.write() as connection:
        assert attempts.end_attempt(connection, found.attempt, AttemptEnding(AttemptOutcome.SUCCEEDED), now=NOW)
        assert not attempts.end_attempt(connection, found.attempt, AttemptEnding(AttemptOutcome.FAILED), now=NOW)
    assert run_row(database, found.attempt.run)["outcome"] == "succeeded"


def test_an_attempt_that_never_was_cannot_end(database: Database) -> None:
    unknown = AttemptRef(run_id(7), 1)
    with database.write() as connection:
        assert not attempts.end_attempt(connection, unknown, AttemptEnding(AttemptOutcome.FAILED), now=NOW)


def test_a_retry_is_the_next_attempt_of_the_same_run(database: Database) -> None:
    found = claimed(database)
    later = NOW + timedelta(seconds=10)
    ending = AttemptEnding(AttemptOutcome.RETRYING, error=Reason("kube.timeout"), not_before=later)
    with database.write() as connection:
        assert attempts.end_attempt(connection, found.attempt, ending, now=NOW)
    run = run_row(database, found.attempt.run)
    assert (run["state"], run["retries"], run["not_before"], run["sent_at"]) == ("queued", 1, later, None)
    with database.write() as connection:
        assert runs.claim(connection, found.attempt.run, worker="w2", lease=LEASE, now=NOW) is None
        again = runs.claim(connection, found.attempt.run, worker="w2", lease=LEASE, now=later)
    assert again is not None
    assert (again.attempt.number, again.retries, again.started_at) == (2, 1, NOW)
    assert [row["outcome"] for row in attempt_rows(database, found.attempt.run)] == ["retrying", None]


def test_a_waiting_run_holds_its_placement_but_no_lease(database: Database) -> None:
    found = claimed(database)
    deadline = NOW + timedelta(minutes=5)
    ending = AttemptEnding(AttemptOutcome.WAITING, reason=said("until healthy"), deadline=deadline)
    with database.write() as connection:
        assert attempts.end_attempt(connection, found.attempt, ending, now=NOW)
        assert runs.create(connection, new_run(1, "eu/web"), now=NOW) is None
        assert runs.claim(connection, found.attempt.run, worker="w2", lease=LEASE, now=NOW) is None
        (waiting,) = waits.on(connection, "eu")
        assert waits.on(connection, "us") == []
    assert (waiting.run, waiting.reason, waiting.deadline_at) == (found.attempt.run, said("until healthy"), deadline)
    with database.write() as connection:
        assert waits.resume(connection, found.attempt.run, now=NOW + SECOND)
        assert not waits.resume(connection, found.attempt.run, now=NOW + SECOND)
        again = runs.claim(connection, found.attempt.run, worker="w2", lease=LEASE, now=NOW + SECOND)
    assert again is not None
    assert (again.attempt.number, again.retries) == (2, 0)


def test_a_waiting_run_may_fail(database: Database) -> None:
    found = claimed(database)
    with database.write() as connection:
        attempts.end_attempt(connection, found.attempt, AttemptEnding(AttemptOutcome.WAITING), now=NOW)
        late = Reason("sync.deadline", {"waited": nested(said("health"))})
        assert waits.fail(connection, found.attempt.run, error=late, now=NOW)
        assert not waits.fail(connection, found.attempt.run, error=said("again"), now=NOW)
    run = run_row(database, found.attempt.run)
    assert (run["outcome"], run["reason_code"], run["error_code"]) == ("failed", "", "sync.deadline")
    assert sentence(_reason(run, "error")) == "not in time: health"


def test_superseding_ends_what_nobody_works_on(database: Database) -> None:
    waiting, running, idle = (claimed(database, "eu/a"), claimed(database, "eu/b"), queued(database, "eu/c"))
    with database.write() as connection:
        attempts.end_attempt(connection, waiting.attempt, AttemptEnding(AttemptOutcome.WAITING), now=NOW)
        ended = runs.supersede(connection, [3, 1, 2, 99], reason=said("a newer revision"), now=NOW)
    assert set(ended) == {waiting.attempt.run, idle}
    assert run_row(database, running.attempt.run)["state"] == "running"
    assert run_row(database, idle)["outcome"] == "superseded"


def test_what_an_ended_run_was_asked_for_changes_nothing(database: Database) -> None:
    run = queued(database)
    with database.write() as connection:
        assert runs.supersede(connection, [1], reason=said("newer"), now=NOW) == [run]
        assert runs.supersede(connection, [1], reason=said("again"), now=NOW) == []
        assert runs.claim(connection, run, worker="w1", lease=LEASE, now=NOW) is None
    assert _reason(run_row(database, run), "reason") == said("newer")


def test_a_running_run_is_not_ended_from_outside(database: Database) -> None:
    found = claimed(database)
    with database.write() as connection:
        assert runs.supersede(connection, [found.placement_id], reason=said("newer"), now=NOW) == []


def test_what_was_written_adds_up_over_attempts_and_what_was_found_is_the_last_ones(database: Database) -> None:
    found = claimed(database)
    first = {Action.CREATED: 3, Action.UNCHANGED: 1, Action.FAILED: 2}
    retry = AttemptEnding(AttemptOutcome.RETRYING, not_before=NOW, counts=first)
    second = AttemptEnding(AttemptOutcome.SUCCEEDED, counts={Action.CREATED: 2, Action.UNCHANGED: 4})
    with database.write() as connection:
        attempts.end_attempt(connection, found.attempt, retry, now=NOW)
        again = runs.claim(connection, found.attempt.run, worker="w1", lease=LEASE, now=NOW)
        assert again is not None
        attempts.end_attempt(connection, again.attempt, second, now=NOW)
    assert run_row(database, found.attempt.run)["counts"] == {"created": 5, "unchanged": 4}
    assert attempt_rows(database, found.attempt.run)[0]["counts"] == {"created": 3, "unchanged": 1, "failed": 2}


def test_no_words_keep_an_attempt_from_ending(database: Database) -> None:
    found = claimed(database)
    bad = "nul \x00, half a pair \ud800, " + "x" * 500
    ending = AttemptEnding(
        AttemptOutcome.FAILED, reason=said(bad), error=Reason(bad, {bad: [bad, {"deep": bad}]}), timings={bad: 1}
    )
    with database.write() as connection:
        assert attempts.end_attempt(connection, found.attempt, ending, now=NOW)
    row = run_row(database, found.attempt.run)
    assert sentence(_reason(row, "reason")).startswith("nul \ufffd, half a pair ?, x")
    ((key, (word, deep)),) = _reason(row, "error").params.items()
    assert key == word == deep["deep"]
    assert len(str(row["error_code"])) == 80


@pytest.mark.parametrize(
    ("outcome", "not_before"),
    [(AttemptOutcome.INTERRUPTED, None), (AttemptOutcome.RETRYING, None), (AttemptOutcome.FAILED, NOW)],
)
def test_an_ending_that_makes_no_sense_is_refused(outcome: AttemptOutcome, not_before: object) -> None:
    with pytest.raises(ValueError, match="attempt"):
        AttemptEnding(outcome, not_before=not_before)  # type: ignore[arg-type]  # the table mixes None and instants


def test_a_run_is_found_by_how_its_id_begins_and_by_its_tail(database: Database) -> None:
    old, middle, new = sorted(queued(database, f"eu/{name}") for name in ("a", "b", "c"))

    def named(part: str, limit: int = 5) -> list[str]:
        with database.read() as connection:
            return [id_ for id_, _ in run_reads.by_part(connection, ALL, part, limit=limit)]

    assert named(old) == named(old[:23]) == [old], "all but its tail"
    assert [named(one[-12:]) for one in (old, middle, new)] == [[old], [middle], [new]]
    assert old in named(old[-12:-6]), "the beginning of its tail"
    assert old not in named(old[-11:]), "another part of it"
    assert named(old[:6]) == [old, middle, new]
    assert named(old[:6], limit=2) == [old, middle]
