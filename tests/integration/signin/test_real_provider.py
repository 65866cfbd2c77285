"""Signing in by an identity provider that others wrote, and that is certified for OpenID Connect."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select, update

from common.settings import Settings
from common.store.engine.session import Database
from common.store.schema.tables import SessionRow, UserRow
from console.api.app import create_app
from tests.fixtures.identity import CLIENT, SECRET, RealProvider, real_provider
from tests.harness.people import browsing, put_in_force

HUB = "http://hub"
USERS = {"ada": ["on-call"], "lead": ["leads"], "eve": []}
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[RealProvider]:
    with real_provider(callback=f"{HUB}/login/oidc/callback", users=USERS, folder=tmp_path) as running:
        yield running


@pytest.fixture
def app(sqlite_database: Database, tmp_path: Path, provider: RealProvider) -> FastAPI:
    put_in_force(sqlite_database)
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    config = Settings(
        home=tmp_path,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret_file=secret,
        oidc_scopes="openid profile groups",
    )
    return create_app(config, sqlite_database, token="a-token-of-this-test-of-some-length")


async def signed_in(browser: httpx.AsyncClient, provider: RealProvider, name: str) -> httpx.Response:
    away = await browser.get("/login/oidc", params={"next": "/runs"})
    back = provider.signed_in(away.headers["location"], name, back=HUB)
    return await browser.get(back)


async def test_somebody_signs_in_with_what_their_groups_may_do(app: FastAPI, provider: RealProvider) -> None:
    async with browsing(app) as ada:
        answer = await signed_in(ada, provider, "ada")
        assert (answer.status_code, answer.headers.get("location")) == (303, "/runs"), answer.text
        found = (await ada.get("/api/v1/me")).json()
        assert found["actor"].split(":")[::2] == ["oidc", "ada"]
        assert "sync" in [right["verb"] for right in found["rights"]]
        assert (await ada.get("/api/v1/users")).status_code == 403


async def test_who_is_in_no_group_is_told_that_they_may_do_nothing(app: FastAPI, provider: RealProvider) -> None:
    async with browsing(app) as eve:
        answer = await signed_in(eve, provider, "eve")
        assert answer.status_code == 200
        assert "no role of the registry" in answer.text


async def test_a_code_counts_once_and_for_the_browser_that_began(app: FastAPI, provider: RealProvider) -> None:
    async with browsing(app) as ada, browsing(app) as mallory:
        away = await ada.get("/login/oidc")
        back = provider.signed_in(away.headers["location"], "lead", back=HUB)
        kept = dict(ada.cookies)
        assert (await mallory.get(back)).status_code == 400, "another browser"
        assert (await ada.get(back)).status_code == 303
        ada.cookies.clear()
        ada.cookies.update(kept)
        assert (await ada.get(back)).status_code == 401, "the provider has taken it back with all that it gave for it"


async def test_a_code_of_another_sign_in_does_not_fit(app: FastAPI, provider: RealProvider) -> None:
    async with browsing(app) as ada, browsing(app) as mallory:
        of_mallory = await mallory.get("/login/oidc")
        stolen = provider.signed_in(of_mallory.headers["location"], "lead", back=HUB)
        mine = parse_qs(urlsplit((await ada.get("/login/oidc")).headers["location"]).query)
        query = {**{name: values[0] for name, values in parse_qs(urlsplit(stolen).query).items()}}
        answer = await ada.get("/login/oidc/callback", params={**query, "state": mine["state"][0]})
        assert answer.status_code == 401, "its verifier is another"


async def test_groups_are_told_anew_and_who_left_is_signed_out(
    app: FastAPI, provider: RealProvider, sqlite_database: Database
) -> None:
    def later() -> None:
        with app.state.gate.changes() as connection:
            told = sqlite_database.now(connection) - timedelta(minutes=16)
            connection.execute(update(UserRow).values(told_at=told))

    async with browsing(app) as ada:
        await signed_in(ada, provider, "ada")
        assert (await ada.get("/metrics")).status_code == 200
        provider.has({**USERS, "ada": []})
        later()
        assert (await ada.get("/metrics")).status_code == 403
        provider.has({**USERS, "ada": ["on-call"]})
        later()
        assert (await ada.get("/metrics")).status_code == 200, "with the refresh token that took the first one's place"
        provider.has({name: groups for name, groups in USERS.items() if name != "ada"})
        later()
        assert (await ada.get("/metrics")).status_code == 401
    with sqlite_database.read() as connection:
        assert connection.execute(select(SessionRow.id)).first() is None
