"""Signing in by an identity provider, as a browser does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from common.settings import Settings
from common.store.engine.session import Database
from console.api.app import create_app
from tests.fakes.identity_provider import CLIENT, IdentityProvider
from tests.harness.people import put_in_force

TOKEN = "a-token-of-this-test-of-some-length"


def hub(database: Database, home: Path, idp: IdentityProvider, **more: Any) -> FastAPI:
    """Return a hub with two projects, where people sign in by a provider."""
    put_in_force(database)
    secret = home / "secret"
    secret.write_text("canary-client-secret\n")
    config = Settings(
        home=home, oidc_issuer=idp.url, oidc_client_id=CLIENT, oidc_client_secret_file=secret, oidc_name="Acme", **more
    )
    return create_app(config, database, token=TOKEN)


async def begun(browser: httpx.AsyncClient, wanted: str = "/") -> str:
    """Return where a browser is sent to sign in."""
    answer = await browser.get("/login/oidc", params={"next": wanted})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def came_back(
    browser: httpx.AsyncClient, idp: IdentityProvider, wanted: str = "/", **other: str
) -> httpx.Response:
    """Return what the hub says to a browser that was at the provider; ``other`` replaces what it brings."""
    return await browser.get("/login/oidc/callback", params={**idp.authorize(await begun(browser, wanted)), **other})


async def me(browser: httpx.AsyncClient) -> dict[str, Any] | None:
    """Return who a browser is; None for nobody."""
    answer = await browser.get("/api/v1/me")
    found: dict[str, Any] | None = answer.json() if answer.status_code == 200 else None
    return found
