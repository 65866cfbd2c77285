"""Foreign text holds the interpreter: no transaction, and so no lock, is open while it is worked on.

A hub does all that it does, with everything watched that takes time by what strangers wrote. On SQLite a writing
transaction holds up every process of the hub, on PostgreSQL whoever wants the same rows.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

import anyio
import httpx
import pytest

from common.snapshots import Snapshots
from common.store.state.intents import IntentKind
from console.api.app import create_app
from tests.harness.hub import APPS, REGISTRY, StepHub
from tests.harness.manifests import config_map, job
from tests.harness.seen import look
from tests.security.text.transactions import FOREIGN, noted

TEAM = """\
---
apiVersion: flotilla.dev/v1
kind: Project
metadata: {name: %s}
spec: {paths: [web.yaml, site.yaml], repos: ['**'], clusters: {all: true}, namespaces: {allow: ['*'], create: true}}
"""
BIG = f"  values: {{{', '.join(f'k{n}: v{n}' for n in range(2_000))}}}\n"


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    with noted(monkeypatch) as seen:
        yield seen


def afresh(hub: StepHub) -> None:
    """Forget what was parsed, as another process would not know it."""
    for one in (hub.planner, hub.dispatcher, hub.intents, hub.runtime):
        snapshots = getattr(one, "_snapshots", None) or getattr(one, "snapshots", None)
        assert isinstance(snapshots, Snapshots)
        snapshots._fleets.clear()


def started(hub: StepHub, *, projects: str = TEAM % "team" + TEAM % "others") -> None:
    hub.declare("eu", extra=projects.removeprefix("---\n"))
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1"), "web/b.yaml": config_map("gone", v="1")})
    hub.application("web", more="  project: team\n" + BIG)
    hub.settle()
    assert hub.placement("eu/web").sync == "synced", hub.faults()


def test_whatever_a_hub_does_it_does_between_transactions(hub: StepHub, found: list[str]) -> None:
    started(hub)
    # another revision, drift, a prune, hooks
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="2"), "web/b.yaml": None})
    hub.git.commit(APPS, {"web/job.yaml": job("before", hook="pre-sync")})
    afresh(hub)
    for _ in range(4):
        look(hub)
    # what fails, by its manifests and by the cluster
    hub.git.commit(APPS, {"web/a.yaml": "kind: [", "web/job.yaml": None})
    afresh(hub)
    hub.settle()
    hub.git.commit(APPS, {"web/a.yaml": config_map("UPPER", v="3")})
    hub.settle()
    afresh(hub)
    hub.ask(IntentKind.SYNC, "eu/web")
    hub.settle()
    hub.ask(IntentKind.CHECK, "eu/web")
    hub.settle()
    assert found == []


def test_nor_while_objects_move_between_projects(hub: StepHub, found: list[str]) -> None:
    started(hub)
    document = hub.git.files[REGISTRY.repo]["web.yaml"]
    moved = document.replace("name: web", "name: site", 1).replace("project: team", "project: others")
    moved = moved.replace("targets:", "movedFrom: {application: web}\n  targets:")
    hub.git.commit(REGISTRY.repo, {"web.yaml": None, "site.yaml": moved})
    for _ in range(3):
        afresh(hub)
        hub.settle(2)
    asked = hub.approvals()
    assert asked, "another project's objects are asked for"
    for one in asked:
        hub.ask(IntentKind.APPROVE, str(one.id))
    for _ in range(3):
        afresh(hub)
        look(hub)
    assert hub.placement("eu/site").sync == "synced", hub.runs("eu/site")
    assert found == []


def test_nor_by_what_a_refused_registry_says(hub: StepHub, found: list[str]) -> None:
    started(hub)
    hub.git.commit(REGISTRY.repo, {"web.yaml": "kind: Application\nspec: [" + "x" * 10_000})
    hub.settle(2)
    hub.git.commit(REGISTRY.repo, {"more.yaml": (TEAM % "team").removeprefix("---\n")})
    hub.settle(2)
    assert hub.faults()
    assert found == []


def test_what_is_done_within_one_is_noted(hub: StepHub, found: list[str]) -> None:
    started(hub)
    with hub.database.read():
        hub.registry.refresh()
        Snapshots().in_force(hub.database)
    assert {one.partition(" ")[0] for one in found} >= {
        "common.registry.parse:restore",
        "common.yaml.load:load_documents",
    }


def test_nor_by_the_api(hub: StepHub, found: list[str]) -> None:
    started(hub)
    registry = {name: base64.b64encode(text.encode()).decode() for name, text in hub.git.files[REGISTRY.repo].items()}
    app = create_app(hub.settings, hub.database, token="t" * 32)

    async def ask() -> list[httpx.Response]:
        headers = {"Authorization": f"Bearer {'t' * 32}"}
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://hub", headers=headers) as client:
            return [
                await client.post("/api/v1/plan", json={"files": registry}),
                await client.get("/api/v1/status", params={"label": "env=test"}),
                await client.get("/api/v1/placements", params={"label": "env=test"}),
                await client.get("/api/v1/placements/eu/web/explain"),
                await client.get("/api/v1/placements/eu/web"),
                await client.get("/placements/eu/web"),
                await client.get("/"),
            ]

    assert [answer.status_code for answer in anyio.run(ask)] == [200] * 7
    assert found == []


def test_nothing_is_watched_twice() -> None:
    assert len(FOREIGN) == len(set(FOREIGN))
