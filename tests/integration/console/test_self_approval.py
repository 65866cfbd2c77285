"""The door tells who approves what their own request led to, and refuses it where the project wants another person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from common.domain.approvals import ApprovalKind
from common.domain.fleet import DEFAULT_PROJECT
from common.domain.rights import Verb, granted
from common.settings import Settings
from common.store.engine.session import Database
from common.store.schema.tables import AuditRow, IntentRow
from common.store.state import approvals
from common.store.state.approvals import Subject
from console.api.app import create_app
from tests.factories import fleet, said
from tests.harness.viewers import asks_as
from tests.integration.db.rows import NOW

TOKEN = "a-token-of-this-test"
PAY = granted({Verb.READ, Verb.APPROVE}, "pay")
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    return create_app(Settings(home=tmp_path), database, token=TOKEN)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub", headers=headers) as client:
        yield client


def rules(app: FastAPI, *, not_by_self: bool) -> None:
    project = replace(DEFAULT_PROJECT, name="pay", not_by_self=not_by_self)
    inforce = replace(fleet([], []), projects={"pay": project})
    app.state.snapshots = SimpleNamespace(find=lambda _database: (1, inforce))


def asked(database: Database, by: str, project: str = "pay") -> int:
    with database.write() as connection:
        subject = Subject("eu/pay", project=project, asked_by=by)
        payload = {"objects": [":ConfigMap/pay/a"]}
        return approvals.ask(connection, ApprovalKind.PRUNE, subject, payload=payload, reason=said("many"), now=NOW)


async def post(client: httpx.AsyncClient, kind: str, approval: int, query: str = "", match: str = "") -> httpx.Response:
    body = {"kind": kind, "selection": {"approval": approval}, "reason": "for a test"}
    return await client.post(f"/api/v1/intents{query}", json=body, headers={"If-Match": match} if match else {})


async def test_a_project_that_wants_another_person_refuses_the_preview_and_the_request(
    app: FastAPI, client: httpx.AsyncClient, database: Database
) -> None:
    rules(app, not_by_self=True)
    asks_as(app, PAY, actor="ann")
    approval = asked(database, "ann")
    for query in ("?preview=true", ""):
        answer = await post(client, "approve", approval, query)
        assert (answer.status_code, answer.json()["code"]) == (403, "approval.by-self")
        assert "project pay wants another person" in answer.json()["title"] + answer.json().get("detail", "")
    with database.read() as connection:
        assert connection.execute(select(IntentRow.id)).all() == []
    assert (await post(client, "reject", approval)).status_code == 202
    asks_as(app, PAY, actor="bob")
    seen = await post(client, "approve", approval, "?preview=true")
    assert seen.json()["by_self"] is False
    assert (await post(client, "approve", approval, match=seen.headers["etag"])).status_code == 202


@pytest.mark.parametrize(
    ("asker", "by", "words"),
    [("", "ann", "nobody knows whose request"), ("ann", "ci:ci.example.com:acme/pay", "wants a person")],
)
async def test_so_are_what_nobody_knows_who_asked_for_and_who_is_no_person(
    app: FastAPI, client: httpx.AsyncClient, database: Database, asker: str, by: str, words: str
) -> None:
    rules(app, not_by_self=True)
    asks_as(app, PAY, actor=by)
    approval = asked(database, asker)
    for query in ("?preview=true", ""):
        answer = await post(client, "approve", approval, query)
        assert (answer.status_code, answer.json()["code"]) == (403, "approval.by-self")
        assert words in answer.text
    assert (await post(client, "reject", approval)).status_code == 202


async def test_where_it_is_allowed_it_is_marked_before_and_in_the_audit(
    app: FastAPI, client: httpx.AsyncClient, database: Database
) -> None:
    rules(app, not_by_self=False)
    asks_as(app, PAY, actor="ann")
    approval = asked(database, "ann")
    seen = await post(client, "approve", approval, "?preview=true")
    assert seen.json()["by_self"] is True
    assert (await post(client, "approve", approval, match=seen.headers["etag"])).status_code == 202
    with database.read() as connection:
        details = connection.execute(select(AuditRow.detail).where(AuditRow.action == "approve")).scalars().all()
    assert [one.get("by_self") for one in details] == [True]
    (view,) = (await client.get("/api/v1/approvals?state=all")).json()["items"]
    assert (view["asked_by"], view["by_self"]) == ("ann", False), "nobody has decided yet"


async def test_who_asked_is_not_told_of_what_they_may_not_read(
    app: FastAPI, client: httpx.AsyncClient, database: Database
) -> None:
    """A refusal that names a project would tell that it exists."""
    rules(app, not_by_self=True)
    asks_as(app, PAY, actor="ann")
    theirs = await post(client, "approve", asked(database, "ann", project="shop"))
    missing = await post(client, "approve", 4711)
    assert theirs.status_code == missing.status_code == 404
    assert theirs.json()["code"] == missing.json()["code"]


async def test_without_a_fleet_in_force_nobody_approves_their_own(
    app: FastAPI, client: httpx.AsyncClient, database: Database
) -> None:
    app.state.snapshots = SimpleNamespace(find=lambda _database: None)
    asks_as(app, PAY, actor="ann")
    assert (await post(client, "approve", asked(database, "ann"))).status_code == 403
