"""Signing in beside others: an admin who takes something away at the same time wins, and nobody keeps others out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from common.settings import Settings
from common.store.engine.session import Database
from common.store.schema.tables import SessionRow, UserRow
from common.store.state import sessions, users
from console.api.app import create_app
from console.api.contract.errors import ThrottledError
from console.api.signin import passwords as module
from console.api.signin.passwords import AT_ONCE, MOST_OF_NAME, MOST_OF_SOURCE, Passwords
from tests.harness.people import CHEAP, PASSWORD, add_user, browsing, sign_in

TOKEN = "a-token-of-this-test-of-some-length"
ANOTHER = "another long password"
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    return create_app(Settings(home=tmp_path), database, token=TOKEN)


def _take_away(database: Database, number: int, change: str) -> None:
    """Do what an admin does in another process, or at the same time in this one."""
    with database.write() as connection:
        if change == "removed":
            users.remove(connection, number)
        elif change == "session":
            sessions.end_all(connection, number)
        else:
            now = database.now(connection)
            values = {"disabled_at": now} if change == "disabled" else {"password": "hash-of-the-admin"}
            users.change(connection, number, values)
            sessions.end_all(connection, number)


def _once_checked(app: FastAPI, monkeypatch: pytest.MonkeyPatch, then: Callable[[], None]) -> None:
    """Do something once a password was found right, before anything is made of that."""
    real = app.state.passwords.matches

    def matches(*given: Any, **more: Any) -> bool:
        found = bool(real(*given, **more))
        then()
        return found

    monkeypatch.setattr(app.state.passwords, "matches", matches)


def _left(database: Database) -> tuple[int, list[str]]:
    with database.read() as connection:
        open_now = connection.execute(select(func.count()).select_from(SessionRow)).scalar_one()
        return open_now, list(connection.execute(select(UserRow.password)).scalars())


@pytest.mark.parametrize("change", ["password", "disabled", "removed"])
async def test_what_an_admin_takes_away_while_somebody_signs_in_is_gone(
    app: FastAPI, database: Database, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    number = add_user(database, "ada")
    _once_checked(app, monkeypatch, lambda: _take_away(database, number, change))
    async with browsing(app) as ada:
        answer = await sign_in(ada, "ada")
        assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
        assert (await ada.get("/api/v1/me")).status_code == 401
    assert _left(database)[0] == 0


async def test_whom_a_provider_vouches_for_is_looked_at_again_too(app: FastAPI, database: Database) -> None:
    number = add_user(database, "ada")
    with database.read() as connection:
        user = users.find(connection, number)
    assert user is not None
    _take_away(database, number, "disabled")
    assert app.state.gate.open_session(user, "192.0.2.1", password=CHEAP) is None
    assert _left(database)[0] == 0


@pytest.mark.parametrize("change", ["password", "disabled", "removed", "session"])
async def test_an_own_password_does_not_undo_what_an_admin_did_meanwhile(
    app: FastAPI, database: Database, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    number = add_user(database, "ada")
    async with browsing(app) as ada:
        await sign_in(ada, "ada")
        _once_checked(app, monkeypatch, lambda: _take_away(database, number, change))
        answer = await ada.post("/api/v1/me/password", json={"current": PASSWORD, "new": ANOTHER})
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.forbidden")
    kept = {"password": ["hash-of-the-admin"], "removed": []}.get(change, [CHEAP])
    assert _left(database)[1] == kept


async def test_a_user_has_twenty_sessions_and_the_oldest_ends(
    app: FastAPI, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST", 3)
    number = add_user(database, "ada")
    with database.read() as connection:
        user = users.find(connection, number)
    async with browsing(app) as first, browsing(app) as root:
        await sign_in(first, "ada")
        await root.post("/login", data={"token": TOKEN})
        for _ in range(3):
            assert (await first.get("/api/v1/me")).status_code == 200 or _ == 2
            assert app.state.gate.open_session(user, "192.0.2.1", password=CHEAP)
        assert (await first.get("/api/v1/me")).status_code == 401
        assert (await root.get("/api/v1/me")).status_code == 200, "and nobody else's"


async def test_signing_in_counts_too(app: FastAPI, database: Database) -> None:
    add_user(database, "mallory")
    add_user(database, "ada")
    codes = []
    for at in range(32):
        async with browsing(app, address=f"198.51.100.{at}") as mallory:
            codes.append((await sign_in(mallory, "mallory")).status_code)
    assert codes == [303] * 30 + [429] * 2
    async with browsing(app, address="198.51.100.1") as ada:
        assert (await sign_in(ada, "ada")).status_code == 303


class Slow(Passwords):
    """Checks that last as long as the test lets them."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[str] = []
        self.go = threading.Semaphore(0)

    def _verified(self, password: str, kept: str | None) -> bool:  # noqa: ARG002 - as it is called
        self.begun.append(password)
        assert self.go.acquire(timeout=30)
        return False


def _begin(passwords: Passwords, said: str, name: str, source: str) -> tuple[threading.Thread, list[object]]:
    told: list[object] = []

    def check() -> None:
        try:
            told.append(passwords.matches(said, None, name=name, source=source))
        except ThrottledError as error:
            told.append(error)

    thread = threading.Thread(target=check)
    thread.start()
    return thread, told


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_who_signs_in_with_many_connections_takes_one_place() -> None:
    passwords = Slow()
    flood = [_begin(passwords, "mallory's", "mallory", "192.0.2.66") for _ in range(6)]
    _until(lambda: sum(bool(told) for _, told in flood) == 6 - MOST_OF_NAME)
    assert passwords.begun == ["mallory's"]
    thread, told = _begin(passwords, "ada's", "ada", "192.0.2.1")
    _until(lambda: passwords.begun == ["mallory's", "ada's"])
    passwords.go.release(10)
    for one in (thread, *(one for one, _ in flood)):
        one.join(20)
    assert told == [False]
    assert passwords.begun == ["mallory's", "ada's", "mallory's"]


def test_one_place_and_one_name_are_checked_one_after_the_other_in_turn() -> None:
    passwords = Slow()
    rows = [("a", "n1", "192.0.2.1"), ("b", "n2", "192.0.2.1"), ("c", "n1", "192.0.2.2"), ("d", "n3", "192.0.2.3")]
    threads = []
    for at, row in enumerate(rows):
        threads.append(_begin(passwords, *row)[0])
        _until(lambda at=at: passwords.waiting + len(passwords.begun) == at + 1)  # type: ignore[misc]
    assert passwords.begun == ["a", "d"]
    passwords.go.release(1)
    _until(lambda: len(passwords.begun) == 3)
    passwords.go.release(10)
    for one in threads:
        one.join(20)
    assert sorted(passwords.begun) == ["a", "b", "c", "d"]
    assert passwords.waiting == 0


def test_whoever_waits_too_long_is_told_and_leaves_no_place_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    passwords = Slow()
    first = [_begin(passwords, str(at), str(at), str(at)) for at in range(AT_ONCE)]
    _until(lambda: len(passwords.begun) == AT_ONCE)
    late, told = _begin(passwords, "late", "late", "late")
    late.join(20)
    assert isinstance(told[0], ThrottledError)
    passwords.go.release(10)
    for thread, _ in first:
        thread.join(20)
    assert (passwords.waiting, passwords.matches("again", None, name="late", source="late")) == (0, False)


def test_those_who_wait_are_bounded() -> None:
    passwords = Slow()
    running = [_begin(passwords, str(at), str(at), str(at)) for at in range(AT_ONCE)]
    _until(lambda: len(passwords.begun) == AT_ONCE)
    of_one = [_begin(passwords, str(at), f"n{at}", "192.0.2.1") for at in range(MOST_OF_SOURCE + 1)]
    _until(lambda: any(told for _, told in of_one))
    crowd = [_begin(passwords, "x", f"m{at}", f"s{at}") for at in range(module.MOST_WAITING)]
    _until(lambda: sum(bool(told) for _, told in crowd) == MOST_OF_SOURCE)
    assert (passwords.waiting, len(passwords.begun)) == (module.MOST_WAITING, AT_ONCE)
    passwords.go.release(100)
    for thread, _ in (*running, *of_one, *crowd):
        thread.join(20)
    assert passwords.waiting == 0
