"""What drifted over the fleet, and what is on clusters and not in Git, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from common.domain.rights import ALL, Scope
from common.store.reads.drift_groups import DriftGroups, drift_groups
from common.store.reads.leftovers import leftovers
from console.api.app import create_app
from console.cli import main, reports
from console.client.transports import of_app
from tests.harness.hub import APPS, StepHub
from tests.harness.manifests import config_map
from tests.harness.seen import client

TOKEN = "a-token-of-this-test"
SETTINGS = "/api/v1/namespaces/web/configmaps/web"
MERGE = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture
def web(hub: StepHub) -> StepHub:
    """An application on two clusters, synced."""
    hub.declare("eu", "us")
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1") + config_map("other", v="1")})
    hub.application("web")
    hub.settle()
    return hub


@pytest.fixture
def flotilla(web: StepHub, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command against the hub's API."""
    app = create_app(web.settings, web.database, token=TOKEN)
    monkeypatch.setattr(reports, "connect", lambda: of_app(app, TOKEN, "here"))
    return lambda *words: CliRunner().invoke(main.app, [*words], env={"COLUMNS": "200"})


def edit(hub: StepHub, cluster: str, value: str) -> None:
    with client(hub, cluster) as http:
        answer = http.patch(
            SETTINGS, json={"data": {"v": value}}, headers=MERGE, params={"fieldManager": "kubectl-edit"}
        )
        answer.raise_for_status()


def swept(hub: StepHub) -> None:
    hub.make_due()
    hub.settle()


def test_a_fleet_that_nobody_touched_has_no_drift_and_no_leftovers(flotilla: Callable[..., Result]) -> None:
    seen = flotilla("drift")
    assert (seen.exit_code, "No drift in the last 24 hours." in seen.output) == (0, True)
    seen = flotilla("orphans")
    assert (seen.exit_code, "Everything on the clusters is in Git." in seen.output) == (0, True)


def test_what_was_corrected_is_reported_with_who_did_it(web: StepHub, flotilla: Callable[..., Result]) -> None:
    edit(web, "eu", "2")
    swept(web)
    seen = flotilla("drift")
    assert seen.exit_code == 0, seen.output
    (line,) = [line for line in seen.output.splitlines() if "eu/web" in line]
    assert "corrected" in line
    assert "ConfigMap web was changed by kubectl-edit" in line
    assert "us/web" not in seen.output


def test_what_is_only_watched_differs_until_it_is_put_right(web: StepHub, flotilla: Callable[..., Result]) -> None:
    web.application("web", more="  sync: {mode: warn}\n")
    web.settle()
    edit(web, "us", "2")
    swept(web)
    seen = flotilla("drift")
    assert seen.exit_code == 1
    (line,) = [line for line in seen.output.splitlines() if "us/web" in line]
    assert "differs" in line
    assert line.split()[2] == "never", "nothing was corrected"
    web.application("web")
    web.settle()
    seen = flotilla("drift")
    assert seen.exit_code == 0, "corrected as soon as it may be, and not at the next sweep"


def grouped(hub: StepHub, scope: Scope = ALL) -> DriftGroups:
    with hub.database.read() as connection:
        return drift_groups(connection, scope, since=hub.database.now(connection) - timedelta(hours=1))


def test_what_differs_in_the_same_fields_is_told_once(web: StepHub, flotilla: Callable[..., Result]) -> None:
    edit(web, "eu", "2")
    edit(web, "us", "2")
    swept(web)
    (group,) = grouped(web).groups
    assert (group.state, group.placements, sorted(group.refs)) == ("corrected", 2, ["eu/web", "us/web"])
    (one,) = group.objects
    (field,) = one.fields
    assert (one.kind, one.name, field.path, field.before, field.after) == ("ConfigMap", "web", ".data.v", '"2"', '"1"')
    assert field.owner == "kubectl-edit"
    seen = flotilla("drift").output
    assert '~ .data.v: "2" -> "1" (held by kubectl-edit)' in seen
    assert "the same on 1 more" in seen
    nobody = Scope(frozenset({"another"}))
    assert grouped(web, nobody).groups == ()


def test_what_differs_now_is_told_by_what_it_differs_in_now(web: StepHub, flotilla: Callable[..., Result]) -> None:
    web.application("web", more="  sync: {mode: warn}\n")
    web.settle()
    edit(web, "eu", "2")
    edit(web, "us", "3")
    swept(web)
    found = grouped(web).groups
    assert [(one.state, one.placements) for one in found] == [("differs", 1), ("differs", 1)]
    assert sorted(one.objects[0].fields[0].before or "" for one in found) == ['"2"', '"3"']
    assert flotilla("drift", "--each").exit_code == 1


def test_a_new_revision_that_is_not_there_yet_is_no_drift(web: StepHub, flotilla: Callable[..., Result]) -> None:
    web.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    web.tick()
    assert "No drift" in flotilla("drift").output


def test_an_object_that_says_it_is_ours_and_that_nobody_owns_is_an_orphan(
    web: StepHub, flotilla: Callable[..., Result]
) -> None:
    with client(web, "eu") as http:
        body = http.get(SETTINGS).json()
        metadata = {key: body["metadata"][key] for key in ("labels", "annotations")}
        owner = metadata["annotations"]["flotilla.dev/owner"].replace("web/web", "web/left")
        marks = {"labels": metadata["labels"], "annotations": {"flotilla.dev/owner": owner}}
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "left", **marks}}
        http.post("/api/v1/namespaces/web/configmaps", json=made).raise_for_status()
    swept(web)
    seen = flotilla("orphans")
    assert seen.exit_code == 1
    (line,) = [line for line in seen.output.splitlines() if "/ConfigMap:web/left" in line]
    assert "eu/web" in line
    assert "orphan" in line
    with client(web, "eu") as http:
        assert http.get("/api/v1/namespaces/web/configmaps/left").is_success, "nothing removes it"
        http.delete("/api/v1/namespaces/web/configmaps/left")
    swept(web)
    assert flotilla("orphans").exit_code == 0


def test_what_a_placement_left_behind_is_listed_with_the_reason(web: StepHub, flotilla: Callable[..., Result]) -> None:
    web.application("web", targets="[{name: one, clusters: [eu]}]")
    web.settle()
    seen = flotilla("orphans")
    assert seen.exit_code == 0, "nobody has to do anything"
    lines = [line for line in seen.output.splitlines() if "us/web" in line]
    assert len(lines) >= 2
    assert all("left over" in line for line in lines)
    assert [line for line in lines if "ConfigMap" in line and "its placement is retained" not in line] == []


def test_pages_of_leftovers_miss_nothing(web: StepHub) -> None:
    web.application("web", targets="[{name: one, clusters: [eu]}]")
    web.settle()
    with web.database.read() as connection:
        whole = leftovers(connection, ALL).items
        seen: list[Any] = []
        after = ""
        while True:
            page = leftovers(connection, ALL, after=after, limit=1)
            seen += page.items
            after = page.after
            if not after:
                break
    assert tuple(seen) == whole
    assert len(whole) >= 2
