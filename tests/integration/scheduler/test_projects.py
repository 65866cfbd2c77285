"""Whose everything is that the scheduler writes: a placement follows the registry, the rest is as it was then."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from common.domain.refs import PlacementRef
from common.domain.status import Reason
from common.store.engine.session import Database
from common.store.schema.tables import AuditRow, Base, EventRow, FaultRow, IntentRow, RunRow
from common.store.state import placements, sources
from common.store.state.intents import IntentKind
from common.store.state.sources import Digest
from tests.harness import texts
from tests.harness.scheduler import PAY, Steps

TEAM, OTHER = texts.project("team"), texts.project("other")
OF_TEAM, OF_OTHER = (texts.application(more=f"  project: {name}\n") for name in ("team", "other"))
FILES = {
    "fleet.yaml": texts.FLEET,
    "clusters.yaml": texts.cluster("c1"),
    "projects.yaml": texts.documents(TEAM, OTHER),
}
BEFORE = FILES | {"teams/team/pay.yaml": OF_TEAM}
AFTER = FILES | {"teams/other/pay.yaml": OF_OTHER}


def _column(steps: Steps, column: Any) -> list[Any]:
    with steps.db.read() as connection:
        return list(connection.scalars(select(column).order_by(column.class_.id)))


@pytest.fixture
def steps(database: Database) -> Steps:
    """A scheduler whose one placement belongs to ``team``, and is in."""
    made = Steps(database, BEFORE)
    made.synced("a")
    return made


def test_a_placement_follows_the_registry_and_its_runs_do_not(steps: Steps) -> None:
    assert steps.placement().project == "team"
    steps.commit(AFTER)
    steps.planner.tick()
    assert steps.placement().project == "other"
    assert _column(steps, RunRow.project) == ["team"]
    # Sync hands over what the former project has left there.
    steps.ask(IntentKind.SYNC, str(PAY))
    steps.intents.tick()
    assert sorted(_column(steps, RunRow.project)) == ["other", "team"]


def test_only_another_project_is_stored_too(steps: Steps) -> None:
    before = steps.placement()
    with steps.db.write() as connection:
        change = Base.metadata.tables["placements"].update().values(project="nobody")
        connection.execute(change)
    steps.planner.forget()
    steps.planner.tick()
    assert steps.placement() == before


def test_what_the_registry_has_no_more_stays_whose_it_was(steps: Steps) -> None:
    steps.commit(FILES)
    steps.planner.tick()
    assert (steps.placement().project, steps.placement().state) == ("team", "retained")


def test_a_request_and_its_audit_are_whose_the_placement_is_then(steps: Steps) -> None:
    steps.ask(IntentKind.PAUSE, str(PAY))
    steps.ask(IntentKind.REFRESH, "")
    steps.commit(AFTER)
    steps.planner.tick()
    steps.ask(IntentKind.RESUME, str(PAY))
    assert _column(steps, IntentRow.project) == ["team", "", "other"]
    assert _column(steps, AuditRow.project) == ["team", "", "other"]


def test_faults_are_of_the_one_project_in_whose_folders_the_file_is(steps: Steps) -> None:
    shared = texts.project("shared").replace("teams/shared/**", "teams/*/shared/**")
    broken = "kind: Application\nmetadata: {name: x}\nspec: {}\n"
    files = BEFORE | {
        "projects.yaml": texts.documents(TEAM, OTHER, shared),
        "teams/team/x.yaml": broken,
        "teams/other/shared/y.yaml": broken.replace("name: x", "name: y"),
        "elsewhere.yaml": broken.replace("name: x", "name: z"),
    }
    steps.commit(files)
    with steps.db.read() as connection:
        query = select(FaultRow.file, FaultRow.project).where(FaultRow.file != "").distinct()
        found = {row.file: row.project for row in connection.execute(query)}
    assert found == {"teams/team/x.yaml": "team", "teams/other/shared/y.yaml": "", "elsewhere.yaml": ""}


def test_a_known_fault_moves_to_whom_its_file_belongs_now(steps: Steps) -> None:
    broken = BEFORE | {"teams/team/x.yaml": "kind: Application\nmetadata: {name: x}\nspec: {}\n"}
    steps.commit(broken)
    assert set(_column(steps, FaultRow.project)) == {"team"}
    steps.commit(broken | {"projects.yaml": texts.documents(TEAM, OTHER.replace("'teams/other/**'", "'teams/**'"))})
    assert set(_column(steps, FaultRow.project)) == {""}


def test_what_cannot_be_read_is_a_fault_of_its_application(steps: Steps) -> None:
    with steps.db.write() as connection:
        now = steps.db.now(connection)
        unread = Digest(1, "pay", "c" * 40, "", (), error=Reason("told", {"text": "no such folder"}))
        sources.store_resolution(
            connection,
            1,
            commit="c" * 40,
            snapshot_id=1,
            found=[unread],
            began=now,
            next_at=now + timedelta(hours=1),
            now=now,
        )
    steps.planner.tick()
    assert _column(steps, FaultRow.project) == ["team"]


def test_events_are_of_whose_they_tell(steps: Steps) -> None:
    steps.resolve("b")  # what was resolved before anything was placed is nobody's
    with steps.db.read() as connection:
        told = connection.execute(select(EventRow.kind, EventRow.project).distinct())
        found = {(row.kind, row.project) for row in told}
    assert ("run.ended", "team") in found
    assert ("revision.resolved", "team") in found


def test_who_is_not_there_belongs_to_nobody(database: Database) -> None:
    with database.read() as connection:
        assert placements.project_of(connection, PlacementRef("no", "body")) == ""
