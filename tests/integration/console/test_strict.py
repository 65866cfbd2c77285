"""A query that a route would not read as it was meant is refused, and the answer says what may have been meant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from common.settings import Settings
from common.store.engine.session import Database
from console.api.app import create_app
from console.api.contract.routing import PREFIX
from tests.harness.routes import routes

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


@pytest.mark.parametrize(
    ("query", "detail", "remedy", "pointer"),
    [
        ("cluser=eu", "there is no parameter 'cluser' here", "did you mean 'cluster'?", "/query/cluser"),
        ("Cluster=eu", "there is no parameter 'Cluster' here", "did you mean 'cluster'?", "/query/Cluster"),
        ("cluster=eu&limit=1&a/b=1", "there is no parameter 'a/b' here", "known: after, ", "/query/a~1b"),
        ("limit=1&limit=2", "limit is given more than once", "give one value", "/query/limit"),
        ("=1", "there is no parameter '' here", "known: after, ", "/query/"),
    ],
)
async def test_what_a_list_does_not_know_is_refused(
    client: httpx.AsyncClient, query: str, detail: str, remedy: str, pointer: str
) -> None:
    answer = await client.get(f"/api/v1/runs?{query}")
    told = answer.json()
    assert (answer.status_code, told["code"], told["detail"]) == (422, "request.invalid", detail)
    assert told["remedy"].startswith(remedy)
    assert [one["pointer"] for one in told["errors"]] == [pointer]


async def test_a_thousand_unknown_parameters_are_a_short_answer(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/runs?" + "&".join(f"{'x' * 50}{number}=1" for number in range(1000)))
    assert answer.status_code == 422
    assert len(answer.content) < 2_000


async def test_no_route_of_the_api_takes_what_it_does_not_know(app: FastAPI, client: httpx.AsyncClient) -> None:
    asked = 0
    for route in routes(app.routes):
        if not route.path.startswith(PREFIX):
            continue
        for method in route.methods or ():
            answer = await client.request(method, route.path.replace("{approval_id}", "1"), params={"nonesuch": "1"})
            assert (answer.status_code, "nonesuch" in answer.text) == (422, True), (method, route.path)
            asked += 1
    assert asked > 20


async def test_what_may_be_there_several_times_may(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/events?kind=fault.raised&kind=fault.cleared&limit=1")
    assert answer.status_code == 200
