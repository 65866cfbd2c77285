"""Hub's rights by default: what is removed once its application is gone is removed as its tenant, or not at all.

Class "hub's rights by default": a hook of the removal is the tenant's own text, and the marker is in whose name it and
every other request are sent.
"""

from __future__ import annotations

import pytest
from sqlalchemy import update

from common.store.schema.tables import PlacementRow
from common.store.state.intents import IntentKind
from tests.harness.hub import APPS, REGISTRY, StepHub
from tests.harness.manifests import config_map, job
from tests.harness.seen import live, look
from tests.security.tenancy.conftest import Sent

OURS = "system:serviceaccount:web:deployer"


def project(name: str, *files: str, account: str = "deployer") -> str:
    given = f", serviceAccount: {account}" if account else ""
    return (
        f"---\napiVersion: flotilla.dev/v1\nkind: Project\nmetadata: {{name: {name}}}\nspec: {{paths: {list(files)}, "
        f"repos: ['**'], clusters: {{all: true}}, namespaces: {{allow: ['*'], create: true}}, "
        f"clusterKinds: {{}}{given}}}\n"
    )


def placed(hub: StepHub, *, account: str = "deployer") -> None:
    hub.declare("eu")
    hub.git.commit(REGISTRY.repo, {"projects.yaml": project("team", "web.yaml", account=account) + OTHERS})
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1") + job("save", hook="pre-delete")})
    hub.application("web", more="  project: team\n")
    hub.settle()
    assert hub.placement("eu/web").sync == "synced", hub.faults()


OTHERS = project("others", "other.yaml", "others/*", account="mighty")


def drained(hub: StepHub) -> None:
    """Have the cluster drained: everything on it goes, once a person allows it."""
    fleet = hub.git.files[REGISTRY.repo]["fleet.yaml"]
    hub.git.commit(REGISTRY.repo, {"fleet.yaml": fleet.replace("state: active", "state: draining")})
    hub.settle(2)
    for asked in hub.approvals():
        hub.ask(IntentKind.APPROVE, str(asked.id))
    for _ in range(12):
        if hub.placement("eu/web").state == "left" or any(run.outcome == "failed" for run in hub.runs("eu/web")):
            break
        look(hub)


def in_whose_name(sent: list[Sent]) -> set[str]:
    return {one.account for one in sent if one.of_a_run}


def test_hooks_and_deletions_are_the_tenants_although_its_application_is_gone(hub: StepHub, sent: list[Sent]) -> None:
    placed(hub)
    hub.git.commit(REGISTRY.repo, {"web.yaml": None})
    hub.settle(2)
    assert hub.placement("eu/web").state == "retained"
    sent.clear()
    drained(hub)
    assert hub.placement("eu/web").state == "left"
    assert {one.method for one in sent if one.of_a_run} >= {"GET", "PATCH", "DELETE"}
    assert in_whose_name(sent) == {OURS}


def test_they_stay_the_tenants_where_another_one_has_taken_the_name(hub: StepHub, sent: list[Sent]) -> None:
    placed(hub)
    document = hub.git.files[REGISTRY.repo]["web.yaml"].replace("project: team", "project: others")
    hub.git.commit(REGISTRY.repo, {"web.yaml": None, "other.yaml": document + "  state: retired\n"})
    hub.settle(1)
    sent.clear()
    drained(hub)
    assert hub.placement("eu/web").state == "left"
    assert in_whose_name(sent) == {OURS}


def test_nothing_is_done_where_the_project_is_gone_too(hub: StepHub, sent: list[Sent]) -> None:
    placed(hub)
    hub.git.commit(REGISTRY.repo, {"web.yaml": None, "projects.yaml": OTHERS})
    refused(hub, sent, "has no project team any more")


@pytest.mark.parametrize(("before", "after"), [("", "deployer"), ("deployer", ""), ("deployer", "mighty")])
def test_nothing_is_done_where_the_projects_account_has_changed(
    hub: StepHub, sent: list[Sent], before: str, after: str
) -> None:
    placed(hub, account=before)
    projects = project("team", "web.yaml", account=after) + OTHERS
    hub.git.commit(REGISTRY.repo, {"web.yaml": None, "projects.yaml": projects})
    refused(hub, sent, "project team has another service account than it was written by")


def test_nothing_is_done_where_nobody_noted_whose_it_is(hub: StepHub, sent: list[Sent]) -> None:
    """As an earlier version left it."""
    placed(hub)
    with hub.database.write() as connection:
        connection.execute(update(PlacementRow).values(tenant_project=None, tenant_account=None))
    hub.git.commit(REGISTRY.repo, {"web.yaml": None})
    refused(hub, sent, "in whose name it was written is not known")


def test_hooks_of_whom_nobody_knows_are_not_run_by_the_application_that_has_the_name_now(
    hub: StepHub, sent: list[Sent]
) -> None:
    placed(hub)
    with hub.database.write() as connection:
        connection.execute(update(PlacementRow).values(tenant_project=None, tenant_account=None))
    document = hub.git.files[REGISTRY.repo]["web.yaml"]
    hub.git.commit(REGISTRY.repo, {"web.yaml": document + "  state: retired\n"})
    refused(hub, sent, "in whose name it was written is not known")


def refused(hub: StepHub, sent: list[Sent], why: str) -> None:
    sent.clear()
    drained(hub)
    assert [one for one in sent if one.of_a_run] == []
    failed = next(run for run in hub.runs("eu/web") if run.outcome == "failed")
    assert why in failed.error
    assert failed.error_code == "tenant.unknown"
    assert live(hub, "eu", "web", "web") is not None


def test_a_run_for_another_project_keeps_the_hooks_of_the_first_until_it_has_its_own(
    hub: StepHub, sent: list[Sent]
) -> None:
    placed(hub)
    document = hub.git.files[REGISTRY.repo]["web.yaml"].replace("project: team", "project: others")
    hub.git.commit(REGISTRY.repo, {"web.yaml": None, "other.yaml": document})
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    hub.settle(2)
    hub.ask(IntentKind.SYNC, "eu/web")
    hub.settle()
    assert in_whose_name(sent) == {OURS, "system:serviceaccount:web:mighty"}
    sent.clear()
    drained(hub)
    assert hub.placement("eu/web").state == "left"
    assert in_whose_name(sent) == {"system:serviceaccount:web:mighty"}
    assert not any("/jobs" in one.path for one in sent if one.of_a_run)
