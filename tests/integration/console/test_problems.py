"""Errors: one form for all of them, with the id that the log has too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from common.settings import Settings
from common.store.engine.session import Database
from console.api.app import create_app
from console.api.contract.problem import Problem

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
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub", headers=BEARER) as client:
        yield client


def problem_of(answer: httpx.Response) -> Problem:
    """Return what was answered; a problem of that status, in its own media type, with the id of its header."""
    assert answer.headers["content-type"] == "application/problem+json"
    found = Problem.model_validate(answer.json(), strict=False, extra="forbid")
    assert (found.status, found.request_id) == (answer.status_code, answer.headers["x-request-id"])
    return found


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/api/v1/nothing", b"", 404, "not-found"),
        ("GET", "/nothing", b"", 404, "not-found"),
        ("DELETE", "/api/v1/status", b"", 405, "method.unknown"),
        ("GET", "/api/v1/placements/eu/web", b"", 404, "not-found"),
        ("GET", "/api/v1/runs?state=gone", b"", 422, "value.unknown"),
        ("GET", "/api/v1/runs?limit=0", b"", 422, "request.invalid"),
        ("GET", "/api/v1/runs/%00", b"", 400, "request.malformed"),
        ("GET", "/api/v1/intents/1", b"", 404, "not-found"),
        ("GET", "/flower/tasks", b"", 502, "gateway.silent"),
        ("POST", "/api/v1/intents", b"{}", 422, "request.invalid"),
        ("POST", "/api/v1/plan", b'{"files": {"a": "?"}}', 422, "request.invalid"),
        ("POST", "/api/v1/intents", b"x" * 70_000, 413, "request.too-large"),
    ],
)
async def test_every_refusal_is_a_problem(
    client: httpx.AsyncClient, method: str, path: str, body: bytes, status: int, code: str
) -> None:
    answer = await client.request(method, path, content=body, headers={"Content-Type": "application/json"})
    found = problem_of(answer)
    assert (found.status, found.code) == (status, code)
    assert found.title == HTTPStatus(status).phrase
    assert found.detail


async def test_the_door_answers_alike(app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://hub") as stranger:
        missing = await stranger.get("/api/v1/status")
        assert (problem_of(missing).code, missing.headers["www-authenticate"]) == ("auth.missing", "Bearer")
        await stranger.post("/login", data={"token": TOKEN})
        assert problem_of(await stranger.post("/api/v1/intents", json={"kind": "refresh"})).code == "auth.other-site"
        stranger.cookies.clear()
        answers = [await stranger.get("/api/v1/status", headers={"Authorization": "Bearer x"}) for _ in range(12)]
    last = answers[-1]
    assert (problem_of(last).code, last.headers["retry-after"]) == ("auth.throttled", "60")
    assert last.headers["connection"] == "close"


async def test_each_wrong_part_is_pointed_at(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/intents", json={"kind": "sync", "reason": 1, "a~b/c": 2})
    pointers = [one.pointer for one in problem_of(answer).errors]
    assert pointers == ["/body/reason", "/body/a~0b~1c"]


async def test_many_wrong_parts_are_cut(client: httpx.AsyncClient) -> None:
    body = {"reason": "x", **{f"{number}{'n' * 500}": number for number in range(90)}}
    answer = await client.post("/api/v1/intents", json={"kind": "sync"} | body)
    found = problem_of(answer)
    assert len(found.errors) == 20
    assert max(len(one.pointer) for one in found.errors) <= 110
    assert len(answer.content) < 10_000


async def test_what_nobody_foresaw_says_nothing_but_its_id(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.state, "database", None)
    with capture_logs() as logs:
        answer = await client.get("/api/v1/drift")
    found = problem_of(answer)
    assert (found.status, found.code) == (500, "server.failed")
    assert "NoneType" not in answer.text
    (logged,) = [one for one in logs if one["event"] == "api.failed"]
    assert (logged["request_id"], logged["error"]) == (found.request_id, "AttributeError")
    assert answer.headers["cache-control"] == "no-store"


async def test_each_request_has_an_id_of_the_hubs(client: httpx.AsyncClient) -> None:
    given = {"X-Request-Id": "mine"}
    ids = {(await client.get("/api/v1/status", headers=given)).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3
    assert all(len(one) == 20 and one.isalnum() for one in ids)
