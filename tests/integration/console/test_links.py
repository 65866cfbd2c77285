"""The links of a placement: filled in, and no other project's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import update

from common.domain.rights import Verb, granted
from common.registry import Documents
from common.settings import Settings
from common.store.engine.session import Database
from common.store.schema.tables import FleetSnapshotRow, PlacementRow
from console.api.app import create_app
from tests.harness import two_projects
from tests.harness.two_projects import MINE, SHARED, THEIRS, Names
from tests.harness.viewers import asks_as

TOKEN = "a-token-of-this-test"
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def names(database: Database) -> dict[str, Names]:
    return two_projects.fill(database)


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    return create_app(Settings(home=tmp_path), database, token=TOKEN)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub", headers=headers) as client:
        yield client


async def test_a_placement_has_the_links_of_its_project_filled_in(
    app: FastAPI, client: httpx.AsyncClient, names: dict[str, Names]
) -> None:
    asks_as(app, granted({Verb.READ}, MINE))
    found = await client.get(names[MINE].path("/api/v1/placements/{cluster}/{application}"))
    url = f"https://pay-logs.example.com/?q={SHARED}/pay/pay-app"
    assert found.json()["links"] == [{"name": "pay logs", "url": url}]


async def test_who_may_read_the_former_project_gets_nothing_of_the_new_one(
    app: FastAPI, client: httpx.AsyncClient, names: dict[str, Names], database: Database
) -> None:
    """The registry says already that it has moved; its placement is still the former project's."""
    with database.write() as connection:
        which = PlacementRow.application == names[THEIRS].application
        connection.execute(update(PlacementRow).where(which).values(project=MINE))
    asks_as(app, granted({Verb.READ}, MINE))
    found = await client.get(names[THEIRS].path("/api/v1/placements/{cluster}/{application}"))
    assert (found.status_code, found.json()["links"]) == (200, [])


async def test_a_registry_that_cannot_be_read_takes_no_placement_away(
    app: FastAPI, client: httpx.AsyncClient, names: dict[str, Names], database: Database
) -> None:
    asks_as(app, granted({Verb.READ}, MINE))
    with database.write() as connection:
        connection.execute(update(FleetSnapshotRow).values(documents=Documents().to_json()))
    found = await client.get(names[MINE].path("/api/v1/placements/{cluster}/{application}"))
    assert (found.status_code, found.json()["links"]) == (200, [])
