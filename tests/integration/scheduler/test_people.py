"""What people ask for and allow is carried out once, after what is under way, and leaves no stale words."""

from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import select, update

from common.domain.approvals import OURS, ApprovalKind, ApprovalState
from common.domain.holds import Hold
from common.domain.placements import PlacementState
from common.domain.reasons import sentence
from common.domain.refs import PlacementRef
from common.domain.runs import AttemptOutcome
from common.domain.status import NONE
from common.store.engine.session import Database
from common.store.queue.attempts import AttemptEnding
from common.store.queue.runs import ClaimedRun
from common.store.schema.tables import ApprovalRow, PlacementRow
from common.store.state import approvals, intents, outcomes
from common.store.state.approvals import Subject
from common.store.state.intents import IntentKind, IntentOutcome, NewIntent
from tests.factories import said
from tests.harness import texts
from tests.harness.scheduler import PAY, REGISTRY, Steps


def test_an_approved_prune_is_carried_out_after_the_run_under_way(steps: Steps) -> None:
    steps.synced("a")
    with steps.db.write() as connection:
        now = steps.db.now(connection)
        asked = approvals.ask(
            connection,
            ApprovalKind.PRUNE,
            Subject(str(PAY), project="", asked_by=OURS),
            payload={"objects": []},
            reason=said("many"),
            now=now,
        )
    steps.resolve("b")
    steps.planner.tick()
    run = steps.claim()
    steps.ask(IntentKind.APPROVE, str(asked))
    steps.intents.tick()
    steps.succeed(run)
    steps.turns()
    assert steps.placement().run is not None


def test_many_at_once_are_carried_out_behind_what_was_asked_for_alone_and_counted(steps: Steps) -> None:
    steps.synced("a")
    with steps.db.write() as connection:
        now = steps.db.now(connection)
        missing = {f"c1/none-{number}": "default" for number in range(150)}
        of_all = NewIntent(IntentKind.PAUSE, "", "default", "ann", "because")
        batch = intents.add_batch(connection, of_all, {str(PAY): "default", **missing}, now=now)
    alone = steps.ask(IntentKind.CHECK, "c1/alone")
    with steps.db.read() as connection:
        waiting = intents.unhandled(connection)
    assert waiting[0].id == alone
    assert len(waiting) == 101, "a turn takes no more of a batch"
    steps.intents.tick()
    with steps.db.read() as connection:
        found = intents.get(connection, batch)
        assert found is not None
        assert (found.handled_at, intents.counts(connection, batch)["waiting"]) == (None, 51)
    steps.intents.tick()
    with steps.db.read() as connection:
        found = intents.get(connection, batch)
        assert found is not None
        assert (found.outcome, intents.unhandled(connection)) == (IntentOutcome.DONE, ())
        assert found.result == "151 placements: 1 done, 150 refused"
        assert steps.placement().paused


def test_whatever_is_asked_of_one_placement_is_carried_out_in_the_order_in_which_it_was_asked(steps: Steps) -> None:
    """A later request is alone, and its placement at the end of a batch: nothing undoes it afterwards."""
    steps.synced("a")
    with steps.db.write() as connection:
        now = steps.db.now(connection)
        subjects = {f"c1/none-{number}": "default" for number in range(250)} | {str(PAY): "default"}
        of_all = NewIntent(IntentKind.PAUSE, "", "default", "ann", "because")
        intents.add_batch(connection, of_all, subjects, now=now)
    asked = steps.ask(IntentKind.RESUME, str(PAY))
    with steps.db.read() as connection:
        first, second, *rest = intents.unhandled(connection)
    assert (first.kind, first.subject, second.id) == (IntentKind.PAUSE, str(PAY), asked), "and it waits for no batch"
    assert len(rest) == 100
    for _ in range(4):
        steps.intents.tick()
    assert not steps.placement().paused


def test_nor_does_a_batch_overtake_what_was_asked_alone_before_it(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.synced("a")
    for number in range(3):
        steps.ask(IntentKind.PAUSE, f"c1/none-{number}")
    steps.ask(IntentKind.PAUSE, str(PAY))
    with steps.db.write() as connection:
        of_all = NewIntent(IntentKind.RESUME, "", "default", "ann", "because")
        intents.add_batch(connection, of_all, {str(PAY): "default", "c1/x": "default"}, now=steps.db.now(connection))
    monkeypatch.setattr("scheduler.loop.intents.intents.unhandled", partial(intents.unhandled, limit=2))
    for _ in range(3):
        steps.intents.tick()
    assert not steps.placement().paused


def test_so_much_of_one_subject_that_a_turn_has_no_room_for_it_stays_in_order(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.synced("a")
    monkeypatch.setattr(intents, "_MOST_AHEAD", 2)
    for _ in range(5):
        with steps.db.write() as connection:
            of_all = NewIntent(IntentKind.PAUSE, "", "default", "ann", "because")
            subjects = {str(PAY): "default", "c1/x": "default"}
            intents.add_batch(connection, of_all, subjects, now=steps.db.now(connection))
    asked = steps.ask(IntentKind.RESUME, str(PAY))
    with steps.db.read() as connection:
        assert asked not in {one.id for one in intents.unhandled(connection, of_batches=0)}
    for _ in range(6):
        steps.intents.tick()
    assert not steps.placement().paused


@pytest.mark.parametrize("kind", [IntentKind.SYNC, IntentKind.CHECK, IntentKind.PAUSE, IntentKind.RESUME])
def test_what_was_asked_for_in_the_project_that_a_placement_has_left_is_not_done(
    steps: Steps, kind: IntentKind
) -> None:
    """Whoever asked had the right in that project; in the one that it is of now, nobody looked for it."""
    steps.synced("a")
    if kind is IntentKind.RESUME:
        steps.ask(IntentKind.PAUSE, str(PAY))
        steps.intents.tick()
    with steps.db.write() as connection:
        asked = intents.add(
            connection, NewIntent(kind, str(PAY), "team", "ann", "because"), now=steps.db.now(connection)
        )
    before = steps.placement()
    steps.intents.tick()
    with steps.db.read() as connection:
        found = intents.get(connection, asked)
    assert found is not None
    assert (found.outcome, found.result_code) == (IntentOutcome.REFUSED, "request.other-project")
    assert found.result == "it was asked for in project team, and the placement has gone to another one since"
    assert steps.placement() == before


@pytest.mark.parametrize("kind", [ApprovalKind.PRUNE, ApprovalKind.MOVE])
@pytest.mark.parametrize("decision", [IntentKind.APPROVE, IntentKind.REJECT])
def test_what_waits_follows_its_placement_to_another_project_and_the_former_decides_nothing(
    database: Database, kind: ApprovalKind, decision: IntentKind
) -> None:
    app = texts.application(more="  project: team\n")
    rest = {"fleet.yaml": texts.FLEET, "clusters.yaml": texts.cluster("c1")}
    rest |= {"projects.yaml": texts.documents(texts.project("team"), texts.project("others"))}
    steps = Steps(database, rest | {"teams/team/app.yaml": app})
    steps.look()
    steps.synced("a")
    with steps.db.write() as connection:
        connection.execute(update(PlacementRow).values(tenant_project="team"))
        given = {"objects": [], "from": "c1/other"}
        whose, now = Subject(str(PAY), project="team", asked_by=OURS), steps.db.now(connection)
        asked = approvals.ask(connection, kind, whose, payload=given, reason=said("many"), now=now)
    steps.commit(rest | {"teams/others/app.yaml": app.replace("project: team", "project: others")})

    def decided(by: str) -> str:
        with steps.db.write() as connection:
            wanted = NewIntent(decision, str(asked), by, "ann", "because")
            id_ = intents.add(connection, wanted, now=steps.db.now(connection))
        steps.intents.tick()
        with steps.db.read() as connection:
            found = intents.get(connection, id_)
        assert found is not None
        return found.result_code

    assert decided("team") == "request.other-project", "in force, and not planned"
    steps.planner.tick()
    with steps.db.read() as connection:
        found = approvals.get(connection, asked)
    assert found is not None
    assert (found.project, found.state) == ("others", ApprovalState.OPEN)
    assert decided("team") == "request.other-project"
    assert decided("others") == Hold.TRANSFERRED, "team wrote the objects"
    with steps.db.write() as connection:
        connection.execute(update(PlacementRow).values(tenant_project="others"))
    assert decided("others") in {"request.approved", "request.moves", "request.rejected"}


def test_what_one_project_allowed_is_not_carried_out_in_another(database: Database) -> None:
    app = texts.application(more="  project: team\n")
    rest = {"fleet.yaml": texts.FLEET, "clusters.yaml": texts.cluster("c1")}
    rest |= {"projects.yaml": texts.documents(texts.project("team"), texts.project("others"))}
    steps = Steps(database, rest | {"teams/team/app.yaml": app})
    steps.look()
    steps.synced("a")
    with steps.db.write() as connection:
        whose, now = Subject(str(PAY), project="team", asked_by=OURS), steps.db.now(connection)
        given: dict[str, list[str]] = {"objects": []}
        asked = approvals.ask(connection, ApprovalKind.PRUNE, whose, payload=given, reason=said("many"), now=now)
        approvals.decide(connection, asked, ApprovalState.APPROVED, actor="ann", reason="because", now=now)
    steps.commit(rest | {"teams/others/app.yaml": app.replace("project: team", "project: others")})
    steps.planner.tick()
    with steps.db.read() as connection:
        found = approvals.get(connection, asked)
    assert found is not None
    assert (found.project, found.state) == ("team", ApprovalState.DONE)


def test_an_approval_to_leave_is_used_up(database: Database) -> None:
    applications = [f"a{number}" for number in range(3)]
    active = {
        "fleet.yaml": texts.FLEET,
        "clusters.yaml": texts.cluster("c1"),
        "apps.yaml": texts.documents(*map(texts.application, applications)),
    }
    draining = active | {"clusters.yaml": texts.cluster("c1", more=", state: draining")}
    steps = Steps(database, active)
    steps.look()
    steps.workers()

    def bring(digest: str) -> None:
        steps.resolve(digest, applications)
        steps.planner.tick()
        for ref in steps.refs():
            run = steps.placement(ref).run
            assert run is not None
            steps.succeed(steps.claim(run.id))

    bring("a")
    steps.commit(draining)
    steps.planner.tick()
    (asked,) = _open_approvals(steps)
    steps.ask(IntentKind.APPROVE, str(asked))
    steps.intents.tick()
    steps.planner.tick()
    for ref in steps.refs():
        run = steps.placement(ref).run
        assert run is not None
        _leave(steps, steps.claim(run.id))
    steps.commit(active)
    bring("b")
    steps.commit(draining)
    steps.planner.tick()
    assert steps.placement(PlacementRef("c1", "a0")).state is PlacementState.PLACED, "the second drain asks anew"
    assert len(_open_approvals(steps)) == 1


@pytest.mark.parametrize("answer", [None, IntentKind.REJECT])
def test_what_a_commit_brings_frees_nothing_that_it_removes(database: Database, answer: IntentKind | None) -> None:
    old, new = ["a0", "a1", "a2"], [f"b{number}" for number in range(6)]
    fleet = f"{texts.FLEET}  leaving: {{maxPlacements: 10, maxPercent: 40}}\n"
    files = {"fleet.yaml": fleet, "clusters.yaml": texts.cluster("c1")}
    steps = Steps(database, files | {"apps.yaml": texts.documents(*map(texts.application, old))})
    steps.look()
    steps.workers()
    steps.resolve("a", old)
    steps.planner.tick()
    for ref in steps.refs():
        run = steps.placement(ref).run
        assert run is not None
        steps.succeed(steps.claim(run.id))
    retired = [texts.application(name, more="  state: retired\n") for name in old[:2]]
    steps.commit(files | {"apps.yaml": texts.documents(*retired, *map(texts.application, [*old[2:], *new]))})
    steps.planner.tick()
    (asked,) = _open_approvals(steps)
    if answer is not None:
        steps.ask(answer, str(asked))
        steps.intents.tick()
    for digest in ("b", "c"):  # the new ones are placed by now: the two are 2 of 9
        steps.resolve(digest, old + new)
        steps.planner.tick()
    left = [steps.placement(PlacementRef("c1", name)) for name in old[:2]]
    assert {one.state for one in left} == {PlacementState.PLACED}
    assert {one.hold.code for one in left} == {Hold.ASKED}
    (approval,) = _open_approvals(steps)
    assert (approval == asked) is (answer is None)
    with steps.db.read() as connection:
        found = approvals.get(connection, approval)
    assert found is not None
    assert sentence(found.reason) == "2 placements of 3 placed would be removed"


def _leave(steps: Steps, run: ClaimedRun) -> None:
    steps.end(
        run,
        AttemptEnding(AttemptOutcome.SUCCEEDED),
        lambda connection, _now: outcomes.record_left(connection, run.placement_id),
    )


def _open_approvals(steps: Steps) -> list[int]:
    with steps.db.read() as connection:
        return list(connection.execute(select(ApprovalRow.id).where(ApprovalRow.state == "open")).scalars())


def test_resuming_leaves_no_word_of_the_pause(steps: Steps) -> None:
    steps.synced("a")
    steps.ask(IntentKind.PAUSE, str(PAY))
    steps.intents.tick()
    steps.resolve("b")
    steps.planner.tick()
    assert steps.placement().hold.code == Hold.PAUSED
    steps.ask(IntentKind.RESUME, str(PAY))
    steps.turns()
    assert (steps.wanted(), steps.placement().hold) == ("b", NONE)


def test_what_was_synced_by_hand_no_longer_waits_for_a_hand(database: Database) -> None:
    steps = Steps(database, REGISTRY | {"app.yaml": texts.application(more="  sync: {mode: manual}\n")})
    steps.look()
    steps.workers()
    steps.resolve("a")
    steps.planner.tick()
    assert steps.placement().run is None
    assert steps.placement().hold.code == Hold.MANUAL
    steps.ask(IntentKind.SYNC, str(PAY))
    steps.intents.tick()
    steps.succeed(steps.claim())
    steps.turns()
    assert steps.placement().hold == NONE


def test_one_intent_that_cannot_be_carried_out_holds_up_no_other(steps: Steps) -> None:
    steps.synced()
    steps.ask(IntentKind.PAUSE, "nonsense")
    good = steps.ask(IntentKind.PAUSE, str(PAY))
    steps.turns()
    with steps.db.read() as connection:
        found = intents.get(connection, good)
    assert found is not None
    assert found.handled_at is not None


def _answer(steps: Steps, kind: IntentKind, subject: str) -> intents.Intent:
    asked = steps.ask(kind, subject)
    steps.intents.tick()
    with steps.db.read() as connection:
        found = intents.get(connection, asked)
    assert found is not None
    return found


def test_what_came_of_a_request_is_told_for_programs(steps: Steps) -> None:
    steps.synced()
    assert _answer(steps, IntentKind.PAUSE, str(PAY)).outcome is IntentOutcome.DONE
    assert _answer(steps, IntentKind.PAUSE, "c1/other").outcome is IntentOutcome.REFUSED
    assert _answer(steps, IntentKind.APPROVE, "7").outcome is IntentOutcome.REFUSED
    assert _answer(steps, IntentKind.REFRESH, "https://git.example.com/other.git").outcome is IntentOutcome.REFUSED
    assert _answer(steps, IntentKind.REFRESH, "").outcome is IntentOutcome.DONE
    assert _answer(steps, IntentKind.PAUSE, "nonsense").outcome is IntentOutcome.BROKEN


def test_a_sync_joins_the_run_that_waits_for_the_same_revision(steps: Steps) -> None:
    steps.synced("a")
    steps.resolve("b")
    steps.planner.tick()
    run = steps.claim()
    steps.end(run, AttemptEnding(AttemptOutcome.WAITING, reason=said("health of wave 1")))
    answer = _answer(steps, IntentKind.SYNC, str(PAY))
    assert (answer.outcome, answer.run_id) == (IntentOutcome.JOINED, run.attempt.run)
    assert steps.placement().run is not None


def test_a_sync_replaces_a_run_that_waits_for_another_revision(steps: Steps) -> None:
    steps.synced("a")
    steps.resolve("b")
    steps.planner.tick()
    run = steps.claim()
    steps.end(run, AttemptEnding(AttemptOutcome.WAITING, reason=said("health of wave 1")))
    steps.resolve("c")
    steps.planner.tick()
    answer = _answer(steps, IntentKind.SYNC, str(PAY))
    assert answer.outcome is IntentOutcome.DONE
    assert answer.run_id not in {None, run.attempt.run}


def test_a_sync_joins_a_run_whose_hook_is_under_way_whatever_its_revision(steps: Steps) -> None:
    steps.synced("a")
    steps.resolve("b")
    steps.planner.tick()
    run = steps.claim()
    steps.end(run, AttemptEnding(AttemptOutcome.WAITING, reason=said("Job migrate"), hook_active=True))
    steps.resolve("c")
    steps.planner.tick()
    answer = _answer(steps, IntentKind.SYNC, str(PAY))
    assert (answer.outcome, answer.run_id) == (IntentOutcome.JOINED, run.attempt.run)
