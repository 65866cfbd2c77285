"""An identity provider's word: about whom, for whom, until when and by whose key; everything else lets nobody in."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from joserfc.jwk import RSAKey
from sqlalchemy import select, update

from common.store.engine.session import Database
from common.store.schema.tables import Base, UserRow
from console.api.signin.oidc import issuer as of_issuer
from console.api.signin.oidc import signed, wire
from tests.fakes.identity_provider import CLIENT, IdentityProvider, identity_provider, unsigned
from tests.harness.oidc import TOKEN, begun, came_back, hub, me
from tests.harness.people import add_user, browsing

pytestmark = pytest.mark.anyio


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


async def test_somebody_signs_in_with_the_rights_of_their_groups(app: FastAPI, idp: IdentityProvider) -> None:
    idp.claims = {"groups": ["on-call", "others"], "preferred_username": "ada"}
    async with browsing(app) as ada:
        assert "Sign in with Acme" in (await ada.get("/login")).text
        answer = await came_back(ada, idp, "/runs?x=1")
        assert (answer.status_code, answer.headers["location"]) == (303, "/runs?x=1")
        found = await me(ada)
        assert found is not None
        assert found["actor"].split(":")[::2] == ["oidc", "ada-1"], "never the name that a provider's users may choose"
        assert (await ada.post("/api/v1/intents", json={"kind": "refresh"})).status_code == 202
        assert (await ada.get("/api/v1/users")).status_code == 403


async def test_the_cookie_of_the_round_trip_is_lax_and_goes_and_the_sessions_is_strict(
    app: FastAPI, idp: IdentityProvider
) -> None:
    async with browsing(app, scheme="https") as ada:
        away = (await ada.get("/login/oidc")).headers["set-cookie"]
        assert away.startswith("__Host-flotilla_login=")
        assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= {part.strip() for part in away.split(";")}
        back = (await came_back(ada, idp)).headers.get_list("set-cookie")
        session = next(one for one in back if one.startswith("__Host-flotilla_session="))
        assert "SameSite=strict" in session
        assert any(one.startswith("__Host-flotilla_login=") and "Max-Age=0" in one for one in back)
        assert "__Host-flotilla_login" not in dict(ada.cookies)


async def test_what_needs_a_cookie_at_once_is_gone_to_from_a_page_of_ours(app: FastAPI, idp: IdentityProvider) -> None:
    idp.claims = {"groups": ["on-call"]}
    async with browsing(app) as ada:
        answer = await came_back(ada, idp, '/flower/tasks?a="><script>')
        assert (answer.status_code, answer.headers.get("location")) == (200, None)
        assert 'content="0; url=/flower/tasks?a=&#34;&gt;&lt;script&gt;"' in answer.text
        assert "<script" not in answer.text


SOON = 10**10


def by_stranger(idp: IdentityProvider, claims: dict[str, Any], **header: Any) -> str:
    """Return a token by a key that is not the provider's, with a header that says where its key would be."""
    return idp.signed(claims, RSAKey.generate_key(2048, {"kid": "first"}), header)


def signed_by_own_key(idp: IdentityProvider, claims: dict[str, Any]) -> str:
    own = RSAKey.generate_key(2048, {"kid": "first"})
    return idp.signed(claims, own, {"jwk": own.as_dict(private=False)})


def signed_text(idp: IdentityProvider, text: str) -> str:
    """Return a token of the provider's whose claims are spelt as ``text``."""
    return idp.signed_text(text, {"alg": "RS256", "kid": "first"})


def twice(claims: dict[str, Any]) -> str:
    return f'{{"sub": "somebody", {json.dumps(claims)[1:]}'


ATTACKS: dict[str, Callable[[IdentityProvider], None]] = {
    "another issuer": lambda idp: idp.claims.update(iss="https://evil.example"),
    "no issuer": lambda idp: idp.claims.update(iss=None),
    "another audience": lambda idp: idp.claims.update(aud="another-client"),
    "no audience": lambda idp: idp.claims.update(aud=None),
    "another authorized party": lambda idp: idp.claims.update(aud=[CLIENT, "another"], azp="another"),
    "another client's party": lambda idp: idp.claims.update(azp="another"),
    "a party that is no text": lambda idp: idp.claims.update(azp=[CLIENT]),
    "two audiences and no party": lambda idp: idp.claims.update(aud=["another", CLIENT]),
    "an audience that is no text": lambda idp: idp.claims.update(aud={CLIENT: 1}),
    "an issuer that is a list": lambda idp: idp.claims.update(iss=[idp.url]),
    "another nonce": lambda idp: idp.claims.update(nonce="replayed"),
    "no nonce": lambda idp: idp.claims.update(nonce=None),
    "expired": lambda idp: idp.claims.update(exp=int(time.time()) - signed.LEEWAY - 5),
    "no expiry": lambda idp: idp.claims.update(exp=None),
    "an expiry that is no number": lambda idp: idp.claims.update(exp="tomorrow"),
    "an expiry that is not a number": lambda idp: idp.claims.update(exp=float("nan")),
    "made in the future": lambda idp: idp.claims.update(iat=int(time.time()) + signed.LEEWAY + 5),
    "not made at any time": lambda idp: idp.claims.update(iat=None),
    "not yet": lambda idp: idp.claims.update(nbf=SOON),
    "no subject": lambda idp: idp.claims.update(sub=None),
    "an empty subject": lambda idp: idp.claims.update(sub=""),
    "a subject that is no text": lambda idp: idp.claims.update(sub=["ada-1"]),
    "a long subject": lambda idp: idp.claims.update(sub="x" * 256),
    "a subject of line ends": lambda idp: idp.claims.update(sub="ada\n1"),
    "no algorithm": lambda idp: setattr(idp, "sign", unsigned),
    "the public key as a secret": lambda idp: setattr(idp, "sign", idp.signed_with_public_key),
    "another's key": lambda idp: setattr(
        idp, "sign", lambda claims: idp.signed(claims, RSAKey.generate_key(2048, {"kid": "first"}))
    ),
    "no token": lambda idp: setattr(idp, "sign", lambda _claims: ""),
    "its own key with it": lambda idp: setattr(idp, "sign", lambda claims: signed_by_own_key(idp, claims)),
    "a key from elsewhere": lambda idp: setattr(
        idp, "sign", lambda claims: by_stranger(idp, claims, jku=f"{idp.url}/evil", x5u=f"{idp.url}/evil")
    ),
    "a key of another name": lambda idp: setattr(idp, "sign", lambda claims: by_stranger(idp, claims, kid="../keys")),
    "no name of a key": lambda idp: setattr(idp, "sign", lambda claims: by_stranger(idp, claims, kid=None)),
    "an extension that must be understood": lambda idp: setattr(
        idp, "sign", lambda claims: idp.signed(claims, header={"crit": ["exp"]})
    ),
    "a claim twice": lambda idp: setattr(idp, "sign", lambda claims: signed_text(idp, twice(claims))),
    "a deep one": lambda idp: setattr(idp, "sign", lambda _claims: signed_text(idp, '{"a":' + "[" * 90_000)),
    "an encrypted one": lambda idp: setattr(idp, "sign", lambda _claims: "e30.a.b.c.d"),
    "no form": lambda idp: setattr(idp, "sign", lambda _claims: "a.b.c"),
    "a long one": lambda idp: setattr(idp, "sign", lambda _claims: "a." * 100_000),
    "user information of another": lambda idp: setattr(idp, "info", {"sub": "eve", "groups": ["leads"]}),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_what_proves_nothing_lets_nobody_in(
    app: FastAPI, idp: IdentityProvider, database: Database, attack: str
) -> None:
    ATTACKS[attack](idp)
    async with browsing(app) as eve:
        answer = await came_back(eve, idp)
        assert answer.status_code == 401, answer.text
        assert "sign in again" in answer.text.lower()
        assert await me(eve) is None
    assert not {"/evil", "/elsewhere"}.intersection(idp.asked)
    with database.read() as connection:
        assert connection.execute(select(UserRow.id)).first() is None


@pytest.mark.parametrize(
    "other", [{"state": "another"}, {"state": ""}, {"iss": "https://evil.example"}, {"iss": ""}, {"code": "made-up"},
              {"code": ""}, {"code": "x" * 5000}, {"error": "access_denied"}, {"error": "<script>alert(1)</script>"}],
)  # fmt: skip
async def test_an_answer_that_was_changed_on_its_way_lets_nobody_in(
    app: FastAPI, idp: IdentityProvider, other: dict[str, str]
) -> None:
    async with browsing(app) as eve:
        answer = await came_back(eve, idp, **other)
        assert answer.status_code in {400, 401, 502}
        assert "<script" not in answer.text
        assert await me(eve) is None


async def test_a_code_is_of_use_to_the_browser_that_began_alone(app: FastAPI, idp: IdentityProvider) -> None:
    idp.claims = {"groups": ["leads"]}
    async with browsing(app) as mallory, browsing(app) as ada:
        stolen = idp.authorize(await begun(mallory))
        await begun(ada)
        assert (await ada.get("/login/oidc/callback", params=stolen)).status_code == 400, "nor is she signed in as him"
        ada.cookies.clear()
        assert (await ada.get("/login/oidc/callback", params=stolen)).status_code == 400
        done = await mallory.get("/login/oidc/callback", params=stolen)
        assert done.status_code == 303
        assert (await mallory.get("/login/oidc/callback", params=stolen)).status_code == 400, "and once"


async def test_a_sign_in_that_took_too_long_begins_anew(
    app: FastAPI, idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    from console.api.signin.oidc import routes

    monkeypatch.setattr(routes, "LASTS", -routes.LASTS)
    async with browsing(app) as ada:
        answer = await ada.get("/login/oidc")
        cookie = answer.headers["set-cookie"].partition(";")[0]
        back = await ada.get(
            "/login/oidc/callback", params=idp.authorize(answer.headers["location"]), headers={"Cookie": cookie}
        )
    assert back.status_code == 400


async def test_a_new_key_is_asked_for_once(
    app: FastAPI, idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    idp.claims = {"groups": ["on-call"]}
    async with browsing(app) as ada:
        assert (await came_back(ada, idp)).status_code == 303
        idp.key = RSAKey.generate_key(2048, {"kid": "second"})
        assert (await came_back(ada, idp)).status_code == 401, "the keys were asked for a moment ago"
        monkeypatch.setattr(of_issuer, "AGAIN", 0.0)
        assert (await came_back(ada, idp)).status_code == 303
        assert idp.asked.count("/keys") == 2
        idp.published = [idp.key]
        idp.sign = lambda claims: idp.signed(claims, RSAKey.generate_key(2048, {"kid": "third"}))
        assert (await came_back(ada, idp)).status_code == 401
        assert idp.asked.count("/keys") == 3


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({}, "says nothing of your groups"),
        ({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://evil.example"}}}, "200"),
        ({"groups": ["leads"], "_claim_names": {"groups": "src1"}}, "200"),
        ({"hasgroups": True}, "200"),
        ({"groups": {"leads": True}}, "cannot be read"),
        ({"groups": ["leads", 7]}, "cannot be read"),
        ({"groups": ["leads"] * 1001}, "cannot be read"),
        ({"groups": []}, "no role of the registry"),
        ({"groups": ["LEADS", "leads "]}, "no role of the registry"),
    ],
)
async def test_without_groups_there_are_no_rights_and_it_is_said_why(
    app: FastAPI, idp: IdentityProvider, claims: dict[str, Any], why: str
) -> None:
    idp.claims = claims
    async with browsing(app) as ada:
        answer = await came_back(ada, idp)
        assert answer.status_code == 200
        assert why in answer.text
        found = await me(ada)
        assert found is not None
        assert found["rights"] == []
        known = found["lacking"] == "role.none"
        assert known == (found["ungrouped"] == "") == ("no role of the registry" in why)
        assert known or found["lacking"] == "groups.unknown"
        assert (await ada.get("/metrics")).status_code == 403


async def test_groups_may_come_with_the_user_information(app: FastAPI, idp: IdentityProvider) -> None:
    idp.info = {"sub": "ada-1", "groups": ["on-call"]}
    async with browsing(app) as ada:
        assert (await came_back(ada, idp)).status_code == 303
        assert (await ada.get("/metrics")).status_code == 200


async def test_a_user_of_the_hubs_own_is_nobody_elses(app: FastAPI, idp: IdentityProvider, database: Database) -> None:
    add_user(database, "ada-1", groups=["leads"])
    idp.claims = {"preferred_username": "ada-1", "name": "operator", "email": "ada-1@example.com", "groups": []}
    async with browsing(app) as eve:
        await came_back(eve, idp)
        found = await me(eve)
        assert found is not None
        assert (found["actor"].split(":")[::2], found["rights"]) == (["oidc", "ada-1"], [])


async def test_who_was_disabled_does_not_come_back(app: FastAPI, idp: IdentityProvider, database: Database) -> None:
    idp.claims = {"groups": ["on-call"]}
    async with browsing(app) as ada:
        await came_back(ada, idp)
        with app.state.gate.changes() as connection:
            connection.execute(update(UserRow).values(disabled_at=database.now(connection)))
        assert await me(ada) is None
        assert (await came_back(ada, idp)).status_code == 401
        assert await me(ada) is None


@pytest.mark.parametrize(
    "says",
    [
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "http://evil.example/authorize"},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "https://["},
        {"authorization_endpoint": "https://id.example.com/#fragment"},
        {"authorization_endpoint": "https://id.example.com@evil.example/"},
        {"authorization_endpoint": "https://id.example.com/\r\nSet-Cookie: a=b"},
    ],
)
async def test_a_provider_that_leads_elsewhere_is_not_followed(
    app: FastAPI, idp: IdentityProvider, says: dict[str, Any]
) -> None:
    idp.says = says
    async with browsing(app) as ada:
        answer = await ada.get("/login/oidc")
    assert answer.status_code == 502
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("endpoint", ["token_endpoint", "jwks_uri"])
async def test_no_secret_is_sent_in_the_clear(app: FastAPI, idp: IdentityProvider, endpoint: str) -> None:
    idp.says = {endpoint: "http://evil.example/x"}
    async with browsing(app) as ada:
        assert (await came_back(ada, idp)).status_code == 502


async def test_a_provider_that_answers_hugely_or_slowly_costs_little(
    app: FastAPI, idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    idp.padding = 40 << 20
    async with browsing(app) as ada:
        assert (await ada.get("/login/oidc")).status_code == 502
        assert (await ada.get("/login/oidc")).status_code == 502
        assert len(idp.asked) == 1, "and is not asked again at once"
        monkeypatch.setattr(of_issuer, "AGAIN", 0.0)
        monkeypatch.setattr(wire, "PATIENCE", 1.0)
        idp.padding, idp.slow = 0, 0.05
        before = time.monotonic()
        assert (await ada.get("/login/oidc")).status_code == 502
        assert time.monotonic() - before < 10


async def test_an_admin_of_the_provider_switches_the_hubs_token_off(app: FastAPI, idp: IdentityProvider) -> None:
    idp.claims = {"groups": ["leads"]}
    async with browsing(app) as lead:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert (await lead.get("/api/v1/me", headers=bearer)).status_code == 200
        await came_back(lead, idp)
        assert (await lead.get("/api/v1/me", headers=bearer)).status_code == 401


async def test_no_secret_of_the_provider_is_kept_or_told(
    app: FastAPI, idp: IdentityProvider, database: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    told = []
    async with browsing(app) as ada:
        there = await begun(ada)
        told.append(there)
        told.append((await came_back(ada, idp)).text)
        told.append((await came_back(ada, idp, code="canary-code")).text)
        told.append((await ada.get("/api/v1/me")).text)
    with database.read() as connection:
        for table in Base.metadata.sorted_tables:
            told += [str(tuple(row)) for row in connection.execute(select(table))]
    told.append("".join(capfd.readouterr()))
    for canary in ("canary-client-secret", "canary-access-token", "canary-code"):
        assert not [text for text in told if canary in text]
