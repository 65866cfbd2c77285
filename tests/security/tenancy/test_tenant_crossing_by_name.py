"""Tenant crossing: whoever takes an application's name in another project does not get its objects with it.

The attacker may edit the registry's files of the project ``others`` alone. The marker is what is on the cluster, and in
whose name anything was sent for it.
"""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from common.store.schema.tables import AuditRow, PlacementRow
from common.store.state import intents
from common.store.state.intents import IntentKind, NewIntent
from tests.harness.hub import APPS, REGISTRY, StepHub
from tests.harness.manifests import config_map, job
from tests.harness.seen import live, look
from tests.security.tenancy.conftest import Sent
from tests.security.tenancy.test_hubs_rights_by_default import OTHERS, OURS, in_whose_name, project

THEIRS = "system:serviceaccount:web:mighty"
WROTE = "project team wrote its objects, and the application is one of project others now"
HELD = "placement.transferred"


@pytest.fixture
def placed(hub: StepHub) -> StepHub:
    """A hub on which project ``team`` runs ``web``."""
    return declared(hub)


def declared(hub: StepHub) -> StepHub:
    hub.declare("eu")
    hub.git.commit(REGISTRY.repo, {"projects.yaml": project("team", "web.yaml") + OTHERS})
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1") + config_map("kept", v="1")})
    hub.git.commit(APPS, {"theirs/a.yaml": config_map("web", v="stolen")})
    hub.application("web", more="  project: team\n")
    hub.settle()
    assert hub.placement("eu/web").sync == "synced", hub.faults()
    return hub


def taken(hub: StepHub, *, more: str = "", path: str = "theirs", name: str = "web") -> dict[str, str]:
    """Return the attacker's document of an application of that name."""
    files = hub.git.files[REGISTRY.repo]
    document = files.get("web.yaml") or files["gone.txt"]
    theirs = document.replace("project: team", "project: others").replace("path: web,", f"path: {path},")
    return {"other.yaml": theirs.replace("name: web}", f"name: {name}}}", 1) + more}


def take(hub: StepHub, *, more: str = "", path: str = "theirs") -> None:
    hub.git.commit(REGISTRY.repo, taken(hub, more=more, path=path))


def leave(hub: StepHub) -> None:
    """Remove the owner's document, which keeps what it placed."""
    hub.git.commit(REGISTRY.repo, {"web.yaml": None, "gone.txt": hub.git.files[REGISTRY.repo]["web.yaml"]})


def come_back(hub: StepHub) -> None:
    hub.git.commit(REGISTRY.repo, {"other.yaml": None, "web.yaml": hub.git.files[REGISTRY.repo]["gone.txt"]})


def value(hub: StepHub, name: str = "web") -> str:
    """Return what is on the cluster."""
    found = live(hub, "eu", "web", name)
    return "" if found is None else str(found["data"]["v"])


def hold(hub: StepHub) -> str:
    with hub.database.read() as connection:
        return str(connection.scalars(select(PlacementRow.hold_code).where(PlacementRow.application == "web")).one())


def untouched(hub: StepHub, sent: list[Sent]) -> None:
    assert not [one for one in sent if one.of_a_run]
    assert (value(hub), value(hub, "kept")) == ("1", "1")


@pytest.mark.parametrize("more", ["", "  state: retired\n", "  sync: {mode: warn}\n"])
def test_a_name_that_was_left_behind_is_taken_over_without_what_it_owns(
    placed: StepHub, sent: list[Sent], more: str
) -> None:
    leave(placed)
    placed.settle(2)
    sent.clear()
    take(placed, more=more)
    placed.settle(4)
    placed.make_due()
    placed.settle(2)
    untouched(placed, sent)
    assert hold(placed) == HELD
    assert not placed.faults()


def take_elsewhere(hub: StepHub, *, more: str = "") -> None:
    """Declare an application of that name for another cluster alone."""
    us = hub.cluster_document("eu").replace("name: eu,", "name: us,").replace("state: active", "state: joining")
    us = us.replace(hub.clusters.url("eu"), "https://127.0.0.1:1")
    fleet = hub.git.files[REGISTRY.repo]["fleet.yaml"]
    document = taken(hub)["other.yaml"].replace("select: {all: true}", "clusters: [us]")
    hub.git.commit(REGISTRY.repo, {"fleet.yaml": fleet + "---\n" + us, "other.yaml": document + more})


def test_nor_is_it_removed_where_the_name_is_taken_for_other_clusters(placed: StepHub, sent: list[Sent]) -> None:
    """The attacker's ``onUnmatch`` is about what the attacker placed."""
    leave(placed)
    placed.settle(2)
    sent.clear()
    take_elsewhere(placed, more="  onUnmatch: delete\n")
    placed.settle(4)
    untouched(placed, sent)
    assert placed.placement("eu/web").state == "retained"
    assert not placed.faults()


@pytest.mark.parametrize("more", ["", "  state: retired\n"])
def test_a_document_that_moves_to_another_projects_folder_takes_nothing_along(
    placed: StepHub, sent: list[Sent], more: str
) -> None:
    """Both in one commit, so that nobody ever saw the name without an owner."""
    sent.clear()
    placed.git.commit(REGISTRY.repo, {**taken(placed, more=more), "web.yaml": None})
    placed.settle(4)
    untouched(placed, sent)
    assert hold(placed) == HELD
    if not more:
        assert placed.placement("eu/web").reason.startswith(WROTE)


def test_a_name_that_is_in_use_stays_its_owners(placed: StepHub, sent: list[Sent]) -> None:
    sent.clear()
    take(placed)
    placed.settle(4)
    assert in_whose_name(sent) <= {OURS}
    assert (value(placed), value(placed, "kept")) == ("1", "1")
    assert placed.faults()


def test_drift_of_what_was_left_behind_is_not_corrected_either(placed: StepHub, sent: list[Sent]) -> None:
    leave(placed)
    # The very same document, so that there is not even a new revision.
    take(placed, path="web")
    placed.settle(2)
    with placed.database.write() as connection:
        connection.execute(update(PlacementRow).values(hint_judged="x"))
    sent.clear()
    runs_before = len(placed.runs("eu/web"))
    placed.make_due()
    placed.settle(2)
    untouched(placed, sent)
    assert len(placed.runs("eu/web")) == runs_before


# -- runs that were made before the name changed hands ---------------------------------------------------------------


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_run_that_was_made_before_the_name_changed_hands_does_nothing(
    placed: StepHub, sent: list[Sent], *, by_hand: bool
) -> None:
    """The attacker's document says what the owner's did, so that the run is as wanted as before."""
    placed.git.commit(APPS, {"web/a.yaml": config_map("web", v="2") + config_map("kept", v="1")})
    placed.settle(1)  # resolves it
    if by_hand:
        placed.planner.tick()
        placed.ask(IntentKind.SYNC, "eu/web")
    placed.tick()  # and makes the run
    assert placed.sender.messages
    placed.git.commit(REGISTRY.repo, {**taken(placed, path="web"), "web.yaml": None})
    placed.registry.refresh()
    placed.registry.look(jitter=1.0)
    sent.clear()
    placed.work()
    untouched(placed, sent)
    assert placed.runs("eu/web")[0].outcome == "skipped"
    placed.settle(3)
    untouched(placed, sent)


def test_a_sync_that_was_asked_for_before_anybody_was_told_hands_nothing_over(
    placed: StepHub, sent: list[Sent]
) -> None:
    leave(placed)
    take(placed, path="web")
    placed.registry.refresh()
    placed.registry.look(jitter=1.0)  # in force, and not planned
    sent.clear()
    placed.ask(IntentKind.SYNC, "eu/web")
    placed.settle(3)
    untouched(placed, sent)


def test_a_hook_that_is_under_way_is_not_gone_on_with_by_another_project(placed: StepHub, sent: list[Sent]) -> None:
    placed.git.commit(APPS, {"web/b.yaml": job("first", hook="pre-sync"), "web/a.yaml": config_map("web", v="2")})
    placed.settle(2)
    (waiting, *_) = placed.runs("eu/web")
    assert waiting.state == "waiting"
    placed.git.commit(REGISTRY.repo, {**taken(placed), "web.yaml": None})
    placed.settle(1)
    sent.clear()
    for _ in range(4):
        look(placed)
    assert in_whose_name(sent) <= {OURS}
    assert value(placed) == "1"
    assert hold(placed) == HELD


# -- removals and moves ----------------------------------------------------------------------------------------------


def test_a_removal_that_is_under_way_comes_to_its_end_and_the_name_is_free_then(
    placed: StepHub, sent: list[Sent]
) -> None:
    document = placed.git.files[REGISTRY.repo]["web.yaml"]
    placed.git.commit(APPS, {"web/b.yaml": job("save", hook="pre-delete")})
    placed.settle(3)
    placed.git.commit(REGISTRY.repo, {"web.yaml": document + "  state: retired\n"})
    placed.settle(2)
    assert placed.placement("eu/web").state == "leaving"
    sent.clear()
    placed.git.commit(REGISTRY.repo, {"web.yaml": None, "gone.txt": document})
    take(placed)
    for _ in range(12):
        placed.tick()
        if placed.placement("eu/web").state != "leaving":
            break
        look(placed)
    of_removal = [one for one in sent if one.of_a_run and one.account == OURS]
    assert {one.method for one in of_removal} >= {"DELETE"}
    for _ in range(4):  # what goes last of the removal may still be going when the name is taken
        placed.settle(2)
        placed.make_due()
    assert (placed.placement("eu/web").sync, value(placed), value(placed, "kept")) == ("synced", "stolen", "")
    assert in_whose_name(sent) == {OURS, THEIRS}


def test_what_is_left_behind_under_a_name_is_no_gift_to_another_application_of_its_new_project(
    placed: StepHub, sent: list[Sent]
) -> None:
    leave(placed)
    placed.settle(2)
    files = ("other.yaml", "second.yaml")
    placed.git.commit(
        REGISTRY.repo, {"projects.yaml": project("team", "web.yaml") + project("others", *files, account="mighty")}
    )
    take_elsewhere(placed)
    placed.git.commit(REGISTRY.repo, {"second.yaml": taken(placed, name="second", path="web")["other.yaml"]})
    placed.settle(4)
    assert (value(placed), value(placed, "kept")) == ("1", "1")
    assert not any(one.method == "PATCH" and "dryRun" not in one.path and "/configmaps" in one.path for one in sent)
    assert [one.kind for one in placed.approvals()] == ["move"]
    found = live(placed, "eu", "web", "web")
    assert found is not None
    assert found["metadata"]["annotations"]["flotilla.dev/owner"].startswith("test/eu/web:")


# -- who may ---------------------------------------------------------------------------------------------------------


def test_a_person_hands_it_over_and_then_it_is_the_new_projects(placed: StepHub, sent: list[Sent]) -> None:
    leave(placed)
    take(placed)
    placed.settle(2)
    assert WROTE in placed.placement("eu/web").reason
    assert "`flotilla sync`" in placed.placement("eu/web").reason
    sent.clear()
    placed.ask(IntentKind.SYNC, "eu/web")
    placed.settle(4)
    assert value(placed) == "stolen"
    assert in_whose_name(sent) == {THEIRS}
    placed.tick()
    assert (hold(placed), placed.placement("eu/web").reason) == ("", "")
    with placed.database.read() as connection:
        (noted,) = connection.execute(select(AuditRow).where(AuditRow.action == "transfer")).all()
    assert (noted.subject, noted.detail["from"], noted.detail["to"]) == ("eu/web", "team", "others")
    # Back again is another transfer, for which nobody asked.
    sent.clear()
    come_back(placed)
    placed.settle(4)
    assert (hold(placed), in_whose_name(sent)) == (HELD, set())


def test_a_sync_of_all_that_an_application_has_hands_nothing_over(placed: StepHub, sent: list[Sent]) -> None:
    """Whoever chooses by what placements have in common, were it but one, was not told of each what it would take."""
    leave(placed)
    take(placed)
    placed.settle(2)
    sent.clear()
    with placed.database.write() as connection:
        of_all = NewIntent(IntentKind.SYNC, "", "others", "operator", "for a test")
        now = placed.database.now(connection)
        batch = intents.add_batch(connection, of_all, {"eu/web": "others"}, now=now)
    placed.settle(3)
    untouched(placed, sent)
    with placed.database.read() as connection:
        assert intents.counts(connection, batch) == {"refused": 1}


def test_whoever_looks_first_hands_nothing_over(placed: StepHub, sent: list[Sent]) -> None:
    leave(placed)
    take(placed)
    placed.settle(2)
    placed.ask(IntentKind.CHECK, "eu/web")
    placed.settle(3)
    assert not [one for one in sent if one.account == THEIRS and one.method != "GET" and "dryRun=All" not in one.path]
    assert (hold(placed), value(placed)) == (HELD, "1")


def test_the_owner_that_comes_back_goes_on(placed: StepHub) -> None:
    leave(placed)
    take(placed)
    placed.settle(2)
    come_back(placed)
    placed.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    placed.settle(4)
    assert (placed.placement("eu/web").sync, value(placed), hold(placed)) == ("synced", "2", "")


def test_a_project_of_another_name_gets_what_the_former_wrote_placement_by_placement(placed: StepHub) -> None:
    document = placed.git.files[REGISTRY.repo]["web.yaml"]
    renamed = {"projects.yaml": project("crew", "web.yaml"), "web.yaml": document.replace("team", "crew")}
    placed.git.commit(REGISTRY.repo, renamed)
    placed.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    placed.settle(3)
    assert (hold(placed), value(placed)) == (HELD, "1")
    assert "one of project crew now" in placed.placement("eu/web").reason
    placed.ask(IntentKind.SYNC, "eu/web")
    placed.settle(3)
    assert (hold(placed), value(placed)) == ("", "2")


@pytest.mark.parametrize("noted", [None, "default"])
def test_what_was_written_before_there_were_projects_is_its_applications(placed: StepHub, noted: str | None) -> None:
    with placed.database.write() as connection:
        connection.execute(update(PlacementRow).values(tenant_project=noted))
    placed.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    placed.settle(3)
    assert value(placed) == "2"
    with placed.database.read() as connection:
        assert connection.scalars(select(PlacementRow.tenant_project)).one() == "team"


def test_a_project_that_is_called_default_keeps_what_it_wrote_like_any_other(hub: StepHub, sent: list[Sent]) -> None:
    hub.declare("eu")
    hub.git.commit(REGISTRY.repo, {"projects.yaml": project("default", "web.yaml") + OTHERS})
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1") + config_map("kept", v="1")})
    hub.application("web", more="  project: default\n")
    hub.settle()
    assert value(hub) == "1", hub.faults()
    sent.clear()
    document = hub.git.files[REGISTRY.repo]["web.yaml"].replace("project: default", "project: others")
    hub.git.commit(REGISTRY.repo, {"web.yaml": None, "other.yaml": document.replace("path: web,", "path: theirs,")})
    hub.settle(4)
    untouched(hub, sent)
    assert hold(hub) == HELD
