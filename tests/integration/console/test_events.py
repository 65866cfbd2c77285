"""Events by the API: pages that go on, filters, and nothing of what they are about but codes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.domain.health import Health, HealthReport
from common.domain.status import Reason
from common.settings import Settings
from common.store.engine.session import Database
from common.store.state import faults, healths
from common.store.state.faults import StoredFault
from common.store.state.healths import SeenHealth
from console.api.app import create_app
from console.client.transports import in_process_client
from tests.integration.db.rows import NOW, add_placements
from tests.integration.db.telling import add_cluster

TOKEN = "a-token-of-this-test"


Api = Callable[..., httpx.Response]


@pytest.fixture
def api(database: Database, tmp_path: Path) -> Api:
    app = create_app(Settings(home=tmp_path), database, token=TOKEN)

    async def ask(query: dict[str, Any]) -> httpx.Response:
        async with in_process_client(app, TOKEN) as client:
            return await client.get("/api/v1/events", params=query)

    return lambda **query: asyncio.run(ask(query))


def get(api: Api, **query: Any) -> dict[str, Any]:
    answer = api(**query)
    assert answer.status_code == httpx.codes.OK, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_events_come_in_pages_that_go_on(api: Api, database: Database) -> None:
    assert get(api)["items"] == []
    first = get(api)["after"]
    add_cluster(database, "eu")
    with database.write() as connection:
        made = add_placements(connection, "eu/web", "eu/api")
        report = HealthReport(Health.DEGRADED, Reason("told", {"text": "a secret word"}))
        seen = [SeenHealth(one, report, None, None) for one in made]
        healths.record_healths(connection, seen, now=NOW)
    page = get(api, after=first, limit=1)
    assert [event["subject"] for event in page["items"]] == ["eu/web"]
    page = get(api, after=page["after"], limit=1)
    assert [event["subject"] for event in page["items"]] == ["eu/api"]
    again = get(api, after=page["after"])
    assert again == {"items": [], "after": page["after"]}
    latest = get(api)
    assert [event["sentence"] for event in latest["items"]] == ["unknown -> degraded"] * 2
    assert latest["after"] == latest["items"][-1]["id"] == page["after"]
    assert "secret" not in str(latest)
    with database.write() as connection:
        faults.add(connection, "cluster:eu", StoredFault("x.y", {"message": "words"}, project=""), now=NOW)
    (event,) = get(api, after=latest["after"])["items"]
    assert (event["kind"], event["code"]) == ("fault.raised", "x.y")
    assert [one["subject"] for one in get(api, cluster="eu", kind=["fault.raised", "run.ended"])["items"]] == [
        "cluster:eu"
    ]
    assert [one["subject"] for one in get(api, application="api")["items"]] == ["eu/api"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"kind": "run.endd"}, "value.unknown"),
        ({"after": "x"}, "events.position"),
        ({"cluster": "no"}, "value.unknown"),
    ],
)
def test_what_is_none_is_an_error_that_helps(api: Api, query: dict[str, str], code: str) -> None:
    answer = api(**query)
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert answer.json()["code"] == code
    assert answer.json()["remedy"]
