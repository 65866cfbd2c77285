"""Sessions, brute force, CSRF, enumeration: nobody is somebody else, and nobody for longer than they may be."""

from __future__ import annotations

import statistics
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select, update

from common.domain.rights import BuiltInRole
from common.settings import Settings
from common.store.engine.session import Database
from common.store.schema.tables import AuditRow, Base, SessionRow, UserRow
from common.store.state.sessions import IDLE, LONGEST
from console.api.app import create_app
from console.api.door import gate
from console.api.door.people import GROUPS_HOLD
from console.api.signin.login import local_path
from console.api.signin.passwords import Passwords
from tests.harness.people import PASSWORD, add_user, browsing, later, put_in_force, sign_in

TOKEN = "a-token-of-this-test-of-some-length"
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a process trust what it knows for the whole of a test: what it ends itself, it ends at once all the same."""
    monkeypatch.setattr(gate, "HELD", 3600.0)


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    return create_app(Settings(home=tmp_path), database, token=TOKEN)


async def actor(client: httpx.AsyncClient) -> str:
    """Return whom the hub takes a client for; empty for nobody."""
    answer = await client.get("/api/v1/me")
    return str(answer.json()["actor"]) if answer.status_code == 200 else ""


async def test_a_user_signs_in_and_out(app: FastAPI, database: Database) -> None:
    add_user(database, "ada", BuiltInRole.READER)
    async with browsing(app) as ada:
        answer = await sign_in(ada, "ada", next="/runs?cluster=eu")
        assert (answer.status_code, answer.headers["location"]) == (303, "/runs?cluster=eu")
        assert await actor(ada) == "ada"
        shown = dict(ada.cookies)
        assert (await ada.post("/logout")).status_code == 303
        ada.cookies.update(shown)
        assert await actor(ada) == "", "the session itself has ended, not the cookie alone"


async def test_what_a_browser_had_before_is_nobodys_session_afterwards(app: FastAPI, database: Database) -> None:
    add_user(database, "ada")
    add_user(database, "mallory")
    async with browsing(app) as planted, browsing(app) as ada:
        await sign_in(planted, "mallory")
        ada.cookies.update(planted.cookies)
        await sign_in(ada, "ada")
        assert ada.cookies != planted.cookies
        assert (await actor(ada), await actor(planted)) == ("ada", "")


async def test_a_made_up_session_is_not_even_looked_up(app: FastAPI, database: Database) -> None:
    async with browsing(app) as stranger:
        fixed = {"Cookie": "flotilla_session=fixed.by-me"}
        assert (await stranger.get("/api/v1/me", headers=fixed)).status_code == 401
        add_user(database, "ada")
        answer = await stranger.post("/login", data={"name": "ada", "password": PASSWORD}, headers=fixed)
        assert "fixed" not in answer.headers["set-cookie"]
        assert (await stranger.get("/api/v1/me", headers=fixed)).status_code == 401


async def test_cookies_are_for_this_host_and_its_own_pages_alone(app: FastAPI, database: Database) -> None:
    add_user(database, "ada")
    async with browsing(app, scheme="https") as ada:
        cookie = (await sign_in(ada, "ada")).headers["set-cookie"]
        assert cookie.startswith("__Host-flotilla_session=")
        assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        assert "domain" not in cookie.lower()
        plain = {"flotilla_session": dict(ada.cookies)["__Host-flotilla_session"]}
    async with browsing(app, scheme="https") as other:
        other.cookies.update(plain)
        assert await actor(other) == "", "a page without TLS, or of a neighbouring host, could have set that one"
    async with browsing(app) as loopback:
        cookie = (await sign_in(loopback, "ada")).headers["set-cookie"]
        assert cookie.startswith("flotilla_session=")
        assert "Secure" not in cookie


@pytest.mark.parametrize("since", [IDLE, LONGEST])
async def test_a_session_ends_by_itself(app: FastAPI, database: Database, since: timedelta) -> None:
    add_user(database, "ada")
    async with browsing(app) as ada:
        await sign_in(ada, "ada")
        with database.write() as connection:
            now = database.now(connection)
            left = {"seen_at": now - since} if since == IDLE else {"expires_at": now}
            connection.execute(update(SessionRow).values(left))
        later(app)
        assert await actor(ada) == ""


@pytest.mark.parametrize("change", ["disabled", "removed", "password", "ended"])
async def test_a_session_ends_with_what_an_admin_does(app: FastAPI, database: Database, change: str) -> None:
    number = add_user(database, "ada")
    add_user(database, "root", BuiltInRole.ADMIN)
    async with browsing(app) as ada, browsing(app) as root:
        await sign_in(ada, "ada")
        await sign_in(root, "root")
        if change == "removed":
            answer = await root.delete(f"/api/v1/users/{number}")
        elif change == "ended":
            (one,) = [one for one in (await root.get("/api/v1/sessions?all=true")).json() if one["actor"] == "ada"]
            answer = await root.delete(f"/api/v1/sessions/{one['id']}")
        else:
            wanted = {"disabled": True} if change == "disabled" else {"password": "another long password"}
            answer = await root.patch(f"/api/v1/users/{number}", json=wanted)
        assert answer.status_code == 200
        assert await actor(ada) == ""
        assert await actor(root) == "root"


async def test_rights_are_those_of_now_not_of_the_sign_in(app: FastAPI, database: Database) -> None:
    put_in_force(database)
    number = add_user(database, "ada", groups=["on-call"])
    async with browsing(app) as ada:
        await sign_in(ada, "ada")
        assert (await ada.get("/metrics")).status_code == 200
        assert (await ada.get("/api/v1/users")).status_code == 403, "an operator administers nothing"
        put_in_force(database, fleet="kind: Fleet\nmetadata: {name: acme}\n")
        later(app)
        assert (await ada.get("/metrics")).status_code == 403
        put_in_force(database)
        with database.write() as connection:
            connection.execute(update(UserRow).where(UserRow.id == number).values(groups=["On-Call"]))
        later(app)
        assert (await ada.get("/metrics")).status_code == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/users"), ("POST", "/users"), ("PATCH", "/users/1"), ("DELETE", "/users/1"),
        ("GET", "/sessions?all=true"), ("GET", "/tokens?all=true"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("role", [None, BuiltInRole.READER, BuiltInRole.OPERATOR])
async def test_only_an_admin_administers(
    app: FastAPI, database: Database, role: BuiltInRole | None, method: str, path: str
) -> None:
    add_user(database, "ada", role)
    new = {"name": "eve", "password": PASSWORD, "role": "admin"}
    body = {"POST": new, "PATCH": {"role": "admin"}}.get(method)
    async with browsing(app) as ada:
        await sign_in(ada, "ada")
        answer = await ada.request(method, f"/api/v1{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.forbidden")


async def test_sessions_and_tokens_of_others_are_not_there(app: FastAPI, database: Database) -> None:
    add_user(database, "ada")
    add_user(database, "eve", BuiltInRole.OPERATOR)
    async with browsing(app) as ada, browsing(app) as eve:
        await sign_in(ada, "ada")
        await sign_in(eve, "eve")
        made = (await ada.post("/api/v1/tokens", json={"name": "mine"})).json()["token"]
        (session,) = (await ada.get("/api/v1/sessions")).json()
        for path in (f"/api/v1/sessions/{session['id']}", f"/api/v1/tokens/{made['id']}"):
            answer, absent = await eve.delete(path), await eve.delete(path.rpartition("/")[0] + "/99999")
            assert (answer.status_code, absent.status_code) == (404, 404)
            assert answer.json()["detail"].replace(path.rpartition("/")[2], "99999") == absent.json()["detail"]
        assert [one["actor"] for one in (await eve.get("/api/v1/sessions")).json()] == ["eve"]
        assert (await eve.get("/api/v1/tokens")).json() == []
        assert await actor(ada) == "ada"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://hub.evil.example"},
        {"Origin": "http://hub:1"},
        {"Origin": "http://hub", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://hub", "Sec-Fetch-Site": "same-site"},
    ],
)
async def test_another_site_signs_nobody_in_and_writes_nothing(
    app: FastAPI, database: Database, headers: dict[str, str]
) -> None:
    add_user(database, "ada", BuiltInRole.ADMIN)
    async with browsing(app) as ada:
        answer = await ada.post("/login", data={"name": "ada", "password": PASSWORD}, headers=headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        await sign_in(ada, "ada")
        for method, path in (("POST", "/logout"), ("POST", "/api/v1/tokens"), ("DELETE", "/api/v1/users/1")):
            assert (await ada.request(method, path, headers=headers)).status_code == 403
        assert await actor(ada) == "ada"


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
        "/\n/evil.example", " //evil.example", "javascript:alert(1)", "///evil.example", "http:/evil", "evil.example",
        "/%0d%0aSet-Cookie:x=y\r\nX: y", "/\u2044/evil.example", "@evil.example", "", "/\x00//evil.example",
        "/" + "a" * 1000,
    ],
)  # fmt: skip
async def test_after_signing_in_nobody_is_led_elsewhere(app: FastAPI, database: Database, wanted: str) -> None:
    add_user(database, "ada")
    assert local_path(wanted) == "/"
    async with browsing(app) as ada:
        assert (await sign_in(ada, "ada", next=wanted)).headers["location"] == "/"
        page = (await ada.get("/login", params={"next": wanted})).text
        assert "evil" not in page


async def test_what_was_asked_for_is_shown_after_signing_in(app: FastAPI) -> None:
    async with browsing(app) as stranger:
        answer = await stranger.get("/flower/tasks?cluster=eu&after=x", headers={"Accept": "text/html"})
        assert answer.headers["location"] == "/login?next=%2Fflower%2Ftasks%3Fcluster%3Deu%26after%3Dx"
        page = (await stranger.get(answer.headers["location"])).text
    assert 'value="/flower/tasks?cluster=eu&amp;after=x"' in page


async def test_who_exists_is_not_told(app: FastAPI, database: Database) -> None:
    add_user(database, "ada", kept=Passwords().hashed(PASSWORD, name="", source=""))
    number = add_user(database, "gone")
    with database.write() as connection:
        connection.execute(update(UserRow).where(UserRow.id == number).values(disabled_at=database.now(connection)))
    seen, times = set(), {}
    for at, name in enumerate(("ada", "gone", "nobody", "oidc:x", "x" * 63)):
        async with browsing(app, address=f"192.0.2.{at}") as guesser:
            began = time.perf_counter()
            answer = await sign_in(guesser, name, "a wrong password")
            times[name] = time.perf_counter() - began
            seen.add((answer.status_code, answer.text, tuple(sorted(answer.headers.keys()))))
    assert len(seen) == 1
    assert next(iter(seen))[0] == 401
    assert min(times.values()) > statistics.median(times.values()) / 3, times


async def test_one_users_password_is_guessed_from_many_places_no_faster(app: FastAPI, database: Database) -> None:
    add_user(database, "ada")
    codes = []
    for at in range(26):
        async with browsing(app, address=f"198.51.100.{at}") as guesser:
            codes.append((await sign_in(guesser, "ada", "a wrong password")).status_code)
    assert set(codes) == {401}, "each place has one try"
    async with browsing(app, address="198.51.100.1") as again:
        assert (await sign_in(again, "ada")).status_code == 429, "and no second, under attack"
    async with browsing(app, address="203.0.113.9") as ada:
        assert (await sign_in(ada, "ada")).status_code == 303, "the attack locks nobody out"


async def test_a_place_that_guesses_many_names_is_refused(app: FastAPI) -> None:
    async with browsing(app) as guesser:
        codes = [(await sign_in(guesser, f"user{number}", "123456789012")).status_code for number in range(12)]
    assert codes == [401] * 10 + [429] * 2


async def test_whoever_has_an_account_guesses_at_others_no_faster(app: FastAPI, database: Database) -> None:
    add_user(database, "mallory")
    async with browsing(app) as mallory:
        codes = []
        for number in range(14):
            assert (await sign_in(mallory, "mallory")).status_code == (303 if number < 10 else 429)
            codes.append((await sign_in(mallory, f"user{number}", "123456789012")).status_code)
    assert codes == [401] * 10 + [429] * 4


@pytest.mark.parametrize(
    "body",
    [
        "name=%00&password=x", "name=ada%0a&password=wrong", "name=" + "x" * 10_000 + "&password=x",
        "name=%ff&password=x", "&".join(f"f{number}=x" for number in range(50)),
        "name=ada", "password=x", "", "%", "token=%00",
    ],
)  # fmt: skip
async def test_an_odd_form_signs_nobody_in(app: FastAPI, database: Database, body: str) -> None:
    add_user(database, "ada")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    async with browsing(app) as stranger:
        answer = await stranger.post("/login", content=body, headers=form)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


async def test_a_session_without_an_origin_writes_nothing_whatever_else_it_shows(
    app: FastAPI, database: Database
) -> None:
    add_user(database, "ada")
    async with browsing(app) as ada:
        await sign_in(ada, "ada")
        del ada.headers["Origin"]
        for more in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}):
            answer = await ada.post("/api/v1/tokens", json={"name": "x"}, headers=more)
            assert answer.status_code in {401, 403}, more
            assert "secret" not in answer.text


@pytest.mark.parametrize("password", ["short", "", "x" * 5000])
async def test_a_weak_password_is_refused_with_what_to_do(app: FastAPI, database: Database, password: str) -> None:
    add_user(database, "root", BuiltInRole.ADMIN)
    async with browsing(app) as root:
        await sign_in(root, "root")
        answer = await root.post("/api/v1/users", json={"name": "eve", "password": password})
    assert (answer.status_code, answer.json()["code"]) == (422, "password.length")
    assert not password or password not in answer.text


@pytest.mark.parametrize("name", ["operator", "flotilla", "root"])
async def test_nobody_is_called_what_audit_calls_somebody_else(app: FastAPI, database: Database, name: str) -> None:
    add_user(database, "root", BuiltInRole.ADMIN)
    async with browsing(app) as root:
        await sign_in(root, "root")
        answer = await root.post("/api/v1/users", json={"name": name, "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (409, "user.taken")


@pytest.mark.parametrize("name", ["", "Ada", "oidc:1", "token:x", "a b", "a/b", "a\n", "\u00e4", "-x", "x" * 64])
async def test_a_name_has_one_spelling(app: FastAPI, database: Database, name: str) -> None:
    add_user(database, "root", BuiltInRole.ADMIN)
    async with browsing(app) as root:
        await sign_in(root, "root")
        assert (await root.post("/api/v1/users", json={"name": name, "password": PASSWORD})).status_code == 422


async def test_a_user_changes_their_own_password_and_their_other_sessions_end(app: FastAPI, database: Database) -> None:
    add_user(database, "ada")
    async with browsing(app) as ada, browsing(app) as other:
        await sign_in(ada, "ada")
        await sign_in(other, "ada")
        wrong = await ada.post("/api/v1/me/password", json={"current": "wrong", "new": "another long password"})
        assert wrong.status_code == 403
        other_wrong = {"current": "wrong", "new": "another long password"}
        codes = [(await other.post("/api/v1/me/password", json=other_wrong)).status_code for _ in range(5)]
        assert codes == [403] * 4 + [429], "a stolen session does not help to guess"
        app.state.accounts.of("ada").succeeded("192.0.2.1")
        done = await ada.post("/api/v1/me/password", json={"current": PASSWORD, "new": "another long password"})
        assert done.status_code == 200
        assert (await actor(ada), await actor(other)) == ("ada", "")
        assert (await sign_in(other, "ada")).status_code == 401
        assert (await sign_in(other, "ada", "another long password")).status_code == 303


async def test_the_page_cannot_be_framed_and_runs_no_script(app: FastAPI) -> None:
    async with browsing(app) as stranger:
        answer = await stranger.get("/login?next=/%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


async def test_no_secret_is_in_a_row_an_answer_or_a_log(
    app: FastAPI, database: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    number = add_user(database, "root", BuiltInRole.ADMIN)
    second, wrong = "canary-another-password", "canary-wrong-password"
    told: list[str] = []
    async with browsing(app) as root:
        told.append((await sign_in(root, "root", wrong)).text)
        told.append((await sign_in(root, wrong)).text)
        await sign_in(root, "root")
        session = dict(root.cookies)["flotilla_session"]
        made = await root.post("/api/v1/tokens", json={"name": "ci"})
        secret = made.json()["secret"]
        for path in ("users", "tokens", "tokens?all=true", "sessions?all=true", "me", "events"):
            told.append((await root.get(f"/api/v1/{path}")).text)
        bearer = {"Authorization": f"Bearer {secret}"}
        told.append((await root.get("/api/v1/me", headers=bearer)).text)
        told.append((await root.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}x"})).text)
        told.append((await root.patch(f"/api/v1/users/{number}", json={"password": second})).text)
        told.append((await root.patch(f"/api/v1/users/{number}", json={"password": second, "no": second})).text)
    with database.read() as connection:
        for table in Base.metadata.sorted_tables:
            told += [str(tuple(row)) for row in connection.execute(select(table))]
    told.append("".join(capfd.readouterr()))
    for canary in (PASSWORD, second, wrong, session, secret, TOKEN):
        assert not [text for text in told if canary in text]
    with database.read() as connection:
        actions = connection.execute(select(AuditRow.action)).scalars().all()
    assert {"sign-in", "token.make", "user.change"} <= set(actions)


async def test_each_refused_sign_in_is_in_the_audit_and_a_flood_is_not(app: FastAPI, database: Database) -> None:
    add_user(database, "ada")
    for address, name in (("192.0.2.1", "ada"), ("192.0.2.2", "canary-typed-in-the-wrong-field")):
        async with browsing(app, address=address) as stranger:
            for _ in range(3):
                assert (await sign_in(stranger, name, "wrong")).status_code == 401
    with database.read() as connection:
        columns = (AuditRow.actor, AuditRow.action, AuditRow.subject, AuditRow.outcome, AuditRow.address)
        rows = connection.execute(select(*columns).order_by(AuditRow.id)).all()
    first = [("unknown", "sign-in", subject, "refused") for subject in ("ada", "*")]
    assert {tuple(row) for row in rows} == {(*one, f"192.0.2.{1 + at}") for at, one in enumerate(first)}


async def test_a_new_hub_asks_for_its_token_and_one_with_an_admin_for_a_name(app: FastAPI, database: Database) -> None:
    async with browsing(app) as stranger:
        page = (await stranger.get("/login")).text
        assert page.index('name="token"') < page.index("<details") < page.index('name="password"')
        assert "<details open" in (await sign_in(stranger, "ada", "wrong")).text, "what was tried stays in sight"
        add_user(database, "root", BuiltInRole.ADMIN)
        later(app)
        page = (await stranger.get("/login")).text
    assert 'name="token"' not in page
    assert 'name="password"' in page


async def test_everybody_is_told_their_roles_and_where_they_come_from(app: FastAPI, database: Database) -> None:
    put_in_force(database)
    add_user(database, "ada", BuiltInRole.READER, groups=["team-pay", "on-call", "elsewhere"])
    async with browsing(app) as ada:
        await sign_in(ada, "ada")
        me = (await ada.get("/api/v1/me")).json()
        token = (await ada.post("/api/v1/tokens", json={"name": "x", "verbs": ["read"]})).json()["secret"]
    assert [(one["name"], one["project"], one["groups"]) for one in me["roles"]] == [
        ("reader", "*", []),
        ("operator", "*", ["on-call"]),
        ("developer", "pay", ["team-pay"]),
    ]
    assert (me["groups"], me["lacking"]) == (["team-pay", "on-call", "elsewhere"], None)
    async with browsing(app) as program:
        less = (await program.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})).json()
    assert (less["roles"], less["groups"]) == ([], []), "what its maker is besides is not for a token for less"


async def test_who_may_do_nothing_is_told_why(app: FastAPI, database: Database) -> None:
    put_in_force(database)
    number = add_user(database, "ada", groups=["elsewhere"])
    async with browsing(app) as ada, browsing(app) as program:
        await sign_in(ada, "ada")
        token = (await ada.post("/api/v1/tokens", json={"name": "x"})).json()["secret"]
        program.headers["Authorization"] = f"Bearer {token}"

        async def told(**row: Any) -> list[str | None]:
            with database.write() as connection:
                connection.execute(update(UserRow).where(UserRow.id == number).values(**row))
            later(app)
            return [(await one.get("/api/v1/me")).json()["lacking"] for one in (ada, program)]

        assert await told(groups=["elsewhere"]) == ["role.none"] * 2
        app.state.gate.rights = type(app.state.gate.rights)(database, app.state.snapshots, "https://id.example")
        assert await told(issuer="https://id.example", ungrouped="groups.moved") == ["groups.unknown"] * 2
        with database.read() as connection:
            long_ago = database.now(connection) - GROUPS_HOLD
        old = {"groups": ["on-call"], "ungrouped": "", "told_at": long_ago}
        with database.write() as connection:
            connection.execute(update(UserRow).where(UserRow.id == number).values(**old))
        later(app)
        assert (await program.get("/api/v1/me")).json()["lacking"] == "groups.old"
        assert (await ada.get("/api/v1/me")).status_code == 401, "nor has a session any rights"


async def test_who_has_signed_in_is_led_on_from_the_form_within_the_hub_alone(app: FastAPI, database: Database) -> None:
    add_user(database, "ada", BuiltInRole.READER)
    async with browsing(app) as ada:
        assert (await ada.get("/login", params={"next": "/runs"})).status_code == 200
        await sign_in(ada, "ada")
        for wanted, leads in (("/runs?cluster=eu", "/runs?cluster=eu"), ("//elsewhere.example", "/"), ("", "/")):
            answer = await ada.get("/login", params={"next": wanted})
            assert (answer.status_code, answer.headers["location"]) == (303, leads)
        await ada.post("/logout")
        assert (await ada.get("/login")).status_code == 200
