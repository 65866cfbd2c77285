"""What asks for nobody's name is cheap: no stranger makes the hub read its database at each request."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import event
from sqlalchemy.engine import Engine

from common.settings import Settings
from common.store.engine.session import Database
from console.api.app import create_app
from console.api.signin import exchange
from console.api.signin.oidc.errors import ProviderSilentError
from console.api.signin.oidc.issuer import Issuer
from tests.fakes.identity_provider import IdentityProvider, identity_provider
from tests.harness.oidc import hub
from tests.harness.people import browsing

TOKEN = "a-token-of-this-test-of-some-length"
ISSUER = "https://ci.example.com"
FORM = {"grant_type": exchange.GRANT, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Give the statements that reach the database."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


def app_of(database: Database, home: Path, **more: Any) -> FastAPI:
    return create_app(Settings(home=home, **more), database, token=TOKEN)


async def test_where_no_ci_is_set_an_exchange_asks_nothing(
    database: Database, tmp_path: Path, statements: list[str]
) -> None:
    async with browsing(app_of(database, tmp_path)) as stranger:
        statements.clear()
        for form in ({}, {**FORM, "subject_token": "x.y.z"}):
            assert (await stranger.post("/api/v1/token/exchange", data=form)).status_code == 404
    assert statements == []


def forged() -> str:
    """Return a token that claims to be of an issuer that the hub knows."""
    head, said = (base64.urlsafe_b64encode(json.dumps(one).encode()).decode() for one in ({}, {"iss": ISSUER}))
    return f"{head}.{said}.AAAA"


@pytest.mark.parametrize("token", ["x.y.z", forged()], ids=["no issuer", "forged"])
async def test_tokens_of_cis_that_prove_nothing_cost_little_and_are_bounded(
    database: Database, tmp_path: Path, statements: list[str], monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    app = app_of(database, tmp_path, ci_issuers=ISSUER, public_url="https://hub.example.com")

    async def silent(*_: object, **__: object) -> None:
        message = "it is silent"
        raise ProviderSilentError(message)

    monkeypatch.setattr(Issuer, "verified", silent)
    async with browsing(app, address="192.0.2.66") as stranger:
        codes = [
            (await stranger.post("/api/v1/token/exchange", data={**FORM, "subject_token": token})).status_code
            for _ in range(2)
        ]
        statements.clear()
        codes += [
            (await stranger.post("/api/v1/token/exchange", data={**FORM, "subject_token": token})).status_code
            for _ in range(30)
        ]
        assert statements == [], "the first is in the audit, and has read the clock"
        assert set(codes[:30]) <= {400, 502, 503}
        assert codes[30:] == [429] * 2
    async with browsing(app, address="192.0.2.1") as other:
        assert (await other.post("/api/v1/token/exchange", data=FORM)).status_code == 400


async def test_beginning_and_ending_a_sign_in_elsewhere_reads_nothing_each_time(
    database: Database, tmp_path: Path, statements: list[str]
) -> None:
    with identity_provider() as made:
        idp: IdentityProvider = made
        async with browsing(hub(database, tmp_path, idp)) as stranger:
            assert (await stranger.get("/login/oidc")).status_code == 303
            stranger.cookies.clear()
            assert (await stranger.get("/login/oidc/callback?code=x&state=y")).status_code in {400, 401, 403}
            statements.clear()
            for _ in range(3):
                assert (await stranger.get("/login/oidc")).status_code == 303
            stranger.cookies.clear()
            for _ in range(3):
                assert (await stranger.get("/login/oidc/callback?code=x&state=y")).status_code != 303
    assert statements == []
