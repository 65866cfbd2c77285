"""What costs much is made once for all who ask at the same time, and is never older than the question."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import httpx
import pytest
from fastapi import FastAPI, Response
from sqlalchemy import Engine, event, insert, update

from common.domain.rights import BUILT_IN, BuiltInRole, Verb, granted
from common.settings import Settings
from common.store.engine.session import Database
from common.store.reads import counts
from common.store.schema.tables import PlacementRow
from common.store.state import fleet
from console.api.app import create_app
from console.api.reads import status as route
from console.api.reads.sharing import Shared
from tests.harness import texts
from tests.harness.api import TOKEN
from tests.harness.viewers import asks_as

SHARED = ("fleet/picture", "status", "problems")
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def statements() -> Iterator[list[str]]:
    said: list[str] = []

    def told(*given: object) -> None:
        said.append(str(given[2]))

    event.listen(Engine, "before_cursor_execute", told)
    yield said
    event.remove(Engine, "before_cursor_execute", told)


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    """Return a hub with two placements, each of a project of its own."""
    parsed = texts.in_order({"fleet.yaml": texts.FLEET, "eu.yaml": texts.cluster("eu")})
    with database.write() as connection:
        now = database.now(connection)
        fleet.fix_name(connection, "acme", now=now)
        fleet.put_in_force(connection, "c" * 40, parsed.documents.to_json(), now=now)
        for name in ("pay", "shop"):
            row = {"cluster": "eu", "application": name, "project": name, "state": "placed", "mark": name}
            connection.execute(insert(PlacementRow).values({**row, "sync_status": "failed", "health": "healthy"}))
    made = create_app(Settings(home=tmp_path), database, token=TOKEN)
    asks_as(made, BUILT_IN[BuiltInRole.READER])
    return made


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub/api/v1/", headers=bearer) as client:
        yield client


def fall_ill(database: Database, name: str, health: str = "degraded") -> None:
    with database.write() as connection:
        connection.execute(update(PlacementRow).where(PlacementRow.application == name).values(health=health))


async def test_who_has_an_answer_gets_no_other_until_it_changes(client: httpx.AsyncClient, database: Database) -> None:
    for path in SHARED:
        first = await client.get(path)
        assert first.status_code == 200, first.text
        had = {"If-None-Match": first.headers["etag"]}
        again = await client.get(path, headers=had)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"]), path
        assert (await client.get(path, headers={"If-None-Match": '"else", *'})).status_code == 304
        assert (await client.get(path, headers={"If-None-Match": '"else"'})).status_code == 200
        fall_ill(database, "pay", f"{'missing' if path == 'status' else 'degraded'}")
        changed = await client.get(path, headers=had)
        assert (changed.status_code, changed.content != first.content) == (200, True), path
        fall_ill(database, "pay", "healthy")


async def test_the_picture_is_not_asked_for_again_while_nothing_stands_otherwise(
    client: httpx.AsyncClient, database: Database, statements: list[str]
) -> None:
    drawn = (await client.get("fleet/picture")).content
    statements.clear()
    assert (await client.get("fleet/picture")).content == drawn
    assert not [one for one in statements if "FROM placements" in one]
    fall_ill(database, "shop")
    assert (await client.get("fleet/picture")).content != drawn


async def test_nobody_gets_what_was_made_for_another_scope(app: FastAPI, client: httpx.AsyncClient) -> None:
    everything = await client.get("fleet/picture")
    asks_as(app, granted({Verb.READ}, "pay"))
    mine = await client.get("fleet/picture", headers={"If-None-Match": everything.headers["etag"]})
    assert (mine.status_code, mine.json()["picture"]["applications"]) == (200, ["pay"])
    asks_as(app, granted({Verb.READ}, "nothing"))
    assert (await client.get("fleet/picture")).json()["picture"]["applications"] == []


def test_a_change_that_is_committed_late_is_seen(postgres_database: Database) -> None:
    """Rows get their numbers before they are committed: the greatest alone would miss whoever commits after another."""
    placed = {"cluster": "eu", "state": "placed", "sync_status": "synced", "health": "healthy"}
    with postgres_database.write() as connection:
        connection.execute(insert(PlacementRow), [{**placed, "application": n, "mark": n} for n in ("a", "b")])

    def now() -> str:
        with postgres_database.read() as connection:
            return counts.marker(connection, BUILT_IN[BuiltInRole.READER].scope(Verb.READ))

    before = now()
    with postgres_database.write() as late:
        late.execute(update(PlacementRow).where(PlacementRow.application == "a").values(health="missing"))
        with ThreadPoolExecutor(1) as other:
            other.submit(fall_ill, postgres_database, "b", "degraded").result()
        between = now()
    assert len({before, between, now()}) == 3


async def test_one_answer_is_made_for_all_who_ask_and_it_is_begun_after_they_did(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    made: list[int] = []
    whole = route._status

    def slow(*given: object) -> bytes:
        made.append(len(made))
        begun.set()
        assert go_on.wait(20)
        return whole(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(route, "_status", slow)
    joined: list[int] = []
    answer = Shared.answer

    async def counted(*given: object) -> Response:
        joined.append(len(joined))
        return await answer(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(Shared, "answer", counted)
    statuses: list[int] = []

    async def ask() -> None:
        statuses.append((await client.get("status")).status_code)

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await anyio.to_thread.run_sync(begun.wait, 20)
        for _ in range(50):
            group.start_soon(ask)
        while len(joined) < 51:
            await anyio.sleep(0.01)
        assert made == [0], "the others wait for the one after it"
        go_on.set()
    assert statuses == [200] * 51
    assert len(made) == 2


async def test_an_error_is_told_to_all_who_waited_and_to_nobody_after(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = route._status, [True]

    def fails(*given: object) -> bytes:
        if broken:
            broken.clear()
            raise TimeoutError
        return whole(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(route, "_status", fails)
    with pytest.raises(TimeoutError):
        await client.get("status")
    assert (await client.get("status")).status_code == 200
    assert (await client.get("status?cluster=nowhere")).status_code == 422
