"""The picture as it is sent: packed where that is taken, with the labels that group its clusters."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import orjson
import pytest
from fastapi import FastAPI
from sqlalchemy import insert

from common.domain.rights import BUILT_IN, BuiltInRole
from common.settings import Settings
from common.store.engine.session import Database
from common.store.schema.tables import PlacementRow
from common.store.state import fleet
from console.api.app import create_app
from console.api.reads import picturing
from tests.harness import texts
from tests.harness.viewers import asks_as

TOKEN = "a-token-of-this-test"
CLUSTERS = {"a": ("prod", "eu"), "b": ("dev", "eu"), "c": ("prod", "eu")}
"""With their labels env and region."""
PATH = "/api/v1/fleet/picture"
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def client(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of a hub where an application is on three clusters, and on one that nobody declares."""
    files = [texts.cluster(name, env=env, region=region) for name, (env, region) in CLUSTERS.items()]
    parsed = texts.in_order({"fleet.yaml": texts.FLEET, "clusters.yaml": texts.documents(*files)})
    with sqlite_database.write() as connection:
        now = sqlite_database.now(connection)
        fleet.fix_name(connection, "acme", now=now)
        fleet.put_in_force(connection, "c" * 40, parsed.documents.to_json(), now=now)
        for name in (*CLUSTERS, "gone"):
            row = {"cluster": name, "application": "web", "state": "placed", "mark": name, "sync_status": "synced"}
            connection.execute(insert(PlacementRow).values({**row, "health": "healthy"}))
    app: FastAPI = create_app(Settings(home=tmp_path), sqlite_database, token=TOKEN)
    asks_as(app, BUILT_IN[BuiltInRole.READER])
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub", headers=bearer) as client:
        yield client


async def test_labels_that_tell_clusters_apart_group_them(client: httpx.AsyncClient) -> None:
    answer = (await client.get(PATH)).json()
    assert answer["picture"]["clusters"] == ["a", "b", "c", "gone"]
    assert answer["groupings"] == [{"label": "env", "values": ["dev", "prod"], "of": [1, 0, 1, -1]}]


async def test_a_label_of_too_many_values_groups_nothing(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picturing, "MOST_GROUPS", 1)
    assert (await client.get(PATH)).json()["groupings"] == []


async def test_it_is_packed_for_whoever_takes_that(client: httpx.AsyncClient) -> None:
    async with client.stream("GET", PATH, headers={"Accept-Encoding": "br, gzip"}) as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
    plain = await client.get(PATH, headers={"Accept-Encoding": "gzip;q=0"})
    assert "content-encoding" not in plain.headers
    assert orjson.loads(gzip.decompress(raw)) == plain.json()
