"""Token leaks, CSRF, brute force: a command line gets a token of whoever confirmed its code, once, of nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select, update

from common.domain.rights import BuiltInRole
from common.settings import Settings
from common.store.engine.session import Database
from common.store.schema.tables import AuditRow, TokenRow, UserRow
from console.api.app import create_app
from console.api.signin.device import INTERVAL, LASTS, MOST_OF_SOURCE, Devices, plain
from console.api.signin.device_pages import GRANT
from tests.harness.people import add_user, browsing, sign_in

TOKEN = "a-token-of-this-test-of-some-length"
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def at() -> list[float]:
    return [0.0]


@pytest.fixture
def app(database: Database, tmp_path: Path, at: list[float]) -> FastAPI:
    app = create_app(Settings(home=tmp_path), database, token=TOKEN)
    app.state.devices = Devices(lambda: at[0])
    return app


@pytest.fixture
async def command(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, client=("198.51.100.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        yield client


@pytest.fixture
async def ada(app: FastAPI, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    add_user(database, "ada", BuiltInRole.READER)
    async with browsing(app) as client:
        await sign_in(client, "ada")
        yield client


async def begun(command: httpx.AsyncClient, **more: str) -> dict[str, Any]:
    answer = await command.post("/device/authorization", data={"client_id": "flotilla at work", **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def polled(command: httpx.AsyncClient, device: str) -> tuple[int, dict[str, Any]]:
    answer = await command.post("/device/token", data={"grant_type": GRANT, "device_code": device})
    return answer.status_code, answer.json()


async def answered(browser: httpx.AsyncClient, code: str, answer: str = "confirm", **headers: str) -> httpx.Response:
    return await browser.post("/device", data={"user_code": code, "answer": answer}, headers=headers)


async def test_whoever_confirms_a_code_signs_its_command_line_in(
    command: httpx.AsyncClient, ada: httpx.AsyncClient, database: Database, at: list[float]
) -> None:
    told = await begun(command, days="7")
    assert await polled(command, told["device_code"]) == (400, {"error": "authorization_pending"})
    assert await polled(command, told["device_code"]) == (400, {"error": "slow_down"})
    assert told["user_code"].replace("-", "") in (await ada.get(told["verification_uri_complete"])).text
    page = (await answered(ada, told["user_code"].lower(), "")).text
    assert all(word in page for word in ("flotilla at work", "198.51.100.7", "7 days"))
    assert "signed in" in (await answered(ada, told["user_code"])).text
    at[0] += INTERVAL
    code, found = await polled(command, told["device_code"])
    assert (code, found["token_type"], found["expires_in"]) == (200, "Bearer", 7 * 86400)
    me = await command.get("/api/v1/me", headers={"Authorization": f"Bearer {found['access_token']}"})
    assert (me.json()["actor"], me.json()["means"]) == ("ada", "token")
    assert await polled(command, told["device_code"]) == (400, {"error": "expired_token"}), "once"
    with database.read() as connection:
        row = connection.execute(select(AuditRow).where(AuditRow.action == "token.make")).one()
    assert (row.actor, row.subject, row.address) == ("ada", "flotilla at work", "198.51.100.7")


@pytest.mark.parametrize("end", ["refused", "late", "disabled", "removed"])
async def test_a_code_ends(
    app: FastAPI, command: httpx.AsyncClient, ada: httpx.AsyncClient, database: Database, at: list[float], end: str
) -> None:
    told = await begun(command)
    if end == "late":
        at[0] += LASTS
    answer = await answered(ada, told["user_code"], "deny" if end == "refused" else "confirm")
    assert answer.status_code == (404 if end == "late" else 200)
    with app.state.gate.changes() as connection:
        if end == "disabled":
            connection.execute(update(UserRow).values(disabled_at=database.now(connection)))
        if end == "removed":
            connection.execute(UserRow.__table__.delete())  # type: ignore[attr-defined]  # a table's
    error = "expired_token" if end == "late" else "access_denied"
    assert await polled(command, told["device_code"]) == (400, {"error": error})
    assert (await answered(ada, told["user_code"])).status_code in {401, 404}, "it is used up"
    with database.read() as connection:
        assert connection.execute(select(TokenRow.id)).all() == []


async def test_nobody_else_confirms(app: FastAPI, command: httpx.AsyncClient, ada: httpx.AsyncClient) -> None:
    told = await begun(command)
    code = told["user_code"]
    made = (await ada.post("/api/v1/tokens", json={"name": "x"})).json()["secret"]
    async with browsing(app) as stranger, browsing(app) as by_hub_token:
        assert (await answered(stranger, code)).status_code == 401
        sent = await stranger.get(told["verification_uri_complete"], headers={"Accept": "text/html"})
        assert sent.headers["location"] == f"/login?next=%2Fdevice%3Fuser_code%3D{code}"
        for secret in (made, TOKEN):
            assert (await answered(stranger, code, Authorization=f"Bearer {secret}")).status_code == 403
        await by_hub_token.post("/login", data={"token": TOKEN})
        assert (await answered(by_hub_token, code)).status_code == 403, "that token is nobody's"
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await answered(ada, code, **headers)).status_code == 403
    assert await polled(command, told["device_code"]) == (400, {"error": "authorization_pending"})


async def test_codes_are_not_guessed(command: httpx.AsyncClient, ada: httpx.AsyncClient) -> None:
    told = await begun(command)
    codes = [(await answered(ada, "BBBB-BBBB")).status_code for _ in range(11)]
    assert codes == [404] * 10 + [429]
    assert (await answered(ada, told["user_code"])).status_code == 429
    assert await polled(command, "x" * 43) == (400, {"error": "expired_token"})


async def test_a_source_has_few_codes_that_wait(app: FastAPI, command: httpx.AsyncClient, at: list[float]) -> None:
    for _ in range(MOST_OF_SOURCE):
        await begun(command)
    refused = await command.post("/device/authorization", data={"client_id": "x"})
    assert (refused.status_code, refused.json()) == (429, {"error": "slow_down"})
    async with browsing(app, address="203.0.113.4") as other:
        await begun(other)
    at[0] += LASTS
    await begun(command)


@pytest.mark.parametrize(
    "given",
    [
        {}, {"client_id": ""}, {"client_id": "x" * 101}, {"client_id": "a\nb"}, {"client_id": "\u202eevil"},
        {"client_id": "x", "days": "0"}, {"client_id": "x", "days": "91"}, {"client_id": "x", "days": "-1"},
        {"client_id": "x", "days": "9" * 50}, {"client_id": "x", "days": "\u0661"},
    ],
)  # fmt: skip
async def test_odd_wishes_are_refused(command: httpx.AsyncClient, given: dict[str, str]) -> None:
    answer = await command.post("/device/authorization", data=given)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


async def test_what_a_command_line_calls_itself_is_text(command: httpx.AsyncClient, ada: httpx.AsyncClient) -> None:
    told = await begun(command, client_id="<script>alert(1)</script>")
    page = (await answered(ada, told["user_code"], "")).text
    assert "<script" not in page
    assert "&lt;script" in page


def test_a_code_is_known_however_it_is_typed() -> None:
    assert plain(" wdjb-mjht ") == "WDJBMJHT"
    assert plain("x" * 10_000) == "X" * 40
    assert plain("") == ""
