"""Nobody approves what their own request led to, where the project says so; the scheduler is who decides it."""

from __future__ import annotations

import pytest

from common.domain.approvals import OURS, ApprovalKind, ApprovalState, by_self
from common.store.engine.session import Database
from common.store.state import approvals, intents
from common.store.state.approvals import Subject
from common.store.state.intents import IntentKind, NewIntent
from tests.factories import said
from tests.harness import texts
from tests.harness.scheduler import PAY, Steps

ANOTHER = "  approvals: {notBySelf: true}\n"


def hub(database: Database, rules: str) -> Steps:
    files = {"fleet.yaml": texts.FLEET, "clusters.yaml": texts.cluster("c1")}
    files |= {"projects.yaml": texts.project("team", more=rules)}
    files |= {"teams/team/app.yaml": texts.application(more="  project: team\n")}
    steps = Steps(database, files)
    steps.look()
    steps.synced("a")
    return steps


def asked(steps: Steps, by: str) -> int:
    with steps.db.write() as connection:
        whose, now = Subject(str(PAY), project="team", asked_by=by), steps.db.now(connection)
        given: dict[str, list[str]] = {"objects": []}
        return approvals.ask(connection, ApprovalKind.PRUNE, whose, payload=given, reason=said("many"), now=now)


def decided(steps: Steps, approval: int, by: str, kind: IntentKind = IntentKind.APPROVE) -> str:
    with steps.db.write() as connection:
        wanted = NewIntent(kind, str(approval), "team", by, "because")
        id_ = intents.add(connection, wanted, now=steps.db.now(connection))
    steps.intents.tick()
    with steps.db.read() as connection:
        found = intents.get(connection, id_)
    assert found is not None
    return found.result_code


def state(steps: Steps, approval: int) -> ApprovalState:
    with steps.db.read() as connection:
        found = approvals.get(connection, approval)
    assert found is not None
    return found.state


def test_who_asked_does_not_approve_and_another_does(database: Database) -> None:
    steps = hub(database, ANOTHER)
    approval = asked(steps, "ann")
    assert decided(steps, approval, "ann") == "request.by-self"
    assert state(steps, approval) is ApprovalState.OPEN
    assert decided(steps, approval, "bob") == "request.approved"


def test_who_asked_may_take_it_back(database: Database) -> None:
    steps = hub(database, ANOTHER)
    assert decided(steps, asked(steps, "ann"), "ann", IntentKind.REJECT) == "request.rejected"


@pytest.mark.parametrize("rules", ["", "  approvals: {}\n", "  approvals: {notBySelf: false}\n"])
def test_a_project_that_does_not_say_so_refuses_nobody(database: Database, rules: str) -> None:
    steps = hub(database, rules)
    assert decided(steps, asked(steps, "ann"), "ann") == "request.approved"


def test_what_nobody_asked_for_anybody_approves(database: Database) -> None:
    steps = hub(database, ANOTHER)
    assert decided(steps, asked(steps, OURS), "ann") == "request.approved"
    assert not by_self("", "")
    assert not by_self(OURS, OURS)


def test_what_nobody_knows_who_asked_for_is_asked_again(database: Database) -> None:
    """Those from before it was kept, and those by workers that do not keep it: it may be the very one who approves."""
    steps = hub(database, ANOTHER)
    approval = asked(steps, "")
    assert decided(steps, approval, "ann") == "request.asker-unknown"
    assert state(steps, approval) is ApprovalState.OPEN
    assert decided(steps, approval, "ann", IntentKind.REJECT) == "request.rejected"


@pytest.mark.parametrize("by", ["ci:ci.example.com:acme/pay", "token:ci", "token:ci#7"])
@pytest.mark.parametrize("asker", ["ann", OURS])
def test_only_a_person_approves(database: Database, asker: str, by: str) -> None:
    """Whoever asks as themselves would approve as a pipeline of theirs."""
    steps = hub(database, ANOTHER)
    approval = asked(steps, asker)
    assert decided(steps, approval, by) == "request.no-person"
    assert decided(steps, approval, "oidc:4711") == "request.approved"


@pytest.mark.parametrize(("asker", "by"), [("", "ann"), ("ann", "token:ci")])
def test_elsewhere_neither_is_refused(database: Database, asker: str, by: str) -> None:
    steps = hub(database, "")
    assert decided(steps, asked(steps, asker), by) == "request.approved"


def test_to_turn_it_on_holds_for_what_is_open(database: Database) -> None:
    steps = hub(database, "")
    approval = asked(steps, "ann")
    files = {"fleet.yaml": texts.FLEET, "clusters.yaml": texts.cluster("c1")}
    files |= {"projects.yaml": texts.project("team", more=ANOTHER)}
    steps.commit(files | {"teams/team/app.yaml": texts.application(more="  project: team\n")})
    assert decided(steps, approval, "ann") == "request.by-self"


def test_a_second_request_for_the_very_same_does_not_change_whose_it_is(database: Database) -> None:
    steps = hub(database, ANOTHER)
    approval = asked(steps, "ann")
    assert asked(steps, "bob") == approval
    assert decided(steps, approval, "ann") == "request.by-self"
