"""What a page may cost: statements and bytes, whatever the size of the fleet. Times are for the benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, event

from benchmarks.fill import fill
from benchmarks.filling import registry, standing
from benchmarks.filling.shape import Shape
from common.settings import Settings
from common.store.engine.session import Database
from console.api.app import create_app
from tests.harness.api import TOKEN

KIB = 1024
SIGNING_IN = 2
"""Statements that a request may take to see who asks."""
BUDGETS = {
    # Path: statements, and bytes as a browser gets them.
    "status": (19, 60 * KIB),
    "status?cluster=eu-prod-0000": (20, 20 * KIB),
    "clusters": (2, 60 * KIB),
    "problems": (4, 60 * KIB),
    "fleet/picture": (4, 10 * KIB),
    "placements?limit=100": (2, 160 * KIB),
    "placements?show=problems&limit=50": (2, 120 * KIB),
    "placements?cluster=eu-prod-0000": (3, 160 * KIB),
    "placements?health=degraded&fields=cluster,application,health_reason": (2, 60 * KIB),
    "placements/eu-prod-0000/payments-api": (3, 10 * KIB),
    "placements/eu-prod-0000/payments-api/why": (13, 20 * KIB),
    "applications/payments-api/versions": (4, 20 * KIB),
    "runs": (1, 120 * KIB),
    "runs?outcome=failed": (1, 120 * KIB),
    "approvals": (1, 160 * KIB),
    "faults": (1, 80 * KIB),
    "audit": (1, 60 * KIB),
    "events": (2, 60 * KIB),
    "leftovers": (2, 160 * KIB),
    "search?q=pay": (4, 4 * KIB),
    "search?q=eu-prod/pay": (6, 20 * KIB),
}
SMALL, LARGE = (
    Shape(clusters=clusters, applications=20, runs=2_000, now=datetime.now(UTC), objects=2) for clusters in (20, 80)
)
PICTURE = 200 * KIB
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def statements() -> Iterator[list[str]]:
    said: list[str] = []

    def told(*given: object) -> None:
        if not str(given[2]).startswith(("PRAGMA", "BEGIN")):  # what each transaction of SQLite begins with
            said.append(str(given[2]))

    event.listen(Engine, "before_cursor_execute", told)
    yield said
    event.remove(Engine, "before_cursor_execute", told)


def hub(database: Database, tmp_path: Path) -> httpx.AsyncClient:
    app = create_app(Settings(home=tmp_path), database, token=TOKEN)
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept-Encoding": "gzip"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://hub", headers=headers)


@pytest.mark.parametrize("shape", [SMALL, LARGE], ids=["small", "large"])
async def test_no_page_takes_more_than_its_budget(
    database: Database, tmp_path: Path, statements: list[str], shape: Shape
) -> None:
    fill(database, shape)
    over = []
    async with hub(database, tmp_path) as client:
        await client.get("/api/v1/fleet/picture")  # the registry is read once
        for path, (most, size) in BUDGETS.items():
            statements.clear()
            async with client.stream("GET", f"/api/v1/{path}") as answer:
                sent = len(b"".join([part async for part in answer.aiter_raw()]))
            assert answer.status_code == 200, path
            if len(statements) > most + SIGNING_IN or sent > size:
                over.append((path, len(statements), most, sent, size))
    assert over == []


async def test_a_hundred_thousand_placements_are_a_picture_of_bounded_size(
    sqlite_database: Database, tmp_path: Path
) -> None:
    shape = Shape(clusters=1_000, applications=100, runs=0, now=datetime.now(UTC), objects=0)
    with sqlite_database.write() as connection:
        registry.fill(connection, shape)
        standing.fill(connection, shape)
    async with hub(sqlite_database, tmp_path) as client, client.stream("GET", "/api/v1/fleet/picture") as answer:
        sent = len(b"".join([part async for part in answer.aiter_raw()]))
    assert 1 * KIB < sent < PICTURE
