"""Tenant crossing: everything that a request to the hub's API may name, without the operator's token.

No tenant has a token: whoever has it is the operator, and may name what is anybody's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from common.settings import Settings
from common.store.engine.session import Database
from console.api.app import create_app
from tests.harness.routes import routes
from tests.security.tenancy.matrix import fields, page
from tests.security.tenancy.matrix.page import Row

NAMES = {
    "cluster": "a cluster",
    "application": "an application",
    "other_cluster": "a cluster to compare with",
    "other_application": "an application to compare with",
    "name": "a commit, tag or version",
    "run_id": "a run",
    "selection": "placements, an approval or a repository",
    "intent_id": "a request of somebody else",
    "inspection_id": "a look that somebody else asked for",
    "placement": "a placement, to be looked at",
    "object": "an object on its cluster",
    "subject": "what was done to something",
    "project": "a project, in the audit",
    "repo": "a repository",
    "q": "a cluster, application, placement, commit or run",
    "label": "clusters by their labels",
    "files": "a registry to be planned",
    "path": "a page of Flower",
    "session_id": "a session of somebody else",
    "token_id": "a token of somebody else",
    "user_id": "a user",
    "projects": "where a new token may be used",
}
NAMES_NOTHING = {
    "what": "a choice of what is looked at",
    "action": "a choice of what is done to an object",
    "container": "a part of a pod that is named by its object",
    "previous": "a choice of the log",
    "lines": "a number",
    "since": "a number",
    "after": "where a list goes on",
    "limit": "a number",
    "hours": "a number",
    "show": "a choice of the format",
    "state": "a choice of the format",
    "sync": "a choice of the format",
    "health": "a choice of the format",
    "paused": "a choice of the format",
    "kind": "a choice of the format",
    "preview": "a choice of the format",
    "actor": "a choice of rows",
    "until": "an instant",
    "form": "a choice of the format",
    "fields": "a choice of the format",
    "topics": "a choice of the format",
    "outcome": "a choice of the format",
    "reason": "a text for people",
    "verbs": "a choice of the format, no more than its maker may",
    "days": "a number",
    "everybodys": "a choice that needs the right admin",
    "password": "a user's own, or set by who has the right admin",
    "current": "a user's own",
    "new": "a user's own",
    "role": "given by who has the right admin",
    "groups": "given by who has the right admin",
    "disabled": "decided by who has the right admin",
}
OPEN = {"/healthz", "/readyz", "/login", "/badge/{application}.svg"}


@pytest.fixture
def app(sqlite_database: Database, tmp_path: Path) -> FastAPI:
    return create_app(Settings(home=tmp_path), sqlite_database, token="t" * 32)


def naming(app: FastAPI, name: str) -> Iterator[APIRoute]:
    """Yield the routes that take a parameter of that name."""
    for route in routes(app.routes):
        if route.path not in OPEN and name in fields.of_requests([route]):
            yield route


async def statuses(app: FastAPI, routes: list[APIRoute], net: int) -> set[int]:
    """Return what strangers are told, each of an address of its own: nobody is shut out for another's tries."""
    found = set()
    for number, route in enumerate(routes):
        transport = httpx.ASGITransport(app=app, client=(f"10.0.{net}.{number}", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as stranger:
            for method in route.methods or ():
                path = route.path.replace("{path:path}", "x")
                found.add((await stranger.request(method, path)).status_code)
                wrong = {"Authorization": "Bearer theirs"}
                found.add((await stranger.request(method, path, headers=wrong)).status_code)
    return found


def test_the_page_says_what_comes_of_each(app: FastAPI) -> None:
    rows = []
    for net, (name, what) in enumerate(NAMES.items()):
        routes = [*naming(app, name)]
        assert routes, name
        assert anyio.run(statuses, app, routes, net) == {401}, name
        rows.append(Row(name, what, "the API", "401 without the operator's token"))
    page.check("requests", rows)


def test_every_parameter_has_a_decision(app: FastAPI) -> None:
    assert fields.decided(fields.of_requests(app.routes), NAMES, NAMES_NOTHING) == []
