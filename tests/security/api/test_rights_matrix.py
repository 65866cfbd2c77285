"""Authorisation: every route of the hub, asked by every role about one's own things and about another project's.

What each route needs is read off the routes themselves; docs/reference/rights.md is the same table for people. Nobody
gets another project's things, nor learns that they are there: no name, commit, digest or word of theirs is in any
answer, and an answer about one of theirs is that about none, made of the same number of statements.
"""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import Engine, event

from common.domain.rights import BUILT_IN, EVERYWHERE, NOTHING, BuiltInRole, Grants, Verb, granted
from common.settings import Settings
from common.store.engine.session import Database
from console.api import rights_page
from console.api.app import create_app
from console.api.door.needs import needed
from tests.harness import two_projects
from tests.harness.routes import routes
from tests.harness.two_projects import CANARIES, MINE, SHARED, THEIRS, Names
from tests.harness.viewers import asks_as

TOKEN = "a-token-of-this-test"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ROLES: dict[str, Grants] = {
    "none": NOTHING,
    **{f"mine-{verb.value}": granted({verb}, MINE) for verb in Verb},
    "other": granted(set(Verb), "elsewhere"),
    **{role.value: grants for role, grants in BUILT_IN.items()},
}
BODIES: dict[str, dict[str, object]] = {
    "post_plan": {"files": {}},
    "post_user": {"name": "eve", "password": "twelve letters and more"},
    "patch_user": {"role": "operator"},
    "post_token": {"name": "ci"},
}
"""Of routes that need more than a reason."""
NOT_ASKED = {
    "/flower/{path:path}",
    "/flower/tasks/datatable",
    "/api/v1/events/stream",
    "/api/v1/inspections",
    "/api/v1/inspections/{inspection_id}",
    "/api/v1/operations",
    "/api/v1/intents",
    "/api/v1/me/password",
    "/api/v1/sessions/{session_id}",
    "/api/v1/tokens/{token_id}",
    "/device",
}
"""Behind two of them another server answers; the others have tests of their own: of a stream that goes on for ever,
below of what stands in a body, and, in test_sign_in, test_tokens and test_device, of what is one user's
and of no project."""
pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def hub(sqlite_database: Database, tmp_path: Path) -> tuple[FastAPI, dict[str, Names]]:
    return create_app(Settings(home=tmp_path), sqlite_database, token=TOKEN), two_projects.fill(sqlite_database)


@pytest.fixture
async def client(hub: tuple[FastAPI, dict[str, Names]]) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=hub[0])
    async with httpx.AsyncClient(transport=transport, base_url="http://hub", headers=BEARER) as client:
        yield client


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What the database is asked."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


def asked(app: FastAPI) -> Iterator[tuple[str, APIRoute]]:
    """Yield each method and route that needs a right."""
    for route in routes(app.routes):
        if needed(route) is not None and route.path not in NOT_ASKED:
            for method in sorted(route.methods or ()):
                yield method, route


ASKED_FOR = {"get_search": "?q=a"}
"""What routes need in their query."""


def is_about_one(route: APIRoute) -> bool:
    return "{" in route.path


async def answer(client: httpx.AsyncClient, method: str, route: APIRoute, path: str) -> httpx.Response:
    body = BODIES.get(route.name, {"reason": "because"}) if method in {"POST", "PATCH"} else None
    return await client.request(method, path, json=body)


def may(grants: Grants, route: APIRoute, project: str) -> bool:
    """Return whether rights suffice for a route about a project."""
    declared = needed(route)
    assert declared is not None
    if declared.verb is None:
        return True
    return grants.may(declared.verb, EVERYWHERE if declared.everywhere else project)


@pytest.mark.parametrize("role", ROLES)
async def test_every_route_gives_each_role_what_it_may_have(
    hub: tuple[FastAPI, dict[str, Names]], client: httpx.AsyncClient, role: str
) -> None:
    app, names = hub
    grants = ROLES[role]
    asks_as(app, grants)
    wrong: list[tuple[object, ...]] = []
    count = 0
    for method, route in asked(app):
        declared = needed(route)
        assert declared is not None
        for project in (MINE, THEIRS) if is_about_one(route) else (MINE,):
            found = await answer(client, method, route, names[project].path(route.path) + ASKED_FOR.get(route.name, ""))
            count += 1
            readable = grants.may(Verb.READ, project)
            if declared.verb is None and is_about_one(route):
                allowed = {200} if readable else {404}
            elif declared.everywhere or declared.verb is None:
                allowed = {200, 201, 202, 303} if may(grants, route, project) else {403}
            elif not is_about_one(route):
                allowed = {200}
            elif not readable:
                allowed = {404}
            else:
                allowed = {200, 202} if may(grants, route, project) else {403}
            if found.status_code not in allowed:
                wrong.append((method, route.path, project, found.status_code, found.text[:200]))
            if not grants.may(Verb.READ, THEIRS) and (seen := leaked(found, names[project])):
                wrong.append((method, route.path, project, seen))
    assert wrong == []
    assert count > 30


def leaked(found: httpx.Response, asked_about: Names) -> list[str]:
    """Return what an answer has of the other project, but for what the request itself named."""
    body = found.text
    for given in (asked_about.application, asked_about.cluster, asked_about.commit, asked_about.run):
        body = body.replace(given, "")
    return [body[max(0, body.lower().find(one) - 80) :][:160] for one in CANARIES if one in body.lower()]


async def test_what_is_theirs_is_answered_as_what_is_not_there(
    hub: tuple[FastAPI, dict[str, Names]], client: httpx.AsyncClient, statements: list[str]
) -> None:
    app, names = hub
    asks_as(app, granted(set(Verb), MINE))
    theirs = names[THEIRS]
    none = replace(
        theirs,
        application="zzzz-app",
        cluster="zzzz-land",
        run=theirs.run.replace("0199", "0299"),
        commit="80057" * 8,
        approval=999,
        intent=999,
    )
    # The registry in force is read once for all requests.
    await client.get(names[MINE].path("/api/v1/placements/{cluster}/{application}/explain"))
    compared = 0
    for method, route in asked(app):
        declared = needed(route)
        assert declared is not None
        if not is_about_one(route) or declared.everywhere:
            continue
        for cluster in (None, SHARED):
            told = []
            for one in (theirs, none):
                statements.clear()
                path = one.path(route.path, cluster or one.cluster)
                found = await answer(client, method, route, path)
                assert found.status_code == 404, (path, found.text)
                told.append((without(found.text, one), len(statements)))
            assert told[0] == told[1], (method, route.path)
            compared += 1
    assert compared > 10


def in_bodies(one: Names) -> dict[str, tuple[str, dict[str, object], Verb]]:
    """Return requests whose body names a thing of a project, by what they are for, each with the right it takes."""
    ref = f"{one.cluster}/{one.application}"
    deploy = "apps/Deployment:web/web"
    named = {"sync": Verb.SYNC, "check": Verb.SYNC, "pause": Verb.PAUSE, "resume": Verb.PAUSE}
    decided = ("approve", "reject")
    return {
        "tree": ("inspections", {"placement": ref, "what": "tree"}, Verb.READ),
        "logs": ("inspections", {"placement": ref, "what": "logs", "object": deploy}, Verb.LOGS),
        "restart": ("operations", {"placement": ref, "object": deploy, "action": "restart"}, Verb.OPERATE),
        **{
            kind: ("intents?preview=true", {"kind": kind, "selection": {"placements": [ref]}}, verb)
            for kind, verb in named.items()
        },
        **{
            kind: ("intents?preview=true", {"kind": kind, "selection": {"approval": one.approval}}, Verb.APPROVE)
            for kind in decided
        },
    }


@pytest.mark.parametrize("role", ROLES)
async def test_what_stands_in_a_body_is_given_to_each_role_as_what_stands_in_a_path(
    hub: tuple[FastAPI, dict[str, Names]], client: httpx.AsyncClient, role: str
) -> None:
    app, names = hub
    grants = ROLES[role]
    asks_as(app, grants)
    wrong: list[tuple[object, ...]] = []
    for project in (MINE, THEIRS):
        for what, (path, body, verb) in in_bodies(names[project]).items():
            found = await client.post(f"/api/v1/{path}", json=body)
            readable = grants.may(Verb.READ, project)
            allowed = {404} if not readable else {200, 202} if grants.may(verb, project) else {403}
            if found.status_code not in allowed:
                wrong.append((what, project, found.status_code, found.text[:200]))
            if not grants.may(Verb.READ, THEIRS) and (seen := leaked(found, names[project])):
                wrong.append((what, project, seen))
    assert wrong == []


async def test_what_is_theirs_in_a_body_is_answered_as_what_is_not_there(
    hub: tuple[FastAPI, dict[str, Names]], client: httpx.AsyncClient, statements: list[str]
) -> None:
    app, names = hub
    asks_as(app, granted(set(Verb), MINE))
    theirs = names[THEIRS]
    none = replace(theirs, application="zzzz-app", cluster="zzzz-land", approval=999)
    of_none = in_bodies(none)
    # The registry in force is read once for all requests.
    await client.get(names[MINE].path("/api/v1/placements/{cluster}/{application}/explain"))
    for what, (path, body, _) in in_bodies(theirs).items():
        told = []
        for one, asked_about in ((theirs, body), (none, of_none[what][1])):
            statements.clear()
            found = await client.post(f"/api/v1/{path}", json=asked_about)
            assert found.status_code == 404, (what, found.text)
            told.append((without(found.text, one), len(statements)))
        assert told[0] == told[1], what


async def test_one_of_theirs_among_mine_is_as_one_that_is_not_there(
    hub: tuple[FastAPI, dict[str, Names]], client: httpx.AsyncClient
) -> None:
    app, names = hub
    asks_as(app, granted(set(Verb), MINE))
    mine, theirs = (f"{names[one].cluster}/{names[one].application}" for one in (MINE, THEIRS))
    for kind in ("sync", "check", "pause", "resume"):
        body = {"kind": kind, "selection": {"placements": [mine, theirs]}}
        assert (await client.post("/api/v1/intents?preview=true", json=body)).status_code == 404


def without(body: str, one: Names) -> str:
    """Return an answer without the names that it was asked about, and without its id."""
    for given in (one.application, one.cluster, one.run, one.commit, str(one.approval), str(one.intent)):
        body = body.replace(given, "NAME")
    return re.sub(r'"request_id":"\w+"', "", body)


@pytest.mark.parametrize(
    "query",
    [
        "runs?cluster=ghost-lan",
        "runs?application=ghost-ap",
        "placements?application=ghost-app",
        "events?cluster=ghost-land",
        "status?label=only=ghost-label",
        "placements?label=onl=x",
        "clusters?label=only=ghost-labe",
        "commits/v-ghost",
        "commits/90057",
        "commits/v-ghos",
        "commits/v-words",
        f"commits/{two_projects.REGISTRY}",
        "runs/019910",
        "problems?cluster=ghost-land",
        "commits/ab12ab12?repo=https://git.example.com/ghost.git",
        "commits/ab12ab12?repo=https://git.example.com/ghos.git",
        "placements/ghost-lan/pay-app",
        "placements/shared/ghost-ap",
        "placements/shared/ghost-ap/explain",
        "placements/ghost-lan/pay-app/explain",
        "applications/ghost-ap/versions",
    ],
)
async def test_nothing_of_theirs_is_suggested(
    hub: tuple[FastAPI, dict[str, Names]], client: httpx.AsyncClient, query: str
) -> None:
    asks_as(hub[0], granted(set(Verb), MINE))
    found = await client.get(f"/api/v1/{query}")
    assert found.status_code in {404, 422}
    told = found.json()
    assert told["detail"].lower().count("ghost") <= 1, "but what was asked"
    assert not [one for one in CANARIES if one in told["remedy"].lower()]


@pytest.mark.parametrize(
    "q", ["ghost", "ghost-land/ghost", "/", "90057f", "90057900", "v-ghost", "01991000", "a", "v-words"]
)
async def test_nothing_of_theirs_is_found(
    hub: tuple[FastAPI, dict[str, Names]], client: httpx.AsyncClient, q: str
) -> None:
    asks_as(hub[0], granted(set(Verb), MINE))
    mine = await client.get("/api/v1/search", params={"q": q})
    assert mine.status_code == 200
    assert not [one for one in CANARIES if one in mine.text]
    asks_as(hub[0], BUILT_IN[BuiltInRole.READER])
    every = (await client.get("/api/v1/search", params={"q": q})).json()["items"]
    assert len(every) > len(mine.json()["items"]) or q in {"90057f", "v-words"}


async def test_the_picture_is_of_what_one_may_read(
    hub: tuple[FastAPI, dict[str, Names]], client: httpx.AsyncClient
) -> None:
    asks_as(hub[0], BUILT_IN[BuiltInRole.READER])
    answer = (await client.get("/api/v1/fleet/picture")).json()
    every = answer["picture"]
    assert {"label": "only", "values": ["both", "ghost-label", "pay-label"], "of": [1, 2, 0]} in answer["groupings"]
    assert (every["clusters"], every["applications"]) == (["ghost-land", "pay-land", SHARED], ["ghost-app", "pay-app"])
    failed = (1 + every["health"].index("degraded")) | ((1 + every["sync"].index("failed")) << 4)
    assert list(base64.b64decode(every["cells"])) == [failed, 0, 0, failed, failed, failed]
    asks_as(hub[0], granted({Verb.READ}, MINE))
    answer = (await client.get("/api/v1/fleet/picture")).json()
    mine = answer["picture"]
    assert {"label": "only", "values": ["both", "pay-label"], "of": [1, 0]} in answer["groupings"]
    assert (mine["clusters"], mine["applications"], mine["more"]) == (["pay-land", SHARED], ["pay-app"], False)
    assert list(base64.b64decode(mine["cells"])) == [failed, failed]


async def test_who_may_read_all_sees_both(hub: tuple[FastAPI, dict[str, Names]], client: httpx.AsyncClient) -> None:
    asks_as(hub[0], BUILT_IN[BuiltInRole.READER])
    for path in (
        "placements",
        "runs",
        "clusters",
        "problems",
        "status",
        "drift",
        "drift/groups",
        "leftovers",
        "approvals",
        "faults",
        "events",
        "search?q=a",
    ):
        body = (await client.get(f"/api/v1/{path}")).text
        assert "ghost" in body, path
        assert "pay-app" in body or path in {"clusters"}, path


async def test_how_a_cluster_is_reached_is_told_to_who_may_read_all(
    hub: tuple[FastAPI, dict[str, Names]], client: httpx.AsyncClient
) -> None:
    asks_as(hub[0], granted({Verb.READ}, MINE))
    mine = (await client.get("/api/v1/clusters")).json()
    assert [(one["name"], one["placements"], one["server"], one["blocked"]) for one in mine] == [
        ("pay-land", 1, "", ""),
        (SHARED, 1, "", ""),
    ]
    assert {one["error_code"] for one in mine} == {"cluster.unreachable"}
    asks_as(hub[0], BUILT_IN[BuiltInRole.READER])
    everything = (await client.get("/api/v1/clusters")).json()
    assert [(one["name"], one["placements"], bool(one["server"])) for one in everything] == [
        ("ghost-land", 1, True),
        ("pay-land", 1, True),
        (SHARED, 2, True),
    ]


def test_the_page_is_the_table_of_routes() -> None:
    assert rights_page.FILE.read_text(encoding="utf-8").partition("<!-- table -->\n")[2] == rights_page.table()
