"""Rights that routes declare, and who has which."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from common.domain.rights import BUILT_IN, EVERYWHERE, NOTHING, BuiltInRole, Grants, Verb, granted
from common.settings import Settings
from common.store.engine.session import Database
from console.api.app import create_app
from console.api.door.needs import check, needs, signed_in
from tests.harness.viewers import asks_as

TOKEN = "a-token-of-this-test"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def app(sqlite_database: Database, tmp_path: Path) -> FastAPI:
    return create_app(Settings(home=tmp_path), sqlite_database, token=TOKEN)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://hub", headers=BEARER
    ) as client:
        yield client


@pytest.mark.parametrize("declared", [[], [needs(Verb.READ), signed_in()]], ids=["none", "two"])
def test_a_route_that_does_not_declare_one_right_is_refused_at_the_start(declared: list[object]) -> None:
    router = APIRouter()
    router.get("/secrets", dependencies=declared)(lambda: None)  # type: ignore[arg-type]  # what a route may be given
    with pytest.raises(LookupError, match="/secrets"):
        check(router.routes)


@pytest.mark.parametrize("grants", [NOTHING, granted({Verb.SYNC}, "pay"), granted({Verb.LOGS}, EVERYWHERE)])
async def test_what_is_about_the_whole_fleet_needs_its_verb_everywhere(
    app: FastAPI, client: httpx.AsyncClient, grants: Grants
) -> None:
    asks_as(app, grants)
    answer = await client.post("/api/v1/intents", json={"kind": "refresh"})
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.forbidden")
    assert answer.json()["detail"] == "this needs the right sync in the whole fleet"
    asks_as(app, BUILT_IN[BuiltInRole.OPERATOR])
    assert (await client.post("/api/v1/intents", json={"kind": "refresh"})).status_code == 202


async def test_somebody_is_told_who_they_are_and_what_they_may_do(app: FastAPI, client: httpx.AsyncClient) -> None:
    asks_as(app, granted({Verb.SYNC}, "pay").and_also([granted({Verb.READ}, "web"), granted({Verb.LOGS}, EVERYWHERE)]))
    told = (await client.get("/api/v1/me")).json()
    assert (told["actor"], told["means"]) == ("somebody", "session")
    assert told["rights"] == [
        {"verb": "read", "everywhere": True, "projects": []},
        {"verb": "logs", "everywhere": True, "projects": []},
        {"verb": "sync", "everywhere": False, "projects": ["pay"]},
    ]
    asks_as(app, NOTHING)
    assert (await client.get("/api/v1/me")).json()["rights"] == []
