"""Odd requests: each is answered as one that is wrong, never by an error of ours; none gets around the door."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import unquote

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import Engine, event, select

from common.settings import Settings
from common.store.engine.session import Database
from common.store.schema.tables import AuditRow, IntentRow
from common.store.state import fleet
from console.api.app import create_app
from tests.harness import texts
from tests.harness.api import TOKEN, ApiProcess, read_all, status_of
from tests.harness.routes import routes

BEARER = {"Authorization": f"Bearer {TOKEN}"}
UNREADABLE = ("a%00b", "%ED%A0%80", "%FF", "%C0%AF")
ODD = (
    *UNREADABLE, "99999999999999999999", "-1", "9" * 5000, "a" * 12_000, "..%2f..%2f",
    "%0a%0d", "nan", "'%22;--", "9223372036854775808", "%zz",
)  # fmt: skip
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def app(database: Database, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    files = {"fleet.yaml": texts.FLEET, "clusters.yaml": texts.cluster("eu", env="prod")}
    with database.write() as connection:
        now = database.now(connection)
        fleet.fix_name(connection, "acme", now=now)
        fleet.put_in_force(connection, "c" * 40, texts.in_order(files).documents.to_json(), now=now)
        fleet.note_checked(connection, now=now)
    return create_app(Settings(home=tmp_path_factory.mktemp("home")), database, token=TOKEN)


def _paths(route: APIRoute, odd: str) -> list[str]:
    parts = route.path.split("/")
    return ["/".join(odd if number == at else "x" if one.startswith("{") else one for number, one in enumerate(parts))
            for at, place in enumerate(parts) if place.startswith("{")]  # fmt: skip


async def _asked(app: FastAPI, method: str, target: str, body: bytes = b"", **more: str | bytes) -> httpx.Response:
    """Ask with a target that no client library has put right before."""
    url = httpx.URL(scheme="http", host="hub", path="/").copy_with(raw_path=target.encode())
    headers = {**BEARER, "Host": "hub", "Content-Type": "application/json", "Content-Length": str(len(body)), **more}
    request = httpx.Request(method, url, headers=headers, content=body)  # type: ignore[arg-type]
    answer = await httpx.ASGITransport(app=app, raise_app_exceptions=False).handle_async_request(request)
    await answer.aread()
    return answer


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What the database is asked."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        of_who_asks = "users" in statement or "clock_timestamp" in statement  # that is asked before what is asked for
        if statement.startswith(("SELECT", "INSERT", "UPDATE", "DELETE")) and not of_who_asks:
            asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


async def test_no_odd_name_in_a_path_is_an_error_of_ours(app: FastAPI, statements: list[str]) -> None:
    asked = 0
    await _asked(app, "GET", "/api/v1/me")  # the first use of the hub's own token is noted
    for route in routes(app.routes):
        for odd in ODD:
            for path in _paths(route, odd):
                for method in route.methods or ():
                    statements.clear()
                    answer = await _asked(app, method, path, b'{"reason": "x"}' if method == "POST" else b"")
                    no_flower = answer.status_code == 502 and path.startswith("/flower/")
                    assert answer.status_code < 500 or no_flower, (method, path[:80], answer.text)
                    assert odd not in UNREADABLE or (answer.status_code, statements) == (400, []), (method, path)
                    asked += 1
    assert asked > 200
    statements.clear()
    assert (await _asked(app, "GET", "/api/v1/status")).status_code == 200
    assert statements, "what is asked is seen"


async def test_no_odd_value_in_a_query_is_an_error_of_ours(app: FastAPI, statements: list[str]) -> None:
    await _asked(app, "GET", "/api/v1/me")  # the first use of the hub's own token is noted
    for path, names in {
        "/api/v1/placements": ("cluster", "application", "label", "sync", "health", "after", "limit", "show"),
        "/api/v1/status": ("cluster", "application", "label"),
        "/api/v1/runs": ("cluster", "application", "state", "outcome", "after", "limit"),
        "/api/v1/leftovers": ("after", "limit"),
        "/api/v1/approvals": ("state", "after", "limit", "format", "fields"),
        "/api/v1/faults": ("after", "limit", "format", "fields"),
        "/api/v1/audit": ("after", "limit", "format", "fields"),
        "/api/v1/drift": ("hours",),
        "/api/v1/drift/groups": ("hours",),
        "/runs": ("after", "cluster", "application"),
    }.items():
        for name in names:
            for odd in (*ODD, "a%3Db", "1:x", "a%0Ab%0Ac%0Ad%0Ae%0Af%0Ag%0Ah"):
                statements.clear()
                answer = await _asked(app, "GET", f"{path}?{name}={odd}")
                assert answer.status_code < 500, (path, name, odd[:80], answer.text)
                assert odd not in UNREADABLE or (answer.status_code, statements) == (400, []), (path, name, odd)
    for odd in ODD:
        body = json.dumps({"kind": "refresh", "selection": {"repo": unquote(odd)}}).encode()
        assert (await _asked(app, "POST", "/api/v1/intents", body)).status_code in {400, 422}, odd
        assert (await _asked(app, "POST", f"/api/v1/intents?preview={odd}", body)).status_code in {400, 422}, odd


@pytest.mark.parametrize(
    "body",
    [
        b'{"reason": "\\ud800"}', b'{"reason": "\\u0000"}', b'{"reason": "\xff"}', b"[" * 60_000, b'{"reason":' * 6_000,
        b"9" * 60_000, b"NaN", b"", b"null", b'"\\ud800"', b"\xef\xbb\xbf{}", b'{"files": {"a": "\\ud800"}}',
        b'{"files": {"a\\u0000": ""}}', b'{"files": {"../a": "e30="}}', b'{"files": {"a.yaml": "\\u00ff"}}',
    ],
)  # fmt: skip
async def test_no_odd_body_is_an_error_of_ours(app: FastAPI, body: bytes) -> None:
    for path in ("/api/v1/intents", "/api/v1/intents?preview=true", "/api/v1/plan"):
        answer = await _asked(app, "POST", path, body)
        assert answer.status_code < 500, (path, body[:80], answer.text)


@pytest.mark.parametrize(
    "origin", ["http://[", "http://[::1", "http://]", "\u00ff", "a" * 5000, "http://hub@evil.example"]
)
async def test_an_odd_origin_is_another_site(app: FastAPI, origin: str) -> None:
    answer = await _asked(app, "POST", "/api/v1/intents", b'{"kind": "refresh"}', Origin=origin.encode("latin-1"))
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "repo",
    [
        "https://bot:hunter2canary@git.example.com/a.git",
        "https://bot:hunter2canary%40x@git.example.com/a.git",
        "ssh://bot:hunter2canary@git.example.com/a.git",
        "bot:hunter2canary@git.example.com:a.git",
        "https://git.example.com/a.git?token=hunter2canary",
    ],
)
async def test_credentials_in_a_url_are_stored_nowhere(app: FastAPI, database: Database, repo: str) -> None:
    body = json.dumps({"kind": "refresh", "selection": {"repo": repo}}).encode()
    answer = await _asked(app, "POST", "/api/v1/intents", body)
    assert answer.status_code == 422
    assert "hunter2canary" not in answer.text
    with database.read() as connection:
        assert connection.execute(select(IntentRow.id)).first() is None
        assert connection.execute(select(AuditRow.id).where(AuditRow.action != "hub-token")).first() is None


def test_two_lengths_are_one_request_too_many(api: ApiProcess) -> None:
    hidden = b"GET /api/v1/status HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer %b\r\n\r\n" % TOKEN.encode()
    for head in (
        b"Content-Length: %d\r\nTransfer-Encoding: chunked" % (len(hidden) + 5),
        b"Transfer-Encoding: chunked\r\nContent-Length: %d" % (len(hidden) + 5),
        b"Content-Length: 4\r\nContent-Length: %d" % (len(hidden) + 5),
        b"Content-Length: 4, %d" % (len(hidden) + 5),
        b"Content-Length: +5",
        b"Content-Length: -1",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    ):
        sent = b"POST /login HTTP/1.1\r\nHost: hub\r\n" + head + b"\r\n\r\n0\r\n\r\n" + hidden
        answer = api.ask(sent, source="127.0.10.1")
        assert status_of(answer) in {400, 501}, head
        assert answer.count(b"HTTP/1.1 ") == 1, head


def test_a_folded_header_hides_no_request(api: ApiProcess) -> None:
    hidden = b"GET /api/v1/status HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer %b\r\n\r\n" % TOKEN.encode()
    sent = b"POST /login HTTP/1.1\r\nHost: hub\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden
    assert b" 200 " not in api.ask(sent, source="127.0.10.3")


def test_requests_in_one_go_are_judged_each_by_its_own_token(api: ApiProcess) -> None:
    plain = b"GET /api/v1/status HTTP/1.1\r\nHost: hub\r\n"
    bearer = b"Authorization: Bearer %b\r\n" % TOKEN.encode()
    answer = api.ask(plain + bearer + b"\r\n" + plain + b"\r\n" + plain + bearer + b"\r\n", source="127.0.10.2")
    codes = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert codes == [200, 401], "a refused request ends the connection"
    twice = plain + b"Authorization: Bearer x\r\n" + bearer + b"\r\n"
    assert status_of(api.ask(twice, source="127.0.10.2")) == 400


@pytest.mark.parametrize(
    "more",
    [
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        "X-HTTP-Method-Override: POST\r\n",
        "X-Original-URL: /healthz\r\nX-Rewrite-URL: /healthz\r\n",
        "Cookie: flotilla_session=x.y\r\n",
        "Cookie: flotilla_session=\r\n",
        "Authorization: Basic b3BlcmF0b3I6\r\n",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer \r\n",
    ],
)
def test_nothing_but_the_token_opens_the_door(api: ApiProcess, more: str) -> None:
    source = f"127.0.11.{1 + len(more) % 250}"
    for method in ("GET", "POST", "HEAD", "OPTIONS"):
        request = f"{method} /api/v1/status HTTP/1.1\r\nHost: hub\r\n{more}\r\n"
        assert status_of(api.ask(request.encode(), source=source)) == 401


@pytest.mark.parametrize(
    "target",
    [
        "/static/../api/v1/status", "/static/%2e%2e/api/v1/status", "//api/v1/status", "/login/../api/v1/status",
        "/healthz/../api/v1/status", "/api/v1/status;/login", "/LOGIN/../api/v1/status", "/login%00/api/v1/status",
        "http://hub/api/v1/status", "/api/v1/status?x=/login", "/static/..%2f..%2f..%2fetc/passwd", "/static/%00",
        "/static//etc/passwd", "/static/%ff", "/./login", "/login/", "*",
    ],
)  # fmt: skip
def test_no_spelling_of_an_open_path_leads_elsewhere(api: ApiProcess, target: str) -> None:
    answer = api.ask(f"GET {target} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n".encode(), source="127.0.12.1")
    assert status_of(answer) in {400, 401, 404}, answer[:100]
    assert b"clusters" not in answer
    assert b"root:" not in answer


async def test_what_a_reason_carries_is_masked(app: FastAPI, database: Database) -> None:
    del database
    reason = "because https://bot:hunter2canary@git.example.com fails"
    body = json.dumps({"kind": "approve", "selection": {"approval": 1}, "reason": reason})
    answer = await _asked(app, "POST", "/api/v1/intents", body.encode())
    assert "hunter2canary" not in answer.text


@pytest.mark.parametrize("path", ["/api/v1/intents", "/api/v1/nowhere", "/login"])
@pytest.mark.parametrize(
    "ending",
    [
        b"",
        b'11\r\n{"reason": "why"}\r\n--0\r\n\r\n',
        b"zz\r\n",
        b"5\r\nhelloworld\r\n0\r\n\r\n",
        b"1\r\n{\r\n" + b"f" * 40 + b"\r\n",
        b"0\r\nX\0: y\r\n\r\n",
    ],
)
@pytest.mark.parametrize("late", [0, 1])
def test_a_body_that_goes_wrong_leaves_no_error_of_ours(api: ApiProcess, path: str, ending: bytes, late: int) -> None:
    log = api.home / "api.log"
    before = len(log.read_bytes())
    head = f"POST {path} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
    with api.connect(source="127.0.10.4") as connection:
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n" + (b"" if late else ending))
        answer = b""
        if late:
            if path == "/api/v1/nowhere":  # answered before its body is read
                answer = connection.recv(65536)
            connection.sendall(ending)
        if ending:
            answer += read_all(connection)
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert status_of(answer) in {0, 400, 403, 404, 422}
    assert api.status(source="127.0.10.4") == 200
    assert b"Traceback" not in log.read_bytes()[before:]
