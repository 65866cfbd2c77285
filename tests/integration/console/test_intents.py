"""The one way to ask for a change: seen before, asked for once, by whoever may do it with all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, insert, select, update

from common.domain.approvals import OURS, ApprovalKind
from common.domain.rights import BUILT_IN, BuiltInRole, Grants, Verb, granted
from common.settings import Settings
from common.store.engine.session import Database
from common.store.schema.tables import AuditRow, IdempotencyKeyRow, IntentRow, PlacementRow, SourceDigestRow, SourceRow
from common.store.state import approvals, intents
from common.store.state.approvals import Subject
from console.api.app import create_app
from console.api.writes import selecting
from tests.factories import said
from tests.harness.viewers import asks_as
from tests.integration.db.rows import NOW

TOKEN = "a-token-of-this-test"
REPOS = "https://git.example.com"
PAY = granted({Verb.SYNC, Verb.PAUSE}, "pay")
READ_SHOP = granted({Verb.READ}, "shop")
ADMIN = BUILT_IN[BuiltInRole.ADMIN]
_WRITES = AuditRow.action != "hub-token"
"""Rows of what was asked for: the client of these tests shows the hub's own token, which is noted besides."""
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    place(database, "pay", "eu/pay", "us/pay", "eu/pay-batch")
    place(database, "shop", "eu/shop", "us/shop")
    return create_app(Settings(home=tmp_path), database, token=TOKEN)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://hub", headers=bearer) as client:
        yield client


def place(database: Database, project: str, *refs: str) -> None:
    pairs = [ref.split("/") for ref in refs]
    rows = [{"cluster": one, "application": two, "project": project, "state": "placed"} for one, two in pairs]
    marks = [row | {"mark": f"{row['cluster']}-{row['application']}"[:20]} for row in rows]
    with database.write() as connection:
        connection.execute(insert(PlacementRow), marks)


def follow(database: Database, name: str, *repos: str) -> None:
    """Make repositories the sources of a placement, the first of them its first."""
    cluster, application = name.split("/")
    of = (PlacementRow.cluster == cluster, PlacementRow.application == application)
    with database.write() as connection:
        sources = [
            {"repo": repo, "credentials": "", "ref": "refs/heads/main", "used": True, "pool": "default", "due_at": NOW}
            for repo in repos
        ]
        made = connection.execute(insert(SourceRow).returning(SourceRow.id, sort_by_parameter_order=True), sources)
        ids = made.scalars().all()
        connection.execute(update(PlacementRow).where(*of).values(source_id=ids[0]))
        digests = [{"source_id": id_, "application": application, "commit": "c", "resolved_at": NOW} for id_ in ids]
        connection.execute(insert(SourceDigestRow), digests)


def stored(database: Database) -> list[tuple[str, ...]]:
    """Return kind, subject and project of each request that was stored, batches apart."""
    with database.read() as connection:
        query = select(IntentRow.kind, IntentRow.subject, IntentRow.project).where(IntentRow.placements == 0)
        return [tuple(row) for row in connection.execute(query.order_by(IntentRow.id))]


async def ask(
    client: httpx.AsyncClient, kind: str, headers: dict[str, str] | None = None, **which: Any
) -> httpx.Response:
    body = {"kind": kind, "selection": which, "reason": "for a test"}
    return await client.post("/api/v1/intents", json=body, headers=headers or {})


async def preview(client: httpx.AsyncClient, kind: str, **which: Any) -> httpx.Response:
    return await client.post("/api/v1/intents?preview=true", json={"kind": kind, "selection": which})


async def test_what_is_selected_is_asked_for_one_by_one(
    app: FastAPI, client: httpx.AsyncClient, database: Database
) -> None:
    asks_as(app, PAY)
    seen = await preview(client, "sync", project="pay")
    assert seen.status_code == 200
    assert (seen.json()["placements"], seen.json()["needs_match"]) == (3, True)
    assert [one["ref"] for one in seen.json()["items"]] == ["eu/pay", "eu/pay-batch", "us/pay"]
    assert stored(database) == [], "a preview stores nothing"
    answer = await ask(client, "sync", {"If-Match": seen.headers["etag"]}, project="pay")
    assert (answer.status_code, answer.json()["placements"]) == (202, 3)
    assert stored(database) == [("sync", ref, "pay") for ref in ("eu/pay", "eu/pay-batch", "us/pay")]
    found = (await client.get(answer.headers["location"])).json()
    assert (found["placements"], found["counts"], found["project"]) == (3, {"waiting": 3}, "pay")
    with database.read() as connection:
        rows = connection.execute(select(AuditRow.subject, AuditRow.verb, AuditRow.outcome).where(_WRITES)).all()
    assert [tuple(row) for row in rows] == [(ref, "sync", "asked") for ref in ("eu/pay", "eu/pay-batch", "us/pay")]


@pytest.mark.parametrize(
    ("which", "refs"),
    [
        ({"application": "pay"}, ["eu/pay", "us/pay"]),
        ({"cluster": "us"}, ["us/pay"]),
        ({"cluster": "us", "application": "pay"}, ["us/pay"]),
        ({"placements": ["us/pay", "eu/pay", "us/pay"]}, ["eu/pay", "us/pay"]),
        ({"sync": "out-of-sync", "health": "unknown"}, ["eu/pay", "eu/pay-batch", "us/pay"]),
    ],
)
async def test_fields_of_a_selection_choose_what_fits_them_all(
    app: FastAPI, client: httpx.AsyncClient, which: dict[str, Any], refs: list[str]
) -> None:
    asks_as(app, PAY)
    assert [one["ref"] for one in (await preview(client, "sync", **which)).json()["items"]] == refs


async def test_what_may_not_be_read_is_as_if_it_did_not_exist(
    app: FastAPI, client: httpx.AsyncClient, database: Database
) -> None:
    asks_as(app, PAY)
    hidden = await ask(client, "sync", placements=["eu/pay", "eu/shop"])
    absent = await ask(client, "sync", placements=["eu/pay", "eu/nope"])
    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert {**hidden.json(), "request_id": ""} == {
        **absent.json(),
        "request_id": "",
        "detail": absent.json()["detail"].replace("nope", "shop"),
    }
    for name in ("shop", "nope"):
        answer = await ask(client, "sync", application=name)
        assert (answer.status_code, answer.json()["code"]) == (422, "value.unknown")
    assert stored(database) == []


async def test_what_may_be_read_and_not_done_names_the_right_and_stores_nothing(
    app: FastAPI, client: httpx.AsyncClient, database: Database
) -> None:
    asks_as(app, PAY.and_also([READ_SHOP]))
    for which in ({"placements": ["eu/pay", "eu/shop"]}, {"cluster": "eu"}):
        answer = await ask(client, "sync", **which)
        assert (answer.status_code, answer.json()["detail"]) == (403, "this needs the right sync in project shop")
        assert (await preview(client, "sync", **which)).status_code == 403
    assert stored(database) == []
    with database.read() as connection:
        row = connection.execute(
            select(AuditRow.actor, AuditRow.action, AuditRow.outcome, AuditRow.verb).where(_WRITES)
        ).first()
    assert tuple(row or ()) == ("somebody", "sync", "refused", "sync")


@pytest.mark.parametrize(
    ("kind", "verb"), [("sync", "sync"), ("check", "sync"), ("pause", "pause"), ("resume", "pause")]
)
async def test_each_kind_takes_its_right(app: FastAPI, client: httpx.AsyncClient, kind: str, verb: str) -> None:
    others = frozenset(Verb) - {Verb(verb)}
    asks_as(app, granted(others, "pay"))
    assert (await ask(client, kind, placements=["eu/pay"])).json()["detail"].endswith(f"right {verb} in project pay")
    asks_as(app, granted({Verb(verb)}, "pay"))
    assert (await ask(client, kind, placements=["eu/pay"])).status_code == 202


async def test_a_selection_that_has_changed_since_it_was_seen_is_refused(
    app: FastAPI, client: httpx.AsyncClient, database: Database
) -> None:
    asks_as(app, ADMIN)
    etag = (await preview(client, "sync", application="pay")).headers["etag"]
    assert (await preview(client, "sync", application="pay")).headers["etag"] == etag
    assert (await preview(client, "check", application="pay")).headers["etag"] != etag
    place(database, "pay", "ap/pay")
    answer = await ask(client, "sync", {"If-Match": etag}, application="pay")
    assert (answer.status_code, answer.json()["code"]) == (412, "intent.stale")
    etag = (await preview(client, "sync", application="pay")).headers["etag"]
    with database.write() as connection:
        of_one = update(PlacementRow).where(PlacementRow.cluster == "eu", PlacementRow.application == "pay")
        connection.execute(of_one.values(desired_source_digest="d" * 64, desired_parameters_digest="p" * 64))
    assert (await ask(client, "sync", {"If-Match": etag}, application="pay")).status_code == 412
    answer = await ask(client, "sync", application="pay")
    assert (answer.status_code, answer.json()["code"]) == (428, "intent.unseen")
    assert stored(database) == []


@pytest.mark.parametrize(("kind", "removes"), [(ApprovalKind.PRUNE, True), (ApprovalKind.IDENTITY, False)])
async def test_what_removes_has_to_have_been_seen(
    app: FastAPI, client: httpx.AsyncClient, database: Database, kind: ApprovalKind, *, removes: bool
) -> None:
    asks_as(app, ADMIN)
    with database.write() as connection:
        subject = Subject("eu/pay", project="pay", asked_by=OURS)
        asked = approvals.ask(connection, kind, subject, payload={"objects": []}, reason=said("many"), now=NOW)
    seen = await preview(client, "approve", approval=asked)
    assert (seen.json()["removes"], seen.json()["needs_match"]) == (removes, removes)
    assert (await ask(client, "approve", approval=asked)).status_code == (428 if removes else 202)
    assert (await ask(client, "approve", {"If-Match": seen.headers["etag"]}, approval=asked)).status_code == 202
    assert (await ask(client, "reject", approval=asked)).status_code == 202, "to refuse removes nothing"


@pytest.mark.parametrize(
    ("kind", "payload", "removals"),
    [
        (ApprovalKind.PRUNE, {"objects": [":ConfigMap/pay/a", ":ConfigMap/pay/b"]}, 2),
        (ApprovalKind.DRAIN, {"placements": ["eu/pay", "eu/shop", "eu/gone"]}, 12),
        (ApprovalKind.MOVE, {"objects": [":ConfigMap/pay/a"], "from": "eu/shop"}, 0),
    ],
)
async def test_a_preview_tells_how_many_objects_go(
    app: FastAPI, client: httpx.AsyncClient, database: Database, kind: ApprovalKind, payload: Any, removals: int
) -> None:
    asks_as(app, ADMIN)
    with database.write() as connection:
        of_eu = update(PlacementRow).where(PlacementRow.cluster == "eu", PlacementRow.application != "pay-batch")
        connection.execute(of_eu.values(objects=6))
        asked = approvals.ask(
            connection, kind, Subject("eu", "", asked_by=OURS), payload=payload, reason=said("many"), now=NOW
        )
    seen = await preview(client, "approve", approval=asked)
    assert seen.json()["removals"] == removals
    assert (await preview(client, "reject", approval=asked)).json()["removals"] == 0
    with database.write() as connection:
        connection.execute(of_eu.values(objects=7))
    changed = (await preview(client, "approve", approval=asked)).headers["etag"] != seen.headers["etag"]
    assert changed == (kind is ApprovalKind.DRAIN), "what was seen is no more what would go"


async def test_to_take_over_from_another_project_has_to_have_been_seen_and_to_be_of_one_that_is_named(
    app: FastAPI, client: httpx.AsyncClient, database: Database
) -> None:
    asks_as(app, PAY)
    held = {"hold_code": "placement.transferred", "hold_params": {"owner": "shop", "project": "pay"}}
    with database.write() as connection:
        connection.execute(update(PlacementRow).where(PlacementRow.project == "pay").values(held))
    named: dict[str, Any] = {"placements": ["us/pay"]}
    seen = await preview(client, "sync", **named)
    told = seen.json()
    assert (told["takes_over"], told["needs_match"], told["obstacles"]) == ("shop", True, {})
    assert (await ask(client, "sync", **named)).status_code == 428
    answer = await ask(client, "sync", {"If-Match": seen.headers["etag"]}, **named)
    assert (answer.status_code, answer.json()["placements"]) == (202, 0)
    for others in ({"cluster": "us", "application": "pay"}, {"placements": ["us/pay", "eu/pay"]}):
        seen = await preview(client, "sync", **others)
        told = seen.json()
        assert (told["takes_over"], told["obstacles"]) == ("", {"placement.transferred": told["placements"]})
        answer = await ask(client, "sync", {"If-Match": seen.headers["etag"]}, **others)
        with database.read() as connection:
            batch = IntentRow.batch_id == answer.json()["intent"]
            each = connection.scalars(select(IntentRow.id).where(batch)).all()
            found = intents.get(connection, each[0])
        assert (len(each), found is not None and found.alone) == (told["placements"], False)
    checked = (await preview(client, "check", **named)).json()
    assert (checked["takes_over"], checked["needs_match"], checked["obstacles"]) == ("", False, {}), "it only looks"


@pytest.mark.parametrize("code", ["placement.paused", "sync.manual"])
async def test_what_a_persons_sync_goes_through_is_no_obstacle_to_it(
    app: FastAPI, client: httpx.AsyncClient, database: Database, code: str
) -> None:
    asks_as(app, PAY)
    holds = {"eu/pay": code, "us/pay": "application.blocked"}
    with database.write() as connection:
        for ref, hold in holds.items():
            cluster, application = ref.split("/")
            mine = (PlacementRow.cluster == cluster, PlacementRow.application == application)
            connection.execute(update(PlacementRow).where(*mine).values(hold_code=hold, hold_params={"message": "x"}))
    for kind in ("sync", "check"):
        told = (await preview(client, kind, application="pay")).json()
        assert told["obstacles"] == {"application.blocked": 1}
        assert [one["obstacle_code"] for one in told["items"]] == ["", "application.blocked"]


async def test_an_approval_of_another_project_is_none(
    app: FastAPI, client: httpx.AsyncClient, database: Database
) -> None:
    asks_as(app, granted({Verb.APPROVE}, "pay"))
    with database.write() as connection:
        kind, subject = ApprovalKind.MOVE, Subject("eu/shop", project="shop", asked_by=OURS)
        asked = approvals.ask(connection, kind, subject, payload={"objects": []}, reason=said("many"), now=NOW)
    hidden, absent = await ask(client, "reject", approval=asked), await ask(client, "reject", approval=asked + 1)
    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert hidden.json()["remedy"] == absent.json()["remedy"]


async def test_the_same_key_asks_once(app: FastAPI, client: httpx.AsyncClient, database: Database) -> None:
    asks_as(app, ADMIN)
    key = {"Idempotency-Key": "k1"}
    first = await ask(client, "sync", key, placements=["eu/pay"])
    again = await ask(client, "sync", key, placements=["eu/pay"])
    assert (first.status_code, again.status_code) == (202, 202)
    assert (again.json(), again.headers["location"]) == (first.json(), first.headers["location"])
    other = await ask(client, "pause", key, placements=["eu/pay"])
    assert (other.status_code, other.json()["code"]) == (422, "idempotency.reused")
    assert stored(database) == [("sync", "eu/pay", "pay")]


async def test_a_key_is_its_actors_and_ends(app: FastAPI, client: httpx.AsyncClient, database: Database) -> None:
    key = {"Idempotency-Key": "k1"}
    numbers = []
    for actor in ("ann", "bob"):
        asks_as(app, ADMIN, actor=actor)
        numbers.append((await ask(client, "sync", key, placements=["eu/pay"])).json()["intent"])
    with database.write() as connection:
        old = database.now(connection) - timedelta(hours=24, seconds=1)
        connection.execute(update(IdempotencyKeyRow).values(created_at=old))
    numbers.append((await ask(client, "pause", key, placements=["eu/pay"])).json()["intent"])
    assert len(set(numbers)) == 3
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(IdempotencyKeyRow)).scalar() == 2


@pytest.mark.parametrize("key", ["k" * 256, "k" * 10_000])
async def test_a_long_key_is_refused(app: FastAPI, client: httpx.AsyncClient, key: str) -> None:
    asks_as(app, ADMIN)
    assert (await ask(client, "sync", {"Idempotency-Key": key}, placements=["eu/pay"])).status_code == 422


async def test_a_refused_request_leaves_its_key_free(app: FastAPI, client: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "k1"}
    asks_as(app, READ_SHOP)
    assert (await ask(client, "sync", key, placements=["eu/shop"])).status_code == 403
    asks_as(app, ADMIN)
    assert (await ask(client, "sync", key, placements=["eu/shop"])).status_code == 202


@pytest.mark.parametrize(
    ("kind", "which", "said"),
    [
        ("sync", {}, "nothing is selected"),
        ("sync", {"placements": []}, "no placement is named"),
        ("sync", {"placements": ["eu/pay"], "cluster": "eu"}, "placements go with no cluster"),
        ("sync", {"approval": 1}, "sync is not about approval"),
        ("sync", {"placements": ["pay"]}, "pay"),
        ("approve", {}, "name the approval"),
        ("approve", {"cluster": "eu"}, "approve is not about cluster"),
        ("refresh", {"cluster": "eu"}, "refresh is not about cluster"),
        ("sync", {"sync": "bad"}, "bad"),
        ("sync", {"cluster": "eu\0"}, "does not fit"),
        ("sync", {"placements": ["eu/pay"] * 401}, "placements"),
        ("prune", {"cluster": "eu"}, "kind"),
    ],
)
async def test_what_means_nothing_is_refused(
    app: FastAPI, client: httpx.AsyncClient, database: Database, kind: str, which: dict[str, Any], said: str
) -> None:
    asks_as(app, ADMIN)
    answer = await ask(client, kind, **which)
    assert answer.status_code == 422
    assert said in answer.text
    assert stored(database) == []


async def test_a_selection_has_a_bound(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selecting, "MOST", 4)
    asks_as(app, ADMIN)
    answer = await preview(client, "sync", sync="out-of-sync")
    assert (answer.status_code, answer.json()["code"]) == (422, "selection.too-large")
    assert (await preview(client, "sync", project="pay")).status_code == 200


@pytest.mark.parametrize("grants", [PAY, granted({Verb.SYNC}, "pay").and_also([granted({Verb.LOGS}, "shop")])])
async def test_to_refresh_everything_takes_the_whole_fleet(
    app: FastAPI, client: httpx.AsyncClient, grants: Grants
) -> None:
    asks_as(app, grants)
    assert (await ask(client, "refresh")).status_code == 403
    asks_as(app, ADMIN)
    assert (await ask(client, "refresh")).status_code == 202


async def test_every_source_of_ones_placements_may_be_refreshed(
    app: FastAPI, client: httpx.AsyncClient, database: Database
) -> None:
    follow(database, "eu/pay", f"{REPOS}/pay.git", f"{REPOS}/values.git")
    follow(database, "eu/shop", f"{REPOS}/shop.git", f"{REPOS}/values-of-shop.git")
    asks_as(app, PAY)
    for repo in ("pay", "values"):
        answer = await ask(client, "refresh", repo=f"{REPOS}/{repo}.git")
        assert (answer.status_code, repo) == (202, repo)
    for repo in ("shop", "values-of-shop", "nope"):
        assert (await ask(client, "refresh", repo=f"{REPOS}/{repo}.git")).status_code == 422
    asks_as(app, PAY.and_also([READ_SHOP]))
    assert (await ask(client, "refresh", repo=f"{REPOS}/values-of-shop.git")).status_code == 403


async def test_another_persons_request_is_seen_where_one_may_read(app: FastAPI, client: httpx.AsyncClient) -> None:
    asks_as(app, ADMIN, actor="ann")
    where = (await ask(client, "pause", placements=["eu/pay"])).headers["location"]
    asks_as(app, READ_SHOP, actor="bob")
    assert (await client.get(where)).status_code == 404
    asks_as(app, PAY, actor="bob")
    assert (await client.get(where)).status_code == 200


async def test_refusals_in_a_flood_are_a_few_rows(app: FastAPI, client: httpx.AsyncClient, database: Database) -> None:
    asks_as(app, READ_SHOP)
    for _ in range(30):
        assert (await ask(client, "sync", placements=["eu/shop"])).status_code == 403
    with database.read() as connection:
        assert (connection.execute(select(func.count()).select_from(AuditRow)).scalar() or 0) <= 3
