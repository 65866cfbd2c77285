"""Floods: who shows again what they showed a moment ago costs no thread and no statement, whatever they show."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from anyio import to_thread
from fastapi import FastAPI
from sqlalchemy import event
from sqlalchemy.engine import Engine

from common.domain.rights import BuiltInRole, Grants
from common.settings import Settings
from common.store.engine.session import Database
from console.api.app import create_app
from console.api.door import gate
from console.api.door.changed import Changed
from console.api.door.recent import Recent
from console.api.door.viewer import Means, Viewer
from tests.harness.people import add_user, browsing, sign_in

TOKEN = "a-token-of-this-test-of-some-length"
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def app(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    monkeypatch.setattr(gate, "HELD", 3600.0)
    return create_app(Settings(home=tmp_path), database, token=TOKEN)


@contextmanager
def statements() -> Iterator[list[str]]:
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def shown(app: FastAPI, by: str) -> httpx.AsyncClient:
    """Return a client that shows a session, a token of a user's, or the hub's own."""
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://hub")
    client.headers["Origin"] = "http://hub"
    if by == "hub-token":
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        return client
    assert (await sign_in(client, "ada")).status_code == 303
    if by == "token":
        made = (await client.post("/api/v1/tokens", json={"name": "x"})).json()
        client.cookies.clear()
        client.headers["Authorization"] = f"Bearer {made['secret']}"
    return client


@pytest.mark.parametrize("by", ["session", "token", "hub-token"])
async def test_a_flood_of_requests_asks_once_who_asks(
    app: FastAPI, database: Database, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_user(database, "ada", BuiltInRole.READER)
    client = await shown(app, by)
    threads: list[object] = []
    run_sync = to_thread.run_sync

    async def in_thread(look: Any, *arguments: Any, **options: Any) -> Any:
        threads.append(look)
        return await run_sync(look, *arguments, **options)

    monkeypatch.setattr(to_thread, "run_sync", in_thread)

    async def flood() -> None:
        async def ask() -> None:
            assert (await client.get("/api/v1/no-such-route")).status_code == 404

        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(ask)

    with statements() as asked:
        await flood()
        assert 0 < len(threads) <= 2, "of what many ask at once, one is the answer for all"
        once = len(asked)
        await flood()
        assert asked[once:] == []
        assert len(threads) <= 2
    await client.aclose()


async def test_an_answer_is_kept_for_its_seconds_and_no_longer() -> None:
    now, looks = [0.0], iter("abc")
    recently = Recent[str](2.0, clock=lambda: now[0])
    found = []
    for now[0] in (0.0, 1.9, 2.0, 3.9):
        found.append(await recently.get("key", lambda: next(looks)))
    assert found == ["a", "a", "b", "b"]


async def test_what_was_looked_up_before_a_change_is_nobodys_answer_after_it() -> None:
    recently, begun, go_on = Recent[str](3600.0), threading.Event(), threading.Event()

    def before() -> str:
        begun.set()
        assert go_on.wait(10)
        return "before"

    found: list[str] = []

    async def early() -> None:
        found.append(await recently.get("key", before))

    async with anyio.create_task_group() as group:
        group.start_soon(early)
        await to_thread.run_sync(begun.wait)
        recently.forget()
        assert await recently.get("key", lambda: "after") == "after"
        go_on.set()
    assert found == ["before"]
    assert await recently.get("key", lambda: "never asked") == "after"


async def test_who_asked_first_may_leave() -> None:
    recently, begun, go_on = Recent[str](3600.0), threading.Event(), threading.Event()

    def look() -> str:
        begun.set()
        assert go_on.wait(10)
        return "found"

    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as first:

            async def leave() -> None:
                await to_thread.run_sync(begun.wait)
                first.cancel()

            group.start_soon(leave)
            await recently.get("key", look)
        go_on.set()
        assert await recently.get("key", lambda: "another look") == "found"


async def test_a_failure_is_everybodys_who_waited_and_is_not_kept() -> None:
    recently = Recent[str](3600.0)

    def fail() -> str:
        message = "the database is away"
        raise OSError(message)

    for _ in range(2):
        with pytest.raises(OSError, match="away"):
            await recently.get("key", fail)
    assert await recently.get("key", lambda: "found") == "found"


async def test_no_more_is_kept_than_its_bound() -> None:
    recently, looks = Recent[str](3600.0, most=2), list("abcd")
    for key in ("one", "two", "one", "three"):
        await recently.get(key, lambda: looks.pop(0))
    assert await recently.get("one", lambda: "again") == "a"
    assert await recently.get("two", lambda: "again") == "again", "it was asked for least recently"


async def test_another_process_trusts_what_it_knows_for_two_seconds_at_most(database: Database, tmp_path: Path) -> None:
    assert gate.HELD <= 2.0, "docs/how-to/sign-in.md says so"
    add_user(database, "ada", BuiltInRole.READER)
    here, there = (create_app(Settings(home=tmp_path), database, token=TOKEN) for _ in range(2))
    async with browsing(here) as ada, browsing(there) as elsewhere:
        await sign_in(ada, "ada")
        elsewhere.cookies.update(ada.cookies)
        assert (await elsewhere.get("/api/v1/me")).status_code == 200
        (session,) = (await ada.get("/api/v1/sessions")).json()
        await ada.delete(f"/api/v1/sessions/{session['id']}")
        assert (await ada.get("/api/v1/me")).status_code == 401
        await anyio.sleep(gate.HELD)
        assert (await elsewhere.get("/api/v1/me")).status_code == 401


async def test_what_one_does_is_looked_up_anew_for_nobody_else(app: FastAPI, database: Database) -> None:
    """Who signs in and out all the time makes nobody else's requests cost anything."""
    gate = app.state.gate
    number = add_user(database, "bob", BuiltInRole.READER)
    for name in ("ada", "eve"):
        add_user(database, name, BuiltInRole.READER)
    add_user(database, "root", BuiltInRole.ADMIN)
    async with browsing(app) as ada, browsing(app) as bob, browsing(app) as eve, browsing(app) as root:
        for client, name in ((ada, "ada"), (bob, "bob"), (root, "root")):
            await sign_in(client, name)
            await client.get("/api/v1/me")
        (mine,) = (await ada.get("/api/v1/sessions")).json()
        viewer = Viewer("ada", Grants(), Means.SESSION, f"session:{mine['id']}", user_id=number + 1)
        before = await gate.generation(viewer)

        async def cost(client: httpx.AsyncClient) -> list[str]:
            with statements() as asked:
                await client.get("/api/v1/no-such-route")
            return asked

        async def made() -> None:
            assert (await eve.post("/api/v1/tokens", json={"name": "x"})).status_code == 201

        async def changed() -> None:
            answer = await root.patch(f"/api/v1/users/{number}", json={"groups": ["x"]})
            assert answer.status_code == 200

        for change in (
            lambda: sign_in(eve, "eve"),
            made,
            lambda: eve.delete("/api/v1/tokens/1"),
            lambda: eve.post("/logout"),
            changed,
        ):
            await change()
            assert await cost(ada) == []
            assert await gate.generation(viewer) == before
        assert await cost(bob), "it is his change"
        assert (await root.delete(f"/api/v1/sessions/{mine['id']}")).status_code == 200
        assert await gate.generation(viewer) != before
        assert (await ada.get("/api/v1/me")).status_code == 401


async def test_a_session_of_the_hubs_own_token_ends_with_the_change_that_makes_an_admin(
    app: FastAPI, database: Database
) -> None:
    number = add_user(database, "ada")
    async with browsing(app) as browser:
        await browser.post("/login", data={"token": TOKEN})
        assert (await browser.get("/api/v1/users")).status_code == 200
        assert (await browser.patch(f"/api/v1/users/{number}", json={"role": "admin"})).status_code == 200
        assert (await browser.get("/api/v1/users")).status_code == 401


def test_who_has_changed_is_told_apart_in_bounded_memory() -> None:
    changed = Changed(most=2)
    changed.note(["a"])
    a, b = changed.generation(["a", "x"]), changed.generation(["b", "x"])
    assert a > b
    changed.note(["b"])
    assert changed.generation(["a"]) == a
    assert changed.generation(["b"]) > b
    changed.note(["c"])
    assert changed.generation(["a"]) > a, "too many to tell apart: everybody"
    c = changed.generation(["c"])
    changed.note(None)
    assert changed.generation(["c"]) > c
