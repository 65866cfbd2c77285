"""Token leaks: a token gives no more than its maker may do now, for no longer than it says, and one can end it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event, select, update
from sqlalchemy.engine import Engine

from common.domain.rights import BuiltInRole
from common.settings import Settings
from common.store.engine.session import Database
from common.store.schema.tables import AuditRow, TokenRow, UserRow
from common.store.state import intents, users
from common.store.state.intents import IntentKind, NewIntent
from console.api.app import create_app
from console.api.door import gate, token_format
from console.api.door.people import GROUPS_HOLD
from console.api.signin import tokens as signin_tokens
from console.client.transports import of_app
from tests.harness.people import add_user, browsing, later, put_in_force, sign_in

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


async def made(client: httpx.AsyncClient, **wanted: Any) -> dict[str, Any]:
    answer = await client.post("/api/v1/tokens", json={"name": "ci", **wanted})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def status(app: FastAPI, token: str, path: str = "/metrics") -> int:
    """Return how a read of the whole fleet, or another, is answered."""
    async with browsing(app, address="203.0.113.1") as program:
        return (await program.get(path, headers={"Authorization": f"Bearer {token}"})).status_code


async def refresh(app: FastAPI, token: str) -> int:
    """Return how a write is answered."""
    async with browsing(app, address="203.0.113.1") as program:
        bearer = {"Authorization": f"Bearer {token}"}
        return (await program.post("/api/v1/intents", json={"kind": "refresh"}, headers=bearer)).status_code


def test_a_token_is_known_by_its_form() -> None:
    token = token_format.new_token()
    assert token.startswith("flt_")
    assert token_format.is_token(token)
    assert token != token_format.new_token()
    swapped = token[:5] + ("x" if token[5] != "x" else "y") + token[6:]
    for other in (
        swapped,
        token[:-1],
        token + "0",
        token.upper(),
        token.removeprefix("flt_"),
        "",
        "flt_" + "0" * 42 + "\n",
    ):
        assert not token_format.is_token(other), other


async def test_a_made_up_token_is_not_looked_up_and_a_flood_of_them_asks_the_database_nothing(app: FastAPI) -> None:
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert await status(app, "flt_" + "0" * 41 + "1") == 401
        assert not [statement for statement in asked if "tokens" in statement], "the audit alone is told"
        asked.clear()
        assert await status(app, "flt_" + "0" * 41 + "2") == 401
        assert asked == []
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize("end", ["expired", "revoked", "maker disabled", "maker gone", "maker lost rights"])
async def test_a_token_ends(app: FastAPI, database: Database, end: str) -> None:
    put_in_force(database)
    number = add_user(database, "ada", groups=["on-call"])
    async with browsing(app) as ada:
        await sign_in(ada, "ada")
        found = await made(ada)
        assert await status(app, found["secret"]) == 200
        if end == "revoked":
            assert (await ada.delete(f"/api/v1/tokens/{found['token']['id']}")).status_code == 200
    with database.write() as connection:
        now = database.now(connection)
        if end == "expired":
            connection.execute(update(TokenRow).values(expires_at=now))
        if end == "maker disabled":
            connection.execute(update(UserRow).where(UserRow.id == number).values(disabled_at=now))
        if end == "maker gone":
            connection.execute(UserRow.__table__.delete())  # type: ignore[attr-defined]  # a table's
        if end == "maker lost rights":
            connection.execute(update(UserRow).values(groups=[]))
    if end != "revoked":
        later(app)
    assert await status(app, found["secret"]) == (403 if end == "maker lost rights" else 401)


async def test_a_token_gives_what_it_says_and_what_its_maker_may_and_no_more(app: FastAPI, database: Database) -> None:
    put_in_force(database)
    add_user(database, "ada", groups=["on-call"])
    async with browsing(app) as ada:
        await sign_in(ada, "ada")
        reads = (await made(ada, verbs=["read"]))["secret"]
        syncs = (await made(ada, verbs=["sync"], projects=["pay"]))["secret"]
    assert await status(app, reads) == 200
    assert await refresh(app, reads) == 403
    async with browsing(app) as program:
        rights = (await program.get("/api/v1/me", headers={"Authorization": f"Bearer {syncs}"})).json()["rights"]
    assert [(one["verb"], one["everywhere"], one["projects"]) for one in rights] == [
        ("read", False, ["pay"]),
        ("sync", False, ["pay"]),
    ]


async def test_nobody_makes_a_token_for_what_they_may_not_do(app: FastAPI, database: Database) -> None:
    put_in_force(database)
    add_user(database, "eve", groups=["team-pay"])
    async with browsing(app) as eve:
        await sign_in(eve, "eve")
        said = []
        for project in ("shop", "no-such-project"):
            wanted = {"name": "x", "verbs": ["sync"], "projects": [project]}
            answer = await eve.post("/api/v1/tokens", json=wanted)
            assert answer.status_code == 403
            said.append(answer.json()["detail"].replace(project, "P"))
        assert said[0] == said[1], "which projects there are is not told"
        for less in ({"verbs": ["admin", "sync"]}, {"projects": ["pay", "shop"]}, {"verbs": ["admin"]}):
            answer = await eve.post("/api/v1/tokens", json={"name": "x", **less})
            assert (answer.status_code, answer.json()["status"]) == (403, 403), less
        everything, sync = (await made(eve))["secret"], (await made(eve, verbs=["sync"]))["secret"]
        pay = await made(eve, projects=["pay"])
    assert {one["project"] for one in pay["token"]["rights"]} == {"pay"}
    for secret in (everything, sync, pay["secret"]):
        assert await status(app, secret, path="/api/v1/users") == 403
        assert await refresh(app, secret) == 403


async def test_a_token_made_with_a_token_gives_no_more_ends_no_later_and_ends_with_it(
    app: FastAPI, database: Database
) -> None:
    add_user(database, "ada", BuiltInRole.OPERATOR)
    async with browsing(app) as ada, browsing(app) as program:
        await sign_in(ada, "ada")
        first = await made(ada, verbs=["read"], days=3)
        program.headers["Authorization"] = f"Bearer {first['secret']}"
        second, other = await made(program, days=365), await made(program)
        assert second["token"]["expires_at"] == first["token"]["expires_at"]
        assert [one["verb"] for one in second["token"]["rights"]] == ["read"]
        assert await refresh(app, second["secret"]) == 403
        await ada.delete(f"/api/v1/tokens/{second['token']['id']}")
        assert [await status(app, one["secret"]) for one in (first, second, other)] == [200, 401, 200]
        await ada.delete(f"/api/v1/tokens/{first['token']['id']}")
    assert [await status(app, one["secret"]) for one in (first, second, other)] == [401, 401, 401]


async def test_no_token_outlives_the_one_that_made_it_however_long_the_chain(app: FastAPI, database: Database) -> None:
    add_user(database, "ada", BuiltInRole.OPERATOR)
    async with browsing(app) as ada, browsing(app) as program:
        await sign_in(ada, "ada")
        first = await made(ada)
        program.headers["Authorization"] = f"Bearer {first['secret']}"
        second = await made(program)
        program.headers["Authorization"] = f"Bearer {second['secret']}"
        answer = await program.post("/api/v1/tokens", json={"name": "hidden"})
        assert (answer.status_code, answer.json()["code"]) == (403, "auth.forbidden")
        assert "first" not in answer.text
        listed = {one["id"] for one in (await ada.get("/api/v1/tokens")).json()}
    assert listed == {first["token"]["id"], second["token"]["id"]}


@pytest.mark.parametrize("days", [0, -1, 366, 10**9])
async def test_no_token_holds_for_longer_than_a_year(app: FastAPI, database: Database, days: int) -> None:
    add_user(database, "ada")
    async with browsing(app) as ada:
        await sign_in(ada, "ada")
        assert (await ada.post("/api/v1/tokens", json={"name": "x", "days": days})).status_code == 422


async def test_what_a_provider_told_long_ago_counts_for_no_token(app: FastAPI, database: Database) -> None:
    put_in_force(database)
    number = add_user(database, "ada", groups=["on-call"])
    async with browsing(app) as ada:
        await sign_in(ada, "ada")
        secret = (await made(ada))["secret"]
    app.state.gate.rights = type(app.state.gate.rights)(database, app.state.snapshots, "https://id.example")
    with database.write() as connection:
        now = database.now(connection)
        theirs = {"issuer": "https://id.example", "told_at": now - GROUPS_HOLD + timedelta(minutes=1)}
        connection.execute(update(UserRow).where(UserRow.id == number).values(theirs))
    later(app)
    assert await status(app, secret) == 200
    with database.write() as connection:
        connection.execute(update(UserRow).values(told_at=now - GROUPS_HOLD))
    later(app)
    assert await status(app, secret) == 403
    with database.write() as connection:
        connection.execute(update(UserRow).values(told_at=now, issuer="https://another.example"))
    later(app)
    assert await status(app, secret) == 401, "of a provider that is not asked any more"


async def test_the_hubs_own_token_is_off_on_the_network_while_an_admin_can_sign_in(
    app: FastAPI, database: Database
) -> None:
    async with browsing(app) as browser:
        assert (await browser.post("/login", data={"token": TOKEN})).status_code == 303
        assert await status(app, TOKEN) == 200
        number = add_user(database, "root", BuiltInRole.ADMIN)
        later(app)
        assert await status(app, TOKEN) == 401
        assert (await browser.get("/api/v1/status")).status_code == 401, "nor do sessions that it opened count"
        refused = await browser.post("/login", data={"token": TOKEN})
        assert refused.status_code == 401
        assert "switched off" in refused.text
    with database.write() as connection:
        connection.execute(update(UserRow).where(UserRow.id == number).values(disabled_at=database.now(connection)))
    later(app)
    assert await status(app, TOKEN) == 200, "nobody else can administer: it is the way in again"


async def test_an_admin_by_group_switches_it_off_once_they_have_signed_in(app: FastAPI, database: Database) -> None:
    put_in_force(database)
    add_user(database, "lead", groups=["leads"])
    assert await status(app, TOKEN) == 200
    async with browsing(app) as lead:
        await sign_in(lead, "lead")
    assert await status(app, TOKEN) == 401
    put_in_force(database, fleet="kind: Fleet\nmetadata: {name: acme}\n")
    later(app)
    assert await status(app, TOKEN) == 200, "the registry made nobody an admin any more"


def test_commands_on_the_hubs_own_machine_go_on(app: FastAPI, database: Database) -> None:
    add_user(database, "root", BuiltInRole.ADMIN)
    assert of_app(app, TOKEN, "here").get("me")["means"] == "hub-token"


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For: uid:0", "X-Real-IP: uid:0", "Forwarded: for=uid:0", "State: local"]
)
async def test_nobody_on_the_network_is_on_the_hubs_own_machine(app: FastAPI, database: Database, header: str) -> None:
    add_user(database, "root", BuiltInRole.ADMIN)
    name, _, value = header.partition(": ")
    async with browsing(app, address="uid:0") as stranger:
        answer = await stranger.get("/api/v1/me", headers={"Authorization": f"Bearer {TOKEN}", name: value})
    assert answer.status_code == 401


async def test_each_use_of_the_hubs_own_token_is_audited_with_its_address(app: FastAPI, database: Database) -> None:
    for _ in range(3):
        assert await status(app, TOKEN) == 200
    with database.read() as connection:
        rows = connection.execute(select(AuditRow.action, AuditRow.address)).all()
    assert [tuple(row) for row in rows] == [("hub-token", "203.0.113.1")]


async def test_each_refused_token_is_in_the_audit_and_a_flood_is_not(app: FastAPI, database: Database) -> None:
    codes = [await status(app, token) for token in ("wrong", token_format.new_token(), "wrong") for _ in range(5)]
    assert codes == [401] * 10 + [429] * 5
    with database.read() as connection:
        columns = (AuditRow.actor, AuditRow.action, AuditRow.subject, AuditRow.outcome, AuditRow.address)
        rows = connection.execute(select(*columns)).all()
    assert {tuple(row) for row in rows} == {("unknown", "token", "*", "refused", "203.0.113.1")}
    assert len(rows) <= 3, "one for each minute that this test took, and one that counts the rest"


async def test_a_token_for_less_neither_sees_nor_ends_what_else_its_maker_has(app: FastAPI, database: Database) -> None:
    add_user(database, "ada", BuiltInRole.READER)
    async with browsing(app) as ada, browsing(app) as program:
        await sign_in(ada, "ada")
        other, whole, narrow = await made(ada), await made(ada), await made(ada, verbs=["read"])
        (session,) = (await ada.get("/api/v1/sessions")).json()
        for token, code in ((narrow, 404), (whole, 200)):
            program.headers["Authorization"] = f"Bearer {token['secret']}"
            seen = [(await program.get(f"/api/v1/{what}")).json() for what in ("sessions", "tokens")]
            assert [bool(one) for one in seen] == [code == 200] * 2
            assert (await program.delete(f"/api/v1/tokens/{other['token']['id']}")).status_code == code
            assert (await program.delete(f"/api/v1/sessions/{session['id']}")).status_code == code
        program.headers["Authorization"] = f"Bearer {narrow['secret']}"
        assert (await program.delete(f"/api/v1/tokens/{narrow['token']['id']}")).status_code == 200, "itself it may end"
    assert await status(app, narrow["secret"]) == 401


async def test_nobody_fills_the_table_of_tokens(
    app: FastAPI, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signin_tokens, "MOST", 2)
    add_user(database, "ada")
    async with browsing(app) as ada:
        await sign_in(ada, "ada")
        first, _ = await made(ada), await made(ada)
        answer = await ada.post("/api/v1/tokens", json={"name": "x"})
        assert (answer.status_code, answer.json()["code"]) == (409, "token.many")
        with database.write() as connection:
            now = database.now(connection)
            ended = update(TokenRow).where(TokenRow.id == first["token"]["id"])
            connection.execute(ended.values(expires_at=now - signin_tokens.KEPT - timedelta(minutes=1)))
        third = await made(ada)
        listed = {one["id"] for one in (await ada.get("/api/v1/tokens")).json()}
    assert third["token"]["id"] in listed
    assert first["token"]["id"] not in listed


@pytest.fixture
def bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signin_tokens, "MOST", 2)
    monkeypatch.setattr(signin_tokens, "MOST_ENDED", 3)


@pytest.mark.usefixtures("bounds")
@pytest.mark.parametrize("by", ["user", "program", "hub-token"])
async def test_nobody_fills_the_table_by_making_and_ending(app: FastAPI, database: Database, by: str) -> None:
    async with browsing(app) as maker:
        if by == "user":
            add_user(database, "ada")
            await sign_in(maker, "ada")
        else:
            maker.headers["Authorization"] = f"Bearer {TOKEN}"
        if by == "program":
            maker.headers["Authorization"] = f"Bearer {(await made(maker))['secret']}"
        async with browsing(app) as admin:
            admin.headers["Authorization"] = f"Bearer {TOKEN}"
            for _ in range(6):
                found = await made(maker)
                assert (await admin.delete(f"/api/v1/tokens/{found['token']['id']}")).status_code == 200
    with database.read() as connection:
        kept = connection.execute(select(TokenRow.revoked_at).where(TokenRow.revoked_at.is_not(None))).all()
    assert len(kept) <= 4, "three that had ended when the last was made, and that one"


@pytest.mark.usefixtures("bounds")
async def test_a_program_makes_no_more_tokens_than_a_person(app: FastAPI) -> None:
    async with browsing(app) as program, browsing(app) as another:
        for client in (program, another):
            client.headers["Authorization"] = f"Bearer {TOKEN}"
            client.headers["Authorization"] = f"Bearer {(await made(client))['secret']}"
        codes = [(await program.post("/api/v1/tokens", json={"name": "x"})).status_code for _ in range(3)]
        assert codes == [201, 201, 409]
        assert (await another.post("/api/v1/tokens", json={"name": "x"})).status_code == 201


async def test_two_programs_of_one_name_are_two_to_runs_and_the_audit(app: FastAPI, database: Database) -> None:
    put_in_force(database)
    actors, secrets, asked = [], [], []
    async with browsing(app) as hub, browsing(app) as program:
        hub.headers["Authorization"] = f"Bearer {TOKEN}"
        for project in ("pay", "shop"):
            one = await made(hub, projects=[project])
            secrets.append({"Authorization": f"Bearer {one['secret']}"})
            actors.append((await program.get("/api/v1/me", headers=secrets[-1])).json()["actor"])
        with database.write() as connection:
            for actor, project in zip(actors, ("pay", "shop"), strict=True):
                one_of = NewIntent(IntentKind.SYNC, f"{project}/a/b", project, actor, "")
                asked.append(intents.add(connection, one_of, now=database.now(connection)))
        codes = [
            [(await program.get(f"/api/v1/intents/{number}", headers=shown)).status_code for number in asked]
            for shown in secrets
        ]
    assert len(set(actors)) == 2, actors
    assert codes == [[200, 404], [404, 200]]


async def test_a_token_for_less_does_not_read_what_its_maker_asked_elsewhere(app: FastAPI, database: Database) -> None:
    put_in_force(database)
    add_user(database, "ada", groups=["on-call"])
    with database.write() as connection:
        one = NewIntent(IntentKind.SYNC, "shop/a/b", "shop", "ada", "")
        asked = intents.add(connection, one, now=database.now(connection))
    async with browsing(app) as ada, browsing(app) as program:
        await sign_in(ada, "ada")
        shown = {"Authorization": f"Bearer {(await made(ada, projects=['pay']))['secret']}"}
        assert (await ada.get(f"/api/v1/intents/{asked}")).status_code == 200
        assert (await program.get(f"/api/v1/intents/{asked}", headers=shown)).status_code == 404


async def test_nobodys_old_or_made_up_tokens_keep_a_good_one_out(app: FastAPI, database: Database) -> None:
    """All programs behind one address count as one source."""
    add_user(database, "ada", BuiltInRole.READER)
    async with browsing(app) as ada, browsing(app, address="203.0.113.9") as program:
        await sign_in(ada, "ada")
        first, second = await made(ada), await made(ada)
        good, old = first["secret"], second["secret"]
        await ada.delete(f"/api/v1/tokens/{second['token']['id']}")

        async def codes(secret: str, times: int = 1) -> set[int]:
            bearer = {"Authorization": f"Bearer {secret}"}
            return {(await program.get("/api/v1/me", headers=bearer)).status_code for _ in range(times)}

        assert await codes(old, 15) == {401}
        assert await codes(good) == {200}, "a token that has ended is no guess"
        for number in range(10):
            await codes(f"guess-{number}")
        assert await codes(token_format.new_token()) == {429}
        later(app)
        assert await codes(good) == {200}, "it was seen to count"
        for number in range(10):
            await codes(f"guess-{number}")
        await ada.delete(f"/api/v1/tokens/{first['token']['id']}")
        assert await codes(good) == {401}
        assert await codes(good) == {429}, "it counts no more"


async def test_the_hubs_own_token_is_no_guess_while_it_is_off(app: FastAPI, database: Database) -> None:
    add_user(database, "root", BuiltInRole.ADMIN)
    async with browsing(app) as root:
        await sign_in(root, "root")
        good = (await made(root))["secret"]
    assert {await status(app, TOKEN) for _ in range(15)} == {401}
    assert await status(app, good) == 200
    with database.read() as connection:
        refused = connection.execute(select(AuditRow).where(AuditRow.outcome == "refused")).all()
    assert refused, "it is noted all the same"


async def test_the_hubs_own_token_stays_off_however_many_administered_once(app: FastAPI, database: Database) -> None:
    put_in_force(database)
    add_user(database, "lead", groups=["leads"])
    async with browsing(app) as lead:
        await sign_in(lead, "lead")
    assert await status(app, TOKEN) == 401
    for number in range(users.MOST_ADMINS + 1):
        add_user(database, f"former-{number}")
    with database.write() as connection:
        later_on = database.now(connection) + timedelta(hours=1)
        former = update(UserRow).where(UserRow.subject != "lead")
        connection.execute(former.values(administered_at=later_on))
    later(app)
    assert await status(app, TOKEN) == 401
