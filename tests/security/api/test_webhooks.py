"""Webhooks: forged ones are one answer and no question to the database, large and slow ones keep nobody out."""

from __future__ import annotations

import gzip
import hmac
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, event, select

from common.settings import Settings
from common.store.engine.session import Database
from common.store.schema.tables import AuditRow, IntentRow
from console.api.app import create_app
from console.api.door.door import MOST_OF_HOOK
from tests.harness.api import ApiProcess, read_all, status_of
from tests.harness.pushes import SECRET, SIGNING, declare, digest, github, pushed, standard

pytestmark = pytest.mark.anyio
REPO = "https://git.example.com/apps.git"
BODY = pushed(REPO)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    declare(tmp_path / "hooks", "acme", "github")
    declare(tmp_path / "hooks", "other", "github", f"{SECRET}-of-another")
    declare(tmp_path / "hooks", "lab", "gitlab")
    declare(tmp_path / "hooks", "std", "standard", SIGNING)
    declare(tmp_path / "hooks", "empty", "github", "")
    declare(tmp_path / "hooks", "turning", "github", SECRET, former_secret=f"{SECRET}-former")
    return create_app(Settings(home=tmp_path), database, token="a-token-of-this-test")


@pytest.fixture
async def sender(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://hub") as client:
        yield client


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What the database is asked."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


async def test_what_is_forged_is_one_answer_and_asks_the_database_nothing(
    sender: httpx.AsyncClient, statements: list[str]
) -> None:
    old = standard(BODY, at=time.time() - 600)
    forged = [
        ("acme", {}),
        ("acme", github(BODY, "another-secret-altogether")),
        ("acme", github(BODY, f"{SECRET}-of-another")),
        ("acme", github(BODY + b" ")),
        ("acme", {"x-hub-signature-256": digest(BODY)}),
        ("acme", {"x-hub-signature": f"sha1={digest(BODY)}"}),
        ("acme", {"authorization": "Bearer a-token-of-this-test"}),
        ("acme", {"x-gitlab-token": SECRET}),
        ("empty", github(BODY, "")),
        ("nothing", github(BODY)),
        ("nothing", {}),
        ("lab", github(BODY)),
        ("lab", {"x-gitlab-token": ""}),
        ("std", old),
        ("std", {**old, "webhook-timestamp": str(int(time.time()))}),
        ("%2e%2e", github(BODY)),
        ("acme%20", github(BODY)),
        ("ACME", github(BODY)),
    ]
    answers = [await sender.post(f"/hooks/{name}", content=BODY, headers=headers) for name, headers in forged]
    told = {(answer.status_code, answer.text.replace(answer.headers["x-request-id"], "")) for answer in answers}
    assert len(told) == 1, told
    assert answers[0].status_code == 401
    assert len({frozenset(set(answer.headers) - {"x-request-id"}) for answer in answers}) == 1
    assert statements == []


async def test_what_is_proved_is_accepted_and_audits_nothing(
    sender: httpx.AsyncClient, database: Database, statements: list[str]
) -> None:
    ping = json.dumps({"zen": "x", "repository": {"clone_url": REPO}}).encode()
    for body in (BODY, pushed("https://git.example.com/unknown.git"), ping, b"{}", BODY, BODY):
        statements.clear()
        answer = await sender.post("/hooks/acme", content=body, headers=github(body))
        assert (answer.status_code, answer.content) == (202, b"")
        assert len(statements) < 10
    assert (await sender.post("/hooks/std", content=BODY, headers=standard(BODY))).status_code == 202
    with database.read() as connection:
        assert connection.execute(select(IntentRow.id)).first() is None
        assert connection.execute(select(AuditRow.id)).first() is None


async def test_the_token_of_a_hook_opens_nothing_else(sender: httpx.AsyncClient) -> None:
    for path in ("/hooks", "/hooks/", "/hooks/acme/x", "/hooks/acme/"):
        assert (await sender.post(path, content=BODY, headers=github(BODY))).status_code == 401, path
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert (await sender.request(method, "/hooks/acme", headers=github(b""))).status_code in {401, 405}, method
    answer = await sender.post("/api/v1/refresh", content=BODY, headers={"authorization": f"Bearer {SECRET}"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"null", b"{", b"[" * 1_000_000, b'{"a":' * 900_000, gzip.compress(b"{" * 10_000_000, mtime=0),
        b"{\"a\": [" + b"{}," * 1_500_000 + b"{}]}", b"\xff\xfe", b"payload=%7B", b"9" * 5_000_000,
    ],
    ids=lambda body: f"{bytes(body[:8])!r}",
)  # fmt: skip
async def test_a_bad_body_that_is_proved_costs_little(sender: httpx.AsyncClient, body: bytes) -> None:
    began = time.monotonic()
    headers = {**github(body), "content-encoding": "gzip"}
    answer = await sender.post("/hooks/acme", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["code"] == "webhook.unreadable"
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("media", ["application/json", "text/plain", "application/x-www-form-urlencoded", "\u00ff", ""])
async def test_what_a_header_says_of_the_body_decides_nothing(sender: httpx.AsyncClient, media: str) -> None:
    headers = {**github(BODY), "content-type": media}
    answer = await sender.post("/hooks/acme", content=BODY, headers=httpx.Headers(headers, encoding="latin-1"))
    assert answer.status_code == 202


async def test_an_oversized_body_is_refused_before_it_is_judged(sender: httpx.AsyncClient) -> None:
    most = b" " * (MOST_OF_HOOK - 2) + b"{}"
    assert (await sender.post("/hooks/acme", content=most, headers=github(most))).status_code == 202
    more = b" " + most
    assert (await sender.post("/hooks/acme", content=more, headers=github(more))).status_code == 413

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 65536

    assert (await sender.post("/hooks/acme", content=endless())).status_code == 413


async def test_a_flood_from_one_source_is_slowed_and_another_source_is_not(app: FastAPI) -> None:
    async def answers(host: str, count: int) -> list[int]:
        transport = httpx.ASGITransport(app=app, client=(host, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
            return [(await client.post("/hooks/acme", content=b"{}")).status_code for _ in range(count)]

    flood = await answers("10.0.0.1", 400)
    assert flood[:200] == [401] * 200
    assert flood.count(429) > 50
    transport = httpx.ASGITransport(app=app, client=("10.0.0.2", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        assert (await client.post("/hooks/acme", content=BODY, headers=github(BODY))).status_code == 202


async def test_a_flood_of_one_hook_is_slowed_and_another_hook_is_not(app: FastAPI) -> None:
    async def status(number: int, name: str, secret: str) -> int:
        transport = httpx.ASGITransport(app=app, client=(f"10.0.1.{number % 5}", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
            return (await client.post(f"/hooks/{name}", content=BODY, headers=github(BODY, secret))).status_code

    flood = [await status(number, "acme", SECRET) for number in range(600)]
    assert flood.count(429) > 50
    assert await status(0, "other", f"{SECRET}-of-another") == 202


async def test_forged_names_take_as_long_as_forged_secrets(
    sender: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes time is each HMAC over the body: as many, whatever the hook, its kind and its secrets."""
    made: list[object] = []
    real: Any = hmac.new

    def counted(*given: object, **named: object) -> Any:
        made.append(given)
        return real(*given, **named)

    monkeypatch.setattr(hmac, "new", counted)
    counts = {}
    for name in ("acme", "lab", "std", "turning", "empty", "nothing"):
        made.clear()
        assert (await sender.post(f"/hooks/{name}", content=BODY)).status_code == 401
        counts[name] = len(made)
    assert set(counts.values()) == {2}, counts


def test_slow_large_bodies_keep_no_small_one_out(api: ApiProcess) -> None:
    """Sixteen sources hold what four bodies more than the memory need, and a stranger's small one is judged at once."""
    before = api.resident
    head = b"POST /hooks/acme HTTP/1.1\r\nHost: hub\r\nContent-Length: %d\r\n\r\n" % MOST_OF_HOOK
    held = [api.connect(source=f"127.0.12.{number}") for number in range(1, 17)]
    try:
        threads = [threading.Thread(target=_sent, args=(one, head + b"x" * (MOST_OF_HOOK - 1))) for one in held]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        began = time.monotonic()
        small = b"POST /hooks/acme HTTP/1.1\r\nHost: hub\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
        assert status_of(api.ask(small, source="127.0.12.200")) == 401
        assert time.monotonic() - began < 2
        assert api.resident - before < 120 * 1024 * 1024
        ended = [status_of(read_all(one)) for one in held]
    finally:
        for one in held:
            one.close()
    assert set(ended) <= {0, 429}, "the largest at once, the others once their time is over"
    assert ended.count(429) >= 4, "one that was still being sent may see its connection end"


def _sent(connection: object, data: bytes) -> None:
    try:
        connection.sendall(data)  # type: ignore[attr-defined]
    except OSError:
        return
