"""Tokens of pipelines: whose they are says their CI alone, and what they may do a Project alone."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import RSAKey
from sqlalchemy import select, update

from common.domain.fleet import CiRule, Fleet, Project
from common.domain.pipelines import grants_of_pipeline
from common.domain.rights import Verb
from common.settings import Settings
from common.store.engine.session import Database
from common.store.schema.tables import AuditRow, Base, TokenRow
from console.api.app import create_app
from console.api.signin import exchange
from tests.fakes.identity_provider import IdentityProvider, identity_provider, unsigned
from tests.harness.people import PAY, browsing, put_in_force

HUB = "https://hub.example.com"
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def ci() -> Iterator[IdentityProvider]:
    with identity_provider() as made:
        yield made


@pytest.fixture
def stranger() -> Iterator[IdentityProvider]:
    """Return an issuer that no operator allows."""
    with identity_provider() as made:
        yield made


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


def project(issuer: str, **more: str) -> str:
    rules = [{"issuer": issuer, "claims": {"repository": "acme/deploy", **more}, "can": ["sync"]}]
    return f"{PAY}  ci: {json.dumps(rules)}\n"


@pytest.fixture
def app(database: Database, tmp_path: Path, ci: IdentityProvider) -> FastAPI:
    put_in_force(database, pay=project(ci.url))
    config = Settings(home=tmp_path, ci_issuers=f"https://ci.example.com, {ci.url}", public_url=f"{HUB}/")
    return create_app(config, database, token="a-token-of-this-test-of-some-length")


def claims_of(ci: IdentityProvider, **more: Any) -> dict[str, Any]:
    now = int(time.time())
    own = {"iss": ci.url, "sub": "repo:acme/deploy:ref:refs/heads/main", "aud": HUB, "iat": now, "exp": now + 300}
    found = {**own, "repository": "acme/deploy", "ref": "refs/heads/main", **more}
    return {name: value for name, value in found.items() if value is not None}


def job(ci: IdentityProvider, **more: Any) -> str:
    """Return a token that the CI made for a job."""
    return ci.signed(claims_of(ci, **more))


async def exchanged(pipeline: httpx.AsyncClient, token: str, **more: str) -> httpx.Response:
    form = {
        "grant_type": exchange.GRANT,
        "subject_token": token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    }
    return await pipeline.post("/api/v1/token/exchange", data={**form, **more})


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_pipeline_may_do_what_its_project_says_and_no_more(
    app: FastAPI, ci: IdentityProvider, database: Database
) -> None:
    async with browsing(app) as pipeline:
        answer = await exchanged(pipeline, job(ci))
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert (found["token_type"], found["expires_in"], found["scope"]) == ("Bearer", 900, "pay:read pay:sync")
        me = (await pipeline.get("/api/v1/me", headers=bearer(found["access_token"]))).json()
        assert me["actor"] == f"ci:{ci.url.removeprefix('http://')}:repo:acme/deploy:ref:refs/heads/main"
        assert {(right["verb"], *right["projects"]) for right in me["rights"]} == {("read", "pay"), ("sync", "pay")}
        for path in ("/api/v1/users", "/metrics", "/flower/workers"):
            assert (await pipeline.get(path, headers=bearer(found["access_token"]))).status_code == 403
        with app.state.gate.changes() as connection:
            now = database.now(connection)
            connection.execute(update(TokenRow).values(created_at=now - exchange.LASTS, expires_at=now))
        assert (await pipeline.get("/api/v1/me", headers=bearer(found["access_token"]))).status_code == 401


ATTACKS: dict[str, dict[str, Any]] = {
    "another repository": {"repository": "eve/deploy"},
    "no repository": {"repository": None},
    "a repository among others": {"repository": ["acme/deploy", "eve/deploy"]},
    "a repository in other letters": {"repository": "Acme/Deploy"},
    "for somebody else": {"aud": "https://sigstore.dev"},
    "for nobody": {"aud": None},
    "for the hub with a slash": {"aud": f"{HUB}/"},
    "expired": {"exp": int(time.time()) - 120},
    "without an end": {"exp": None},
    "an end that is no number": {"exp": float("nan")},
    "of the future": {"iat": int(time.time()) + 3600},
    "not yet": {"nbf": int(time.time()) + 3600},
    "nobody's": {"sub": None},
    "a line's end in a name": {"sub": "repo:acme/deploy\nadmin"},
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_what_proves_no_right_gives_none(
    app: FastAPI, ci: IdentityProvider, database: Database, attack: str
) -> None:
    async with browsing(app) as eve:
        answer = await exchanged(eve, job(ci, **ATTACKS[attack]))
    assert (answer.status_code, answer.json()["code"]) == (400, "exchange.refused")
    with database.read() as connection:
        assert connection.execute(select(TokenRow.id)).first() is None
        assert connection.execute(select(AuditRow.action)).scalars().all() == ["token.exchange"], "refusals are audited"


async def test_a_token_of_another_issuer_makes_no_request(
    app: FastAPI, ci: IdentityProvider, stranger: IdentityProvider
) -> None:
    other = RSAKey.generate_key(2048, {"kid": "first"})
    attempts = {
        "the stranger's own": job(stranger),
        "the stranger's, who says it is the CI": stranger.signed(claims_of(ci)),
        "another key of the same name": ci.signed(claims_of(ci), other),
        "a key that comes along": ci.signed(claims_of(ci), other, {"jwk": other.as_dict(private=False)}),
        "a key from elsewhere": ci.signed(claims_of(ci), other, {"jku": f"{stranger.url}/keys", "kid": "x"}),
        "none": unsigned(claims_of(ci)),
        "the public key as a secret": ci.signed_with_public_key(claims_of(ci)),
        "an issuer that is a list": ci.signed(claims_of(ci, iss=[ci.url])),
        "an issuer with a path": ci.signed(claims_of(ci, iss=f"{ci.url}/../x")),
        "no parts": "x",
        "empty parts": "..",
        "no object": f"e30.{base64.urlsafe_b64encode(b'[1]').decode()}.x",
        "a deep one": f"e30.{base64.urlsafe_b64encode(b'[' * 12_000).decode().rstrip('=')}.x"[: exchange.LONGEST],
        "a long one": "a" * (exchange.LONGEST + 1),
    }
    async with browsing(app) as eve:
        for name, token in attempts.items():
            answer = await exchanged(eve, token)
            assert (answer.status_code, answer.json()["code"]) == (400, "exchange.refused"), name
            assert len(token) < 40 or token[:40] not in answer.text
    assert stranger.asked == []
    assert ci.asked.count("/keys") <= 1, "nor is the CI asked at each of them"


@pytest.mark.parametrize(
    "more",
    [
        {"grant_type": "authorization_code"}, {"grant_type": ""}, {"subject_token": ""}, {"subject_token_type": "x"},
        {"subject_token_type": exchange.OURS},
    ],
    ids=str,
)  # fmt: skip
async def test_another_form_is_refused(app: FastAPI, ci: IdentityProvider, more: dict[str, str]) -> None:
    async with browsing(app) as eve:
        assert (await exchanged(eve, job(ci), **more)).status_code == 400
        twice = [("subject_token", "a"), ("subject_token", "b"), ("grant_type", exchange.GRANT)]
        body = "&".join("=".join(pair) for pair in twice)
        assert (await eve.post("/api/v1/token/exchange", content=body)).status_code == 400
        assert (await eve.post("/api/v1/token/exchange", content=b"\xff" * 100)).status_code == 400
        assert (await eve.post("/api/v1/token/exchange", content=b"a=b&" * 50_000)).status_code == 413


async def test_a_pipelines_token_makes_no_longer_one_and_none_in_another_name(
    app: FastAPI, ci: IdentityProvider
) -> None:
    async with browsing(app) as pipeline:
        mine = (await exchanged(pipeline, job(ci))).json()["access_token"]
        name = (await pipeline.get("/api/v1/me", headers=bearer(mine))).json()["actor"]
        made = await pipeline.post("/api/v1/tokens", headers=bearer(mine), json={"name": "later", "days": 365})
        assert made.status_code == 201, made.text
        child = made.json()
        me = (await pipeline.get("/api/v1/me", headers=bearer(child["secret"]))).json()
        assert (me["actor"], child["token"]["maker"]) == (name, name)
        listed = (await pipeline.get("/api/v1/tokens", headers=bearer(mine))).json()
        assert listed == [] or all(one["expires_at"] <= child["token"]["expires_at"] for one in listed)
        ends = time.mktime(time.strptime(child["token"]["expires_at"][:19], "%Y-%m-%dT%H:%M:%S"))
        assert ends - time.mktime(time.gmtime()) <= exchange.LASTS.total_seconds() + 5


async def test_one_pipeline_cannot_fill_the_table(
    app: FastAPI, ci: IdentityProvider, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "MOST_AT_ONCE", 3)
    async with browsing(app) as pipeline:
        found = [(await exchanged(pipeline, job(ci))).status_code for _ in range(5)]
        assert found == [200, 200, 200, 429, 429]
        assert (await exchanged(pipeline, job(ci, sub="repo:acme/deploy:pull_request"))).status_code == 200
        with database.write() as connection:
            before = database.now(connection) - exchange.LASTS - exchange.KEPT - timedelta(seconds=1)
            connection.execute(update(TokenRow).values(created_at=before, expires_at=before))
        assert (await exchanged(pipeline, job(ci))).status_code == 200
    with database.read() as connection:
        assert len(connection.execute(select(TokenRow.id)).all()) == 1, "what ended is gone"


async def test_a_hub_whose_operator_allows_no_ci_exchanges_nothing(
    database: Database, tmp_path: Path, ci: IdentityProvider
) -> None:
    put_in_force(database, pay=project(ci.url))
    for issuers, url in (("", ""), (ci.url, ""), ("", HUB)):  # without a URL of its own, a hub is no audience
        config = Settings(home=tmp_path, ci_issuers=issuers, public_url=url)
        app = create_app(config, database, token="a-token-of-this-test-of-some-length")
        async with browsing(app) as eve:
            assert (await exchanged(eve, job(ci))).status_code == 404
    assert ci.asked == []


async def test_a_ci_that_is_silent_is_no_fault_of_the_pipeline(app: FastAPI, ci: IdentityProvider) -> None:
    ci.silent = True
    async with browsing(app) as pipeline:
        assert (await exchanged(pipeline, job(ci))).status_code == 502
        for _ in range(5):
            assert (await exchanged(pipeline, job(ci))).status_code == 502
    assert len(ci.asked) == 1


async def test_no_token_is_kept_or_told(
    app: FastAPI, ci: IdentityProvider, database: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    token = job(ci)
    async with browsing(app) as pipeline:
        ours = (await exchanged(pipeline, token)).json()["access_token"]
        told = [(await exchanged(pipeline, f"{token}x")).text]
    with database.read() as connection:
        for table in Base.metadata.sorted_tables:
            told += [str(tuple(row)) for row in connection.execute(select(table))]
    told.append("".join(capfd.readouterr()))
    for canary in (ours, token.rpartition(".")[2]):
        assert not [text for text in told if canary in text]


def test_each_rule_asks_for_all_of_its_claims_and_gives_in_its_own_project() -> None:
    def rule(*can: Verb, **claims: tuple[str, ...]) -> CiRule:
        return CiRule("https://ci", tuple(sorted(claims.items())), can)

    pay = Project("pay", ci=(rule(Verb.SYNC, repository=("a/b",), ref=("main", "rc")), rule(Verb.APPROVE, sub=("7",))))
    web = Project("web", ci=(rule(Verb.PIN, repository=("a/b",), protected=("true",)),))
    fleet = Fleet(name="acme", projects={one.name: one for one in (pay, web)})

    def given(**claims: Any) -> set[str]:
        return {f"{project}:{verb}" for verb, project in grants_of_pipeline("https://ci", claims, fleet).held}

    assert given(repository="a/b") == set()
    assert given(repository="a/b", ref="main") == given(repository="a/b", ref="rc") == {"pay:read", "pay:sync"}
    assert given(repository="a/b", ref="feature", protected=True) == {"web:read", "web:pin"}
    assert given(repository="a/b", ref="main", protected="false") == {"pay:read", "pay:sync"}
    assert given(sub=7) == {"pay:read", "pay:approve"}
    assert given(sub=7.0) == given(sub=[7]) == given(sub={"7": 1}) == given(sub=None) == set()
    assert grants_of_pipeline("https://other", {"sub": "7"}, fleet).held == frozenset()
    assert (
        grants_of_pipeline("https://ci", {}, Fleet(name="x", projects={"p": Project("p", ci=(rule(Verb.PIN),))})).held
        == frozenset()
    )


async def test_the_audit_tells_which_pipeline_may_do_what_and_not_its_token(
    app: FastAPI, ci: IdentityProvider, database: Database
) -> None:
    token = job(ci, sha="c" * 40, run_id="77", secret="canary", environment={"a": "b"})
    async with browsing(app) as pipeline:
        assert (await exchanged(pipeline, token)).status_code == 200
    with database.read() as connection:
        detail = connection.execute(select(AuditRow.detail).where(AuditRow.action == "token.exchange")).scalar_one()
    told = {"repository": "acme/deploy", "ref": "refs/heads/main", "sha": "c" * 40, "run_id": "77"}
    assert detail == {"issuer": ci.url, "token": 1, "rights": "pay:read pay:sync", "claims": told}
