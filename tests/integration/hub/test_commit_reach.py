"""How far a commit is, where that is easily told wrongly: what has it and is not done, and what came with it."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from common.store.schema.tables import PlacementRow
from common.store.state.intents import IntentKind
from tests.harness.hub import APPS, REGISTRY, StepHub
from tests.harness.manifests import config_map
from tests.integration.hub.test_answers import ask
from tests.integration.hub.test_flow import web

__all__ = ["web"]
BROKEN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: [no mapping]\n"


@pytest.fixture
def asked(hub: StepHub) -> StepHub:
    """A placement that has the newest commit, but for removals that wait for a person."""
    hub.declare("eu")
    many = {f"web/{n}.yaml": config_map(f"many-{n}", v="1") for n in range(6)}
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1"), **many})
    hub.application("web", more="  sync: {prune: {enabled: true, maxObjects: 3}}\n")
    hub.settle()
    hub.git.commit(APPS, dict.fromkeys(many))
    hub.settle()
    assert (hub.placement("eu/web").sync, hub.placement("eu/web").found_code) == ("out-of-sync", "prune.asked")
    return hub


def test_who_has_it_and_waits_for_a_person_is_not_done(asked: StepHub) -> None:
    found = ask(asked, f"commits/{asked.git._id(APPS, 2)}")["spread"]
    assert found["counts"] == {"has": 0, "unsynced": 1, "waits": 0, "failed": 0}
    assert [(one["code"], one["refs"]) for one in found["unsynced"]] == [("prune.asked", ["eu/web"])]
    registry = ask(asked, f"commits/{asked.git._id(REGISTRY.repo, 2)}")["registry"]["spread"]
    assert registry["counts"] == {"has": 0, "unsynced": 1, "waits": 0, "failed": 0}


def test_once_the_removals_are_approved_it_is_done(asked: StepHub) -> None:
    (approval,) = asked.approvals()
    asked.ask(IntentKind.APPROVE, str(approval.id), "they are old")
    asked.settle()
    found = ask(asked, f"commits/{asked.git._id(APPS, 2)}")["spread"]
    assert found["counts"] == {"has": 1, "unsynced": 0, "waits": 0, "failed": 0}


@pytest.mark.parametrize("sync", ["out-of-sync", "failed", "unknown"])
def test_nothing_but_synced_is_done(web: StepHub, sync: str) -> None:
    with web.database.write() as connection:
        connection.execute(update(PlacementRow).where(PlacementRow.cluster == "us").values(sync_status=sync))
    found = ask(web, f"commits/{web.git._id(APPS, 2)}")["spread"]
    assert found["counts"] == {"has": 1, "unsynced": 1, "waits": 0, "failed": 0}
    assert [one["reason"] != "" for one in found["unsynced"]] == [True]


def test_of_commits_that_came_together_nobody_says_which_changed_what(web: StepHub) -> None:
    web.git.commit(APPS, {"other/a.yaml": config_map("other", v="1")})
    web.application("other")
    web.settle()
    first = web.git.commit(APPS, {"web/a.yaml": BROKEN})
    second = web.git.commit(APPS, {"other/a.yaml": config_map("other", v="2")})
    web.settle()
    for commit in (first, second):
        found = ask(web, f"commits/{commit}")
        assert found["alone"] == []
        assert "other, web itself is not known: it came together with 1 other commit" in found["unclear"]


def test_of_a_commit_that_came_alone_it_is_said_what_it_changed(web: StepHub) -> None:
    web.git.commit(APPS, {"other/a.yaml": config_map("other", v="1")})
    web.application("other")
    web.settle()
    first = web.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    web.settle()
    second = web.git.commit(APPS, {"other/a.yaml": config_map("other", v="2")})
    web.settle()
    found = ask(web, f"commits/{second}")
    assert (found["alone"], found["unclear"], found["untouched"]) == (["other"], "", 1)
    found = ask(web, f"commits/{first}")
    assert found["alone"] == ["web"]
    assert found["unclear"].startswith("Whether it changed other itself is not known: a later one changed the same")
