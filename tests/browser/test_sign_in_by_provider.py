"""Signing in by an identity provider of another site, in a browser: cookies go as browsers have them go."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from common.settings import Settings
from common.store.engine.session import open_database
from tests.fixtures.identity import CLIENT, SECRET, real_provider
from tests.fixtures.ports import free_port
from tests.harness.api import serving
from tests.harness.people import put_in_force

USERS = {"ada": ["on-call"], "eve": []}


def signed_in(page: Page, name: str) -> None:
    """Fill in the provider's forms, from the hub's page of signing in on."""
    page.get_by_role("link", name="Sign in with Acme").click()
    page.get_by_placeholder("Enter any login").fill(name)
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


@pytest.mark.parametrize("wanted", ["/", "/flower/workers"])
def test_somebody_gets_to_where_they_wanted(chromium: Browser, tmp_path: Path, wanted: str) -> None:
    port = free_port()
    hub = f"http://localhost:{port}"  # another site than the provider's 127.0.0.1, as it is in life
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    callback = f"{hub}/login/oidc/callback"
    with real_provider(callback=callback, users=USERS, folder=tmp_path) as provider:
        variables = {
            "FLOTILLA_API_PORT": str(port),
            "FLOTILLA_API_PATIENCE": "PT10S",
            "FLOTILLA_PUBLIC_URL": hub,
            "FLOTILLA_OIDC_ISSUER": provider.issuer,
            "FLOTILLA_OIDC_CLIENT_ID": CLIENT,
            "FLOTILLA_OIDC_CLIENT_SECRET_FILE": str(secret),
            "FLOTILLA_OIDC_SCOPES": "openid profile groups",
            "FLOTILLA_OIDC_NAME": "Acme",
        }
        with serving(tmp_path / "home", variables) as api:
            database = open_database(Settings(home=api.home))
            put_in_force(database)
            database.dispose()
            context = chromium.new_context()
            page = context.new_page()
            page.goto(f"{hub}/login?next={wanted}")
            signed_in(page, "ada")
            page.wait_for_url(f"{hub}{wanted}")
            found = context.request.get(f"{hub}/api/v1/me").json()
            assert found["actor"].split(":")[::2] == ["oidc", "ada"]
            if wanted == "/":
                expect(page.locator("main h1")).to_be_visible(timeout=30_000)
            else:
                expect(page.get_by_text("Flower does not answer")).to_be_visible()
            context.close()
