"""The audit: cut to what one may read, page by page, and as a file that a spreadsheet may open."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import orjson
import pytest
from fastapi import FastAPI
from sqlalchemy import insert

from common.domain.rights import BUILT_IN, BuiltInRole, Verb, granted
from common.settings import Settings
from common.store.engine.session import Database
from common.store.events import audit
from common.store.events.audit import Asked, Deed, Way
from common.store.schema.tables import ApprovalRow
from console.api.app import create_app
from console.api.reads.files import cell
from console.client.transports import in_process_client
from tests.harness.viewers import asks_as
from tests.integration.db.rows import NOW

TOKEN = "a-token-of-this-test"
ADMIN = BUILT_IN[BuiltInRole.ADMIN]
FORMULA = '=HYPERLINK("http://evil.example.com")'
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    way = Way(Asked.ASKED, "sync", "s-1", "10.0.0.1")
    with database.write() as connection:
        for day, (actor, subject, project) in enumerate(
            [("ann", "eu/pay", "pay"), ("bob", "eu/shop", "shop"), ("ann", "*", ""), ("ann", "us/pay", "pay")]
        ):
            deed = Deed(actor, "sync", subject, project, {"reason": FORMULA, "batch": 7}, way)
            audit.append(connection, deed, now=NOW + timedelta(days=day))
        refused = Deed("bob", "pause", "eu/pay", "pay", {"why": "no right"}, Way(Asked.REFUSED, "pause"))
        audit.append(connection, refused, now=NOW + timedelta(days=9))
    return create_app(Settings(home=tmp_path), database, token=TOKEN)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with in_process_client(app, TOKEN) as client:  # on the network its first use is a row of its own
        yield client


async def subjects(client: httpx.AsyncClient, **query: str | int) -> list[str]:
    answer = await client.get("/api/v1/audit", params=query)
    assert answer.status_code == 200, answer.text
    return [one["subject"] for one in answer.json()["items"]]


async def test_each_sees_the_projects_in_which_they_may_read(app: FastAPI, client: httpx.AsyncClient) -> None:
    asks_as(app, ADMIN)
    assert await subjects(client) == ["eu/pay", "us/pay", "*", "eu/shop", "eu/pay"]
    asks_as(app, granted({Verb.READ}, "pay"))
    assert await subjects(client) == ["eu/pay", "us/pay", "eu/pay"]
    assert await subjects(client, project="shop") == []
    assert "shop" not in (await client.get("/api/v1/audit?format=csv")).text
    asks_as(app, granted(set(), "pay"))
    assert await subjects(client) == []


async def test_rows_are_chosen_and_say_by_what_and_from_where(app: FastAPI, client: httpx.AsyncClient) -> None:
    asks_as(app, ADMIN)
    assert await subjects(client, actor="bob", outcome="refused") == ["eu/pay"]
    assert await subjects(client, subject="eu/shop", action="sync") == ["eu/shop"]
    since, until = (NOW + timedelta(days=1)).isoformat(), (NOW + timedelta(days=3)).isoformat()
    assert await subjects(client, since=since, until=until) == ["*", "eu/shop"]
    (row,) = (await client.get("/api/v1/audit", params={"subject": "eu/shop"})).json()["items"]
    assert (row["credential"], row["address"], row["verb"], row["outcome"]) == ("s-1", "10.0.0.1", "sync", "asked")
    assert (row["reason"], row["detail"]) == (FORMULA, {"batch": 7})


async def test_a_refusal_of_flotillas_own_is_one_and_a_decision_names_its_placement(
    app: FastAPI, client: httpx.AsyncClient, database: Database
) -> None:
    asks_as(app, ADMIN)
    with database.write() as connection:
        approval: dict[str, object] = {
            "kind": "prune",
            "subject": "eu/pay",
            "project": "pay",
            "digest": "d",
            "payload": {},
        }
        approval |= {"state": "open", "decided_by": "", "decision_reason": "", "created_at": NOW}
        number = connection.execute(insert(ApprovalRow).values(**approval).returning(ApprovalRow.id)).scalar_one()
        way = Way(Asked.ASKED, "approve")
        audit.append(connection, Deed("ann", "approve", str(number), "pay", {"reason": "old"}, way), now=NOW)
        audit.append(connection, Deed("flotilla", "removal.refused", "eu/shop", "shop", {"why": "x"}), now=NOW)
    assert await subjects(client, outcome="refused") == ["eu/shop", "eu/pay"]
    assert await subjects(client, outcome="asked", action="approve") == [str(number)]
    (row,) = (await client.get("/api/v1/audit", params={"action": "approve"})).json()["items"]
    assert row["detail"] == {"placement": "eu/pay"}


async def test_pages_neither_skip_nor_repeat(app: FastAPI, client: httpx.AsyncClient) -> None:
    asks_as(app, ADMIN)
    found, after = [], ""
    while True:
        page = (await client.get("/api/v1/audit", params={"limit": 2, "after": after})).json()
        found += [one["id"] for one in page["items"]]
        after = page["after"]
        if not after:
            break
    assert found == sorted(set(found), reverse=True)
    assert len(found) == 5


@pytest.mark.parametrize(
    "query", ["after=x", "after=9" + "9" * 19, "since=yesterday", "outcome=x", "who=ann", "actor=a&actor=b"]
)
async def test_odd_queries_are_refused(app: FastAPI, client: httpx.AsyncClient, query: str) -> None:
    asks_as(app, ADMIN)
    assert (await client.get(f"/api/v1/audit?{query}")).status_code == 422


async def test_the_file_has_all_of_it_and_no_formula(app: FastAPI, client: httpx.AsyncClient) -> None:
    asks_as(app, ADMIN)
    answer = await client.get("/api/v1/audit?format=csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    rows = [*csv.DictReader(io.StringIO(answer.text))]
    assert [row["subject"] for row in rows] == ["eu/pay", "us/pay", "*", "eu/shop", "eu/pay"]
    assert rows[1]["reason"] == f"'{FORMULA}"
    lines = (await client.get("/api/v1/audit?format=ndjson&actor=bob")).text.splitlines()
    assert [orjson.loads(line)["subject"] for line in lines] == ["eu/pay", "eu/shop"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\n=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert cell(f"a{text}") == f"a{text}"
