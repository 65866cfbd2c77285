"""Badges: a picture that anybody may ask for tells nobody what is not theirs, and runs nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, event, update

from common.domain.health import Health
from common.domain.rights import NOTHING, Grants, Verb, granted
from common.domain.runs import SyncStatus
from common.settings import Settings
from common.store.engine.session import Database
from common.store.schema.tables import PlacementRow
from console.api.app import create_app
from console.api.door.viewer import Means, Viewer
from console.api.probes.badge import svg
from tests.harness import two_projects
from tests.harness.two_projects import MINE, SHARED, THEIRS, Names

TOKEN = "a-token-of-this-test"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
WRONG = {"Authorization": "Bearer wrong"}
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def names(database: Database) -> dict[str, Names]:
    return two_projects.fill(database, public=MINE)


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    return create_app(Settings(home=tmp_path), database, token=TOKEN)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        yield client


@pytest.fixture
def statements() -> Iterator[list[str]]:
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


def stand(database: Database, application: str, sync: str, health: str, *, on: str = "", project: str = "") -> None:
    which = [PlacementRow.application == application, *([PlacementRow.cluster == on] if on else [])]
    values = {"sync_status": sync, "health": health, **({"project": project} if project else {})}
    with database.write() as connection:
        connection.execute(update(PlacementRow).where(*which).values(values))


def told(picture: str | None) -> str:
    assert picture is not None
    return ET.fromstring(picture)[0].text or ""  # noqa: S314 - our own


def path(names: Names) -> str:
    return f"/badge/{names.application}.svg"


async def test_everybody_gets_the_badge_of_a_project_that_says_so_and_may_run_nothing_by_it(
    client: httpx.AsyncClient, names: dict[str, Names], database: Database
) -> None:
    stand(database, names[MINE].application, "synced", "healthy")
    found = await client.get(path(names[MINE]))
    assert (found.status_code, found.headers["content-type"]) == (200, "image/svg+xml")
    assert told(found.text) == "pay-app: synced, healthy"
    assert found.headers["cache-control"] == "public, max-age=60"
    assert found.headers["vary"] == "Authorization, Cookie"
    assert found.headers["x-content-type-options"] == "nosniff"
    policy = found.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert policy.endswith("sandbox")
    assert "script" not in policy
    again = await client.get(path(names[MINE]), headers={"If-None-Match": found.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    stand(database, names[MINE].application, "failed", "healthy")
    changed = await client.get(path(names[MINE]), headers={"If-None-Match": found.headers["etag"]})
    assert (changed.status_code, told(changed.text)) == (200, "pay-app: failed, healthy")


@pytest.mark.parametrize("headers", [{}, WRONG, {"Cookie": "flotilla_session=made.up"}], ids=str)
async def test_what_is_not_shown_is_answered_as_what_is_not_there(
    client: httpx.AsyncClient, names: dict[str, Names], statements: list[str], headers: dict[str, str]
) -> None:
    # The registry in force is read once for all requests, and a wrong token of one source noted once.
    await client.get(path(names[MINE]), headers=headers)
    answers = []
    for one in (path(names[THEIRS]), "/badge/zzzz.svg", "/badge/%3Cscript%3E.svg", f"/badge/{'a' * 5000}.svg"):
        statements.clear()
        found = await client.get(one, headers=headers)
        said = found.json()
        assert said.pop("request_id") == found.headers.pop("x-request-id")
        answers.append((found.status_code, said, dict(found.headers), len(statements)))
    assert answers[0][0] == 404
    assert answers[0][2]["cache-control"] == "no-store"
    assert all(one == answers[0] for one in answers)


async def test_who_has_signed_in_keeps_what_they_get_to_themselves(
    client: httpx.AsyncClient, names: dict[str, Names]
) -> None:
    found = await client.get(path(names[THEIRS]), headers=BEARER)
    assert (found.status_code, found.headers["cache-control"]) == (200, "private, max-age=60")
    assert (await client.get("/badge/zzzz.svg", headers=BEARER)).status_code == 404


@pytest.mark.parametrize(
    ("grants", "theirs"),
    [(NOTHING, False), (granted({Verb.READ}, MINE), False), (granted({Verb.READ}, THEIRS), True)],
    ids=["nothing", "mine", "theirs"],
)
@pytest.mark.usefixtures("names")
async def test_a_badge_is_cut_to_what_the_caller_may_read(
    app: FastAPI, database: Database, grants: Grants, *, theirs: bool
) -> None:
    stand(database, "pay-app", "synced", "healthy")
    stand(database, "pay-app", "failed", "degraded", on=SHARED, project=THEIRS)
    viewer = Viewer("somebody", grants, Means.SESSION)
    expected = "failed, degraded" if theirs else "synced, healthy"
    assert told(app.state.badges.badge("pay-app", viewer)) == f"pay-app: {expected}"
    assert (app.state.badges.badge("ghost-app", viewer) is not None) is theirs
    assert told(app.state.badges.badge("pay-app", None)) == "pay-app: synced, healthy"


async def test_guessing_a_token_by_badges_is_slowed_down_as_anywhere(
    client: httpx.AsyncClient, names: dict[str, Names]
) -> None:
    found = [(await client.get(path(names[MINE]), headers=WRONG)).status_code for _ in range(11)]
    assert found == [200] * 10 + [429]
    assert (await client.get("/api/v1/me", headers=WRONG)).status_code == 429
    assert (await client.get(path(names[MINE]))).status_code == 200, "who shows nothing guesses nothing"


async def test_who_asks_without_end_is_refused_and_no_other(app: FastAPI, names: dict[str, Names]) -> None:
    app.state.badges.sources.takes = lambda source: source != "192.0.2.1"
    for address, status in (("192.0.2.1", 429), ("192.0.2.2", 200)):
        transport = httpx.ASGITransport(app=app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as asker:
            assert (await asker.get(path(names[MINE]))).status_code == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_nothing_is_written_below_badges(client: httpx.AsyncClient, names: dict[str, Names], method: str) -> None:
    assert (await client.request(method, path(names[MINE]))).status_code == 401


async def test_nothing_else_stands_below_badges(client: httpx.AsyncClient) -> None:
    for one in (
        "/badge/",
        "/badge/pay-app",
        "/badge/../api/v1/status",
        "/badge/%2e%2e/api/v1/status",
        "/badge/a%00.svg",
    ):
        assert (await client.get(one)).status_code in {400, 401, 404}, one


@pytest.mark.parametrize(
    "name",
    ["</text><script>alert(1)</script>", '"onload="alert(1)', "&lt;", "]]>", "\0\x1b[31m", "\u202egpj", "a" * 10_000],
    ids=lambda name: ascii(name)[:20],
)
async def test_a_hostile_name_is_words_and_nothing_else(name: str) -> None:
    picture = svg(name, SyncStatus.SYNCED, Health.HEALTHY)
    assert len(picture) < 3000
    elements = list(ET.fromstring(picture).iter())  # noqa: S314 - our own
    assert {one.tag.partition("}")[2] for one in elements} == {"svg", "title", "rect", "g", "text"}
    assert not any(key.startswith("on") or "href" in key for one in elements for key in one.attrib)
    assert "".join(one for one in name[:63] if one.isprintable()) in (elements[1].text or "").replace("\ufffd", "")
