"""Every list: pages that fit together and nothing else, all of it as a file, and of each row what is asked for."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import httpx
import orjson
import pytest
from fastapi import FastAPI
from sqlalchemy import insert

from common.domain.rights import BUILT_IN, BuiltInRole, Verb, granted
from common.settings import Settings
from common.store.engine.session import Database
from common.store.events import audit
from common.store.events.audit import Deed
from common.store.schema.tables import ApprovalRow, PlacementRow
from common.store.state import faults
from common.store.state.faults import StoredFault
from console.api.app import create_app
from console.api.reads.listing import Exports
from tests.harness.api import TOKEN
from tests.harness.viewers import asks_as
from tests.integration.db.rows import NOW, queued
from tests.integration.db.telling import add_cluster

MANY = 530
"""Of each, more than one page has: what once was cut without a word."""
LISTS = ("placements", "runs", "approvals", "faults", "audit")
EVIL = '=HYPERLINK("https://evil.example.com")'
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def filled(database: Database) -> None:
    """Add more of everything than a page has, the half of it of another project."""
    projects = ["pay" if number % 2 else "shop" for number in range(MANY)]
    placed = {"cluster": "eu", "state": "placed", "sync_status": "failed", "health": "healthy", "pause_reason": EVIL}
    asked = {"kind": "prune", "digest": "d", "payload": {}, "state": "open", "created_at": NOW}
    for cluster in ("eu", "us"):
        add_cluster(database, cluster)
    with database.write() as connection:
        rows = [{**placed, "application": f"a{n:03}", "mark": str(n), "project": one} for n, one in enumerate(projects)]
        connection.execute(insert(PlacementRow), rows)
        approvals = [{**asked, "subject": f"eu/a{n:03}", "project": one} for n, one in enumerate(projects)]
        connection.execute(insert(ApprovalRow), approvals)
        for n, one in enumerate(projects):
            faults.add(connection, f"placement:eu/a{n:03}", StoredFault("x", {"message": str(n)}, project=one), now=NOW)
        deeds = [Deed(EVIL, "sync", f"eu/a{n:03}", one) for n, one in enumerate(projects)]
        audit.append_all(connection, deeds, now=NOW)
    for n in range(7):
        queued(database, f"us/web{n}")


@pytest.fixture
def app(sqlite_database: Database, tmp_path: Path) -> FastAPI:
    filled(sqlite_database)
    made = create_app(Settings(home=tmp_path), sqlite_database, token=TOKEN)
    asks_as(made, BUILT_IN[BuiltInRole.READER])
    return made


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub/api/v1/", headers=bearer) as client:
        yield client


async def pages(client: httpx.AsyncClient, path: str, limit: int = 97) -> list[dict[str, object]]:
    found, after = [], ""
    while True:
        answer = await client.get(f"{path}{'&' if '?' in path else '?'}limit={limit}&after={after}")
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        after = answer.json()["after"]
        if not after:
            return found


async def test_pages_together_are_the_list_and_so_is_a_file(client: httpx.AsyncClient) -> None:
    for path in LISTS:
        found = await pages(client, path)
        assert len(found) >= (7 if path == "runs" else MANY), path
        assert len({orjson.dumps(one) for one in found}) == len(found), path
        lines = (await client.get(f"{path}?format=ndjson")).text.splitlines()
        assert [sorted(orjson.loads(line)) for line in lines] == [sorted(one) for one in found], path
        rows = [*csv.DictReader(io.StringIO((await client.get(path, headers={"Accept": "text/csv"})).text))]
        assert [sorted(row) for row in rows] == [sorted(one) for one in found], path


async def test_the_status_says_how_many_more_there_are(client: httpx.AsyncClient) -> None:
    seen = (await client.get("status")).json()
    assert (len(seen["faults"]), seen["more_faults"]) == (100, MANY - 100)
    assert (len(seen["approvals"]), seen["more_approvals"]) == (100, MANY - 100)
    part = (await client.get("status?cluster=eu&application=a001")).json()
    assert (len(part["faults"]), part["more_faults"], part["more_approvals"]) == (1, 0, 0)


async def test_another_filter_does_not_go_on_where_a_page_of_this_one_ended(client: httpx.AsyncClient) -> None:
    after = (await client.get("placements?cluster=eu&limit=5")).json()["after"]
    for path in ("placements?cluster=us", "placements", "placements?cluster=eu&show=problems", "runs?cluster=eu"):
        answer = await client.get(f"{path}{'&' if '?' in path else '?'}after={after}")
        assert (answer.status_code, answer.json()["code"]) == (422, "page.other"), path
        assert "without after" in answer.json()["remedy"]
    # How much of it, and in which form, is the same list.
    assert (await client.get(f"placements?limit=9&after={after}&cluster=eu&health=")).status_code == 200
    rest = (await client.get(f"placements?cluster=eu&after={after}&format=ndjson")).text.splitlines()
    assert len(rest) == MANY - 5


@pytest.mark.parametrize("odd", ["x", "eu/a001", "ZXUvYTAwMQ", "%00", "AAAAAAAA", "a" * 1400, "=", "é"])
async def test_what_ended_no_page_is_a_wrong_value(client: httpx.AsyncClient, odd: str) -> None:
    for path in LISTS:
        answer = await client.get(f"{path}?after={quote(odd, safe='%')}")
        assert answer.status_code in {400, 422}, (path, answer.text)
        assert answer.json()["code"] in {"value.unknown", "page.other", "request.malformed"}, path


async def test_a_page_that_is_made_up_asks_for_no_other_rows(app: FastAPI, client: httpx.AsyncClient) -> None:
    """Whoever knows how it is made gets what they may read, or an error: it is a place, not a right."""
    after = (await client.get("placements?limit=2")).json()["after"]
    asks_as(app, granted({Verb.READ}, "pay"))
    found = await client.get(f"placements?limit=500&after={after}")
    assert {one["application"] for one in found.json()["items"]} <= {f"a{n:03}" for n in range(1, MANY, 2)}


async def test_no_cell_of_a_file_is_a_formula(client: httpx.AsyncClient) -> None:
    text = (await client.get("audit?format=csv")).text
    assert f"'{EVIL[:11]}" in text
    assert f",{EVIL[:11]}" not in text
    assert f',"{EVIL[:11]}' not in text


async def test_of_each_row_only_what_is_asked_for_comes(client: httpx.AsyncClient) -> None:
    answer = (await client.get("placements?limit=2&fields=application,health")).json()
    assert answer["items"] == [{"application": f"a00{n}", "health": "healthy"} for n in range(2)]
    assert (await client.get(f"placements?fields=health&after={answer['after']}")).status_code == 200
    lines = (await client.get("faults?fields=scope&format=csv")).text.splitlines()
    assert (lines[0], len(lines)) == ("scope", MANY + 1)
    refused = await client.get("placements?fields=healthy")
    assert (refused.status_code, refused.json()["code"]) == (422, "value.unknown")
    assert "health" in refused.json()["remedy"]


async def test_files_that_are_read_at_a_time_are_few_and_are_given_back(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    exports = app.state.exports = Exports(in_all=3, of_viewer=2)
    for _ in range(5):
        assert (await client.get("audit?format=csv")).status_code == 200
    exports.take("one")
    exports.take("one")
    exports.take("other")
    answer = await client.get("audit?format=csv")
    assert (answer.status_code, answer.json()["code"]) == (429, "exports.too-many")
    assert answer.headers["retry-after"] == "30"
    assert (await client.get("audit")).status_code == 200, "a page is no file"
    exports.give_back("other")
    assert (await client.get("audit?format=csv")).status_code == 200
