"""Groups change and people leave: what a provider told counts for a quarter of an hour, and then it is asked again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import select, update

from common.store.engine.session import Database
from common.store.schema.tables import SessionRow, UserRow
from common.store.state import sessions
from console.api.signin.oidc import again
from tests.fakes.identity_provider import IdentityProvider, identity_provider
from tests.harness.oidc import came_back, hub, me
from tests.harness.people import browsing

pytestmark = pytest.mark.anyio
SOON, LATE = timedelta(minutes=11), timedelta(minutes=16)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def idp() -> Iterator[IdentityProvider]:
    with identity_provider() as made:
        yield made


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


@pytest.fixture
def app(database: Database, tmp_path: Path, idp: IdentityProvider) -> FastAPI:
    return hub(database, tmp_path, idp)


def later(app: FastAPI, by: timedelta) -> None:
    """Have the provider's word be older."""
    with app.state.gate.changes() as connection:
        now = app.state.database.now(connection)
        connection.execute(update(UserRow).values(told_at=now - by))
        connection.execute(update(SessionRow).values(refreshing_at=None))


def asked(idp: IdentityProvider) -> int:
    return idp.asked.count("/token")


async def test_groups_that_are_taken_away_are_gone_within_a_quarter_of_an_hour(
    app: FastAPI, idp: IdentityProvider
) -> None:
    idp.claims = {"groups": ["on-call"]}
    async with browsing(app) as ada:
        await came_back(ada, idp)
        idp.claims = {"groups": []}
        assert (await ada.get("/metrics")).status_code == 200
        later(app, LATE)
        assert (await ada.get("/metrics")).status_code == 403
        idp.claims = {"groups": ["on-call"]}
        later(app, LATE)
        assert (await ada.get("/metrics")).status_code == 200, "with what the provider gave the second time"
    assert asked(idp) == 3


async def test_nobody_waits_for_a_provider_whose_word_still_counts(app: FastAPI, idp: IdentityProvider) -> None:
    idp.claims = {"groups": ["on-call"]}
    async with browsing(app) as ada:
        await came_back(ada, idp)
        idp.claims, idp.slow = {"groups": []}, 0.001
        later(app, SOON)
        assert (await ada.get("/metrics")).status_code == 200, "as it was told before"
        for _ in range(200):
            if (await ada.get("/metrics")).status_code == 403:
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail("what the provider says now does not come to count")


async def test_who_left_is_signed_out(app: FastAPI, idp: IdentityProvider, database: Database) -> None:
    idp.claims = {"groups": ["on-call"]}
    async with browsing(app) as ada:
        await came_back(ada, idp)
        idp.out = True
        later(app, LATE)
        assert await me(ada) is None
        idp.out = False
        assert await me(ada) is None, "and stays it"
    with database.read() as connection:
        assert connection.execute(select(SessionRow.id)).first() is None


@pytest.mark.parametrize(
    "attack",
    [{"sub": "eve"}, {"iss": "https://evil.example"}, {"aud": "another"}, {"exp": 1}],
    ids=lambda attack: next(iter(attack)),
)
async def test_a_second_word_is_looked_at_like_the_first(
    app: FastAPI, idp: IdentityProvider, database: Database, attack: dict[str, object]
) -> None:
    idp.claims = {"groups": ["on-call"]}
    async with browsing(app) as ada:
        await came_back(ada, idp)
        idp.claims = {"groups": ["leads"], **attack}
        later(app, LATE)
        assert await me(ada) is None
    with database.read() as connection:
        assert connection.execute(select(UserRow.groups)).scalars().all() == [["on-call"]]


async def test_a_provider_that_is_silent_gives_no_rights_and_takes_no_session(
    app: FastAPI, idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    idp.claims = {"groups": ["on-call"]}
    async with browsing(app) as ada:
        await came_back(ada, idp)
        before = asked(idp)
        idp.silent = True
        later(app, SOON)
        assert (await ada.get("/metrics")).status_code == 200
        later(app, LATE)
        for _ in range(5):
            assert (await ada.get("/metrics")).status_code == 401
        assert asked(idp) - before <= 2, "nor is it asked at each request"
        idp.silent = False
        monkeypatch.setattr(again, "AGAIN", 0.0)
        later(app, LATE)
        assert (await ada.get("/metrics")).status_code == 200


async def test_many_requests_at_once_ask_once(app: FastAPI, idp: IdentityProvider) -> None:
    """A provider that takes a refresh token once would sign out whoever shows it twice."""
    idp.claims = {"groups": ["on-call"]}
    async with browsing(app) as ada:
        await came_back(ada, idp)
        before = asked(idp)
        later(app, LATE)
        found = await asyncio.gather(*(ada.get("/metrics") for _ in range(10)))
        assert [one.status_code for one in found] == [200] * 10
    assert asked(idp) - before == 1


async def test_without_anything_to_ask_with_the_session_gives_nothing_later(
    app: FastAPI, idp: IdentityProvider
) -> None:
    idp.claims, idp.offers = {"groups": ["on-call"]}, False
    async with browsing(app) as ada:
        await came_back(ada, idp)
        assert (await ada.get("/metrics")).status_code == 200
        later(app, LATE)
        assert (await ada.get("/metrics")).status_code == 401


async def test_a_session_gives_nothing_with_anothers_refresh_token(app: FastAPI, idp: IdentityProvider) -> None:
    """Whoever writes the database cannot make a session another person's by what another session holds."""
    async with browsing(app) as lead, browsing(app) as eve:
        idp.claims = {"sub": "eve", "groups": []}
        await came_back(eve, idp)
        idp.claims = {"sub": "lead", "groups": ["leads"]}
        await came_back(lead, idp)
        with app.state.gate.changes() as connection:
            sealed = connection.execute(select(SessionRow.refresh).order_by(SessionRow.id.desc())).scalars().first()
            connection.execute(update(SessionRow).values(refresh=sealed))
        later(app, LATE)
        assert await me(eve) is None


async def test_what_opens_the_provider_is_sealed(app: FastAPI, idp: IdentityProvider, database: Database) -> None:
    async with browsing(app) as ada:
        await came_back(ada, idp)
        with database.read() as connection:
            kept = connection.execute(select(SessionRow.refresh)).scalar_one()
        assert kept
        assert idp.refreshes[-1] not in kept
        with app.state.gate.changes() as connection:
            connection.execute(update(SessionRow).values(refresh=idp.refreshes[-1]))
        later(app, LATE)
        assert await me(ada) is None, "what this hub did not seal is nothing"


@pytest.mark.parametrize("by", [SOON, LATE])
async def test_without_anything_to_ask_with_nothing_is_polled(
    app: FastAPI, idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch, by: timedelta
) -> None:
    idp.claims, idp.offers = {"groups": ["on-call"]}, False
    looks: list[int] = []

    def age(_asker: again.Asker, user: int) -> timedelta:
        looks.append(user)
        return timedelta(days=1)

    monkeypatch.setattr(again.Asker, "_age", age)
    async with browsing(app) as ada:
        await came_back(ada, idp)
        later(app, by)
        for _ in range(3):
            assert (await ada.get("/metrics")).status_code == (200 if by == SOON else 401)
            later(app, by)
            with app.state.gate.changes() as connection:
                connection.execute(update(SessionRow).values(refreshing_at=app.state.database.now(connection)))
        await asyncio.sleep(3 * again._LOOK)
    assert looks == []


async def test_after_an_outage_a_few_are_asked_about_at_a_time(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    under_way: list[int] = []
    most, go = 0, asyncio.Event()
    asker = app.state.gate.again

    async def asked(session: int, _user: object) -> bool:
        nonlocal most
        under_way.append(session)
        most = max(most, len(under_way))
        await go.wait()
        under_way.remove(session)
        return True

    monkeypatch.setattr(asker, "_can_ask", lambda _session: True)
    monkeypatch.setattr(asker, "_asked", asked)
    questions = [asker(session, None) for session in range(20)]
    while len(under_way) < again.AT_ONCE:
        await asyncio.sleep(0.01)
    go.set()
    assert await asyncio.gather(*questions) == [True] * 20
    assert most == again.AT_ONCE


async def test_all_requests_of_one_question_end_before_another_process_asks(
    app: FastAPI, idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert again.PATIENCE < sessions.REFRESHED_AGAIN.total_seconds()
    idp.claims = {"groups": ["on-call"]}

    async def never(*_: object, **__: object) -> None:
        await asyncio.sleep(3600)

    async with browsing(app) as ada:
        await came_back(ada, idp)
        monkeypatch.setattr(again, "PATIENCE", 0.05)
        monkeypatch.setattr(app.state.provider, "refreshed", never)
        later(app, LATE)
        async with asyncio.timeout(20):
            assert (await ada.get("/metrics")).status_code == 401
