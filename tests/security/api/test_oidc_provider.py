"""A provider that is hostile, broken or slow: it costs the hub little, and leads it nowhere."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from joserfc.jwk import ECKey, RSAKey

from common.store.engine.session import Database
from console.api.signin.oidc import issuer as of_issuer
from console.api.signin.oidc import signed, wire
from console.api.signin.oidc.errors import ProviderSilentError
from tests.fakes.identity_provider import IdentityProvider, identity_provider
from tests.harness.oidc import came_back, hub, me
from tests.harness.people import browsing

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def idp() -> Iterator[IdentityProvider]:
    with identity_provider() as made:
        yield made


@pytest.fixture
def app(sqlite_database: Database, tmp_path: Path, idp: IdentityProvider) -> FastAPI:
    return hub(sqlite_database, tmp_path, idp)


@pytest.mark.parametrize("where", ["http://127.0.0.1:1/", "https://localhost:1/", "https://[::1]:1/"])
def test_a_provider_elsewhere_leads_no_request_to_the_hubs_own_machine(where: str) -> None:
    with pytest.raises(ProviderSilentError):
        wire.safe(where, issuer="https://id.example.com")
    assert wire.safe(where, issuer="http://127.0.0.1:2") == where, "but one on it may be there"


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys", "/userinfo"])
async def test_redirects_are_not_followed(app: FastAPI, idp: IdentityProvider, path: str) -> None:
    idp.info = {"sub": "ada-1"}
    idp.moved = {path: f"{idp.url}/elsewhere"}
    async with browsing(app) as ada:
        answer = await ada.get("/login/oidc")
        if path in {"/token", "/keys", "/userinfo"}:
            answer = await ada.get("/login/oidc/callback", params=idp.authorize(answer.headers["location"]))
        assert answer.status_code == 502
        assert await me(ada) is None
    assert "/elsewhere" not in idp.asked


async def test_an_answer_that_is_packed_is_not_unpacked(app: FastAPI, idp: IdentityProvider) -> None:
    idp.packed, idp.padding = True, 100 << 20
    async with browsing(app) as ada:
        assert (await ada.get("/login/oidc")).status_code == 502


async def test_a_head_that_never_ends_is_not_waited_for(
    app: FastAPI, idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "PATIENCE", 1.0)
    idp.drips = 0.05  # each byte comes well within any silence that is allowed
    async with browsing(app) as ada:
        before = time.monotonic()
        assert (await ada.get("/login/oidc")).status_code == 502
        assert time.monotonic() - before < 10


async def test_many_groups_are_no_attack(app: FastAPI, idp: IdentityProvider) -> None:
    idp.claims = {"groups": [f"0f5b2c3e-8a52-4f0e-9d4f-{number:012d}" for number in range(900)] + ["on-call"]}
    async with browsing(app) as ada:
        assert (await came_back(ada, idp)).status_code == 303
        assert (await ada.get("/metrics")).status_code == 200


async def test_what_strangers_send_makes_the_hub_ask_for_keys_no_more_than_it_would(
    app: FastAPI, idp: IdentityProvider
) -> None:
    other = RSAKey.generate_key(2048, {"kid": "unknown"})
    idp.sign = lambda claims: idp.signed(claims, other)
    async with browsing(app) as eve:
        for _ in range(5):
            assert (await came_back(eve, idp)).status_code == 401
    assert idp.asked.count("/keys") == 1
    assert idp.asked.count("/.well-known/openid-configuration") == 1


async def test_keys_that_cannot_be_had_are_not_asked_for_at_each_try(app: FastAPI, idp: IdentityProvider) -> None:
    idp.moved = {"/keys": "/elsewhere"}
    async with browsing(app) as eve:
        for _ in range(5):
            assert (await came_back(eve, idp)).status_code == 502
    assert idp.asked.count("/keys") == 1


async def test_a_key_that_the_provider_withdrew_counts_for_minutes(
    app: FastAPI, idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    idp.claims = {"groups": ["on-call"]}
    async with browsing(app) as ada:
        assert (await came_back(ada, idp)).status_code == 303
        idp.published = [RSAKey.generate_key(2048, {"kid": "second"})]
        monkeypatch.setattr(of_issuer, "FRESH", 0.0)
        monkeypatch.setattr(of_issuer, "AGAIN", 0.0)
        assert (await came_back(ada, idp)).status_code == 401


@pytest.mark.parametrize(
    "odd",
    [
        [], "x", None, [7], [{"kty": "oct", "k": "c2VjcmV0"}], [{"kty": "RSA", "n": "AQ", "e": "AQAB"}],
        [{"kty": "RSA", "n": "not base64!", "e": {}}], [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}],
        [{"kty": "RSA", "e": "AQAB", "n": base64.urlsafe_b64encode(b"\xff" * 128).decode().rstrip("=")}],
        [{**RSAKey.generate_key(2048).as_dict(private=False), "use": "enc"}],
    ],
)  # fmt: skip
def test_odd_keys_are_none(odd: Any) -> None:
    assert not signed.keys_of(odd)
    good = ECKey.generate_key("P-256", {"kid": "good"}).as_dict(private=False)
    found = signed.keys_of([*(odd if isinstance(odd, list) else []), good])
    assert [one.kid for one in found] == ["good"], "and keep no other from counting"


async def test_no_key_makes_a_check_a_long_one() -> None:
    huge = {"kty": "RSA", "e": "AQAB", "n": base64.urlsafe_b64encode(b"\xff" * 4096).decode().rstrip("=")}
    assert not signed.keys_of([huge])
    assert len(signed.keys_of([ECKey.generate_key("P-256").as_dict(private=False)] * 5_000).keys) <= 100


async def test_what_another_site_makes_a_browser_send_locks_nobody_out(app: FastAPI, idp: IdentityProvider) -> None:
    idp.claims = {"groups": ["on-call"]}
    async with browsing(app) as ada:
        for _ in range(30):
            answer = await ada.get("/login/oidc/callback", params={"code": "x", "state": "y"})
            assert answer.status_code == 400
        assert (await came_back(ada, idp)).status_code == 303


async def test_codes_are_not_tried_for_ever(app: FastAPI, idp: IdentityProvider) -> None:
    async with browsing(app) as eve:
        found = [(await came_back(eve, idp, code=f"guess-{number}")).status_code for number in range(10)]
        assert set(found) == {401}
        assert (await eve.get("/login/oidc")).status_code == 429
