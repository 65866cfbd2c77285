"""Each outcome is told once, with its change and not without it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text, update

from common.domain.approvals import OURS, ApprovalKind, ApprovalState
from common.domain.codes import RunReason
from common.domain.events import PARAMS, Event, EventKind, Position, sentence
from common.domain.health import Health, HealthReport
from common.domain.refs import PlacementRef
from common.domain.rights import ALL
from common.domain.runs import AttemptOutcome
from common.domain.status import NONE, Found, Reason
from common.store.engine import upgrade
from common.store.engine.errors import DatabaseError
from common.store.engine.session import Database
from common.store.events import stream
from common.store.events.stream import EventFilter
from common.store.queue import attempts, retention, runs
from common.store.queue.attempts import AttemptEnding
from common.store.schema import emitters, enforced
from common.store.schema.tables import PlacementRow
from common.store.state import approvals, clusters, faults, healths, outcomes, sources
from common.store.state.approvals import Subject
from common.store.state.faults import StoredFault
from common.store.state.healths import SeenHealth
from tests.factories import rendered_by
from tests.integration.db.rows import NOW, SECOND, add_placements, claimed, queued
from tests.integration.db.telling import add_cluster, add_source, told

pytestmark = pytest.mark.timeout(120)


def test_a_run_that_ended_is_told_by_whoever_ended_it(database: Database) -> None:
    found = claimed(database)
    with database.write() as connection:
        ending = AttemptEnding(AttemptOutcome.FAILED, error=Reason("apply.conflict", {"message": "secret words"}))
        attempts.end_attempt(connection, found.attempt, ending, now=NOW + 2.5 * SECOND)
    unclaimed = queued(database, "eu/api")
    with database.write() as connection:
        assert runs.supersede(connection, [2], reason=Reason(RunReason.NEWER_REVISION), now=NOW) == [unclaimed]
    first, second = told(database)
    assert (first.kind, first.subject, first.code, first.run) == (
        EventKind.RUN_ENDED,
        "eu/web",
        "apply.conflict",
        found.attempt.run,
    )
    assert (first.cluster, first.application, first.project, first.actor) == ("eu", "web", "", "flotilla")
    assert first.params == {
        "outcome": "failed",
        "trigger": "revision",
        "reason": "",
        "seconds": 2.5,
        "commit": "c" * 40,
        "counts": None,
    }
    assert (second.params["outcome"], second.params["reason"]) == ("superseded", "run.newer-revision")
    assert second.params["seconds"] is None
    assert sentence(first) == "failed: apply.conflict (revision, 2.5 s)"


def test_health_is_told_when_it_changes_and_with_its_project(database: Database) -> None:
    with database.write() as connection:
        one, other = add_placements(connection, "eu/web", "eu/api")
        connection.execute(update(PlacementRow).where(PlacementRow.id == one).values(project="shop"))
        for health in (Health.DEGRADED, Health.DEGRADED, Health.HEALTHY):
            report = HealthReport(health, Reason("told", {"text": "words"}))
            healths.record_healths(connection, [SeenHealth(one, report, None, None)], now=NOW)
        healths.record_healths(connection, [SeenHealth(other, HealthReport(Health.UNKNOWN), None, None)], now=NOW)
    assert [(event.code, event.params, event.project) for event in told(database)] == [
        ("degraded", {"was": "unknown"}, "shop"),
        ("healthy", {"was": "degraded"}, "shop"),
    ]


def test_drift_is_told_when_it_is_found_and_when_it_is_gone(database: Database) -> None:
    differs = {"objects": 2, "adopted": 0, "first": "Deployment web", "message": "words from a cluster"}
    with database.write() as connection:
        (one,) = add_placements(connection, "eu/web")
        for found in (Reason(Found.DRIFTED, differs), Reason(Found.DRIFTED, differs), Reason(Found.WAITS), NONE):
            outcomes.record_found(connection, one, found)
    first, second = told(database)
    assert (first.kind, first.code) == (EventKind.DRIFT_FOUND, "drift.found")
    assert first.params == {"found": {"objects": 2, "adopted": 0, "first": "Deployment web"}}
    assert (second.kind, second.code, second.params) == (EventKind.DRIFT_CLEARED, "run.waits", {"was": "drift.found"})


def test_a_fault_is_told_when_it_comes_goes_and_comes_again(database: Database) -> None:
    scope, fault = (
        "cluster:eu:orphans",
        StoredFault("cluster.orphan", {"message": "words"}, file="a/b.yaml", line=3, project=""),
    )
    with database.write() as connection:
        for there in ([fault], [fault], [], [], [fault]):
            faults.replace(connection, scope, there, now=NOW)
        faults.add(connection, faults.REGISTRY, fault, now=NOW)
    events = told(database)
    assert [event.kind for event in events] == ["fault.raised", "fault.cleared", "fault.raised", "fault.raised"]
    assert [event.cluster for event in events] == ["eu", "eu", "eu", ""]
    assert {event.code for event in events} == {"cluster.orphan"}
    assert events[0].params == events[2].params
    assert events[0].params["file"] == "a/b.yaml"


def test_a_request_is_told_when_it_is_asked_and_when_it_is_decided(database: Database) -> None:
    with database.write() as connection:
        asked = approvals.ask(
            connection,
            ApprovalKind.PRUNE,
            Subject("eu/web", project="", asked_by=OURS),
            payload={"a": 1},
            reason=Reason("told", {"text": "words"}),
            now=NOW,
        )
        approvals.decide(connection, asked, ApprovalState.APPROVED, actor="ann", reason="words", now=NOW)
        approvals.use_up(connection, [asked])
        for kind, subject in ((ApprovalKind.LEAVING, "fleet"), (ApprovalKind.IDENTITY, "eu")):
            approvals.ask(
                connection,
                kind,
                Subject(subject, project="", asked_by=OURS),
                payload={},
                reason=Reason("told", {"text": "words"}),
                now=NOW,
            )
        approvals.void(connection, ApprovalKind.IDENTITY, "eu", now=NOW)
    events = told(database)
    assert [(event.kind, event.code, event.actor) for event in events] == [
        ("approval.asked", "open", "flotilla"),
        ("approval.decided", "approved", "ann"),
        ("approval.asked", "open", "flotilla"),
        ("approval.asked", "open", "flotilla"),
        ("approval.decided", "void", "flotilla"),
    ]
    assert [(event.cluster, event.application) for event in events[1:4]] == [("eu", "web"), ("", ""), ("eu", "")]
    assert events[0].params == {"approval": asked, "asks": "prune"}


def test_a_cluster_is_told_when_it_is_lost_and_when_it_is_reached(database: Database) -> None:
    add_cluster(database, "eu")
    with database.write() as connection:
        for _ in range(2):
            clusters.record_reached(connection, "eu", version="v1.33.1", expire_at=None, now=NOW)
        for _ in range(2):
            clusters.record_unreached(connection, "eu", Reason("cluster.timeout", {"message": "words"}))
        clusters.record_reached(connection, "eu", version="v1.33.2", expire_at=None, now=NOW)
    assert [(event.kind, event.code, event.params["version"]) for event in told(database)] == [
        ("cluster.reached", "", "v1.33.1"),
        ("cluster.lost", "cluster.timeout", "v1.33.1"),
        ("cluster.reached", "", "v1.33.2"),
    ]


def test_a_revision_is_told_when_the_files_of_an_application_change(database: Database) -> None:
    source = add_source(database)

    def resolve(commit: str, **digests: str) -> None:
        found = [
            sources.Digest(source, name, commit, digest, rendered_by("plain 1")) for name, digest in digests.items()
        ]
        with database.write() as connection:
            sources.store_resolution(
                connection, source, commit=commit, snapshot_id=1, found=found, began=NOW, next_at=NOW, now=NOW
            )

    resolve("c1", web="d1", api="")
    resolve("c2", web="d1", api="d1")
    resolve("c3", web="d2", api="d1")
    assert [(event.subject, event.params["commit"], event.params["digest"]) for event in told(database)] == [
        ("web", "c1", "d1"),
        ("api", "c2", "d1"),
        ("web", "c3", "d2"),
    ]


def test_what_was_not_committed_is_not_told(database: Database) -> None:
    with database.write() as connection:
        add_placements(connection, "eu/web")
    with pytest.raises(KeyboardInterrupt), database.write() as connection:  # noqa: PT012 - killed in the middle
        connection.execute(update(PlacementRow).values(health="degraded"))
        raise KeyboardInterrupt
    assert told(database) == ()


def test_positions_are_words_and_back(database: Database) -> None:
    claimed_run = claimed(database)
    with database.write() as connection:
        attempts.end_attempt(connection, claimed_run.attempt, AttemptEnding(AttemptOutcome.SUCCEEDED), now=NOW)
    (event,) = told(database)
    assert Position.parse(str(event.position)) == event.position
    assert event.position.id[14] == "7"
    with database.read() as connection:
        assert stream.head(connection, ALL) == event.position
        assert stream.behind(connection, event.position, EventFilter(ALL), limit=10) == ()


def test_events_are_found_by_cluster_application_and_kind(database: Database) -> None:
    with database.write() as connection:
        made = add_placements(connection, "eu/web", "eu/api", "us/web")
        seen = [SeenHealth(one, HealthReport(Health.DEGRADED), None, None) for one in made]
        healths.record_healths(connection, seen, now=NOW)
        faults.add(connection, "cluster:eu", StoredFault("x", {"message": "words"}, project=""), now=NOW)

    def subjects(which: EventFilter) -> list[str]:
        with database.read() as connection:
            found = stream.behind(connection, Position(), which, limit=10)
            assert found == stream.latest(connection, which, limit=10)
        return [event.subject for event in found]

    assert subjects(EventFilter(ALL, cluster="eu")) == ["eu/web", "eu/api", "cluster:eu"]
    assert subjects(EventFilter(ALL, application="web")) == ["eu/web", "us/web"]
    assert subjects(EventFilter(ALL, "eu", "web")) == ["eu/web"]
    assert subjects(EventFilter(ALL, kinds=(EventKind.FAULT_RAISED,))) == ["cluster:eu"]
    with database.read() as connection:
        assert [event.subject for event in stream.latest(connection, EventFilter(ALL), limit=2)] == [
            "us/web",
            "cluster:eu",
        ]


@pytest.mark.parametrize("breach", ["UPDATE events SET code = 'other'", "DELETE FROM events"])
def test_what_was_told_stays(database: Database, breach: str) -> None:
    with database.write() as connection:
        faults.add(connection, "cluster:eu", StoredFault("x", {"message": "words"}, project=""), now=NOW)
    with pytest.raises(DatabaseError, match="append-only"), database.write() as connection:
        connection.execute(text(breach))


def test_what_is_gone_or_of_another_version_is_named_and_made_again(database: Database) -> None:
    with database.write() as connection:
        assert emitters.missing(connection) == ()
        on = {"postgresql": " ON runs"}.get(database.dialect, "")
        connection.execute(text(f"DROP TRIGGER event_run_ended{on}"))
        assert emitters.missing(connection) == ("event_run_ended",)
    upgrade.upgrade(database)
    with database.read() as connection:
        assert enforced.missing(connection) == ()


def test_a_trigger_that_is_switched_off_is_named(postgres_database: Database) -> None:
    with postgres_database.write() as connection:
        connection.execute(text("ALTER TABLE faults DISABLE TRIGGER event_fault_raised"))
        assert emitters.missing(connection) == ("event_fault_raised",)


def test_every_kind_is_told_by_something_with_exactly_its_parameters() -> None:
    for emitter in emitters.EMITTERS:
        assert set(emitter.params) == set(PARAMS[emitter.kind]), emitter.name
    assert {emitter.kind for emitter in emitters.EMITTERS} == set(EventKind)
    assert len({emitter.name for emitter in emitters.EMITTERS}) == len(emitters.EMITTERS)


def test_a_sweep_of_many_that_changes_nothing_tells_nothing(database: Database) -> None:
    with database.write() as connection:
        made = add_placements(connection, *(f"eu/a{number}" for number in range(200)))
        for _ in range(3):
            healths.record_healths(
                connection, [SeenHealth(one, HealthReport(Health.HEALTHY), None, None) for one in made], now=NOW
            )
    events = told(database)
    assert len(events) == len(made)
    assert [PlacementRef.parse(event.subject).application for event in events] == [f"a{n}" for n in range(200)]


def test_a_sentence_is_made_of_whatever_an_event_lacks() -> None:
    for kind in EventKind:
        assert isinstance(sentence(Event(Position(), NOW, kind, "eu", "", "", "", "", {}, None, "")), str)


def test_old_events_go_and_what_comes_after_is_behind_what_was_read(database: Database) -> None:
    with database.write() as connection:
        for scope in ("a", "b"):
            faults.add(connection, scope, StoredFault("x", {"message": "words"}, project=""), now=NOW)
    read = told(database)[-1].position
    with database.read() as connection:
        now = database.now(connection)
    with pytest.raises(DatabaseError, match="append-only"), database.write() as connection:
        connection.execute(text("DELETE FROM events"))
    with database.write() as connection:
        assert retention.delete_rows(connection, horizon=now - timedelta(hours=1), limit=10)["events"] == 0
        assert retention.delete_rows(connection, horizon=now + timedelta(hours=1), limit=10)["events"] == 2
    assert told(database) == ()
    with database.write() as connection:
        faults.add(connection, "c", StoredFault("x", {"message": "words"}, project=""), now=NOW)
    with database.read() as connection:
        assert [event.subject for event in stream.behind(connection, read, EventFilter(ALL), limit=10)] == ["c"]
