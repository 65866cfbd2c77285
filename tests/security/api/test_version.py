"""Which version the hub is, is told to those alone who may come in."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from common.settings import Settings
from common.store.engine.session import Database
from console.api.app import create_app
from console.client.hub import VERSION_HEADER

TOKEN = "a-token-of-this-test"
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/v1/nothing", "/login", "/healthz", "/", "/static/style.css"])
async def test_strangers_are_not_told_the_version(sqlite_database: Database, tmp_path: Path, path: str) -> None:
    app = create_app(Settings(home=tmp_path), sqlite_database, token=TOKEN)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://hub") as client:
        for headers in ({}, {"Authorization": "Bearer guessed"}):
            answer = await client.get(path, headers=headers)
            assert VERSION_HEADER not in answer.headers
            assert version("flotilla") not in answer.text
        if path.startswith("/api/"):
            known = await client.get(path, headers={"Authorization": f"Bearer {TOKEN}"})
            assert known.headers[VERSION_HEADER] == version("flotilla")
