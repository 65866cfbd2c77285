"""What came of webhooks is told by hook, in the API and in the metrics; what strangers call a hook is kept nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from common.settings import Settings
from common.store.engine.session import Database
from console.api.app import create_app
from tests.harness.api import TOKEN
from tests.harness.pushes import SECRET, declare, github, pushed

BODY = pushed("https://git.example.com/apps.git")
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_each_hook_says_what_came_of_it_and_when_the_last_was_proved(
    sqlite_database: Database, tmp_path: Path
) -> None:
    declare(tmp_path / "hooks", "acme", "github")
    declare(tmp_path / "hooks", "silent", "gitlab")
    app = create_app(Settings(home=tmp_path), sqlite_database, token=TOKEN)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:

        async def seen() -> dict[str, dict[str, Any]]:
            answer = await client.get("/api/v1/hooks", headers={"Authorization": f"Bearer {TOKEN}"})
            return {one["name"]: one for one in answer.json()}

        await client.post("/hooks/acme", content=BODY, headers=github(BODY, f"{SECRET}-of-another"))
        assert (await seen())["acme"]["last_received_at"] is None, "it was not proved"
        sent = [("acme", BODY, 202), ("acme", BODY, 202), ("acme", b"[]", 400)]
        sent += [(f"x{number}-<script>", BODY, 401) for number in range(30)]
        for name, body, status in sent:
            answer = await client.post(f"/hooks/{name}", content=body, headers=github(body))
            assert answer.status_code == status, (name, answer.text)
        hooks = await seen()
        assert list(hooks) == ["", "acme", "silent"]
        assert hooks["acme"]["kind"] == "github"
        assert hooks["acme"]["received"] == {"refused": 1, "nothing": 2, "unreadable": 1}
        assert hooks["acme"]["last_received_at"]
        assert (hooks["silent"]["received"], hooks["silent"]["last_received_at"]) == ({}, None)
        assert hooks[""]["received"] == {"refused": 30}
        metrics = (await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})).text
    assert 'flotilla_webhooks_total{hook="acme",outcome="nothing"} 2.0' in metrics
    assert 'flotilla_webhooks_total{hook="silent",outcome="brought"} 0.0' in metrics
    assert 'flotilla_webhook_last_received_timestamp_seconds{hook="acme"}' in metrics
    assert "script" not in metrics
