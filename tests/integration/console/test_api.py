"""Who gets in, what they see, and what they may ask for; on both databases."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import insert, select

from common.domain.refs import GitRef, SourceRef
from common.settings import Settings
from common.store.engine.session import Database
from common.store.queue import leases, sending
from common.store.schema.tables import (
    AuditRow,
    ClusterRow,
    IntentRow,
    OpenRunRow,
    PlacementRow,
    RunRow,
    SessionRow,
    SourceRow,
)
from common.store.state import sources
from console.api.app import create_app
from console.api.probes.ready import Readiness
from tests.harness.routes import routes
from tests.integration.db.rows import run_id

TOKEN = "a-token-of-this-test"
OPEN = {
    "/badge/{application}.svg",
    "/healthz", "/readyz", "/login", "/login/oidc", "/login/oidc/callback", "/api/v1/token/exchange",
    "/device/authorization", "/device/token",
}  # fmt: skip
NASTY = "<script>alert(1)</script>"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    return create_app(Settings(home=tmp_path), database, token=TOKEN)


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        yield client


@pytest.fixture
def bearer() -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}


def _place(database: Database, application: str, cluster: str = "eu") -> None:
    found = {"found_code": "told", "found_params": {"text": NASTY}}
    values = {"cluster": cluster, "application": application, "state": "placed", "mark": "m" * 20, **found}
    with database.write() as connection:
        connection.execute(insert(PlacementRow).values(values))


async def test_every_route_but_the_open_ones_needs_the_token(app: FastAPI, browser: httpx.AsyncClient) -> None:
    asked = 0
    for route in routes(app.routes):
        if route.path in OPEN:
            continue
        for method in route.methods or ():
            path = route.path.replace("{path:path}", "x")
            answer = await browser.request(method, path)
            assert answer.status_code == httpx.codes.UNAUTHORIZED, f"{method} {route.path}"
            somebody = httpx.ASGITransport(app=app, client=(f"10.0.0.{asked}", 1))
            async with httpx.AsyncClient(transport=somebody, base_url="http://hub") as other:
                wrong = await other.request(method, path, headers={"Authorization": "Bearer wrong"})
            assert wrong.status_code == httpx.codes.UNAUTHORIZED, f"{method} {route.path}"
            asked += 1
    assert asked > 20


async def test_the_open_pages_say_nothing(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/healthz")
    assert (answer.status_code, answer.content) == (httpx.codes.OK, b"")


async def test_the_hub_is_ready_when_it_can_do_its_work_and_says_nothing_else(
    app: FastAPI, browser: httpx.AsyncClient, bearer: dict[str, str], database: Database
) -> None:
    seconds = itertools.count(step=10)
    app.state.readiness = Readiness(app.state.settings, database, clock=lambda: next(seconds))
    answer = await browser.get("/readyz")
    assert (answer.status_code, answer.content) == (httpx.codes.SERVICE_UNAVAILABLE, b"")
    with database.write() as connection:
        now = database.now(connection)
        leases.take(connection, leases.LEADER, holder="a", lease=timedelta(minutes=1), now=now)
        sending.note(connection, error_code="broker.full", clock_ahead=0.0, now=now)
    assert (await browser.get("/readyz")).status_code == httpx.codes.SERVICE_UNAVAILABLE
    codes = [one["code"] for one in (await browser.get("/api/v1/status", headers=bearer)).json()["work"]]
    assert "broker.full" in codes
    with database.write() as connection:
        sending.note(connection, error_code="", clock_ahead=0.0, now=now)
    ready = await browser.get("/readyz")
    assert (ready.status_code, ready.content) == (httpx.codes.OK, b"")
    (left,) = (await browser.get("/api/v1/status", headers=bearer)).json()["work"]
    assert (left["code"], left["severity"]) == ("registry.never", "error")
    assert left["message"]


async def test_readiness_is_looked_up_once_a_second_however_often_it_is_asked(
    app: FastAPI, browser: httpx.AsyncClient, database: Database
) -> None:
    app.state.readiness = Readiness(app.state.settings, database, clock=lambda: 0.0)
    before = (await browser.get("/readyz")).status_code
    with database.write() as connection:
        now = database.now(connection)
        leases.take(connection, leases.LEADER, holder="a", lease=timedelta(minutes=1), now=now)
        sending.note(connection, error_code="", clock_ahead=0.0, now=now)
    assert (await browser.get("/readyz")).status_code == before


async def test_a_browser_shows_the_token_once_and_gets_a_session(
    browser: httpx.AsyncClient, database: Database
) -> None:
    refused = await browser.post("/login", data={"token": "wrong"})
    assert refused.status_code == httpx.codes.UNAUTHORIZED
    done = await browser.post("/login", data={"token": TOKEN})
    cookie = done.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert (await browser.get("/api/v1/status")).status_code == httpx.codes.OK
    session_id = browser.cookies["flotilla_session"]
    with database.read() as connection:
        kept = connection.execute(select(SessionRow.digest)).scalars().all()
    assert session_id not in kept, "only a digest of it is kept"
    await browser.post("/logout", headers={"Origin": "http://hub"})
    browser.cookies.set("flotilla_session", session_id)
    assert (await browser.get("/api/v1/status")).status_code == httpx.codes.UNAUTHORIZED


async def test_another_token_ends_sessions(app: FastAPI, browser: httpx.AsyncClient, database: Database) -> None:
    await browser.post("/login", data={"token": TOKEN})
    other = create_app(app.state.settings, database, token="another")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=other), base_url="http://hub") as client:
        client.cookies = browser.cookies
        assert (await client.get("/api/v1/status")).status_code == httpx.codes.UNAUTHORIZED


async def test_a_person_without_a_session_is_sent_to_the_form(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/flower/", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (httpx.codes.SEE_OTHER, "/login?next=%2Fflower%2F")


@pytest.mark.parametrize("origin", [None, "http://evil.example.com", "null", "http://hub.evil.example.com"])
async def test_writes_from_other_sites_are_refused(
    browser: httpx.AsyncClient, database: Database, origin: str | None
) -> None:
    await browser.post("/login", data={"token": TOKEN})
    headers = {} if origin is None else {"Origin": origin}
    answer = await browser.post("/api/v1/intents", json={"kind": "refresh"}, headers=headers)
    assert answer.status_code == httpx.codes.FORBIDDEN
    with database.read() as connection:
        assert connection.execute(select(IntentRow.id)).first() is None


async def test_a_write_is_an_audited_intent(
    browser: httpx.AsyncClient, bearer: dict[str, str], database: Database
) -> None:
    _place(database, "web")
    body = {"kind": "pause", "selection": {"placements": ["eu/web"]}, "reason": "incident"}
    answer = await browser.post("/api/v1/intents", json=body, headers=bearer)
    assert answer.status_code == httpx.codes.ACCEPTED
    assert answer.headers["location"] == f"/api/v1/intents/{answer.json()['intent']}"
    intent = (await browser.get(answer.headers["location"], headers=bearer)).json()
    assert (intent["kind"], intent["subject"], intent["actor"]) == ("pause", "eu/web", "operator")
    with database.read() as connection:
        mine = select(AuditRow.action, AuditRow.subject, AuditRow.detail).where(AuditRow.action != "hub-token")
        row = connection.execute(mine).one()
    assert tuple(row) == ("pause", "eu/web", {"reason": "incident"})


@pytest.mark.parametrize(
    "given",
    [
        "https://git.example.com/pay/deploy.git",
        "https://GIT.example.com:443/pay/deploy/",
        "https://git.example.com/pay/deploy",
    ],
)
async def test_a_repository_is_looked_at_in_whatever_spelling_it_is_named(
    browser: httpx.AsyncClient, bearer: dict[str, str], database: Database, given: str
) -> None:
    followed = ["https://git.example.com/pay/deploy.git", "https://git.example.com/pay/deploy"]
    late = NOW + timedelta(days=1)
    with database.write() as connection:
        others = ["https://git.example.com/pay/deploy2", "git@git.example.com:pay/deploy"]
        wanted: dict[SourceRef, str] = {GitRef(one, "", "refs/heads/main"): "" for one in (*followed, *others)}
        sources.follow(connection, wanted, now=late)
    answer = await browser.post(
        "/api/v1/intents", json={"kind": "refresh", "selection": {"repo": given}}, headers=bearer
    )
    assert answer.status_code == httpx.codes.ACCEPTED
    with database.write() as connection:
        subject = connection.execute(select(IntentRow.subject)).scalar_one()
        assert subject in followed
        assert sources.refresh(connection, subject, now=NOW) == 2
        due = connection.execute(select(SourceRow.repo).where(SourceRow.due_at == NOW)).scalars()
        assert sorted(due) == sorted(followed)


async def test_a_repository_that_nothing_follows_is_told_with_the_near_ones(
    browser: httpx.AsyncClient, bearer: dict[str, str], database: Database
) -> None:
    near = [f"https://git.example.com/pay/deploy{number}" for number in (1, 2)]
    with database.write() as connection:
        sources.follow(connection, {GitRef(one, "", "refs/heads/main"): "" for one in near}, now=NOW)
    body = {"kind": "refresh", "selection": {"repo": "https://git.example.com/pay/deploy"}}
    answer = await browser.post("/api/v1/intents", json=body, headers=bearer)
    assert answer.status_code == 422
    assert all(repr(one) in answer.text for one in near)


async def test_what_does_not_exist_is_said_so(browser: httpx.AsyncClient, bearer: dict[str, str]) -> None:
    for path in ("placements/eu/none", "runs/none", "intents/7"):
        answer = await browser.get(f"/api/v1/{path}", headers=bearer)
        assert answer.status_code == httpx.codes.NOT_FOUND
        assert "there is no" in answer.json()["detail"]
    body = {"kind": "sync", "selection": {"placements": ["eu/none"]}}
    answer = await browser.post("/api/v1/intents", json=body, headers=bearer)
    assert answer.status_code == httpx.codes.NOT_FOUND


async def test_an_approval_needs_a_reason(browser: httpx.AsyncClient, bearer: dict[str, str]) -> None:
    answer = await browser.post(
        "/api/v1/intents", json={"kind": "approve", "selection": {"approval": 1}, "reason": " "}, headers=bearer
    )
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY


async def test_lists_come_in_pages_that_neither_skip_nor_repeat(
    browser: httpx.AsyncClient, bearer: dict[str, str], database: Database
) -> None:
    for number in range(7):
        _place(database, f"app-{number}")
    seen: list[str] = []
    after = ""
    while True:
        page = (await browser.get("/api/v1/placements", params={"limit": 3, "after": after}, headers=bearer)).json()
        seen += [item["ref"] for item in page["items"]]
        after = page["after"]
        if not after:
            break
    assert seen == [f"eu/app-{number}" for number in range(7)]
    bad = await browser.get("/api/v1/placements", params={"after": "nonsense"}, headers=bearer)
    assert bad.status_code == httpx.codes.UNPROCESSABLE_ENTITY


async def test_runs_are_shown_newest_first(
    browser: httpx.AsyncClient, bearer: dict[str, str], database: Database
) -> None:
    _place(database, "web")
    with database.write() as connection:
        placement = connection.execute(select(PlacementRow.id)).scalar_one()
        for number in range(3):
            ended = {"outcome": "succeeded", "ended_at": NOW} if number < 2 else {}
            decided = {"placement_id": placement, "cluster": "eu", "application": "web", "trigger": "revision"}
            decided |= {"priority": 2, "queue": "q"}
            made = {"id": run_id(number), "actor": "flotilla", "snapshot_id": 1, "created_at": NOW}
            connection.execute(insert(RunRow).values(**decided, **made, **ended))
        stands = {"run_id": run_id(2), "state": "queued", "not_before": NOW}
        connection.execute(insert(OpenRunRow).values(**decided, **stands))
    runs = (await browser.get("/api/v1/runs", params={"limit": 2}, headers=bearer)).json()
    assert [run["id"] for run in runs["items"]] == [run_id(2), run_id(1)]
    assert [run["state"] for run in runs["items"]] == ["queued", "ended"]
    rest = (await browser.get("/api/v1/runs", params={"after": runs["after"]}, headers=bearer)).json()
    assert [run["id"] for run in rest["items"]] == [run_id(0)]


@pytest.mark.parametrize("after", ["nonsense", "0", "01990000-0000-7000-8000-00000000000G", "0199", "'", "\u0661" * 36])
@pytest.mark.parametrize("path", ["/api/v1/runs", "/api/v1/events"])
async def test_what_ended_no_page_is_told(
    browser: httpx.AsyncClient, bearer: dict[str, str], path: str, after: str
) -> None:
    """PostgreSQL refuses a query for what is no UUID, which is no fault of the database."""
    answer = await browser.get(path, params={"after": after}, headers=bearer)
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert ("is no position of an event" if "events" in path else "which ended no page") in answer.text


@pytest.mark.parametrize("name", ["nonsense", "0199zz", "01990000-0000-7000-8000-00000000000G", "\u0661" * 36])
@pytest.mark.parametrize("path", ["/api/v1/runs"])
async def test_what_is_no_id_of_a_run_is_not_found(
    browser: httpx.AsyncClient, bearer: dict[str, str], path: str, name: str
) -> None:
    answer = await browser.get(f"{path}/{name}", headers=bearer)
    assert answer.status_code == httpx.codes.NOT_FOUND


async def test_flower_is_read_only(browser: httpx.AsyncClient, bearer: dict[str, str]) -> None:
    for path in ("/flower/api/worker/shutdown/w", "/flower/api/task/revoke/t"):
        answer = await browser.post(path, headers=bearer)
        assert answer.status_code == httpx.codes.METHOD_NOT_ALLOWED


@pytest.mark.parametrize(
    ("path", "code", "told"),
    [
        ("placements/eu/wbe", 404, "did you mean 'eu/web'?"),
        ("placements/eu1/web", 404, "did you mean 'eu'?"),
        ("placements?cluster=eu1", 422, "did you mean 'eu'?"),
        ("placements?application=wbe", 422, "did you mean 'web'?"),
        ("placements?sync=sinced", 422, "did you mean 'synced'?"),
        ("placements?health=degrade", 422, "did you mean 'degraded'?"),
        ("runs?outcome=fail", 422, "did you mean 'failed'?"),
        ("runs?state=runing", 422, "did you mean 'running'?"),
        ("runs?cluster=eu1", 422, "did you mean 'eu'?"),
        ("approvals?state=opened", 422, "did you mean 'open'?"),
    ],
)
async def test_a_name_or_word_that_is_none_is_an_error_that_names_the_nearest(
    browser: httpx.AsyncClient, bearer: dict[str, str], database: Database, path: str, code: int, told: str
) -> None:
    _place(database, "web")
    with database.write() as connection:
        values = {"state": "active", "pool": "p", "server": "https://eu", "credentials": "c", "declared": True}
        connection.execute(insert(ClusterRow).values(name="eu", **values))
    answer = await browser.get(f"/api/v1/{path}", headers=bearer)
    assert (answer.status_code, answer.json()["remedy"]) == (code, told)


async def test_a_request_that_cannot_be_used_is_answered_in_our_own_words(
    browser: httpx.AsyncClient, bearer: dict[str, str]
) -> None:
    answer = await browser.get("/api/v1/runs?limit=501", headers=bearer)
    assert (answer.status_code, answer.json()["detail"]) == (422, "limit is more than 500")
    body = {"kind": "sync", "selection": {"approval": "x"}, "reason": 1, "more": "x" * 99}
    answer = await browser.post("/api/v1/intents", json=body, headers=bearer)
    assert (answer.status_code, "xxx" in answer.text, "pydantic" in answer.text) == (422, False, False)
    wrong = "selection.approval is no whole number; reason cannot be used; more is not known here"
    assert answer.json()["detail"] == wrong
