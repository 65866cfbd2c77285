"""A fleet as the fill leaves it is one that the console can show: each page reads, and says what the facts say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from benchmarks.fill import fill
from benchmarks.filling import registry
from benchmarks.filling.shape import Shape
from common.domain import reasons
from common.domain.rights import ALL
from common.registry.parse import parse
from common.settings import Settings
from common.store.engine.session import Database
from common.store.reads import placements, summary
from common.store.reads.placements import EVERYTHING
from common.store.schema.tables import PlacementRow, RunRow
from console.api.app import create_app
from tests.harness.api import TOKEN

SHAPE = Shape(clusters=60, applications=20, runs=3_000, now=datetime.now(UTC), objects=2)
LISTS = (
    "status", "clusters", "problems", "placements", "placements?show=problems", "runs", "runs?outcome=failed",
    "runs?state=running", "drift", "leftovers", "approvals", "approvals?state=all", "events", "audit",
    "fleet/picture", "search?q=pay", "placements/eu-prod-0000/payments-api",
)  # fmt: skip
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def client(database: Database, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    fill(database, SHAPE)
    app = create_app(Settings(home=tmp_path), database, token=TOKEN)
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub", headers=bearer) as client:
        yield client


async def test_every_page_of_it_can_be_read(client: httpx.AsyncClient) -> None:
    for path in LISTS:
        answer = await client.get(f"/api/v1/{path}")
        assert answer.status_code == 200, (path, answer.text)
        assert answer.json(), path
    views = (await client.get("/api/v1/placements?show=problems&limit=500")).json()["items"]
    said = {view[name] for view in views for name in ("hold", "found", "contact", "health_reason") if view[name]}
    assert not said & reasons.codes(), "a reason whose words could not be made is shown as its code"
    assert any("<script>" in words for words in said), "strangers write too"


async def test_what_is_counted_is_what_there_is(database: Database) -> None:
    fill(database, SHAPE)
    with database.read() as connection:
        seen = summary.summary(connection, ALL)
        placed = select(func.count()).where(PlacementRow.state == "placed")
        assert seen.placements == connection.execute(placed).scalar_one()
        assert len(seen.sync) == 4
        assert len(seen.health) == 6
        assert seen.paused
        assert seen.leaving
        assert seen.troubled == len(placements.troubled(connection, ALL, EVERYTHING, limit=10_000).items)
        ended = select(func.count()).where(RunRow.outcome.is_not(None))
        assert connection.execute(ended).scalar_one() >= SHAPE.runs
    with pytest.raises(ValueError, match="empty one"):
        fill(database, SHAPE)


def test_its_registry_has_no_fault() -> None:
    files = {one.file: one.text.encode() for one in registry.documents(SHAPE).sources.values()}
    parsed = parse(files)
    assert not parsed.faults
    assert parsed.fleet is not None
    assert len(parsed.fleet.clusters) == SHAPE.clusters
    assert len(parsed.fleet.applications) == SHAPE.applications
